/**
 * Which queue ID bore a Message-ID last. Only a content filter that neither speaks XFORWARD nor has said `queued as`
 * yet makes anybody ask, so what the log tells is put down as it comes and indexed when the first one asks: a server
 * without such a filter pays 50 ns a message for it, an index costs 700. Bounded; a restart forgets it.
 */
import { MINUTE } from '../base/time.ts';
import { digest } from './ledger.ts';

/** Two queue IDs with one Message-ID belong together when they are this close (content filter). */
const FILTER_DELAY = 10 * MINUTE;
const MOST = 20_000;
/** Longer ones are told apart by their digest. */
const LONGEST = 120;

interface Birth {
  readonly host: string;
  readonly messageId: string;
  readonly queueId: string;
  /** ms since the epoch */
  readonly time: number;
}

/** Who bore a Message-ID last; `queueId` empty when several messages share it. */
interface Bearer {
  readonly queueId: string;
  readonly time: number;
}

export class MessageIds {
  #waiting: Birth[] = [];
  readonly #bearers = new Map<string, Bearer>();

  /** A message has this Message-ID; all strings are kept. */
  add(host: string, messageId: string, queueId: string, time: number): void {
    if (this.#waiting.length >= MOST) this.#dropOld(time);
    const id = messageId.length > LONGEST ? digest(messageId) : messageId;
    this.#waiting.push({ host, messageId: id, queueId, time });
  }

  /** The queue ID of the one message that had this Message-ID shortly before `time`; undefined: none or several. */
  bearer(host: string, messageId: string, time: number): string | undefined {
    for (const birth of this.#waiting) this.#index(birth);
    this.#waiting = [];
    const id = messageId.length > LONGEST ? digest(messageId) : messageId;
    const bearer = this.#bearers.get(`${host} ${id}`);
    return isRecent(bearer, time) ? bearer.queueId || undefined : undefined;
  }

  clear(): void {
    this.#waiting = [];
    this.#bearers.clear();
  }

  #index({ host, messageId, queueId, time }: Birth): void {
    const key = `${host} ${messageId}`;
    // Once shared, it stays so: a third message must not become the one that it stands for.
    const shared = isRecent(this.#bearers.get(key), time);
    if (this.#bearers.size >= MOST) this.#bearers.clear();
    this.#bearers.set(key, { queueId: shared ? '' : queueId, time });
  }

  /** What is too old to belong to anything; when that is not enough, half of the rest. */
  #dropOld(time: number): void {
    const recent = this.#waiting.filter((birth) => time - birth.time < FILTER_DELAY);
    this.#waiting = recent.length > MOST / 2 ? recent.slice(-MOST / 2) : recent;
  }
}

function isRecent(bearer: Bearer | undefined, time: number): bearer is Bearer {
  return bearer !== undefined && time - bearer.time < FILTER_DELAY;
}
