/** A page of events, as it is read. Columns are there at once, records and texts when somebody asks for them. */
import type { MailEvent, Submitter } from '../model/event.ts';
import { type ClientValue, formatClient } from './client-value.ts';
import { DIRECTIONS, KINDS, MTAS, REASON_CODES, STAGES } from './codes.ts';
import { type Details, readDetails, TOO_LARGE } from './page-details.ts';
import {
  BY_CLIENT,
  CODE_WIDTH,
  type Columns,
  DIRECTION_BITS,
  DIRECTION_SHIFT,
  DOTTED,
  decompress,
  KIND_BITS,
  layColumns,
  MTA_BITS,
  MTA_SHIFT,
  PARTS,
  REASON_BITS,
  REASON_SHIFT,
  REPEATED,
  TEMPORARY,
} from './page-form.ts';
import { readCause, readClient, readRelay, readSubmitter } from './page-parts.ts';
import { Records } from './page-records.ts';

const { accepted: ACCEPTED, rejected: REJECTED } = KINDS.numberOf;
const CODE_BITS = (1 << CODE_WIDTH) - 1;
const REASON_MASK = REASON_BITS << REASON_SHIFT;

/** An event with its number in the store. */
export interface StoredEvent {
  readonly id: number;
  readonly event: MailEvent;
}

/** What the numbers of rows stand for. */
export interface NumberedNames {
  path(source: number): string;
  /** undefined for a number that is gone */
  who(submitter: number): Submitter | undefined;
}

/** Parts of a record that are texts, as far as somebody reads them alone. */
export type TextPart = Exclude<
  keyof typeof PARTS,
  'relayPort' | 'code' | 'size' | 'recipients' | 'stage'
>;

export class Page {
  readonly columns: Columns;
  readonly count: number;
  readonly #ids: number | readonly number[];
  readonly #packed: () => Buffer;
  #records: Records | undefined;
  #details: Details | undefined;

  /** `ids`: number of the first event, or of each. `records` is called when the records are needed. */
  constructor(
    ids: number | readonly number[],
    count: number,
    columns: Buffer,
    records: () => Buffer,
  ) {
    this.#ids = ids;
    this.count = count;
    this.columns = layColumns(count, columns);
    this.#packed = records;
  }

  id(at: number): number {
    return typeof this.#ids === 'number' ? this.#ids + at : (this.#ids[at] as number);
  }

  /** Drops the records, which take most of the memory; who needs them again opens them again. */
  close(): void {
    this.#records = undefined;
    this.#details = undefined;
  }

  /** Time of the newest event, ms. */
  get newest(): number {
    return this.columns.times.reduce((most, time) => Math.max(most, time));
  }

  /** Number of the kind in codes.ts; so are those of reason and direction, 0 for none. */
  kind(at: number): number {
    return this.#tag(at) & KIND_BITS;
  }

