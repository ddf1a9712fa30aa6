/**
 * What is known of one provider: which submitters mail to it, which of them were refused there lately, and how many
 * usually are. Everything is counted in distinct submitters, so that one that sends much mail weighs no more than one
 * that sends little. Time runs in steps of five minutes. The caller makes sure that they never run backwards.
 */
import { HOUR, MINUTE } from '../../base/time.ts';
import { ownCopy } from '../../model/line.ts';

/** ms of one step */
export const STEP = 5 * MINUTE;
/** steps that are counted together: half an hour */
export const WINDOW = 6;
/** windows in the past that the present is compared with: a day */
const PAST = 48;
/** Without this many submitters in the past, added up over all windows, there is nothing to compare with. */
const LEAST_PAST = 20;
/** A submitter with more refusals than this in one step is not an ordinary one, and says nothing about the provider. */
const ORDINARY = 10;
/** A submitter without a delivery for this many steps counts as new again. */
export const IDLE = (48 * HOUR) / STEP;
const NEVER = -1;

/** One submitter at one provider. All fields but `times` and `since` are step numbers. */
interface Pair {
  /** first and last delivery, with no pause of IDLE between them */
  first: number;
  delivered: number;
  seen: number;
  /** the step under which it is counted, or NEVER */
  active: number;
  refused: number;
  lastRefusal: number;
  /** refusals in the step `lastRefusal` */
  times: number;
  /** the last step with too many of them */
  heavy: number;
  /** ms of the first refusal, with no pause of a window since then */
  since: number;
}

/** Distinct submitters: how many were in touch with the provider, and how many of them had a recipient refused. */
export interface Share {
  readonly active: number;
  readonly refused: number;
}

interface Sample extends Share {
  /** number of the window */
  readonly index: number;
}

export class ProviderHistory {
  readonly #pairs = new Map<string, Pair>();
  /** by the last step in which a submitter was active, or refused: each is counted once in any run of steps */
  readonly #active: number[] = new Array<number>(WINDOW).fill(0);
  readonly #refused: number[] = new Array<number>(WINDOW).fill(0);
  #samples: Sample[] = [];
  #step: number;
  /** step of the last refusal of any submitter */
  lastRefusal = NEVER;
  /** during an outage, what happens is not a past to compare with */
  inOutage = false;

  constructor(step: number) {
    this.#step = step;
  }

  get submitters(): number {
    return this.#pairs.size;
  }

  get step(): number {
    return this.#step;
  }

  /** The provider accepted a recipient. */
  delivered(id: string, step: number): void {
    this.advance(step);
    const pair = this.#pairs.get(id) ?? this.#addPair(id, step);
    pair.seen = step;
    if (pair.first === NEVER || step - pair.delivered >= IDLE) pair.first = step;
    pair.delivered = step;
    if (pair.active !== step && isAcquainted(pair, step)) this.#countActive(pair, step);
  }

  /** The provider refused a recipient at `time` (ms). Returns whether one more ordinary submitter is refused now. */
  refusedRecipient(id: string, step: number, time: number): boolean {
    this.advance(step);
    this.lastRefusal = step;
    const pair = this.#pairs.get(id) ?? this.#addPair(id, step);
    pair.seen = step;
    if (pair.lastRefusal === NEVER || step - pair.lastRefusal >= WINDOW) pair.since = time;
    pair.times = pair.lastRefusal === step ? pair.times + 1 : 1;
    pair.lastRefusal = step;
    if (!isAcquainted(pair, step)) return false;
    if (pair.active !== step) this.#countActive(pair, step);
    if (pair.times > ORDINARY) pair.heavy = step;
    if (pair.heavy !== NEVER && step - pair.heavy < WINDOW) {
      this.#uncount(this.#refused, pair.refused);
      pair.refused = NEVER;
      return false;
    }
    if (pair.refused === step) return false;
    this.#uncount(this.#refused, pair.refused);
    pair.refused = step;
    this.#add(this.#refused, step);
    return true;
  }

  /** The last `steps` steps, at most a window. */
  recent(steps: number): Share {
    let active = 0;
    let refused = 0;
    for (let step = this.#step; step > this.#step - steps && step >= 0; step--) {
      active += this.#active[step % WINDOW] as number;
      refused += this.#refused[step % WINDOW] as number;
    }
    return { active, refused };
  }

  /**
   * The share of submitters that is usually refused within a window, 0 to 1; undefined without a past. The window that
   * overlaps with the present does not belong to the past. One refusal is added, so that the share is never zero.
   */
  usual(): number | undefined {
    const now = Math.floor(this.#step / WINDOW);
    let active = 0;
    let refused = 0;
    for (const sample of this.#samples) {
      if (sample.index >= now || sample.index < now - PAST) continue;
      active += sample.active;
      refused += sample.refused;
    }
    return active < LEAST_PAST ? undefined : (refused + 1) / (active + LEAST_PAST);
  }

  /** What was usual until now is no longer usual. */
  forgetPast(): void {
    this.#samples = [];
  }

  /** The first refusal, in ms, of each submitter that was refused in the last `steps` steps; sorted. */
  refusedSince(steps: number): number[] {
    const from = (this.#step - steps + 1) * STEP;
    const times: number[] = [];
    for (const pair of this.#pairs.values()) {
      if (pair.refused > this.#step - steps && pair.since >= from) times.push(pair.since);
    }
    return times.sort((a, b) => a - b);
  }

  /** Forgets the submitters that were not seen for `age` steps, and returns how many there were. */
  dropIdle(age: number, step: number): number {
    let dropped = 0;
    for (const [id, pair] of this.#pairs) {
      if (step - pair.seen < age) continue;
      this.#uncount(this.#active, pair.active);
      this.#uncount(this.#refused, pair.refused);
      this.#pairs.delete(id);
      dropped++;
    }
    return dropped;
  }

  /** Advances to a step. What leaves the window becomes the past. */
  advance(step: number): void {
    if (step <= this.#step) return;
    const last = Math.min(step, this.#step + WINDOW);
    for (let next = this.#step + 1; next <= last; next++) {
      if (next % WINDOW === 0) this.#sample(next / WINDOW);
      this.#step = next;
      this.#active[next % WINDOW] = 0;
      this.#refused[next % WINDOW] = 0;
    }
    this.#step = step;
  }

  #sample(index: number): void {
    const share = this.recent(WINDOW);
    if (share.active === 0 || this.inOutage) return;
    this.#samples = this.#samples.filter((sample) => sample.index >= index - PAST);
    this.#samples.push({ index, ...share });
  }

  #addPair(id: string, step: number): Pair {
    const pair: Pair = {
      first: NEVER,
      delivered: NEVER,
      seen: step,
      active: NEVER,
      refused: NEVER,
      lastRefusal: NEVER,
      times: 0,
      heavy: NEVER,
      since: 0,
    };
    this.#pairs.set(ownCopy(id), pair);
    return pair;
  }

  #countActive(pair: Pair, step: number): void {
    this.#uncount(this.#active, pair.active);
    pair.active = step;
    this.#add(this.#active, step);
  }

  #add(counts: number[], step: number): void {
    counts[step % WINDOW] = (counts[step % WINDOW] as number) + 1;
  }

  #uncount(counts: number[], step: number): void {
    if (step === NEVER || step <= this.#step - WINDOW) return;
    counts[step % WINDOW] = (counts[step % WINDOW] as number) - 1;
  }
}

/** A new submitter says nothing about what is usual: its first delivery must lie before the window. */
function isAcquainted({ first, delivered }: Pair, step: number): boolean {
  return first !== NEVER && step - first >= WINDOW && step - delivered < IDLE;
}
