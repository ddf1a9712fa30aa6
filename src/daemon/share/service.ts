/**
 * Counting together with other servers: one loop sends what waits in the outbox, one follows what the others block and
 * release, one looks now and then who is there and whether anything was missed. Whatever happens to the engine, this
 * server goes on alone: nothing waits for these loops. Between an event here and the block on another server, nothing
 * waits for a time to pass.
 */
import { dropUndefined } from '../../base/defined.ts';
import { getMessage } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from '../../base/time.ts';
import { waitForAll } from '../../base/wait.ts';
import { WakeUp } from '../../base/wake-up.ts';
import { findJoint } from '../../judge/joint.ts';
import type { Rule } from '../../judge/rule.ts';
import { LATENESS, type Row, type SharedRule } from '../../share/batch.ts';
import {
  type HostState,
  type KeyState,
  readAllKeys,
  readHostStates,
  readHosts,
  readKeys,
} from '../../share/blocks.ts';
import { Engine, EngineError, type EngineOptions, type Taken } from '../../share/engine.ts';
import { MOST_HOSTS } from '../../share/read-script.ts';
import { interrupt, KeyStream } from '../../share/stream.ts';
import type { ShareHealth, ShareHost } from '../../store/saved-state.ts';
import type { Store } from '../../store/store.ts';
import { repeat } from '../retry.ts';
import { takeChanges } from './outgoing.ts';
import { digestRules } from './rules.ts';

const BATCH = 200;
const HEARTBEAT = 2 * SECOND;
/** How often to look for new servers. */
const LOOK = SECOND;
/** With many servers less often, so that it stays the same work for the engine: ms for each. */
const LOOK_EACH = 30;
const RECONCILE_EACH = 300;
const LONGEST_PAUSE = 5 * SECOND;
/** Everything is read again this often, in case something was missed. */
const RECONCILE = 30 * SECOND;
/** How long a release is remembered in the engine. */
const RELEASES_KEPT = 30 * DAY;
/** A server that has sent nothing for so long is away. */
const AWAY = MINUTE;

interface ShareServiceOptions {
  readonly store: Store;
  readonly engine: EngineOptions;
  readonly rules: readonly Rule[];
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly signal: AbortSignal;
  /** makes what other servers say true here. `ahead`: how far this clock is ahead of the engine's, ms */
  readonly apply: (states: readonly KeyState[], ahead: number) => Promise<unknown>;
}

export class ShareService {
  readonly #options: ShareServiceOptions;
  readonly #sender: Engine;
  readonly #reader: Engine;
  readonly #stream: KeyStream;
  readonly #rules: ReadonlyMap<string, SharedRule>;
  readonly #digest: string;
  readonly #sendSoon = new WakeUp();
  readonly #followSoon = new WakeUp();
  readonly #lookSoon = new WakeUp();
  #failure: { text: string; since: number } | undefined;
  #pause = 0;
  #ahead = 0;
  #isAheadKnown = false;
  #lost = 0;
  #clamped = 0;
  #resent = 0;
  #refused = 0;
  /** hosts that wrote times in the future */
  readonly #future = new Set<string>();
  /** names of all hosts */
  #known: ReadonlySet<string>;
  #hosts: readonly HostState[] = [];
  #sentAt = 0;
  #prunedAt = 0;
  #tidiedAt = 0;
  #reconciledAt = 0;

  constructor(options: ShareServiceOptions) {
    this.#options = options;
    this.#sender = new Engine(options.engine);
    this.#reader = new Engine(options.engine);
    this.#stream = new KeyStream(this.#reader);
    this.#rules = buildSharedRules(options.rules);
    this.#digest = digestRules(options.rules);
    this.#known = new Set([options.engine.host]);
  }

  /** There may be something to send. */
  wake(): void {
    this.#sendSoon.wake();
  }

  /** How far this clock is ahead of the engine's, ms; undefined while it is not known. */
  get ahead(): number | undefined {
    return this.#isAheadKnown ? this.#ahead : undefined;
  }

