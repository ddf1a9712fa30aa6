/**
 * What is known of one provider: which submitters mail to it, who was refused there lately, and how many usually
 * are. Everything is counted in distinct submitters, so that one who mails much weighs no more than one who mails
 * little. Time runs in steps of five minutes; the caller sees to it that they never run backwards.
 */
import { HOUR, MINUTE } from '../../base/time.ts';
import { ownCopy } from '../../model/line.ts';

/** ms of one step */
export const STEP = 5 * MINUTE;
/** steps that are looked at together: half an hour */
export const WINDOW = 6;
/** windows that make the past with which the present is compared: a day */
const PAST = 48;
/** Submitters that must have been seen in the past, all windows added up, before it tells anything. */
const LEAST_PAST = 20;
/** With more refusals than this in one step a submitter is no ordinary one and says nothing about the provider. */
const ORDINARY = 10;
/** Who had no delivery for so long is new again. */
export const IDLE = (48 * HOUR) / STEP;
const NEVER = -1;

/** One submitter at one provider; all but `since` are step numbers. */
interface Pair {
  /** first and last delivery without a pause of IDLE between them */
  first: number;
  delivered: number;
  seen: number;
  /** where it stands in the counts, or NEVER */
  active: number;
  refused: number;
  lastRefusal: number;
  /** refusals in the step `lastRefusal` */
  times: number;
  /** when it had too many of them */
  heavy: number;
  /** ms of the first refusal without a pause of a window since */
  since: number;
}

/** Distinct submitters: how many were in touch with the provider, how many of them it refused a recipient. */
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
  /** by the last step in which a submitter was active, or refused; so each is counted once in any run of steps */
  readonly #active: number[] = new Array<number>(WINDOW).fill(0);
  readonly #refused: number[] = new Array<number>(WINDOW).fill(0);
  #samples: Sample[] = [];
  #step: number;
  /** step of the last refusal of anybody */
  lastRefusal = NEVER;
  /** while it is suspect, what happens is no past to compare with */
  suspect = false;

  constructor(step: number) {
    this.#step = step;
  }

  get submitters(): number {
    return this.#pairs.size;
  }

  get step(): number {
    return this.#step;
  }

  /** A recipient was accepted there. */
  delivered(id: string, step: number): void {
    this.advance(step);
    const pair = this.#pairs.get(id) ?? this.#meet(id, step);
    pair.seen = step;
    if (pair.first === NEVER || step - pair.delivered >= IDLE) pair.first = step;
    pair.delivered = step;
    if (pair.active !== step && isAcquainted(pair, step)) this.#countActive(pair, step);
  }

  /** A recipient does not exist, it said at `time` (ms). True when one more ordinary submitter is refused. */
  refusedRecipient(id: string, step: number, time: number): boolean {
    this.advance(step);
    this.lastRefusal = step;
    const pair = this.#pairs.get(id) ?? this.#meet(id, step);
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
   * Share of submitters that are usually refused within a window, 0 to 1; undefined without a past. The window
   * that overlaps with the present is no past. One refusal more than was seen, so that it is never nothing.
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

  /** What was usual is not any more. */
  forgetPast(): void {
    this.#samples = [];
  }

  /** When the submitters that were refused in the last `steps` steps were first, in ms, sorted. */
  refusedSince(steps: number): number[] {
    const from = (this.#step - steps + 1) * STEP;
    const times: number[] = [];
    for (const pair of this.#pairs.values()) {
      if (pair.refused > this.#step - steps && pair.since >= from) times.push(pair.since);
    }
    return times.sort((a, b) => a - b);
  }

  /** Forgets who was not seen for `age` steps; gives how many. */
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

  /** Goes on to a step; what leaves the window becomes the past. */
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
    if (share.active === 0 || this.suspect) return;
    this.#samples = this.#samples.filter((sample) => sample.index >= index - PAST);
    this.#samples.push({ index, ...share });
  }

  #meet(id: string, step: number): Pair {
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

/** Who is new says nothing about what is usual: the first delivery must lie before the window. */
function isAcquainted({ first, delivered }: Pair, step: number): boolean {
  return first !== NEVER && step - first >= WINDOW && step - delivered < IDLE;
}
