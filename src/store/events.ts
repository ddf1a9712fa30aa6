/** Events in the database: inserts a batch, corrects an event, reads events back in the order they came. */
import type { EventKind, MailEvent, Reason, Submitter } from '../model/event.ts';
import { DIRECTIONS, KINDS, REASON_CODES, sqlList } from './codes.ts';
import type { Db } from './database.ts';
import {
  COLUMNS,
  fromRow,
  JOINED,
  putValues,
  type Row,
  SELECTED,
  type StoredEvent,
  type Value,
} from './event-row.ts';
import { Names } from './names.ts';
import { between, type Condition, within } from './period.ts';

export type { StoredEvent } from './event-row.ts';

/** Which events to read; all conditions must hold. Times in ms, `since` inclusive, `until` exclusive. */
export interface EventQuery {
  readonly since?: number;
  readonly until?: number;
  readonly submitter?: Submitter;
  readonly clientAddress?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly queueId?: string;
  readonly kinds?: readonly EventKind[];
  readonly reasons?: readonly Reason[];
  /** only the newest this many, still oldest first */
  readonly limit?: number;
}

/** Rows that one statement inserts: each run of it takes as long as another row. */
const ROWS = 16;
/** Spellings of one submitter that get a SELECT each; SQLite allows 500. */
const MOST_SELECTS = 100;

export class EventTable {
  readonly #db: Db;
  readonly #names: Names;
  readonly #insert;
  readonly #insertRows;
  readonly #amend;
  readonly #row: Value[] = Array(COLUMNS.length).fill(null);
  readonly #rows: Value[] = Array(ROWS * COLUMNS.length).fill(null);

