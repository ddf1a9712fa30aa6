/**
 * Events in a form that another thread gets at little cost: columns of numbers, and all texts one behind the other in a
 * single string. To hand over objects would take 4.8 us an event, half as long as to read and judge one; this takes less
 * than 1.
 */
import {
  type Direction,
  EVENT_KINDS,
  type EventKind,
  REASONS,
  type Reason,
  SUBMITTER_TYPES,
  type SubmitterType,
} from '../model/event.ts';
import type { CountedEvent } from './counted-event.ts';

/** Some events, as plain data. */
export interface EventBatch {
  /** number of events */
  readonly count: number;
  /** `NUMBERS` of each event: time, line, offset, new recipients (-1: none given) */
  readonly numbers: Float64Array;
  /** `MARKS` of each event: its flags, the places of source and host in `names`, the length of each text (-1: no text) */
  readonly marks: Int32Array;
  readonly texts: string;
  /** sources and hosts, which most events of a batch have in common */
  readonly names: readonly string[];
}

/** Events of a batch: enough that a message between threads costs little for each, and few enough to be freed soon. */
export const BATCH = 1024;

const NUMBERS = 4;
const TEXTS = 8;
const MARKS = 3 + TEXTS;
const NONE = -1;

const DIRECTIONS = [undefined, 'outbound', 'inbound', 'local'] as const;
const TYPES = [undefined, ...SUBMITTER_TYPES] as const;
const REASONS_OR_NONE = [undefined, ...REASONS] as const;

/** Plain objects: to look a word of the program up in a Map takes several times as long. */
const KIND_NUMBERS = numberEach<EventKind>(EVENT_KINDS);
const REASON_NUMBERS = numberEach<Reason | 'undefined'>(REASONS_OR_NONE);
const TYPE_NUMBERS = numberEach<SubmitterType | 'undefined'>(TYPES);
const DIRECTION_NUMBERS = numberEach<Direction | 'undefined'>(DIRECTIONS);

/** The flags, as bits: kind, reason, type of the submitter and direction as numbers, and what is true or there. */
const REASON_AT = 4;
const TYPE_AT = 8;
const DIRECTION_AT = 10;
const IS_REPEATED = 1 << 12;
const AMENDS = 1 << 13;
const HAS_CLIENT = 1 << 14;
const HAS_RELAY = 1 << 15;
const IS_HOME = 1 << 16;

/** Collects events for a batch. */
export class EventPacker {
  #count = 0;
  #numbers = new Float64Array(BATCH * NUMBERS);
  #marks = new Int32Array(BATCH * MARKS);
  #mark = 0;
  #texts = '';
  #names: string[] = [];

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** There is no room for another event: `take` must be called. */
  get isFull(): boolean {
    return this.#count === BATCH;
  }

  add(event: CountedEvent): void {
    const numbers = this.#numbers;
    const at = this.#count * NUMBERS;
    numbers[at] = event.time;
    numbers[at + 1] = event.line;
    numbers[at + 2] = event.offset;
    numbers[at + 3] = event.newRecipients ?? NONE;
    this.#addMarks(event);
    this.#count++;
  }

  /** The events so far. Its arrays may be transferred: they are not used any more. */
  take(): EventBatch {
    const batch = {
      count: this.#count,
      numbers: this.#numbers,
      marks: this.#marks,
      texts: this.#texts,
      names: this.#names,
    };
    this.#count = 0;
    this.#numbers = new Float64Array(BATCH * NUMBERS);
    this.#marks = new Int32Array(BATCH * MARKS);
    this.#mark = 0;
    this.#texts = '';
    this.#names = [];
    return batch;
  }

