/** Puts events into a page. */
import type { MailEvent } from '../model/event.ts';
import { markClient, readDotted } from './client-mark.ts';
import { DIRECTIONS, KINDS, MTAS, STAGES } from './codes.ts';
import { DetailWriter } from './page-details.ts';
import {
  BY_CLIENT,
  type Columns,
  codeOf,
  compress,
  DOTTED,
  HEAD_BYTES,
  layColumns,
  MOST_EVENTS,
  MTA_SHIFT,
  PART_COUNT,
  PARTS,
  REPEATED,
  TEMPORARY,
  TEXT_PARTS,
} from './page-form.ts';
import { PageTexts } from './page-texts.ts';

/** A page to be stored. */
export interface WrittenPage {
  readonly count: number;
  /** least and greatest time, ms */
  readonly oldest: number;
  readonly newest: number;
  /** a bit for each kind of its events: `1 << code` */
  readonly kinds: number;
  /** numbers of the submitters, each once */
  readonly submitters: ReadonlySet<number>;
  readonly columns: Uint8Array;
  readonly records: Uint8Array;
}

/** Bytes of the longest record, and of the lengths of its texts: 26 numbers of up to eight bytes, and 16 lengths. */
const LONGEST_RECORD = 208 + TEXT_PARTS * 5;

/** Bytes of records that are built in memory that is used again. The longest lines take more. */
const MOST_SCRATCH = 512 * 1024;

/** One writer serves for any number of pages, because its memory is used again. */
export class PageWriter {
  readonly #columns: Columns & { readonly details: Uint32Array } = layEmptyColumns();
  readonly #details = new DetailWriter(this.#columns.details);
  readonly #starts = new Uint32Array(MOST_EVENTS);
  readonly #parts: (number | undefined)[] = Array(PART_COUNT).fill(undefined);
  #records = new Uint8Array(MOST_EVENTS * LONGEST_RECORD);
  #scratch = Buffer.allocUnsafeSlow(0);
  #length = 0;
  #count = 0;
  #line = 0;
  #offset = 0;
  #kinds = 0;
  readonly #texts = new PageTexts();

