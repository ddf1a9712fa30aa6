/** Events out of batches (event-batch.ts). */
import { EVENT_KINDS, type EventKind } from '../model/event.ts';
import type { CountedEvent } from './counted-event.ts';
import {
  AT,
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

type Submitter = NonNullable<CountedEvent['submitter']>;
type Relay = NonNullable<CountedEvent['relay']>;

/**
 * Hands over the events of a batch, in their order. The texts of an event are cut out when they are asked for, and share
 * memory with the batch: whoever keeps one copies it (`ownCopy`), and nobody keeps the event.
 */
export function unpackBatch(batch: EventBatch, take: (event: CountedEvent) => void): void {
  for (let index = 0; index < batch.count; index++) take(new PackedEvent(batch, index));
}

/** An event of a batch. Most of its texts are never asked for. */
class PackedEvent implements CountedEvent {
  readonly time: number;
  readonly kind: EventKind;
  readonly #batch: EventBatch;
  readonly #index: number;
  readonly #flags: number;
  #submitter: Submitter | undefined;
  #client: CountedEvent['client'];
  #relay: Relay | undefined;

  constructor(batch: EventBatch, index: number) {
    this.#batch = batch;
    this.#index = index;
    this.#flags = batch.marks[index * MARKS + AT.flags] as number;
    this.time = batch.numbers[index * NUMBERS] as number;
    this.kind = EVENT_KINDS[this.#flags & 15] as EventKind;
  }

  get line(): number {
    return this.#batch.numbers[this.#index * NUMBERS + 1] as number;
  }

  get offset(): number {
    return this.#batch.numbers[this.#index * NUMBERS + 2] as number;
  }

  get newRecipients(): number | undefined {
    const recipients = this.#batch.numbers[this.#index * NUMBERS + 3] as number;
    return recipients === NONE ? undefined : recipients;
  }

  get source(): string {
    return this.#batch.names[this.#mark(AT.source)] as string;
  }

  get host(): string | undefined {
    const host = this.#mark(AT.host);
    return host === NONE ? undefined : this.#batch.names[host];
  }

  get submitter(): Submitter | undefined {
    const type = TYPES[(this.#flags >> FLAGS.typeAt) & 3];
    if (type === undefined) return undefined;
    this.#submitter ??= { type, id: this.#cut(TEXTS.submitter) };
    return this.#submitter;
  }

  get relay(): Relay | undefined {
    if ((this.#flags & FLAGS.hasRelay) === 0) return undefined;
    this.#relay ??= { host: this.#text(TEXTS.relayHost), address: this.#text(TEXTS.relayAddress) };
    return this.#relay;
  }

  get client(): CountedEvent['client'] {
    if ((this.#flags & (FLAGS.hasText << TEXTS.client)) === 0) return undefined;
    this.#client ??= { address: this.#cut(TEXTS.client) };
    return this.#client;
  }

  get sender(): string | undefined {
    return this.#text(TEXTS.sender);
  }

  get recipient(): string | undefined {
    return this.#text(TEXTS.recipient);
  }

  get originalRecipient(): string | undefined {
    return this.#text(TEXTS.originalRecipient);
  }

  get queueId(): string | undefined {
    return this.#text(TEXTS.queueId);
  }

  get reason(): CountedEvent['reason'] {
    return REASONS_OR_NONE[(this.#flags >> FLAGS.reasonAt) & 15];
  }

  get direction(): CountedEvent['direction'] {
    return DIRECTIONS[(this.#flags >> FLAGS.directionAt) & 3];
  }

  get repeated(): true | undefined {
    return this.#flags & FLAGS.isRepeated ? true : undefined;
  }

  get amends(): true | undefined {
    return this.#flags & FLAGS.amends ? true : undefined;
  }

  get cause(): CountedEvent['cause'] {
    return this.#flags & FLAGS.isHome ? { home: true } : undefined;
  }

  #mark(at: number): number {
    return this.#batch.marks[this.#index * MARKS + at] as number;
  }

  #text(number: number): string | undefined {
    return this.#flags & (FLAGS.hasText << number) ? this.#cut(number) : undefined;
  }

  #cut(number: number): string {
    const at = AT.texts + number;
    return this.#batch.texts.slice(this.#mark(at), this.#mark(at + 1));
  }
}
