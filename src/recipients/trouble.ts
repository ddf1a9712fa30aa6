/**
 * Back ends that do not answer: whom not to ask for a while, when to test again, and one log line a minute about each.
 */
import type { Log } from '../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../base/time.ts';
import type { Step, Unknown } from './verdict.ts';

/** Failures in a row that make trouble: one callout can be unlucky. */
const ENOUGH = 2;
/** The first pause before a test, ms. It doubles up to the configured longest. */
const FIRST_PAUSE = 5 * SECOND;

interface State {
  /** in a row */
  failures: number;
  /** ms; no question before */
  pausedUntil: number;
  pause: number;
  /** one question is under way to find out whether the pause can end */
  isTesting: boolean;
  since: number;
  /** when the last line about it was logged, ms; kept when it recovers, so that it cannot fill the log by flapping */
  logged: number;
  /** whether this trouble has been logged, so that its end is, too */
  isReported: boolean;
  /** failures by step, since that line */
  steps: Map<Step, number>;
}

/** What is wrong with a server now. */
export interface ServerTrouble {
  readonly server: string;
  /** ms */
  readonly since: number;
  readonly failures: number;
}

export class Trouble {
  readonly #states = new Map<string, State>();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #longest: number;

  /** `longest`: pause between two tests, ms. */
  constructor(clock: Clock, log: Log, longest: number) {
    this.#clock = clock;
    this.#log = log;
    this.#longest = longest;
  }

  /**
   * Whether the server may be asked now. During trouble this is true once after each pause: the caller's question is
   * the test.
   */
  mayAsk(server: string): boolean {
    const state = this.#states.get(server);
    if (state === undefined || state.failures < ENOUGH) return true;
    const now = this.#clock.now();
    if (now < state.pausedUntil) return false;
    state.pausedUntil = now + state.pause; // until this question is answered, no other
    state.isTesting = true;
    return true;
  }

  /** It has answered. */
  succeeded(server: string): void {
    const state = this.#states.get(server);
    if (state === undefined) return;
    const isOver = state.failures >= ENOUGH && state.isReported;
    Object.assign(state, CALM);
    if (isOver) this.#log.info({ server }, 'back end answers again');
  }

  failed(server: string, { step, reason }: Unknown): void {
    const now = this.#clock.now();
    const state = this.#states.get(server) ?? newState(now);
    this.#states.set(server, state);
    if (state.failures === 0) state.since = now;
    state.failures++;
    state.steps.set(step, (state.steps.get(step) ?? 0) + 1);
    // Many callouts at a time fail together: that is one failure, and the pause grows by the next test only.
    if (state.failures >= ENOUGH && (state.pause === 0 || state.isTesting)) {
      state.pause = Math.min(this.#longest, state.pause * 2 || FIRST_PAUSE);
      state.pausedUntil = now + state.pause;
      state.isTesting = false;
    }
    if (now - state.logged < MINUTE) return;
    const steps = Object.fromEntries(state.steps);
    this.#log.warn({ server, step, reason, steps }, 'back end does not answer');
    state.logged = now;
    state.isReported = true;
    state.steps.clear();
  }

  list(): ServerTrouble[] {
    return [...this.#states]
      .filter(([, { failures }]) => failures >= ENOUGH)
      .map(([server, { since, failures }]) => ({ server, since, failures }));
  }
}

/** A state without trouble. */
const CALM = { failures: 0, pausedUntil: 0, pause: 0, isTesting: false, isReported: false };

function newState(now: number): State {
  return { ...CALM, since: now, logged: Number.NEGATIVE_INFINITY, steps: new Map() };
}
