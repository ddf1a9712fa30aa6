/** One event as a row of the database, and back. Rows are plain lists of values: an object for each takes twice the time. */
import type { DsnCause, MailEvent, Submitter, SubmitterType } from '../model/event.ts';
import type { Client, Relay } from '../model/record.ts';
import { DIRECTIONS, KINDS, MTAS, REASON_CODES, STAGES, SUBMITTERS } from './codes.ts';

export type Value = string | number | null;

/** In the order of `putValues`. Columns that are summed come first: SQLite reads a row only as far as it must. */
export const COLUMNS = [
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

/**
 * Puts the event's values into `values` from index `at` on, in the order of `COLUMNS`; `source` and `submitter` are
 * numbers of rows. The list is reused, because one that grows takes 4 us an event.
 */
export function putValues(
  values: Value[],
  at: number,
  event: MailEvent,
  source: number,
  submitter: number | null,
): void {
  const { client, relay } = event;
  values[at] = event.time;
  values[at + 1] = KINDS.numberOf[event.kind];
  values[at + 2] = event.reason === undefined ? null : REASON_CODES.numberOf[event.reason];
  values[at + 3] = event.direction === undefined ? null : DIRECTIONS.numberOf[event.direction];
  values[at + 4] = event.repeated === true ? 1 : null;
  values[at + 5] = event.newRecipients ?? null;
  values[at + 6] = submitter;
  values[at + 7] = client?.address ?? null;
  values[at + 8] = relay?.host ?? null;
  values[at + 9] = relay?.address ?? null;
  values[at + 10] = client?.name ?? null;
  values[at + 11] = event.reply ?? null;
  values[at + 12] = event.sender ?? null;
  values[at + 13] = event.recipient ?? null;
  values[at + 14] = event.queueId ?? null;
  values[at + 15] = source;
  values[at + 16] = event.line;
  values[at + 17] = event.offset;
  values[at + 18] = MTAS.numberOf[event.mta];
  values[at + 19] = event.host ?? null;
  values[at + 20] = event.temporary === true ? 1 : null;
  values[at + 21] = event.stage === undefined ? null : STAGES.numberOf[event.stage];
  values[at + 22] = event.parentQueueId ?? null;
  values[at + 23] = client?.helo ?? null;
  values[at + 24] = event.originalRecipient ?? null;
  values[at + 25] = relay?.port ?? null;
  values[at + 26] = event.code ?? null;
  values[at + 27] = event.status ?? null;
  values[at + 28] = event.size ?? null;
  values[at + 29] = event.recipients ?? null;
  values[at + 30] = event.submitter?.login ?? null;
  values[at + 32] = event.messageId ?? null;
  values[at + 31] = event.cause === undefined ? null : JSON.stringify(event.cause);
}

/** A row that `SELECTED` gives. */
export type Row = readonly Value[];

/** The columns that `fromRow` needs, of the tables in `JOINED`. */
export const SELECTED = `event.id, source.path, submitter.type, submitter.name,
  ${COLUMNS.map((column) => `event.${column}`).join(', ')}`;

export const JOINED = `event LEFT JOIN source ON source.id = event.source
  LEFT JOIN submitter ON submitter.id = event.submitter`;

const BEFORE_COLUMNS = 4;
const AT = Object.fromEntries(COLUMNS.map((column, index) => [column, BEFORE_COLUMNS + index])) as {
  readonly [column in (typeof COLUMNS)[number]]: number;
};

/** An event with its number in the store. */
export interface StoredEvent {
  readonly id: number;
  readonly event: MailEvent;
}

export function fromRow(row: Row): StoredEvent {
  const [id, path, submitterType, submitterName] = row;
  const event: MailEvent = {
    source: String(path),
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
    submitter: readSubmitter(submitterType, submitterName, row[AT.login]),
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
  return { id: Number(id), event };
}

function text(value: Value | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function number(value: Value | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

function readSubmitter(
  code: Value | undefined,
  name: Value | undefined,
  typed: Value | undefined,
): Submitter | undefined {
  const id = text(name);
  if (id === undefined) return undefined;
  const type = SUBMITTERS.words[Number(code)] as SubmitterType;
  const login = text(typed);
  return login === undefined ? { type, id } : { type, id, login };
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
