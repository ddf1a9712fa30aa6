/**
 * The recipients of one key whose mail was put off and has not been delivered or refused since. They say which places
 * answer. A recipient that was not tried for so long is not open any more: its message is gone, or the log was lost.
 */
import { HOUR } from '../base/time.ts';
import type { CountedEvent } from './counted-event.ts';

/** ms; mail servers try again within minutes at first, and after some hours at last. */
export const OPEN_FOR = 8 * HOUR;
/** With more open recipients than this, nothing is known of the share. */
const MOST = 20_000;

interface Attempt {
  readonly time: number;
  readonly place: string;
}

export class OpenRecipients {
  /** by recipient, the one that was tried last at the end */
  readonly #attempts = new Map<number, Attempt>();
  readonly #places = new Map<string, number>();
  /** until when there are more than can be kept, ms */
  #overflowUntil: number;

  /** `unknownUntil`: others may be open until then (ms), but were forgotten. */
  constructor(unknownUntil = Number.NEGATIVE_INFINITY) {
    this.#overflowUntil = unknownUntil;
  }

  get size(): number {
    return this.#attempts.size;
  }

  /** Whether there are so many that nothing is known of the share at `time` (ms). */
  overflows(time: number): boolean {
    return time < this.#overflowUntil;
  }

  /** By place, how many recipients are open. */
  get places(): ReadonlyMap<string, number> {
    return this.#places;
  }

  /** The mail to the recipient of this event was put off. */
  defer(event: CountedEvent, place: string): void {
    const recipient = hashRecipient(event);
    this.#remove(recipient);
    if (this.#attempts.size >= MOST) this.expire(event.time);
    if (this.#attempts.size >= MOST) {
      this.#overflowUntil = event.time + OPEN_FOR;
      return;
    }
    this.#attempts.set(recipient, { time: event.time, place });
    this.#places.set(place, (this.#places.get(place) ?? 0) + 1);
  }

  /** The recipient of this event has its outcome. */
  resolve(event: CountedEvent): void {
    if (this.#attempts.size > 0) this.#remove(hashRecipient(event));
  }

  /** Forgets those that were last tried too long before `time` (ms). */
  expire(time: number): void {
    for (const [recipient, attempt] of this.#attempts) {
      if (attempt.time > time - OPEN_FOR) return;
      this.#remove(recipient);
    }
  }

  #remove(recipient: number): void {
    const attempt = this.#attempts.get(recipient);
    if (attempt === undefined) return;
    this.#attempts.delete(recipient);
    const left = (this.#places.get(attempt.place) ?? 0) - 1;
    if (left > 0) this.#places.set(attempt.place, left);
    else this.#places.delete(attempt.place);
  }
}

/** 52 bits of a hash (two rounds of FNV-1a): a text for each recipient would take three times the memory. */
function hashRecipient({
  queueId = '',
  recipient = '',
  originalRecipient = '',
}: CountedEvent): number {
  let one = 0x811c9dc5;
  let two = 0x01234567;
  for (const text of [queueId, recipient, originalRecipient]) {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      two = Math.imul(two ^ code, 0x85ebca6b) ^ (two >>> 13);
    }
    one = Math.imul(one ^ 0x1f, 0x01000193);
    two ^= 0x1f;
  }
  return (one >>> 0) * 0x100000 + ((two >>> 0) & 0xfffff);
}
