/**
 * Back ends that accept every recipient: found with an address that nobody has, reported, and left alone for a day,
 * because their answers say nothing.
 */
import { randomBytes } from 'node:crypto';
import type { Log } from '../base/log.ts';
import { type Clock, DAY, HOUR } from '../base/time.ts';
import type { Answer } from './verdict.ts';

/** How long a finding holds, ms. */
const HOLDS = DAY;
/** Until the next try if the made-up address gave no answer, ms. */
const RETRY = HOUR;
/** Domains that are remembered. */
const MOST_DOMAINS = 10_000;

interface State {
  acceptsAll: boolean;
  /** ms; the next trial is due then */
  until: number;
  trial?: Promise<boolean>;
}

export class AcceptsAll {
  readonly #states = new Map<string, State>();
  readonly #clock: Clock;
  readonly #log: Log;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether the domain's back end was found to accept everything, less than a day ago. */
  has(domain: string): boolean {
    const state = this.#states.get(domain);
    return state?.acceptsAll === true && this.#clock.now() < state.until;
  }

  /** Those domains. */
  list(): string[] {
    return [...this.#states.keys()].filter((domain) => this.has(domain));
  }

  /**
   * Whether a "valid" of the domain's back end means something: tries the made-up address first, once a day. Simultaneous
   * calls share one trial. `ask` never rejects.
   */
  async isTrustworthy(domain: string, ask: (address: string) => Promise<Answer>): Promise<boolean> {
    const known = this.#states.get(domain);
    if (known?.trial !== undefined) return await known.trial;
    if (known !== undefined && this.#clock.now() < known.until) return !known.acceptsAll;
    const state: State = { acceptsAll: false, until: 0 };
    if (this.#states.size >= MOST_DOMAINS) this.#states.clear();
    this.#states.set(domain, state);
    state.trial = this.#try(domain, state, ask);
    return await state.trial;
  }

  async #try(
    domain: string,
    state: State,
    ask: (address: string) => Promise<Answer>,
  ): Promise<boolean> {
    const answer = await ask(makeUpAddress(domain));
    delete state.trial;
    state.acceptsAll = answer.kind === 'valid';
    state.until = this.#clock.now() + (answer.kind === 'unknown' ? RETRY : HOLDS);
    if (state.acceptsAll)
      this.#log.warn({ domain }, 'back end accepts every recipient; it is not asked for a day');
    return !state.acceptsAll;
  }
}

/** An address that nobody has, and that nobody can guess. */
export function makeUpAddress(domain: string): string {
  return `postern-no-such-user-${randomBytes(8).toString('hex')}@${domain}`;
}
