/**
 * Asks blocklists about this server, again and again, while the configuration has `listings`. A list is asked about an
 * address once in the interval, also across restarts. What has changed is stored together with the notice about it.
 */
import { PosternError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, MINUTE } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import { readDqsKey } from '../config/listings.ts';
import type { ListingsConfig } from '../config/load.ts';
import type { ListingChange, ListingResult } from '../model/listing.ts';
import { isWorthNotice } from '../notify/listing.ts';
import { ListingProbe, type Pair, pairUp } from '../probe/listings.ts';
import { type Blocklist, findList, isDead, shippedLists } from '../probe/lists.ts';
import { Questions } from '../probe/resolver.ts';
import type { Store } from '../store/store.ts';
import { findOwnAddresses, type SendsAs } from './own-addresses.ts';
import { Committer } from './retry.ts';

interface ListingWatchOptions {
  readonly store: Store;
  readonly config: ListingsConfig;
  /** what the mail server is told to send as */
  readonly sendsAs?: SendsAs | undefined;
  /** whether notices are sent */
  readonly notifies: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** ends the watch */
  readonly signal: AbortSignal;
  /** called when there is a notice to send */
  readonly onNotice: () => void;
}

/** Up to this is added to the interval, ms: questions of many servers must not come in the same second. */
const JITTER = 10 * MINUTE;
/** A listing that was not asked for in this many intervals is not watched any more. */
const UNWATCHED = 3;

const NOTHING_KNOWN = 'no public address of this server was found; name it: listings.addresses';

/** The lists that a configuration means: those that it names, or all that work. */
export function chooseLists(names: readonly string[] | undefined): Blocklist[] {
  if (names === undefined) return shippedLists().filter((one) => !isDead(one));
  return [...new Set(names.flatMap((name) => findList(name) ?? []))];
}

export class ListingWatch {
  readonly #options: ListingWatchOptions;
  readonly #probe = new ListingProbe();
  readonly #committer: Committer;

  constructor(options: ListingWatchOptions) {
    this.#options = options;
    this.#committer = new Committer(options);
  }

  /** Runs until aborted. */
  async run(): Promise<void> {
    const { config, signal } = this.#options;
    while (!signal.aborted) {
      await this.askDue();
      await waitOrAbort(config.interval + Math.random() * JITTER, signal);
    }
  }

  /** Asks what is due now, and stores the answers. */
  async askDue(): Promise<void> {
    const { config, clock, signal } = this.#options;
    const watched = this.#listWatched();
    if (watched.length === 0) await this.#noteUnanswered(NOTHING_KNOWN);
    const due = watched.filter((pair) => this.#isDue(pair));
    if (due.length === 0) return;
    const now = clock.now();
    const questions = new Questions({ server: config.resolver, signal });
    const results = await this.#probe.ask(due, questions, { now, dqsKey: this.#readKey() });
    questions.close();
    if (signal.aborted) return;
    await this.#store(results, now);
  }

  #listWatched(): Pair[] {
    const { store, config, sendsAs = { addresses: [], names: [] }, clock } = this.#options;
    const own = findOwnAddresses({ config, sendsAs, store, now: clock.now() });
    const subjects = own.map(({ subject }) => subject);
    return pairUp(subjects, chooseLists(config.lists));
  }

  /** A clock that was set back makes everything due. */
  #isDue({ subject, list }: Pair): boolean {
    const { store, config, clock } = this.#options;
    const asked = store.listings.lastAsked(subject, list.name);
    const now = clock.now();
    return asked === undefined || asked > now || now - asked >= config.interval;
  }

  async #noteUnanswered(reason: string): Promise<void> {
    const { store, log } = this.#options;
    log.warn({ reason }, 'no blocklist gave an answer');
    await this.#committer.commit(() => store.state.write('listings unanswered', reason));
  }

  /** Without its key the public zone is asked: a wrong file must not stop what blocks stolen accounts. */
  #readKey(): string | undefined {
    try {
      return readDqsKey(this.#options.config);
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      this.#options.log.warn({ error: error.message }, 'blocklists are asked without the key');
      return undefined;
    }
  }

  async #store(results: readonly ListingResult[], now: number): Promise<void> {
    const { store, config, log, notifies, onNotice } = this.#options;
    const unanswered = findUnanswered(results);
    const changes = await this.#committer.commit(() => {
      const found = store.listings.record(results, now);
      store.listings.endUnasked(now - UNWATCHED * config.interval, now);
      store.state.write('listings unanswered', unanswered ?? null);
      for (const change of found.filter(isWorthNotice))
        store.occurrences.add('listing', change, now);
      if (notifies) {
        for (const change of found.filter(isWorthNotice)) store.outbox.tell('listing', change, now);
      }
      return found;
    });
    for (const change of changes ?? []) logChange(log, change);
    if (changes?.some(isWorthNotice)) onNotice();
    if (unanswered !== undefined) log.warn({ reason: unanswered }, 'no blocklist gave an answer');
  }
}

/** Why no list said anything about us; undefined if one did. */
function findUnanswered(results: readonly ListingResult[]): string | undefined {
  const isAnswer = ({ state }: ListingResult) => state === 'listed' || state === 'clear';
  return results.some(isAnswer) ? undefined : results[0]?.meaning;
}

function logChange(log: Log, { address, list, state, codes, meaning }: ListingChange): void {
  if (state === 'listed') log.warn({ address, list, codes, meaning }, 'listed by a blocklist');
  else log.info({ address, list }, 'no longer listed by a blocklist');
}