  /** Ends when the signal is aborted. */
  async run(): Promise<void> {
    const { signal, store, log } = this.#options;
    const close = () => {
      this.#sender.close();
      this.#reader.close();
    };
    signal.addEventListener('abort', close);
    const ending = new AbortController();
    const until = AbortSignal.any([signal, ending.signal]);
    const context = { store, log, signal: until };
    const trouble = 'the database cannot be used for what other servers share, will try again';
    await waitForAll(ending, [
      repeat(context, this.#sendSoon, trouble, () => this.#attempt(() => this.#send())),
      repeat(context, this.#followSoon, trouble, () => this.#attempt(() => this.#follow())),
      repeat(context, this.#lookSoon, trouble, () => this.#attempt(() => this.#look())),
    ]);
    close();
    signal.removeEventListener('abort', close);
  }

  health(): ShareHealth {
    const { store, engine } = this.#options;
    return dropUndefined({
      failure: this.#failure?.text,
      since: this.#failure?.since,
      waiting: store.share.waiting(),
      lost: this.#lost,
      ahead: this.#isAheadKnown ? roundTime(this.#ahead) : undefined,
      clamped: this.#clamped,
      resent: this.#resent,
      refused: this.#refused,
      hosts: this.#hosts
        .filter(({ host }) => host !== engine.host)
        .map((state) => this.#describeHost(state)),
    });
  }

  #describeHost({ host, seen, about }: HostState): ShareHost {
    const { ahead, waiting, version, rules } = about;
    return dropUndefined({
      host,
      present: this.#engineNow() - seen < AWAY,
      ahead: typeof ahead === 'number' ? ahead : undefined,
      waiting: typeof waiting === 'number' ? waiting : undefined,
      version: typeof version === 'string' ? version.slice(0, 40) : undefined,
      sameRules: rules === this.#digest,
      future: this.#future.has(host) ? (true as const) : undefined,
    });
  }

  /** Returns how long to wait, ms. Where the engine cannot be used, a little longer each time. */
  async #attempt(work: () => Promise<number>): Promise<number> {
    try {
      const wait = await work();
      this.#noteSuccess();
      return wait;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (!this.#options.signal.aborted) this.#noteFailure(getMessage(error));
      this.#reconciledAt = 0;
      this.#stream.restart();
      this.#pause = Math.min(LONGEST_PAUSE, Math.max(SECOND / 4, 2 * this.#pause));
      return this.#pause;
    }
  }

  #noteSuccess(): void {
    this.#pause = 0;
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.log.info({}, 'the engine of the shared counts is back');
  }

  #noteFailure(text: string): void {
    const { log, clock } = this.#options;
    if (this.#failure === undefined) {
      log.warn(
        { error: text },
        'the engine of the shared counts is away; this server goes on alone',
      );
    }
    this.#failure = { text, since: this.#failure?.since ?? clock.now() };
  }

  async #send(): Promise<number> {
    const { store, clock } = this.#options;
    const now = clock.now();
    // The first batch is empty: how far the clocks are apart has to be known first.
    const stored = this.#isAheadKnown ? this.#takeStored(now) : [];
    if (stored.length === 0 && now - this.#sentAt < HEARTBEAT) return SECOND;
    const expected = store.share.sent;
    const upto = stored.at(-1)?.id ?? expected;
    const rows = stored.map(({ value }) => value as Row);
    if (now - this.#tidiedAt > HOUR) rows.push({ kind: 'tidy', before: now - RELEASES_KEPT });
    const about = this.#describeSelf();
    const taken = await this.#sender.send(rows, this.#rules, { expected, upto, about });
    this.#sentAt = clock.now();
    const isFirst = !this.#isAheadKnown;
    this.#noteClock(taken, now);
    if (taken.isBehind) {
      this.#sendAgain();
      return 0;
    }
    if (rows.length > stored.length) this.#tidiedAt = now;
    this.#clamped += taken.clamped;
    this.#refused += taken.refused;
    store.share.noteSent(upto);
    if (isFirst) this.#begin();
    return isFirst || stored.length === BATCH ? 0 : SECOND;
  }

  /** Changes of blocks that were not written with a batch of the log are those that an operator has made. */
  #takeStored(now: number) {
    const { store } = this.#options;
    if (store.blocks.unshared().length > 0)
      store.commit(() => store.share.add(takeChanges(store, this.#ahead), now));
    return store.share.next(BATCH);
  }

  /** The clocks are compared: what the others have can be read. */
  #begin(): void {
    this.#followSoon.wake();
    this.#lookSoon.wake();
  }

  #describeSelf(): object {
    const { version, store } = this.#options;
    return {
      version,
      rules: this.#digest,
      ahead: roundTime(this.#ahead),
      waiting: store.share.waiting(),
    };
  }

  /** The middle of the call is when the engine looked at its clock. */
  #noteClock({ now: engineNow }: Taken, began: number): void {
    const ended = this.#options.clock.now();
    const ahead = (began + ended) / 2 - engineNow;
    // What is within the call's own time is no difference.
    this.#ahead = Math.abs(ahead) <= Math.max(20, ended - began) ? 0 : Math.round(ahead);
    this.#isAheadKnown = true;
  }

  /** The engine was emptied, or is an older copy: it gets everything that still counts, and the blocks. */
  #sendAgain(): void {
    const { store, log } = this.#options;
    this.#resent++;
    log.warn({}, 'the engine has lost what it had; sending it again');
    store.commit(() => {
      store.share.noteSent(0);
      store.share.save();
      store.blocks.shareAgain();
    });
    this.#reconciledAt = 0;
  }

  #prune(now: number): void {
    if (now - this.#prunedAt < MINUTE) return;
    this.#prunedAt = now;
    const periods = [...this.#rules.values()].flatMap(({ limits }) => limits.map(([, one]) => one));
    const { store } = this.#options;
    this.#lost += store.commit(() => store.share.prune(now - Math.max(DAY, ...periods) - LATENESS));
  }

  async #follow(): Promise<number> {
    if (!this.#isAheadKnown) return SECOND;
    // What was there before this server looked at the stream is read by the other loop.
    const known = this.#known;
    if (await this.#stream.follow([...known])) this.#reconcileSoon();
    // The other loop may have found a server meanwhile; what it wrote to interrupt the call came before the call.
    if (this.#known !== known) return 0;
    const changes = await this.#stream.next();
    // Only of those who changed something: with many servers, that of all would be too much to ask. What somebody else
    // has released earlier was told earlier.
    if (changes.keys.length > 0)
      await this.#apply(
        await readKeys(this.#reader, changes.hosts, changes.keys, this.#engineNow()),
      );
    return 0;
  }

  async #apply(states: readonly KeyState[]): Promise<void> {
    for (const host of states.flatMap(({ future }) => future)) this.#future.add(host);
    await this.#options.apply(states, this.#ahead);
  }

  #engineNow(): number {
    return this.#options.clock.now() - this.#ahead;
  }

  /** Uses the connection that sends: on the other one, a call waits until something happens. */
  async #look(): Promise<number> {
    const { clock, engine } = this.#options;
    this.#prune(clock.now()); // also while the engine is away
    if (!this.#isAheadKnown) return SECOND;
    // A host that was once there stays: an engine that was emptied learns of it again only with its next batch.
    // Those that were seen first stay, however many names somebody makes up.
    const all = [...new Set([...this.#known, ...(await readHosts(this.#sender))])];
    const hosts = all.slice(0, MOST_HOSTS);
    if (hosts.length > this.#known.size) {
      this.#known = new Set(hosts);
      await interrupt(this.#sender, engine.host); // so that the new one is followed at once
    }
    this.#hosts = await readHostStates(this.#sender, hosts);
    const now = clock.now();
    if (now - this.#reconciledAt > Math.max(RECONCILE, hosts.length * RECONCILE_EACH)) {
      this.#reconciledAt = now;
      await this.#apply(await readAllKeys(this.#sender, hosts, this.#engineNow()));
    }
    return Math.max(LOOK, hosts.length * LOOK_EACH);
  }

  #reconcileSoon(): void {
    this.#reconciledAt = 0;
    this.#lookSoon.wake();
  }
}

function buildSharedRules(rules: readonly Rule[]): ReadonlyMap<string, SharedRule> {
  const shared = rules.filter((rule) => findJoint(rule).types !== undefined);
  return new Map(
    shared.map(({ name, distinct, limits }) => [
      name,
      {
        name,
        distinct: distinct !== undefined,
        limits: limits.map(({ limit, period }) => [limit, period] as const),
      },
    ]),
  );
}

/** To a tenth of a second: what `status` shows must not change all the time. */
function roundTime(ms: number): number {
  return Math.round(ms / 100) * 100;
}
