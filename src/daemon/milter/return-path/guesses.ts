/**
 * Wrong signatures by client. A signature has 24 bits, so a client that may try for ever finds one; after some tries its
 * signed recipients are refused unseen for a while. Bounded: beyond that many clients the oldest is forgotten.
 */
import { type Clock, HOUR } from '../../../base/time.ts';
import { getMachine } from '../../../model/address.ts';

const MOST_TRIES = 20;
const WINDOW = HOUR;
const MOST_CLIENTS = 10_000;

interface Tries {
  readonly since: number;
  count: number;
}

export class Guesses {
  readonly #clients = new Map<string, Tries>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a wrong signature. */
  count(client = ''): void {
    const key = getMachine(client);
    const tries = this.#find(key);
    if (tries !== undefined) {
      tries.count++;
      return;
    }
    this.#clients.delete(key);
    const [oldest] = this.#clients.size >= MOST_CLIENTS ? this.#clients.keys() : [];
    if (oldest !== undefined) this.#clients.delete(oldest);
    this.#clients.set(key, { since: this.#clock.now(), count: 1 });
  }

  /** Whether this client has tried too often within the hour. */
  isGuessing(client = ''): boolean {
    return (this.#find(getMachine(client))?.count ?? 0) >= MOST_TRIES;
  }

  #find(key: string): Tries | undefined {
    const tries = this.#clients.get(key);
    if (tries === undefined) return undefined;
    return Math.abs(this.#clock.now() - tries.since) < WINDOW ? tries : undefined;
  }
}
