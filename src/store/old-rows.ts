/**
 * Events as an earlier version stored them, a row each. They are read as pages, made while they are read, and turned into
 * pages for good a few at a time. No row is ever added.
 */
import type { DsnCause, MailEvent } from '../model/event.ts';
import type { Client, Relay } from '../model/record.ts';
import { DIRECTIONS, KINDS, MTAS, REASON_CODES, STAGES, SUBMITTERS } from './codes.ts';
import type { Db } from './database.ts';
import { Page } from './page.ts';
import type { Order, Scope } from './page-scope.ts';
import { PageWriter } from './page-writer.ts';
import { between, within } from './period.ts';
import { type Numbered, nameless } from './taken-over.ts';

type Value = string | number | null;
type Row = readonly Value[];

const COLUMNS = [
  'time',
  'kind',
  'reason',
  'direction',
  'repeated',
  'new_recipients',
  'submitter',
  'client_address',
  'relay_host',
  'relay_address',
  'client_name',
  'reply',
  'sender',
  'recipient',
  'queue_id',
  'source',
  'line',
  'offset',
  'mta',
  'host',
  'temporary',
  'stage',
  'parent_queue_id',
  'client_helo',
  'original_recipient',
  'relay_port',
  'code',
  'status',
  'size',
  'recipients',
  'login',
  'cause',
  'message_id',
] as const;

const SELECT = `SELECT id, source, submitter,
  (SELECT type FROM submitter WHERE submitter.id = event.submitter), ${COLUMNS.join(', ')} FROM event`;

export class OldRows {
  readonly #db: Db;
  #isEmpty = false;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Whether all of them are pages: then nobody need look again. */
  get isEmpty(): boolean {
    this.#isEmpty ||= this.last() === 0;
    return this.#isEmpty;
  }

  /** Number of the newest, 0 if there is none. */
  last(): number {
    return this.#isEmpty ? 0 : (this.#pluck('SELECT max(id) FROM event') ?? 0);
  }

  /** As pages. */
  *read(scope: Scope, order: Order): Generator<Page> {
    if (this.isEmpty) return;
    const { since, until, after = 0, submitters } = scope;
    const period =
      submitters === undefined && order === 'stored'
        ? within(this.#db, since, until)
        : between(since, until);
    const own = submitters === undefined ? '' : ` AND submitter IN (${submitters.join(', ')})`;
    const ordered = order === 'stored' ? 'id' : 'time DESC, id DESC';
    const rows = this.#db
      .prepare(`${SELECT} WHERE ${period.sql}${own} AND id > ? ORDER BY ${ordered}`)
      .raw()
      .iterate(...period.values, after) as IterableIterator<Row>;
    const writer = new PageWriter();
    let ids: number[] = [];
    for (const row of rows) {
      const { id, event, source, submitter } = fromRow(row);
      writer.add(event, source, submitter);
      ids.push(id);
      if (!writer.isFull) continue;
      yield finish(writer, ids);
      ids = [];
    }
    if (ids.length > 0) yield finish(writer, ids);
  }

  /** Removes the oldest `most`, in the order of their numbers. */
  take(most: number): Numbered[] {
    const rows = this.#db.prepare(`${SELECT} ORDER BY id LIMIT ?`).raw().all(most) as Row[];
    const events = rows.map(fromRow);
    this.#db.prepare('DELETE FROM event WHERE id <= ?').run(events.at(-1)?.id ?? 0);
    return events;
  }

  /** Corrects an event that an earlier version stored; `source` and `submitter` are numbers of rows. */
  amend(event: MailEvent, source: number, submitter: number): void {
    if (this.isEmpty) return;
    this.#db
      .prepare(
        `UPDATE event SET submitter = ?, login = ?, direction = ?, client_address = ?
         WHERE time = ? AND source = ? AND offset = ? AND kind = ?`,
      )
      .run(
        submitter || null,
        event.submitter?.login ?? null,
        event.direction === undefined ? null : DIRECTIONS.numberOf[event.direction],
        event.client?.address ?? null,
        event.time,
        source,
        event.offset,
        KINDS.numberOf[event.kind],
      );
  }

  /** Deletes up to `most` of those older than `before` (ms); how many. */
  prune(before: number, most: number): number {
    if (this.isEmpty) return 0;
    return this.#db
      .prepare('DELETE FROM event WHERE id IN (SELECT id FROM event WHERE time < ? LIMIT ?)')
      .run(before, most).changes;
  }

  /** ms; undefined if there is none. */
  newestTime(): number | undefined {
    return this.#isEmpty ? undefined : this.#pluck('SELECT max(time) FROM event');
  }

  oldestTime(): number | undefined {
    return this.#isEmpty ? undefined : this.#pluck('SELECT min(time) FROM event');
  }

  /** The time from which on there are `count` of them before `until` (both ms); undefined if there are fewer. */
  timeBefore(until: number, count: number): number | undefined {
    if (this.isEmpty) return undefined;
    return this.#pluck(
      'SELECT time FROM event WHERE time < ? ORDER BY time DESC LIMIT 1 OFFSET ?',
      until,
      count - 1,
    );
  }

