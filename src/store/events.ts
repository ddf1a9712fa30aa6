/** Events in the database: inserting a batch, correcting one, reading them back in the order they came. */
import type {
  EventKind,
  MailEvent,
  Mta,
  Reason,
  Submitter,
  SubmitterType,
} from '../model/event.ts';
import type { Stage } from '../model/record.ts';
import type { Db } from './database.ts';

const COLUMNS = [
  'time',
  'source',
  'line',
  'offset',
  'mta',
  'host',
  'kind',
  'temporary',
  'stage',
  'queue_id',
  'parent_queue_id',
  'submitter_type',
  'submitter_id',
  'client_address',
  'client_name',
  'client_helo',
  'sender',
  'recipient',
  'original_recipient',
  'relay_host',
  'relay_address',
  'relay_port',
  'code',
  'status',
  'reply',
  'reason',
  'size',
  'recipients',
  'direction',
  'repeated',
  'new_recipients',
] as const;

type Row = { readonly [column in (typeof COLUMNS)[number]]: string | number | null } & {
  readonly id: number;
  readonly path: string;
};

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
  /** the newest this many, still oldest first */
  readonly limit?: number;
}

/** An event with its number in the store. */
export interface StoredEvent {
  readonly id: number;
  readonly event: MailEvent;
}

export class EventTable {
  readonly #db: Db;
  readonly #sources = new Map<string, number>();
  readonly #insert;
  readonly #amend;

  constructor(db: Db) {
    this.#db = db;
    this.#insert = db.prepare(
      `INSERT INTO event (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`,
    );
    this.#amend = db.prepare(
      `UPDATE event SET submitter_type = ?, submitter_id = ?, direction = ?, client_address = ?
       WHERE time = ? AND source = ? AND offset = ? AND kind = ?`,
    );
  }

  /** Stores the batch; an event that amends corrects the one at its line instead. Call inside a transaction. */
  insert(events: readonly MailEvent[]): void {
    for (const event of events) {
      if (event.amends === true) this.#correct(event);
      else this.#insert.run(this.#values(event));
    }
  }

  /** Forgets the numbers that a transaction gave out which was rolled back. */
  rolledBack(): void {
    this.#sources.clear();
  }

  /** Number of the newest event, 0 when there is none. */
  newest(): number {
    const row = this.#db.prepare('SELECT max(id) AS id FROM event').get() as { id: number | null };
    return row.id ?? 0;
  }

  /** Time of the newest event, ms; 0 when there is none. */
  newestTime(): number {
    const row = this.#db.prepare('SELECT max(time) AS time FROM event').get();
    return (row as { time: number | null }).time ?? 0;
  }

  /** Events that match, oldest first. */
  *query(query: EventQuery): Generator<StoredEvent> {
    const { where, values } = conditions(query);
    const select = `SELECT event.*, source.path FROM event JOIN source ON source.id = event.source ${where}`;
    const sql =
      query.limit === undefined
        ? `${select} ORDER BY event.id`
        : `SELECT * FROM (${select} ORDER BY event.time DESC, event.id DESC LIMIT ?) ORDER BY id`;
    if (query.limit !== undefined) values.push(query.limit);
    for (const row of this.#db.prepare(sql).iterate(...values)) yield fromRow(row as Row);
  }

  /** Events numbered above `id`, in order: what a judge is rebuilt from, what `watch` shows next. */
  *after(id: number, since = 0): Generator<StoredEvent> {
    const rows = this.#db
      .prepare(
        `SELECT event.*, source.path FROM event JOIN source ON source.id = event.source
         WHERE event.id > ? AND event.time >= ? ORDER BY event.id`,
      )
      .iterate(id, since);
    for (const row of rows) yield fromRow(row as Row);
  }

  /** Deletes up to `most` events older than `before` (ms); gives back how many went. */
  prune(before: number, most: number): number {
    return this.#db
      .prepare('DELETE FROM event WHERE id IN (SELECT id FROM event WHERE time < ? LIMIT ?)')
      .run(before, most).changes;
  }

  #correct(event: MailEvent): void {
    this.#amend.run(
      event.submitter?.type ?? null,
      event.submitter?.id ?? null,
      event.direction ?? null,
      event.client?.address ?? null,
      event.time,
      this.#sourceId(event.source),
      event.offset,
      event.kind,
    );
  }

  #sourceId(path: string): number {
    const known = this.#sources.get(path);
    if (known !== undefined) return known;
    this.#db.prepare('INSERT INTO source (path) VALUES (?) ON CONFLICT DO NOTHING').run(path);
    const { id } = this.#db.prepare('SELECT id FROM source WHERE path = ?').get(path) as {
      id: number;
    };
    this.#sources.set(path, id);
    return id;
  }

  #values(event: MailEvent): (string | number | null)[] {
    return [
      event.time,
      this.#sourceId(event.source),
      event.line,
      event.offset,
      event.mta,
      event.host ?? null,
      event.kind,
      event.temporary === true ? 1 : null,
      event.stage ?? null,
      event.queueId ?? null,
      event.parentQueueId ?? null,
      event.submitter?.type ?? null,
      event.submitter?.id ?? null,
      event.client?.address ?? null,
      event.client?.name ?? null,
      event.client?.helo ?? null,
      event.sender ?? null,
      event.recipient ?? null,
      event.originalRecipient ?? null,
      event.relay?.host ?? null,
      event.relay?.address ?? null,
      event.relay?.port ?? null,
      event.code ?? null,
      event.status ?? null,
      event.reply ?? null,
      event.reason ?? null,
      event.size ?? null,
      event.recipients ?? null,
      event.direction ?? null,
      event.repeated === true ? 1 : null,
      event.newRecipients ?? null,
    ];
  }
}