  reason(at: number): number {
    return (this.#tag(at) >> REASON_SHIFT) & REASON_BITS;
  }

  direction(at: number): number {
    return (this.#tag(at) >> DIRECTION_SHIFT) & DIRECTION_BITS;
  }

  /** Kind, reason and direction as one number, `codeOf` in page-form.ts; without the reason of what was counted before. */
  code(at: number): number {
    const tag = this.#tag(at);
    return (tag & REPEATED) === 0 ? tag & CODE_BITS : tag & CODE_BITS & ~REASON_MASK;
  }

  isRepeated(at: number): boolean {
    return (this.#tag(at) & REPEATED) !== 0;
  }

  isTemporary(at: number): boolean {
    return (this.#tag(at) & TEMPORARY) !== 0;
  }

  time(at: number): number {
    return this.columns.times[at] as number;
  }

  /** Number of the submitter, 0 for none. */
  submitter(at: number): number {
    return this.columns.submitters[at] as number;
  }

  /** Whether the submitter is a client. */
  isByClient(at: number): boolean {
    return (this.#tag(at) & BY_CLIENT) !== 0;
  }

  newRecipients(at: number): number | undefined {
    const more = this.columns.recipients[at] as number;
    return more === 0 ? undefined : more - 1;
  }

  client(at: number): ClientValue | undefined {
    const mark = this.clientMark(at);
    if (mark === undefined) return undefined;
    return this.hasDotted(at) ? mark | 0 : (this.#undotted(mark) ?? this.text(at, 'clientText'));
  }

  /** The number of the client's address, see client-mark.ts; without the records. */
  clientMark(at: number): number | undefined {
    const mark = this.columns.clients[at] as number;
    return mark === 0 && !this.hasDotted(at) ? undefined : mark;
  }

  /** Whether that number is the IPv4 address itself. */
  hasDotted(at: number): boolean {
    return (this.#tag(at) & DOTTED) !== 0;
  }

  /** A part of the record, if the event has it. */
  text(at: number, part: TextPart): string | undefined {
    return this.#open(at).text(PARTS[part]);
  }

  /** Bytes of an accepted message. */
  size(at: number): number | undefined {
    const number = this.kind(at) === ACCEPTED ? this.columns.details?.[at] : undefined;
    if (number === undefined || number === TOO_LARGE) return this.#open(at).number(PARTS.size);
    return number === 0 ? undefined : number - 1;
  }

  /** The host that answered, or its address, if the event has one. */
  relay(at: number): string | undefined {
    const kind = this.kind(at);
    const number = kind === ACCEPTED || kind === REJECTED ? undefined : this.columns.details?.[at];
    if (number === undefined) return this.text(at, 'relayHost') ?? this.text(at, 'relayAddress');
    return number === 0 ? undefined : this.#readDetails().relays[number - 1];
  }

  /** Whether the sender is the null reverse-path. */
  isFromNull(at: number): boolean {
    const number = this.kind(at) === REJECTED ? this.columns.details?.[at] : undefined;
    return number === undefined ? this.text(at, 'sender') === '' : number === 1;
  }

  /** The server that wrote all lines of the page; undefined if there are several, or the page does not say. */
  get host(): string | undefined {
    return this.columns.details === undefined ? undefined : this.#readDetails().host;
  }

  /** Whether any text of the page contains this one: false for most, and a hundred times as fast as looking at each. */
  mayHave(text: string): boolean {
    return this.#all.includes(text);
  }

  /** The same for a text in lower case, whatever the case of the page's. */
  mayHaveFolded(text: string): boolean {
    return this.#all.includesFolded(text);
  }

  /** Where the line of the event is: number of the source, offset in bytes. */
  place(at: number): { readonly source: number; readonly offset: number } {
    const { source, offset } = this.#open(at);
    return { source, offset };
  }

  event(at: number, names: NumberedNames): MailEvent {
    const record = this.#open(at);
    const tag = this.#tag(at);
    return {
      source: names.path(record.source),
      line: record.line,
      offset: record.offset,
      time: this.time(at),
      mta: MTAS.words[(tag >> MTA_SHIFT) & MTA_BITS] as MailEvent['mta'],
      host: record.text(PARTS.host),
      kind: KINDS.words[tag & KIND_BITS] as MailEvent['kind'],
      temporary: (tag & TEMPORARY) === 0 ? undefined : true,
      stage: STAGES.words[record.number(PARTS.stage) ?? 0],
      queueId: record.text(PARTS.queueId),
      parentQueueId: record.text(PARTS.parentQueueId),
      submitter: readSubmitter(names.who(this.submitter(at)), record.text(PARTS.login)),
      client: readClient(this.client(at), record),
      sender: record.text(PARTS.sender),
      recipient: record.text(PARTS.recipient),
      originalRecipient: record.text(PARTS.originalRecipient),
      relay: readRelay(record),
      code: record.number(PARTS.code),
      status: record.text(PARTS.status),
      reply: record.text(PARTS.reply),
      reason: REASON_CODES.words[this.reason(at)],
      size: record.number(PARTS.size),
      recipients: record.number(PARTS.recipients),
      direction: DIRECTIONS.words[this.direction(at)],
      repeated: (tag & REPEATED) === 0 ? undefined : true,
      newRecipients: this.newRecipients(at),
      messageId: record.text(PARTS.messageId),
      cause: readCause(record.text(PARTS.cause)),
    };
  }

  /** The event as far as the columns have it, so without its texts; undefined if its client is not among the columns. */
  brief(at: number, names: NumberedNames): MailEvent | undefined {
    const mark = this.clientMark(at);
    const client = mark === undefined || this.hasDotted(at) ? mark : this.#undotted(mark);
    if (mark !== undefined && client === undefined) return undefined;
    const tag = this.#tag(at);
    return {
      ...{ source: '', line: 0, offset: 0, time: this.time(at) },
      mta: MTAS.words[(tag >> MTA_SHIFT) & MTA_BITS] as MailEvent['mta'],
      kind: KINDS.words[tag & KIND_BITS] as MailEvent['kind'],
      submitter: names.who(this.submitter(at)),
      client: client === undefined ? undefined : { address: formatClient(client) },
      reason: REASON_CODES.words[this.reason(at)],
      direction: DIRECTIONS.words[this.direction(at)],
      repeated: (tag & REPEATED) === 0 ? undefined : true,
      newRecipients: this.newRecipients(at),
    };
  }

  stored(at: number, names: NumberedNames): StoredEvent {
    return { id: this.id(at), event: this.event(at, names) };
  }

  #undotted(mark: number): string | undefined {
    return this.columns.details === undefined
      ? undefined
      : (this.#readDetails().clients[mark] ?? undefined);
  }

  #readDetails(): Details {
    this.#details ??= readDetails(this.columns);
    return this.#details;
  }

  get #all(): Records {
    this.#records ??= new Records(decompress(this.#packed()), this.count);
    return this.#records;
  }

  #open(at: number): Records {
    const records = this.#all;
    records.open(at);
    return records;
  }

  #tag(at: number): number {
    return this.columns.tags[at] as number;
  }
}
