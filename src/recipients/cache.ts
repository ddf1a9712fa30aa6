/**
 * What is known of recipients: a bounded memory in front of a database. It keeps when an answer came, not when it
 * expires, so that longer lifetimes make old answers count again.
 */
import type { Log } from '../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../base/time.ts';
import type { CacheOptions } from './options.ts';

/** An answer of a back end; `time` in ms, to the second. */
export interface KnownAnswer {
  readonly isValid: boolean;
  readonly time: number;
}

export interface NamedAnswer extends KnownAnswer {
  readonly address: string;
}

/** Where answers are kept over restarts. Nothing here throws: a cache that is lost costs callouts, and no mail. */
export interface AnswerStore {
  read(address: string): KnownAnswer | undefined;
  /** Replaces what is known of these addresses; returns why that failed. */
  write(answers: readonly NamedAnswer[]): string | undefined;
  /** changes when another process has changed something */
  version(): number;
}

/** How long answers wait to be written together, ms. A process that is killed loses them. */
const GATHER = SECOND;
const MOST_UNWRITTEN = 500;
/** How often to look whether another process has changed the database, ms. */
const LOOK = SECOND;

/** How an answer can be used. */
export type Freshness = 'fresh' | 'refresh' | 'expired';

/** The share of its lifetime after which an answer is asked for again while it still serves. */
const REFRESH_AT = 0.8;

export class AnswerCache {
  #options: CacheOptions;
  readonly #store: AnswerStore;
  readonly #clock: Clock;
  readonly #log: Log;
  /**
   * Seconds since the epoch, negative for "invalid": a small integer takes no memory of its own. Two generations: when the
   * young one is full it becomes the old one, and what was not used since is forgotten.
   */
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #unwritten: NamedAnswer[] = [];
  #timer: NodeJS.Timeout | undefined;
  #version: number;
  #looked: number;
  #complained = Number.NEGATIVE_INFINITY;
  #failure: string | undefined;
  #isClosed = false;

  constructor(
    options: CacheOptions,
    store: AnswerStore,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#version = store.version();
    this.#looked = clock.now();
  }

  /** Takes over other lifetimes and limits; what is known stays. */
  configure(options: CacheOptions): void {
    this.#options = options;
  }

  /** Why answers cannot be written now. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** What is known of the address, and whether it still counts. */
  find(address: string): (KnownAnswer & { readonly freshness: Freshness }) | undefined {
    if (this.#isClosed) return undefined;
    const now = this.#clock.now();
    this.#lookForChanges(now);
    const known = this.#recall(address);
    if (known === undefined) return undefined;
    const { isValid, time } = known;
    return { isValid, time, freshness: this.#rate(known, now) };
  }

  /** Keeps an answer that came now. */
  put(address: string, isValid: boolean): void {
    if (this.#isClosed) return;
    const seconds = Math.floor(this.#clock.now() / SECOND);
    this.#remember(address, isValid ? seconds : -seconds);
    this.#unwritten.push({ address, isValid, time: seconds * SECOND });
    if (this.#unwritten.length >= MOST_UNWRITTEN) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER).unref();
  }

  /** Writes what was not written yet. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unwritten.length === 0) return;
    // A database that cannot be written must not make this list grow: memory still has the answers.
    const failure = this.#store.write(this.#unwritten.splice(0));
    this.#failure = failure;
    const now = this.#clock.now();
    if (failure === undefined || now - this.#complained < MINUTE) return;
    this.#complained = now;
    this.#log.warn({ failure }, 'answers cannot be kept for the next start');
  }

  /** Writes what is left. Answers that come later are for nobody: the database may be closed. */
  close(): void {
    this.flush();
    this.#isClosed = true;
  }

  /** addresses in memory */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  #rate({ isValid, time }: KnownAnswer, now: number): Freshness {
    const age = now - time;
    const lifetime = isValid ? this.#options.valid : this.#options.invalid;
    if (age >= lifetime) return 'expired';
    return age >= lifetime * REFRESH_AT ? 'refresh' : 'fresh';
  }

  #recall(address: string): KnownAnswer | undefined {
    const young = this.#young.get(address);
    if (young !== undefined) return unpack(young);
    const old = this.#old.get(address);
    if (old !== undefined) {
      this.#remember(address, old);
      return unpack(old);
    }
    const stored = this.#store.read(address);
    if (stored === undefined) return undefined;
    const seconds = Math.floor(stored.time / SECOND);
    this.#remember(address, stored.isValid ? seconds : -seconds);
    return stored;
  }

  #remember(address: string, packed: number): void {
    if (this.#young.size >= this.#options.mostInMemory / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#old.delete(address);
    this.#young.set(flatten(address), packed);
  }

  /** `postern recipients forget` and `import` write to the same database. */
  #lookForChanges(now: number): void {
    if (now - this.#looked < LOOK && now >= this.#looked) return;
    this.#looked = now;
    const version = this.#store.version();
    if (version === this.#version) return;
    this.#version = version;
    this.#young.clear();
    this.#old.clear();
  }
}

/**
 * The same text in a piece of its own. An address that was put together from parts of a packet is, for V8, a tree that
 * keeps all of the packet alive.
 */
function flatten(address: string): string {
  return Buffer.from(address, 'latin1').toString('latin1');
}

function unpack(packed: number): KnownAnswer {
  return { isValid: packed > 0, time: Math.abs(packed) * SECOND };
}
