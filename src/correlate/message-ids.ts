/**
 * Which queue ID bore a Message-ID. Only a content filter that neither speaks XFORWARD nor has said `queued as`
 * yet makes anybody ask, so what the log tells is put down as it comes and indexed when the first one asks: a server
 * without such a filter pays 50 ns a message for it, an index costs 700. Bounded; after a restart the messages that
 * are still open tell it again.
 */
import { MINUTE } from '../base/time.ts';
import { digest } from './ledger.ts';
import type { NamedMessage } from './messages.ts';

/** Two queue IDs with one Message-ID belong together when they are this close (content filter). */
export const FILTER_DELAY = 10 * MINUTE;
export const MOST_MESSAGE_IDS = 20_000;
/** Longer ones are told apart by their digest. */
const LONGEST = 120;

interface Birth {
  readonly host: string;
  readonly messageId: string;
  readonly queueId: string;
  /** ms since the epoch */
  readonly time: number;
  /** the queue ID that this one is known to continue, behind a content filter */
  readonly parent: string | undefined;
}

/** Who bore a Message-ID first; `queueId` empty when several messages share it. */
interface Bearer {
  readonly queueId: string;
  /** the queue ID that the same message had last, behind one content filter or more */
  readonly latest?: string;
  readonly time: number;
}

export class MessageIds {
  #waiting: Birth[] = [];
  readonly #bearers = new Map<string, Bearer>();

  /** A message has this Message-ID, and continues `parent` if that is known; all strings are kept. */
  add(host: string, messageId: string, queueId: string, time: number, parent?: string): void {
    if (this.#waiting.length >= MOST_MESSAGE_IDS) this.#dropOld(time);
    const id = messageId.length > LONGEST ? digest(messageId) : messageId;
    this.#waiting.push({ host, messageId: id, queueId, time, parent });
  }

  /**
   * The queue IDs of the one message that had this Message-ID shortly before `time`: the first, and the last that it
   * went on as. Empty when there is none, or several.
   */
  bearers(host: string, messageId: string, time: number): readonly string[] {
    for (const birth of this.#waiting) this.#index(birth);
    this.#waiting = [];
    const id = messageId.length > LONGEST ? digest(messageId) : messageId;
    const bearer = this.#bearers.get(`${host} ${id}`);
    if (!isRecent(bearer, time) || bearer.queueId === '') return [];
    const { queueId, latest } = bearer;
    return latest === undefined ? [queueId] : [queueId, latest];
  }

  /** Takes up messages that an earlier process knew, each behind the one that it continues. */
  load(messages: Iterable<NamedMessage>): void {
    for (const { host, messageId, queueId, born, parentQueueId } of messages) {
      if (messageId !== undefined) this.add(host, messageId, queueId, born, parentQueueId);
    }
  }

  /** Forgets what is too old at `time` (ms) to belong to anything. */
  expire(time: number): void {
    this.#waiting = this.#waiting.filter((birth) => isRecent(birth, time));
    for (const [key, bearer] of this.#bearers) {
      if (!isRecent(bearer, time)) this.#bearers.delete(key);
    }
  }

  #index(birth: Birth): void {
    const key = `${birth.host} ${birth.messageId}`;
    const before = this.#bearers.get(key);
    if (this.#bearers.size >= MOST_MESSAGE_IDS) this.#bearers.clear();
    this.#bearers.set(key, bearerWith(isRecent(before, birth.time) ? before : undefined, birth));
  }

  /** What is too old to belong to anything; when that is not enough, half of the rest. */
  #dropOld(time: number): void {
    const recent = this.#waiting.filter((birth) => isRecent(birth, time));
    this.#waiting =
      recent.length > MOST_MESSAGE_IDS / 2 ? recent.slice(-MOST_MESSAGE_IDS / 2) : recent;
  }
}

function isRecent<T extends { readonly time: number }>(one: T | undefined, time: number): one is T {
  return one !== undefined && time - one.time < FILTER_DELAY;
}

function bearerWith(before: Bearer | undefined, { queueId, time, parent }: Birth): Bearer {
  if (before === undefined) {
    // Of what was handed on, the first may have left before a restart.
    return parent === undefined ? { queueId, time } : { queueId: parent, latest: queueId, time };
  }
  // The time stays that of the first: a message has ten minutes for all its filters.
  const isNext = parent !== undefined && (parent === before.queueId || parent === before.latest);
  if (isNext) return { ...before, latest: queueId };
  // Once shared, it stays so: a third message must not become the one that it stands for.
  return { queueId: '', time };
}
