/**
 * Counting together with other servers: one loop sends what waits in the outbox, one follows what the others block and
 * release, one looks now and then who is there and whether anything was missed. Whatever happens to the engine, this
 * server goes on alone: nothing waits for these loops. Between an event here and the block on another server, nothing
 * waits for a time to pass.
 */
import { dropUndefined } from '../../base/defined.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../../base/time.ts';
import { waitForAll } from '../../base/wait.ts';
import { WakeUp } from '../../base/wake-up.ts';
import type { Rule } from '../../judge/rule.ts';
import {
  type HostState,
  type KeyState,
  readAllKeys,
  readHostStates,
  readHosts,
  readKeys,
} from '../../share/blocks.ts';
import { Engine, type EngineOptions } from '../../share/engine.ts';
import { MOST_HOSTS } from '../../share/read-script.ts';
import { interrupt, KeyStream } from '../../share/stream.ts';
import type { ShareHealth, ShareHost } from '../../store/saved-state.ts';
import type { Store } from '../../store/store.ts';
import { repeat } from '../retry.ts';
import { Contact } from './contact.ts';
import { EngineClock } from './engine-clock.ts';
import { digestRules } from './rules.ts';
import { Sender } from './sender.ts';

/** How often to look for new servers. */
const LOOK = SECOND;
/** With many servers less often, so that it stays the same work for the engine: ms for each. */
const LOOK_EACH = 30;
const RECONCILE_EACH = 300;
/** Everything is read again this often, in case something was missed. */
const RECONCILE = 30 * SECOND;
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
  readonly #engine: Engine;
  readonly #reader: Engine;
  readonly #stream: KeyStream;
  readonly #clock: EngineClock;
  readonly #contact: Contact;
  readonly #sender: Sender;
  readonly #digest: string;
  readonly #sendSoon = new WakeUp();
  readonly #followSoon = new WakeUp();
  readonly #lookSoon = new WakeUp();
  /** hosts that wrote times in the future */
  readonly #future = new Set<string>();
  /** names of all hosts */
  #known: ReadonlySet<string>;
  #hosts: readonly HostState[] = [];
  #reconciledAt = 0;

  constructor(options: ShareServiceOptions) {
    this.#options = options;
    this.#engine = new Engine(options.engine);
    this.#reader = new Engine(options.engine);
    this.#stream = new KeyStream(this.#reader);
    this.#clock = new EngineClock(options.clock);
    this.#digest = digestRules(options.rules);
    this.#known = new Set([options.engine.host]);
    this.#contact = new Contact({ ...options, onFailure: () => this.#followAnew() });
    this.#sender = new Sender({
      ...options,
      engine: this.#engine,
      engineClock: this.#clock,
      digest: this.#digest,
      onCompared: () => this.#begin(),
      onResent: () => this.#forgetReconciled(),
    });
  }

  /** There may be something to send. */
  wake(): void {
    this.#sendSoon.wake();
  }

  /** How far this clock is ahead of the engine's, ms; undefined while it is not known. */
  get ahead(): number | undefined {
    return this.#clock.isKnown ? this.#clock.ahead : undefined;
  }

  /** Ends when the signal is aborted. */
  async run(): Promise<void> {
    const { signal, store, log } = this.#options;
    const close = () => {
      this.#engine.close();
      this.#reader.close();
    };
    signal.addEventListener('abort', close);
    const ending = new AbortController();
    const until = AbortSignal.any([signal, ending.signal]);
    const context = { store, log, signal: until };
    const trouble = 'the database cannot be used for what other servers share, will try again';
    const loop = (soon: WakeUp, work: () => Promise<number>) =>
      repeat(context, soon, trouble, () => this.#contact.attempt(work));
    await waitForAll(ending, [
      loop(this.#sendSoon, () => this.#sender.send()),
      loop(this.#followSoon, () => this.#follow()),
      loop(this.#lookSoon, () => this.#look()),
    ]);
    close();
    signal.removeEventListener('abort', close);
  }

  health(): ShareHealth {
    const { store, engine } = this.#options;
    const { lost, clamped, resent, refused } = this.#sender.figures;
    return dropUndefined({
      failure: this.#contact.failure?.text,
      since: this.#contact.failure?.since,
      waiting: store.share.waiting(),
      lost,
      ahead: this.#clock.isKnown ? this.#clock.roundedAhead : undefined,
      clamped,
      resent,
      refused,
      hosts: this.#hosts
        .filter(({ host }) => host !== engine.host)
        .map((state) => this.#describeHost(state)),
    });
  }

  #describeHost({ host, seen, about }: HostState): ShareHost {
    const { ahead, waiting, version, rules } = about;
    return dropUndefined({
      host,
      present: this.#clock.now() - seen < AWAY,
      ahead: typeof ahead === 'number' ? ahead : undefined,
      waiting: typeof waiting === 'number' ? waiting : undefined,
      version: typeof version === 'string' ? version.slice(0, 40) : undefined,
      sameRules: rules === this.#digest,
      future: this.#future.has(host) ? (true as const) : undefined,
    });
  }

  /** The clocks are compared: what the others have can be read. */
  #begin(): void {
    this.#followSoon.wake();
    this.#lookSoon.wake();
  }

  /** Something may have been missed. */
  #followAnew(): void {
    this.#forgetReconciled();
    this.#stream.restart();
  }

  /** Everything is read again when the loop looks next. */
  #forgetReconciled(): void {
    this.#reconciledAt = 0;
  }

  async #follow(): Promise<number> {
    if (!this.#clock.isKnown) return SECOND;
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
        await readKeys(this.#reader, changes.hosts, changes.keys, this.#clock.now()),
      );
    return 0;
  }

  async #apply(states: readonly KeyState[]): Promise<void> {
    for (const host of states.flatMap(({ future }) => future)) this.#future.add(host);
    await this.#options.apply(states, this.#clock.ahead);
  }

  /** Uses the connection that sends: on the other one, a call waits until something happens. */
  async #look(): Promise<number> {
    const { clock, engine } = this.#options;
    this.#sender.prune(clock.now()); // also while the engine is away
    if (!this.#clock.isKnown) return SECOND;
    // A host that was once there stays: an engine that was emptied learns of it again only with its next batch.
    // Those that were seen first stay, however many names somebody makes up.
    const all = [...new Set([...this.#known, ...(await readHosts(this.#engine))])];
    const hosts = all.slice(0, MOST_HOSTS);
    if (hosts.length > this.#known.size) {
      this.#known = new Set(hosts);
      await interrupt(this.#engine, engine.host); // so that the new one is followed at once
    }
    this.#hosts = await readHostStates(this.#engine, hosts);
    const now = clock.now();
    if (now - this.#reconciledAt > Math.max(RECONCILE, hosts.length * RECONCILE_EACH)) {
      this.#reconciledAt = now;
      await this.#apply(await readAllKeys(this.#engine, hosts, this.#clock.now()));
    }
    return Math.max(LOOK, hosts.length * LOOK_EACH);
  }

  #reconcileSoon(): void {
    this.#forgetReconciled();
    this.#lookSoon.wake();
  }
}