  get isFull(): boolean {
    return this.#count === MOST_EVENTS;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Adds an event; `source` and `submitter` are numbers of rows, 0: no submitter. Not when the page is full. */
  add(event: MailEvent, source: number, submitter: number): void {
    if (this.#count === 0) {
      this.#line = event.line;
      this.#offset = event.offset;
    }
    const at = this.#count++;
    const dotted = event.client === undefined ? undefined : readDotted(event.client.address);
    const columns = this.#columns;
    const mark = dotted ?? markOf(event);
    columns.times[at] = event.time;
    columns.submitters[at] = submitter;
    columns.clients[at] = mark;
    columns.recipients[at] = event.newRecipients === undefined ? 0 : event.newRecipients + 1;
    columns.tags[at] = buildTag(event) | (dotted === undefined ? 0 : DOTTED);
    this.#kinds |= 1 << KINDS.numberOf[event.kind];
    this.#starts[at] = this.#length;
    this.#putNumber(source);
    this.#putNumber(zigzag(event.line - this.#line));
    this.#putNumber(zigzag(event.offset - this.#offset));
    this.#putParts(event, dotted === undefined);
    this.#details.add(at, event, this.#parts);
    const address = this.#parts[PARTS.clientText];
    if (address !== undefined) this.#details.addClient(mark, address);
  }

  /** The page of the events that were added, at least one; the writer is empty then. */
  finish(): WrittenPage {
    const count = this.#count;
    const times = this.#columns.times.subarray(0, count);
    const submitters = new Set(this.#columns.submitters.subarray(0, count));
    submitters.delete(0);
    const page = {
      count,
      oldest: times.reduce((least, time) => Math.min(least, time)),
      newest: times.reduce((most, time) => Math.max(most, time)),
      kinds: this.#kinds,
      submitters,
      columns: this.#copyColumns(),
      records: compress(this.#buildRecords()),
    };
    this.clear();
    return page;
  }

  /** Forgets the events that were added. */
  clear(): void {
    this.#count = 0;
    this.#length = 0;
    this.#kinds = 0;
    this.#texts.clear();
    this.#details.clear();
  }

  #putParts(event: MailEvent, isText: boolean): void {
    const { client, relay } = event;
    const parts = this.#parts;
    parts[PARTS.queueId] = this.#number(event.queueId);
    parts[PARTS.recipient] = this.#number(event.recipient);
    parts[PARTS.sender] = this.#number(event.sender);
    parts[PARTS.host] = this.#number(event.host);
    parts[PARTS.status] = this.#number(event.status);
    parts[PARTS.relayHost] = this.#number(relay?.host);
    parts[PARTS.relayAddress] = this.#number(relay?.address);
    parts[PARTS.relayPort] = relay?.port;
    parts[PARTS.code] = event.code;
    parts[PARTS.reply] = this.#number(event.reply);
    parts[PARTS.clientName] = this.#number(client?.name);
    parts[PARTS.size] = event.size;
    parts[PARTS.recipients] = event.recipients;
    parts[PARTS.messageId] = this.#number(event.messageId);
    parts[PARTS.stage] = event.stage === undefined ? undefined : STAGES.numberOf[event.stage];
    parts[PARTS.clientHelo] = this.#number(client?.helo);
    parts[PARTS.originalRecipient] = this.#number(event.originalRecipient);
    parts[PARTS.clientText] = isText ? this.#number(client?.address) : undefined;
    parts[PARTS.login] = this.#number(event.submitter?.login);
    parts[PARTS.parentQueueId] = this.#number(event.parentQueueId);
    parts[PARTS.cause] = event.cause && this.#number(JSON.stringify(event.cause));
    let present = 0;
    for (let part = 0; part < PART_COUNT; part++) {
      if (parts[part] !== undefined) present |= 1 << part;
    }
    this.#putNumber(present);
    for (let part = 0; part < PART_COUNT; part++) {
      const value = parts[part];
      if (value !== undefined) this.#putNumber(value);
    }
  }

  /** The number of a text in this page. */
  #number(text: string | undefined): number | undefined {
    return text === undefined ? undefined : this.#texts.number(text);
  }

  #putNumber(value: number): void {
    const records = this.#records;
    let rest = value;
    while (rest >= 0x80) {
      records[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    records[this.#length++] = rest;
  }

  #copyColumns(): Uint8Array {
    const { times, submitters, clients, recipients, details, tags } = this.#columns;
    const parts = [times, submitters, clients, recipients, details, tags].map(
      ({ buffer, byteOffset, BYTES_PER_ELEMENT }) =>
        new Uint8Array(buffer, byteOffset, BYTES_PER_ELEMENT * this.#count),
    );
    return Buffer.concat([...parts, this.#details.finish(this.#texts)]);
  }

  /** Memory of this size, until the next call. */
  #takeScratch(size: number): Buffer {
    if (size > MOST_SCRATCH) return Buffer.allocUnsafe(size);
    if (this.#scratch.length < size) this.#scratch = Buffer.allocUnsafeSlow(size);
    return this.#scratch.subarray(0, size);
  }

  /** Valid until the next page is built. */
  #buildRecords(): Uint8Array {
    const lengths = this.#length;
    const { count, bytes, isAscii } = this.#texts;
    for (let number = 0; number < count; number++) this.#putNumber(this.#texts.length(number));
    const starts = HEAD_BYTES + 4 * this.#count;
    const all = this.#takeScratch(starts + this.#length + bytes.length);
    all.writeDoubleLE(this.#line, 0);
    all.writeDoubleLE(this.#offset, 8);
    all.writeUInt32LE(lengths, 16);
    all.writeUInt32LE(this.#length, 20);
    all.writeUInt32LE(count, 24);
    all.writeUInt32LE(isAscii ? 1 : 0, 28);
    all.writeUInt32LE(all.length, 32);
    all.writeUInt32LE(0, 36);
    all.set(new Uint8Array(this.#starts.buffer, 0, 4 * this.#count), HEAD_BYTES);
    all.set(this.#records.subarray(0, this.#length), starts);
    all.set(bytes, starts + this.#length);
    return all;
  }
}

function layEmptyColumns(): Columns & { readonly details: Uint32Array } {
  return { ...layColumns(MOST_EVENTS), details: new Uint32Array(MOST_EVENTS) };
}

/** The mark of a client whose address is not an IPv4 address; 0 if there is none. */
function markOf({ client }: MailEvent): number {
  return client === undefined ? 0 : markClient(client.address);
}

function buildTag(event: MailEvent): number {
  const direction = event.direction === undefined ? 0 : DIRECTIONS.numberOf[event.direction];
  let tag = codeOf(event.kind, event.reason, direction) | (MTAS.numberOf[event.mta] << MTA_SHIFT);
  if (event.submitter?.type === 'client') tag |= BY_CLIENT;
  if (event.repeated === true) tag |= REPEATED;
  return event.temporary === true ? tag | TEMPORARY : tag;
}

/** Small numbers for small differences of either sign. */
function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}
