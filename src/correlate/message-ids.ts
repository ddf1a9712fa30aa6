/**
 * Which queue ID had a Message-ID. This is looked up only for a content filter that does not use XFORWARD and has not
 * said `queued as` yet. So new entries go on a list, which is indexed at the next look-up: a server without such a
 * filter pays 50 ns a message, where an index costs 700. Bounded. After a restart it is filled again from the messages
 * that are still open.
 */
import { MINUTE } from '../base/time.ts';
import type { NamedMessage } from './messages.ts';
import { digest } from './saved-map.ts';

/** Two queue IDs with the same Message-ID belong together if they are this close in time (content filter). */
export const FILTER_DELAY = 10 * MINUTE;
export const MOST_MESSAGE_IDS = 20_000;
/** Longer ones are replaced by their digest. */
const LONGEST = 120;

/** A message with its Message-ID. */
interface Entry {
  readonly host: string;
  readonly messageId: string;
  readonly queueId: string;
  /** ms since the epoch */
  readonly time: number;
  /** the queue ID that this one continues behind a content filter, if known */
  readonly parent: string | undefined;
}

/** The queue IDs of one message. `queueId`, the first one, is empty if several messages share the Message-ID. */
interface QueueIds {
  readonly queueId: string;
  /** the newest queue ID of the same message, behind one or more content filters */
  readonly latest?: string;
  readonly time: number;
}

export class MessageIds {
  #waiting: Entry[] = [];
  readonly #index = new Map<string, QueueIds>();

  /** Adds a message, which continues `parent` if that is known. `time` is in ms. The strings are kept. */
  add(host: string, messageId: string, queueId: string, time: number, parent?: string): void {
    if (this.#waiting.length >= MOST_MESSAGE_IDS) this.#dropOld(time);
    const id = messageId.length > LONGEST ? digest(messageId) : messageId;
    this.#waiting.push({ host, messageId: id, queueId, time, parent });
  }

  /**
   * The queue IDs of the message that had this Message-ID shortly before `time` (ms): the first one, and the newest one
   * if there are more. Empty if there is no such message, or if there are several.
   */
  find(host: string, messageId: string, time: number): readonly string[] {
    for (const entry of this.#waiting) this.#addToIndex(entry);
    this.#waiting = [];
    const id = messageId.length > LONGEST ? digest(messageId) : messageId;
    const found = this.#index.get(`${host} ${id}`);
    if (!isRecent(found, time) || found.queueId === '') return [];
    const { queueId, latest } = found;
    return latest === undefined ? [queueId] : [queueId, latest];
  }

  /** Adds messages that an earlier process knew, each one after the one that it continues. */
  load(messages: Iterable<NamedMessage>): void {
    for (const { host, messageId, queueId, born, parentQueueId } of messages) {
      if (messageId !== undefined) this.add(host, messageId, queueId, born, parentQueueId);
    }
  }

  /** Forgets entries that are too old at `time` (ms) to matter. */
  expire(time: number): void {
    this.#waiting = this.#waiting.filter((entry) => isRecent(entry, time));
    for (const [key, queueIds] of this.#index) {
      if (!isRecent(queueIds, time)) this.#index.delete(key);
    }
  }

  #addToIndex(entry: Entry): void {
    const key = `${entry.host} ${entry.messageId}`;
    const before = this.#index.get(key);
    if (this.#index.size >= MOST_MESSAGE_IDS) this.#index.clear();
    this.#index.set(key, addQueueId(isRecent(before, entry.time) ? before : undefined, entry));
  }

  /** Drops entries that are too old to matter, and half of the others if that is not enough. */
  #dropOld(time: number): void {
    const recent = this.#waiting.filter((entry) => isRecent(entry, time));
    this.#waiting =
      recent.length > MOST_MESSAGE_IDS / 2 ? recent.slice(-MOST_MESSAGE_IDS / 2) : recent;
  }
}

function isRecent<T extends { readonly time: number }>(one: T | undefined, time: number): one is T {
  return one !== undefined && time - one.time < FILTER_DELAY;
}

function addQueueId(before: QueueIds | undefined, { queueId, time, parent }: Entry): QueueIds {
  if (before === undefined) {
    // The first part of the message may have left before a restart.
    return parent === undefined ? { queueId, time } : { queueId: parent, latest: queueId, time };
  }
  // The time of the first part stays: a message has ten minutes for all its filters.
  const isNext = parent !== undefined && (parent === before.queueId || parent === before.latest);
  if (isNext) return { ...before, latest: queueId };
  // A shared Message-ID stays shared: a third message must not be taken for the only one.
  return { queueId: '', time };
}