  #addMarks(event: CountedEvent): void {
    const { submitter, client, relay } = event;
    this.#marks[this.#mark++] = packFlags(event);
    this.#marks[this.#mark++] = this.#findName(event.source, 0);
    this.#marks[this.#mark++] = event.host === undefined ? NONE : this.#findName(event.host, 1);
    this.#addText(submitter?.id);
    this.#addText(client?.address);
    this.#addText(event.sender);
    this.#addText(event.recipient);
    this.#addText(event.originalRecipient);
    this.#addText(relay?.host);
    this.#addText(relay?.address);
    this.#addText(event.queueId);
  }

  #addText(text: string | undefined): void {
    this.#marks[this.#mark++] = text === undefined ? NONE : text.length;
    if (text !== undefined) this.#texts += text;
  }

  /** `likely`: its place in most batches, those of one file and host. */
  #findName(name: string, likely: number): number {
    if (this.#names[likely] === name) return likely;
    const known = this.#names.indexOf(name);
    return known >= 0 ? known : this.#names.push(name) - 1;
  }
}

function packFlags(event: CountedEvent): number {
  const { kind, reason, submitter, direction, cause } = event;
  return (
    KIND_NUMBERS[kind] |
    (REASON_NUMBERS[reason ?? 'undefined'] << REASON_AT) |
    (TYPE_NUMBERS[submitter?.type ?? 'undefined'] << TYPE_AT) |
    (DIRECTION_NUMBERS[direction ?? 'undefined'] << DIRECTION_AT) |
    (event.repeated === true ? IS_REPEATED : 0) |
    (event.amends === true ? AMENDS : 0) |
    (event.client === undefined ? 0 : HAS_CLIENT) |
    (event.relay === undefined ? 0 : HAS_RELAY) |
    (cause?.home === true ? IS_HOME : 0)
  );
}

/** The events of a batch, in their order. Their texts share memory: whoever keeps one copies it (`ownCopy`). */
export function unpackEvents(batch: EventBatch): CountedEvent[] {
  const reader = new BatchReader(batch);
  return Array.from({ length: batch.count }, (_, index) => reader.read(index));
}

class BatchReader {
  readonly #batch: EventBatch;
  #mark = 0;
  #text = 0;

  constructor(batch: EventBatch) {
    this.#batch = batch;
  }

  /** The event at this index; to be called for each in turn. */
  read(index: number): CountedEvent {
    const { numbers, marks, names } = this.#batch;
    const at = index * NUMBERS;
    const recipients = numbers[at + 3] as number;
    const flags = marks[this.#mark++] as number;
    const source = names[marks[this.#mark++] as number] as string;
    const host = names[marks[this.#mark++] as number];
    const type = TYPES[(flags >> TYPE_AT) & 3];
    const id = this.#readText() ?? '';
    const address = this.#readText();
    const sender = this.#readText();
    const recipient = this.#readText();
    const originalRecipient = this.#readText();
    const relay = { host: this.#readText(), address: this.#readText() };
    return {
      source,
      line: numbers[at + 1] as number,
      offset: numbers[at + 2] as number,
      time: numbers[at] as number,
      host,
      kind: EVENT_KINDS[flags & 15] as EventKind,
      queueId: this.#readText(),
      submitter: type === undefined ? undefined : { type, id },
      client: flags & HAS_CLIENT ? { address: address ?? '' } : undefined,
      sender,
      recipient,
      originalRecipient,
      relay: flags & HAS_RELAY ? relay : undefined,
      reason: REASONS_OR_NONE[(flags >> REASON_AT) & 15],
      direction: DIRECTIONS[(flags >> DIRECTION_AT) & 3],
      repeated: flags & IS_REPEATED ? true : undefined,
      cause: flags & IS_HOME ? { home: true } : undefined,
      newRecipients: recipients === NONE ? undefined : recipients,
      amends: flags & AMENDS ? true : undefined,
    };
  }

  #readText(): string | undefined {
    const length = this.#batch.marks[this.#mark++] as number;
    if (length === NONE) return undefined;
    const from = this.#text;
    this.#text = from + length;
    return this.#batch.texts.slice(from, from + length);
  }
}

/** Each word with its index; undefined is the word `undefined`. */
function numberEach<Word extends string>(
  all: readonly (Word | undefined)[],
): Readonly<Record<Word, number>> {
  return Object.fromEntries(all.map((one, index) => [one, index])) as Record<Word, number>;
}
