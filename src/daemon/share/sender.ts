/** Sends what this server counted, blocked and released, in batches, and all of it again to an engine that has lost it. */
import type { Log } from '../../base/log.ts';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from '../../base/time.ts';
import { findJoint } from '../../judge/joint.ts';
import type { Rule } from '../../judge/rule.ts';
import { LATENESS, type Row, type SharedRule } from '../../share/batch.ts';
import type { Engine } from '../../share/engine.ts';
import type { Store } from '../../store/store.ts';
import type { EngineClock } from './engine-clock.ts';
import { takeChanges } from './outgoing.ts';

const BATCH = 200;
const HEARTBEAT = 2 * SECOND;
/** How long a release is remembered in the engine. */
const RELEASES_KEPT = 30 * DAY;

interface SenderOptions {
  readonly store: Store;
  readonly engine: Engine;
  readonly engineClock: EngineClock;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly rules: readonly Rule[];
  /** of these rules: servers whose rules differ say so */
  readonly digest: string;
  /** the clocks are compared: what the others have can be read */
  readonly onCompared: () => void;
  /** everything is sent again, and has to be read again */
  readonly onResent: () => void;
}

/** What became of rows, for `status`. */
interface SenderFigures {
  /** rows that waited for too long */
  readonly lost: number;
  /** times in the future that the engine has taken for now */
  readonly clamped: number;
  /** how often everything was sent again */
  readonly resent: number;
  readonly refused: number;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #rules: ReadonlyMap<string, SharedRule>;
  #lost = 0;
  #clamped = 0;
  #resent = 0;
  #refused = 0;
  #sentAt = 0;
  #prunedAt = 0;
  #tidiedAt = 0;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#rules = buildSharedRules(options.rules);
  }

  get figures(): SenderFigures {
    const [lost, clamped] = [this.#lost, this.#clamped];
    return { lost, clamped, resent: this.#resent, refused: this.#refused };
  }

  /** Sends a batch, empty if need be. Returns how long to wait until the next one, ms. */
  async send(): Promise<number> {
    const { store, clock, engineClock, engine } = this.#options;
    const now = clock.now();
    // The first batch is empty: how far the clocks are apart has to be known first.
    const stored = engineClock.isKnown ? this.#takeStored(now) : [];
    if (stored.length === 0 && now - this.#sentAt < HEARTBEAT) return SECOND;
    const expected = store.share.sent;
    const upto = stored.at(-1)?.id ?? expected;
    const rows = stored.map(({ value }) => value as Row);
    if (now - this.#tidiedAt > HOUR) rows.push({ kind: 'tidy', before: now - RELEASES_KEPT });
    const about = this.#describeSelf();
    const taken = await engine.send(rows, this.#rules, { expected, upto, about });
    this.#sentAt = clock.now();
    const isFirst = !engineClock.isKnown;
    engineClock.compare(taken.now, now);
    if (taken.isBehind) {
      this.#sendAgain();
      return 0;
    }
    if (rows.length > stored.length) this.#tidiedAt = now;
    this.#clamped += taken.clamped;
    this.#refused += taken.refused;
    store.share.noteSent(upto);
    if (isFirst) this.#options.onCompared();
    return isFirst || stored.length === BATCH ? 0 : SECOND;
  }

  /** Forgets, now and then, what waits and is too old to count. */
  prune(now: number): void {
    if (now - this.#prunedAt < MINUTE) return;
    this.#prunedAt = now;
    const periods = [...this.#rules.values()].flatMap(({ limits }) => limits.map(([, one]) => one));
    const { store } = this.#options;
    this.#lost += store.commit(() => store.share.prune(now - Math.max(DAY, ...periods) - LATENESS));
  }

  /** Changes of blocks that were not written with a batch of the log are those that an operator has made. */
  #takeStored(now: number) {
    const { store, engineClock } = this.#options;
    if (store.blocks.unshared().length > 0)
      store.commit(() => store.share.add(takeChanges(store, engineClock.ahead), now));
    return store.share.next(BATCH);
  }

  #describeSelf(): object {
    const { version, store, engineClock, digest } = this.#options;
    return {
      version,
      rules: digest,
      ahead: engineClock.roundedAhead,
      waiting: store.share.waiting(),
    };
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
    this.#options.onResent();
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