  constructor(db: Db) {
    this.#db = db;
    this.#names = new Names(db);
    this.#insert = db.prepare(insertSql(1));
    this.#insertRows = db.prepare(insertSql(ROWS));
    this.#amend = db.prepare(
      `UPDATE event SET submitter = ?, login = ?, direction = ?, client_address = ?
       WHERE time = ? AND source = ? AND offset = ? AND kind = ?`,
    );
  }

  /** Stores the batch; an event that amends another corrects that one instead. Call it inside a transaction. */
  insert(events: readonly MailEvent[]): void {
    let waiting: MailEvent[] = [];
    for (const event of events) {
      if (event.amends === true) {
        this.#insertAll(waiting);
        waiting = [];
        this.#correct(event);
      } else waiting.push(event);
    }
    this.#insertAll(waiting);
  }

  /** Forgets the numbers that were given out in a transaction that was rolled back. */
  rolledBack(): void {
    this.#names.forget();
  }

  /** Number of the newest event, 0 if there is none. */
  newest(): number {
    const row = this.#db.prepare('SELECT max(id) AS id FROM event').get() as { id: number | null };
    return row.id ?? 0;
  }

  /** Time of the newest event, ms; 0 if there is none. */
  newestTime(): number {
    const row = this.#db.prepare('SELECT max(time) AS time FROM event').get();
    return (row as { time: number | null }).time ?? 0;
  }

  /** Time of the oldest event, ms; undefined if there is none. */
  oldestTime(): number | undefined {
    const row = this.#db.prepare('SELECT min(time) AS time FROM event').get();
    return (row as { time: number | null }).time ?? undefined;
  }

  /** The time from which on there are `count` events before `until` (both ms); undefined if there are fewer. */
  timeBefore(until: number, count: number): number | undefined {
    return this.#db
      .prepare('SELECT time FROM event WHERE time < ? ORDER BY time DESC LIMIT 1 OFFSET ?')
      .pluck()
      .get(until, count - 1) as number | undefined;
  }

  /** Events that match, oldest first. */
  *query(query: EventQuery): Generator<StoredEvent> {
    const { limit } = query;
    const { parts, values } = conditions(query, this.#period(query));
    const submitters = this.#submitters(query);
    if (submitters.length === 0) return;
    // One SELECT for each spelling of the submitter: each follows the index, newest first, and SQLite merges them.
    const select = submitters
      .map((part) => `SELECT ${SELECTED} FROM ${JOINED} WHERE ${[part, ...parts].join(' AND ')}`)
      .join(' UNION ALL ');
    const all = submitters.flatMap(() => values);
    const rows =
      limit === undefined
        ? this.#iterateRows(`${select} ORDER BY event.id`, all)
        : this.#iterateRows(
            `SELECT * FROM (${select} ORDER BY event.time DESC, event.id DESC LIMIT ?) ORDER BY id`,
            [...all, limit],
          );
    for (const row of rows) yield fromRow(row);
  }

  /** Events with numbers above `id`, in order, from `since` (ms) on: what a judge is rebuilt from. */
  *after(id: number, since = 0): Generator<StoredEvent> {
    const period = within(this.#db, since === 0 ? undefined : since);
    const rows = this.#iterateRows(
      `SELECT ${SELECTED} FROM ${JOINED} WHERE event.id > ? AND ${period.sql} ORDER BY event.id`,
      [id, ...period.values],
    );
    for (const row of rows) yield fromRow(row);
  }

  /** Deletes up to `most` events older than `before` (ms); true if there may be more of them. */
  prune(before: number, most: number): boolean {
    const { changes } = this.#db
      .prepare('DELETE FROM event WHERE id IN (SELECT id FROM event WHERE time < ? LIMIT ?)')
      .run(before, most);
    return changes === most;
  }

  /** Deletes those of the next `most` submitters that have no events left; false after the last one. */
  pruneSubmitters(most: number): boolean {
    return this.#names.prune(most);
  }

  #insertAll(events: readonly MailEvent[]): void {
    const whole = events.length - (events.length % ROWS);
    for (let first = 0; first < whole; first += ROWS) {
      for (let row = 0; row < ROWS; row++) {
        this.#put(this.#rows, row * COLUMNS.length, events[first + row] as MailEvent);
      }
      this.#insertRows.run(this.#rows);
    }
    for (let index = whole; index < events.length; index++) {
      this.#put(this.#row, 0, events[index] as MailEvent);
      this.#insert.run(this.#row);
    }
  }

  #put(values: Value[], at: number, event: MailEvent): void {
    putValues(values, at, event, this.#names.source(event.source), this.#submitter(event));
  }

  #submitter({ submitter }: MailEvent): number | null {
    return submitter === undefined ? null : this.#names.submitter(submitter);
  }

  #correct(event: MailEvent): void {
    this.#amend.run(
      this.#submitter(event),
      event.submitter?.login ?? null,
      event.direction === undefined ? null : DIRECTIONS.numberOf[event.direction],
      event.client?.address ?? null,
      event.time,
      this.#names.source(event.source),
      event.offset,
      KINDS.numberOf[event.kind],
    );
  }

  #iterateRows(sql: string, values: readonly Value[]): IterableIterator<Row> {
    return this.#db
      .prepare(sql)
      .raw()
      .iterate(...values) as IterableIterator<Row>;
  }

  /** Conditions on the submitter, of which one must hold; none if no such submitter was ever seen. */
  #submitters({ submitter }: EventQuery): string[] {
    if (submitter === undefined) return ['TRUE'];
    const numbers = this.#names.submittersLike(submitter);
    if (numbers.length > MOST_SELECTS) return [`event.submitter IN (${numbers.join(', ')})`];
    return numbers.map((number) => `event.submitter = ${number}`);
  }

  /** Indexes that contain the time find a submitter's events, and the newest few of many events. */
  #period({ since, until, limit, ...rest }: EventQuery): Condition {
    const { submitter, clientAddress, sender, recipient, queueId } = rest;
    const rare = clientAddress ?? sender ?? recipient ?? queueId;
    return submitter === undefined && (limit === undefined || rare !== undefined)
      ? within(this.#db, since, until)
      : between(since, until);
  }
}

function conditions(query: EventQuery, period: Condition): { parts: string[]; values: Value[] } {
  const { clientAddress, sender, recipient, queueId, kinds, reasons } = query;
  const parts = [period.sql];
  const values: Value[] = [...period.values];
  const add = (condition: string, value: string | undefined) => {
    if (value === undefined) return;
    parts.push(condition);
    values.push(value);
  };
  add('client_address = ?', clientAddress);
  add('sender = ? COLLATE NOCASE', sender);
  add('recipient = ? COLLATE NOCASE', recipient);
  add('queue_id = ?', queueId);
  if (kinds !== undefined) parts.push(`kind IN (${sqlList(KINDS, ...kinds)})`);
  if (reasons !== undefined) parts.push(`reason IN (${sqlList(REASON_CODES, ...reasons)})`);
  return { parts, values };
}

function insertSql(rows: number): string {
  const row = `(${COLUMNS.map(() => '?').join(', ')})`;
  // FAIL: an error ends the transaction anyway. For the default, ABORT, SQLite would first copy each page.
  return `INSERT OR FAIL INTO event (${COLUMNS.join(', ')}) VALUES ${Array(rows).fill(row).join(', ')}`;
}
