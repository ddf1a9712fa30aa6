/**
 * The open messages of all hosts, bounded in memory, with what changed since the last commit.
 * Backed by a `MessageStore`: a message that was pushed out of memory is found there again.
 */
import type { OpenMessage } from './message.ts';

/** Where open messages survive; the daemon's is SQLite, the offline commands have none. */
export interface MessageStore {
  load(host: string, queueId: string): OpenMessage | undefined;
}

/** What the next commit must write. */
export interface MessageChanges {
  readonly changed: readonly OpenMessage[];
  readonly closed: readonly { readonly host: string; readonly queueId: string }[];
}

export class OpenMessages {
  readonly #hosts = new Map<string, Map<string, OpenMessage>>();
  readonly #store: MessageStore | undefined;
  readonly #limit: number;
  #size = 0;
  #lastHost = '';
  #last: Map<string, OpenMessage>;
  #dirty = new Set<OpenMessage>();
  #closed = new Map<string, { host: string; queueId: string }>();
  /** messages that the store may hold and memory does not */
  #elsewhere: boolean;

  /** `limit`: most messages in memory. `resuming`: the store already holds some. */
  constructor(options: { store?: MessageStore; limit?: number; resuming?: boolean } = {}) {
    this.#store = options.store;
    this.#limit = options.limit ?? 100_000;
    this.#elsewhere = options.resuming ?? false;
    this.#last = this.#of('');
  }

  get size(): number {
    return this.#size;
  }

  get(host: string, queueId: string): OpenMessage | undefined {
    const known = this.#of(host).get(queueId);
    if (known !== undefined || !this.#elsewhere || this.#closed.has(keyOf(host, queueId)))
      return known;
    const stored = this.#store?.load(host, queueId);
    if (stored !== undefined) this.#insert(stored);
    return stored;
  }

  /** A new message, in place of an older one with the same ID. */
  put(message: OpenMessage): void {
    this.#closed.delete(keyOf(message.host, message.queueId));
    this.#insert(message);
    this.#dirty.add(message);
  }

  touch(message: OpenMessage, time: number): void {
    if (time > message.touched) message.touched = time;
    this.#dirty.add(message);
  }

  close(message: OpenMessage): void {
    const { host, queueId } = message;
    if (this.#of(host).delete(queueId)) this.#size--;
    this.#dirty.delete(message);
    if (this.#store !== undefined) this.#closed.set(keyOf(host, queueId), { host, queueId });
  }

  /** Drops what was not heard of since `before` (ms): the queue lifetime is long over. */
  expire(before: number): void {
    for (const messages of this.#hosts.values()) {
      for (const message of messages.values()) {
        if (message.touched < before) this.close(message);
      }
    }
  }

  /** What changed since the last call. */
  takeChanges(): MessageChanges {
    const changes = { changed: [...this.#dirty], closed: [...this.#closed.values()] };
    this.#dirty = new Set();
    this.#closed = new Map();
    this.#shrink();
    return changes;
  }

  #insert(message: OpenMessage): void {
    const messages = this.#of(message.host);
    if (messages.delete(message.queueId)) this.#size--;
    messages.set(message.queueId, message);
    this.#size++;
    // Without a store there is no commit at which to shrink.
    if (this.#size > this.#limit * 2 && this.#store === undefined) this.#shrink();
  }

  /** Pushes the oldest out of memory; only called when all changes are handed over. */
  #shrink(): void {
    if (this.#size <= this.#limit) return;
    for (const messages of this.#hosts.values()) {
      for (const queueId of messages.keys()) {
        if (this.#size <= this.#limit / 2) return;
        messages.delete(queueId);
        this.#size--;
        this.#elsewhere = this.#store !== undefined;
      }
    }
  }

  #of(host: string): Map<string, OpenMessage> {
    if (host === this.#lastHost && this.#last !== undefined) return this.#last;
    let messages = this.#hosts.get(host);
    if (messages === undefined) {
      messages = new Map();
      this.#hosts.set(host, messages);
    }
    this.#lastHost = host;
    this.#last = messages;
    return messages;
  }
}

function keyOf(host: string, queueId: string): string {
  return `${host} ${queueId}`;
}
