/**
 * The open messages of all hosts, bounded in memory, with what changed since the last commit.
 * Backed by a `MessageStore`: a message that was pushed out of memory is found there again. Without one (offline
 * commands) the oldest are forgotten. What counts is how much they hold, not how many they are: a log may make up
 * any number of queue IDs, and addresses of any length.
 */
import { type OpenMessage, weigh } from './message.ts';

/** Where open messages survive; the daemon's is SQLite, the offline commands have none. */
export interface MessageStore {
  load(host: string, queueId: string): OpenMessage | undefined;
  /** those heard of within `age` ms before the newest of all, the newest `most` of them, in the order of their birth */
  recent(age: number, most: number): Iterable<NamedMessage>;
}

/** What tells that a message is another one behind a content filter. */
export type NamedMessage = Pick<
  OpenMessage,
  'host' | 'queueId' | 'messageId' | 'born' | 'parentQueueId'
>;

/** What the next commit must write. */
export interface MessageChanges {
  readonly changed: readonly OpenMessage[];
  readonly closed: readonly { readonly host: string; readonly queueId: string }[];
}

/** Bytes of messages in memory. Some 15,000 with a store: what was pushed out costs one look-up to come back. */
const WITH_STORE = 15_000_000;
const WITHOUT_STORE = 60_000_000;

interface HostMessages {
  /** one string for all messages of the host */
  readonly host: string;
  readonly byId: Map<string, OpenMessage>;
}

export class OpenMessages {
  readonly #hosts = new Map<string, HostMessages>();
  readonly #store: MessageStore | undefined;
  readonly #limit: number;
  #size = 0;
  #weight = 0;
  #last: HostMessages = { host: '', byId: new Map() };
  #dirty = new Set<OpenMessage>();
  #closed = new Map<string, { host: string; queueId: string }>();
  /** messages that the store may hold and memory does not */
  #elsewhere: boolean;

  /** `limit`: bytes of messages in memory, about. `resuming`: the store already holds some. */
  constructor(options: { store?: MessageStore; limit?: number; resuming?: boolean } = {}) {
    this.#store = options.store;
    this.#limit = options.limit ?? (this.#store === undefined ? WITHOUT_STORE : WITH_STORE);
    this.#elsewhere = options.resuming ?? false;
  }

  get size(): number {
    return this.#size;
  }

  get(host: string, queueId: string): OpenMessage | undefined {
    const known = this.#of(host)?.byId.get(queueId);
    if (known !== undefined || !this.#elsewhere || this.#closed.has(buildKey(host, queueId)))
      return known;
    const stored = this.#store?.load(host, queueId);
    if (stored !== undefined) this.#insert(stored);
    return stored;
  }

  /** A new message, in place of an older one with the same ID. */
  put(message: OpenMessage): void {
    if (this.#store !== undefined) {
      this.#closed.delete(buildKey(message.host, message.queueId));
      this.#dirty.add(message);
    }
    this.#insert(message);
  }

  /** To be told after a message was heard of or has grown. */
  touch(message: OpenMessage, time: number): void {
    if (time > message.touched) message.touched = time;
    if (this.#store !== undefined) this.#dirty.add(message);
    this.#weigh(message);
  }

  close(message: OpenMessage): void {
    const { host, queueId } = message;
    const messages = this.#of(host);
    const known = messages?.byId.get(queueId);
    if (messages !== undefined && known !== undefined) this.#remove(messages, known);
    if (this.#store === undefined) return;
    this.#dirty.delete(message);
    this.#closed.set(buildKey(host, queueId), { host, queueId });
  }

  /** Drops what was not heard of since `before` (ms): the queue lifetime is long over. */
  expire(before: number): void {
    for (const { byId } of this.#hosts.values()) {
      for (const message of byId.values()) {
        if (message.touched < before) this.close(message);
      }
    }
  }

  /** What changed since the last call. */
  takeChanges(): MessageChanges {
    const changes = { changed: [...this.#dirty], closed: [...this.#closed.values()] };
    this.#dirty = new Set();
    this.#closed = new Map();
    if (this.#weight > this.#limit) this.#shrink();
    return changes;
  }

  #insert(message: OpenMessage): void {
    const messages = this.#of(message.host) ?? this.#addHost(message.host);
    const before = messages.byId.get(message.queueId);
    if (before !== undefined) this.#remove(messages, before);
    if (!this.#hosts.has(messages.host)) this.#hosts.set(messages.host, messages);
    messages.byId.set(message.queueId, message);
    this.#size++;
    message.weight = 0;
    this.#weigh(message);
  }

  #weigh(message: OpenMessage): void {
    if (message.weight === undefined) return; // pushed out meanwhile
    const weight = weigh(message);
    this.#weight += weight - message.weight;
    message.weight = weight;
    // Without a store there is no commit at which to shrink.
    if (this.#weight > this.#limit && this.#store === undefined) this.#shrink();
  }

  #remove(messages: HostMessages, message: OpenMessage): void {
    messages.byId.delete(message.queueId);
    this.#size--;
    this.#weight -= message.weight ?? 0;
    message.weight = undefined;
    // A log may make up any number of hosts, too.
    if (messages.byId.size === 0) this.#hosts.delete(messages.host);
  }

  /** Pushes the oldest out of memory; with a store only called when all changes are handed over. */
  #shrink(): void {
    const goal = this.#limit / 2;
    for (const messages of this.#hosts.values()) {
      for (const message of messages.byId.values()) {
        if (this.#weight <= goal) return;
        this.#remove(messages, message);
        this.#elsewhere = this.#store !== undefined;
      }
    }
  }

  #of(host: string): HostMessages | undefined {
    if (host === this.#last.host) return this.#last;
    const messages = this.#hosts.get(host);
    if (messages !== undefined) this.#last = messages;
    return messages;
  }

  #addHost(host: string): HostMessages {
    const messages = { host, byId: new Map<string, OpenMessage>() };
    this.#last = messages;
    return messages;
  }
}

function buildKey(host: string, queueId: string): string {
  return `${host} ${queueId}`;
}