  #pluck(sql: string, ...values: readonly number[]): number | undefined {
    return (
      (this.#db
        .prepare(sql)
        .pluck()
        .get(...values) as number | null | undefined) ?? undefined
    );
  }
}

function finish(writer: PageWriter, ids: readonly number[]): Page {
  const { count, columns, records } = writer.finish();
  return new Page(ids, count, Buffer.from(columns), () => Buffer.from(records));
}

/** Columns of `SELECT` before these. */
const BEFORE_COLUMNS = 4;
const AT = Object.fromEntries(COLUMNS.map((column, index) => [column, BEFORE_COLUMNS + index])) as {
  readonly [column in (typeof COLUMNS)[number]]: number;
};

function fromRow(row: Row): Numbered {
  const [id, source, submitter, type] = row;
  const event: MailEvent = {
    source: '',
    line: Number(row[AT.line]),
    offset: Number(row[AT.offset]),
    time: Number(row[AT.time]),
    mta: MTAS.words[Number(row[AT.mta])] as MailEvent['mta'],
    host: text(row[AT.host]),
    kind: KINDS.words[Number(row[AT.kind])] as MailEvent['kind'],
    temporary: row[AT.temporary] === 1 ? true : undefined,
    stage: STAGES.words[Number(row[AT.stage])],
    queueId: text(row[AT.queue_id]),
    parentQueueId: text(row[AT.parent_queue_id]),
    submitter:
      submitter === null
        ? undefined
        : nameless(type === SUBMITTERS.numberOf.client, text(row[AT.login])),
    client: readClient(row),
    sender: text(row[AT.sender]),
    recipient: text(row[AT.recipient]),
    originalRecipient: text(row[AT.original_recipient]),
    relay: readRelay(row),
    code: number(row[AT.code]),
    status: text(row[AT.status]),
    reply: text(row[AT.reply]),
    reason: REASON_CODES.words[Number(row[AT.reason])],
    size: number(row[AT.size]),
    recipients: number(row[AT.recipients]),
    direction: DIRECTIONS.words[Number(row[AT.direction])],
    repeated: row[AT.repeated] === 1 ? true : undefined,
    newRecipients: number(row[AT.new_recipients]),
    messageId: text(row[AT.message_id]),
    cause: readCause(row[AT.cause]),
  };
  return { id: Number(id), event, source: Number(source), submitter: Number(submitter ?? 0) };
}

function text(value: Value | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function number(value: Value | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function readCause(value: Value | undefined): DsnCause | undefined {
  return typeof value === 'string' ? (JSON.parse(value) as DsnCause) : undefined;
}

function readClient(row: Row): Client | undefined {
  const address = text(row[AT.client_address]);
  if (address === undefined) return undefined;
  return { address, name: text(row[AT.client_name]), helo: text(row[AT.client_helo]) };
}

function readRelay(row: Row): Relay | undefined {
  const host = text(row[AT.relay_host]);
  const address = text(row[AT.relay_address]);
  if (host === undefined && address === undefined) return undefined;
  return { host, address, port: number(row[AT.relay_port]) };
}
