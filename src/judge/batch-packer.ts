/** Packs events into batches (event-batch.ts). */
import {
  type Direction,
  EVENT_KINDS,
  type EventKind,
  type Reason,
  type SubmitterType,
} from '../model/event.ts';
import type { CountedEvent } from './counted-event.ts';
import {
  BATCH,
  DIRECTIONS,
  type EventBatch,
  FLAGS,
  MARKS,
  NONE,
  NUMBERS,
  REASONS_OR_NONE,
  TEXTS,
  TYPES,
} from './event-batch.ts';

/** Plain objects: to look a word of the program up in a Map takes several times as long. */
const KIND_NUMBERS = numberEach<EventKind>(EVENT_KINDS);
const REASON_NUMBERS = numberEach<Reason | 'undefined'>(REASONS_OR_NONE);
const TYPE_NUMBERS = numberEach<SubmitterType | 'undefined'>(TYPES);
const DIRECTION_NUMBERS = numberEach<Direction | 'undefined'>(DIRECTIONS);

/** Collects events for a batch. */
export class BatchPacker {
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
    this.#marks[this.#mark++] = packFlags(event);
    this.#marks[this.#mark++] = this.#findName(event.source, 0);
    this.#marks[this.#mark++] = event.host === undefined ? NONE : this.#findName(event.host, 1);
    this.#marks[this.#mark++] = this.#texts.length;
    this.#addTexts(event);
  }

  /** In the order of `TEXTS`. */
  #addTexts(event: CountedEvent): void {
    const { submitter, client, relay } = event;
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
    if (text !== undefined) this.#texts += text;
    this.#marks[this.#mark++] = this.#texts.length;
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
    (REASON_NUMBERS[reason ?? 'undefined'] << FLAGS.reasonAt) |
    (TYPE_NUMBERS[submitter?.type ?? 'undefined'] << FLAGS.typeAt) |
    (DIRECTION_NUMBERS[direction ?? 'undefined'] << FLAGS.directionAt) |
    (event.repeated === true ? FLAGS.isRepeated : 0) |
    (event.amends === true ? FLAGS.amends : 0) |
    (event.relay === undefined ? 0 : FLAGS.hasRelay) |
    (cause?.home === true ? FLAGS.isHome : 0) |
    packTextFlags(event)
  );
}

/** Which texts there are; that of the submitter shows by its type. */
function packTextFlags(event: CountedEvent): number {
  const { client, sender, recipient, originalRecipient, relay, queueId } = event;
  return (
    (client === undefined ? 0 : FLAGS.hasText << TEXTS.client) |
    (sender === undefined ? 0 : FLAGS.hasText << TEXTS.sender) |
    (recipient === undefined ? 0 : FLAGS.hasText << TEXTS.recipient) |
    (originalRecipient === undefined ? 0 : FLAGS.hasText << TEXTS.originalRecipient) |
    (relay?.host === undefined ? 0 : FLAGS.hasText << TEXTS.relayHost) |
    (relay?.address === undefined ? 0 : FLAGS.hasText << TEXTS.relayAddress) |
    (queueId === undefined ? 0 : FLAGS.hasText << TEXTS.queueId)
  );
}

/** Each word with its index; undefined is the word `undefined`. */
function numberEach<Word extends string>(
  all: readonly (Word | undefined)[],
): Readonly<Record<Word, number>> {
  return Object.fromEntries(all.map((one, index) => [one, index])) as Record<Word, number>;
}