function conditions(query: EventQuery): { where: string; values: (string | number)[] } {
  const parts: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, ...more: (string | number | undefined)[]) => {
    if (more.some((value) => value === undefined)) return;
    parts.push(condition);
    values.push(...(more as (string | number)[]));
  };
  const list = (count: number) => Array.from({ length: count }, () => '?').join(', ');
  add('event.time >= ?', query.since);
  add('event.time < ?', query.until);
  add('submitter_id = ? COLLATE NOCASE', query.submitter?.id);
  add('submitter_type = ?', query.submitter?.type);
  add('client_address = ?', query.clientAddress);
  add('sender = ? COLLATE NOCASE', query.sender);
  add('(recipient = ? COLLATE NOCASE)', query.recipient);
  add('queue_id = ?', query.queueId);
  if (query.kinds !== undefined) add(`kind IN (${list(query.kinds.length)})`, ...query.kinds);
  if (query.reasons !== undefined)
    add(`reason IN (${list(query.reasons.length)})`, ...query.reasons);
  return { where: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, values };
}

function fromRow(row: Row): StoredEvent {
  const text = (value: string | number | null) => (value === null ? undefined : String(value));
  const number = (value: string | number | null) => (value === null ? undefined : Number(value));
  const event: MailEvent = {
    source: row.path,
    line: Number(row.line),
    offset: Number(row.offset),
    time: Number(row.time),
    mta: row.mta as Mta,
    host: text(row.host),
    kind: row.kind as EventKind,
    temporary: row.temporary === 1 ? true : undefined,
    stage: text(row.stage) as Stage | undefined,
    queueId: text(row.queue_id),
    parentQueueId: text(row.parent_queue_id),
    submitter:
      row.submitter_id === null
        ? undefined
        : { type: row.submitter_type as SubmitterType, id: String(row.submitter_id) },
    client:
      row.client_address === null
        ? undefined
        : present({
            address: String(row.client_address),
            name: text(row.client_name),
            helo: text(row.client_helo),
          }),
    sender: text(row.sender),
    recipient: text(row.recipient),
    originalRecipient: text(row.original_recipient),
    relay:
      row.relay_host === null && row.relay_address === null
        ? undefined
        : present({
            host: text(row.relay_host),
            address: text(row.relay_address),
            port: number(row.relay_port),
          }),
    code: number(row.code),
    status: text(row.status),
    reply: text(row.reply),
    reason: text(row.reason) as Reason | undefined,
    size: number(row.size),
    recipients: number(row.recipients),
    direction: text(row.direction) as MailEvent['direction'],
    repeated: row.repeated === 1 ? true : undefined,
    newRecipients: number(row.new_recipients),
  };
  return { id: row.id, event };
}

/** Without the keys whose value is unknown. */
function present<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}
