/**
 * The open messages of all hosts, bounded in memory, and what changed since the last commit.
 * With a `MessageStore`, messages that do not fit in memory are found there again. Without one (offline commands) the
 * oldest are forgotten. The limit is in bytes, not in messages, because a log may invent any number of queue IDs, and
 * addresses of any length.
 */
import { RenewedMap } from '../base/renewed-map.ts';
import { type OpenMessage, weigh } from './message.ts';

/** Where open messages survive: SQLite in the daemon. Offline commands have none. */
export interface MessageStore {
  load(host: string, queueId: string): OpenMessage | undefined;
  /** messages with a line in the last `age` ms before the newest line of all: the newest `most`, oldest first */
  recent(age: number, most: number): Iterable<NamedMessage>;
}

/** What is needed to find the first part of a message that comes back from a content filter. */
export type NamedMessage = Pick<
  OpenMessage,
  'host' | 'queueId' | 'messageId' | 'born' | 'parentQueueId'
>;

/** What the next commit must write. */
export interface MessageChanges {
  readonly changed: readonly OpenMessage[];
  readonly closed: readonly { readonly host: string; readonly queueId: string }[];
}

/** Bytes of messages in memory: some 15,000 messages with a store, where any other message costs one look-up. */
const WITH_STORE = 15_000_000;
const WITHOUT_STORE = 60_000_000;

interface HostMessages {
  /** one string for all messages of the host */
  readonly host: string;
  readonly byId: RenewedMap<string, OpenMessage>;
}

export class OpenMessages {
  readonly #hosts = new Map<string, HostMessages>();
  readonly #store: MessageStore | undefined;
  readonly #limit: number;
  #size = 0;
  #weight = 0;
  #last: HostMessages = { host: '', byId: new RenewedMap() };
  /** Messages that changed; true: the store cannot hold an earlier state of it. */
  #dirty = new Map<OpenMessage, boolean>();
  #closed = new Map<string, { host: string; queueId: string }>();
  /** the store may hold messages that are not in memory */
  #hasStored: boolean;

  /** `limit`: bytes of messages in memory, about. `resuming`: the store already holds messages. */
  constructor(options: { store?: MessageStore; limit?: number; resuming?: boolean } = {}) {
    this.#store = options.store;
    this.#limit = options.limit ?? (this.#store === undefined ? WITHOUT_STORE : WITH_STORE);
    this.#hasStored = options.resuming ?? false;
  }

  get size(): number {
    return this.#size;
  }

  get(host: string, queueId: string): OpenMessage | undefined {
    const known = this.#findHost(host)?.byId.get(queueId);
    if (known !== undefined || !this.#hasStored || this.#closed.has(buildKey(host, queueId)))
      return known;
    const stored = this.#store?.load(host, queueId);
    if (stored !== undefined) this.#insert(stored);
    return stored;
  }

  /** Adds a message, in place of an older one with the same ID. */
  put(message: OpenMessage): void {
    if (this.#store !== undefined) {
      const before = this.#findHost(message.host)?.byId.get(message.queueId);
      const wasNew = before === undefined ? !this.#hasStored : this.#dirty.get(before) === true;
      if (before !== undefined) this.#dirty.delete(before);
      const wasClosed = this.#closed.delete(buildKey(message.host, message.queueId));
      this.#dirty.set(message, wasNew && !wasClosed);
    }
    this.#insert(message);
  }

  /** Call it after a new line about the message, or after the message has grown. `time` is in ms. */
  touch(message: OpenMessage, time: number): void {
    if (time > message.touched) message.touched = time;
    if (this.#store !== undefined && !this.#dirty.has(message)) this.#dirty.set(message, false);
    this.#weigh(message);
  }

  /** Forgets the message: it left the queue. */
  close(message: OpenMessage): void {
    const { host, queueId } = message;
    const messages = this.#findHost(host);
    const known = messages?.byId.get(queueId);
    if (messages !== undefined && known !== undefined) this.#remove(messages, known);
    if (this.#store === undefined) return;
    const isNew = known === message && this.#dirty.get(message) === true;
    this.#dirty.delete(message);
    // Most messages come and go between two commits.
    if (!isNew) this.#closed.set(buildKey(host, queueId), { host, queueId });
  }

  /** Closes messages without a line since `before` (ms): their queue lifetime is long over. */
  expire(before: number): void {
    for (const { byId } of this.#hosts.values()) {
      for (const message of byId.values()) {
        if (message.touched < before) this.close(message);
      }
    }
  }

  /** What changed since the last call. */
  takeChanges(): MessageChanges {
    const changes = { changed: [...this.#dirty.keys()], closed: [...this.#closed.values()] };
    this.#dirty = new Map();
    this.#closed = new Map();
    if (this.#weight > this.#limit) this.#shrink();
    return changes;
  }

  #insert(message: OpenMessage): void {
    const messages = this.#findHost(message.host) ?? this.#addHost(message.host);
    const before = messages.byId.get(message.queueId);
    if (before !== undefined) this.#remove(messages, before);
    if (messages.byId.size === 0) this.#hosts.set(messages.host, messages);
    messages.byId.set(message.queueId, message);
    this.#size++;
    message.weight = 0;
    this.#weigh(message);
  }

  #weigh(message: OpenMessage): void {
    if (message.weight === undefined) return; // not in memory any more
    const weight = weigh(message);
    this.#weight += weight - message.weight;
    message.weight = weight;
    // With a store, `takeChanges` shrinks.
    if (this.#weight > this.#limit && this.#store === undefined) this.#shrink();
  }

  #remove(messages: HostMessages, message: OpenMessage): void {
    messages.byId.delete(message.queueId);
    this.#size--;
    this.#weight -= message.weight ?? 0;
    message.weight = undefined;
    // A log may invent any number of hosts, too.
    if (messages.byId.size === 0) this.#hosts.delete(messages.host);
  }

  /** Removes the oldest from memory. With a store, only when all changes have been handed over. */
  #shrink(): void {
    const goal = this.#limit / 2;
    for (const messages of this.#hosts.values()) {
      for (const message of messages.byId.values()) {
        if (this.#weight <= goal) return;
        this.#remove(messages, message);
        this.#hasStored = this.#store !== undefined;
      }
    }
  }

  #findHost(host: string): HostMessages | undefined {
    if (host === this.#last.host) return this.#last;
    const messages = this.#hosts.get(host);
    if (messages !== undefined) this.#last = messages;
    return messages;
  }

  #addHost(host: string): HostMessages {
    const messages = { host, byId: new RenewedMap<string, OpenMessage>() };
    this.#last = messages;
    return messages;
  }
}

function buildKey(host: string, queueId: string): string {
  return `${host} ${queueId}`;
}
