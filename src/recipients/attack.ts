/**
 * Clients that try many invalid recipients: dictionary attacks. Counts in a window, for a bounded number of clients.
 * A client is in an attack when it has tried more invalid recipients than the limit, and more invalid ones than valid ones:
 * so a large provider, whose users have old address books, is not shut out.
 */
import type { Clock } from '../base/time.ts';
import { getMachine } from '../model/address.ts';
import type { AttackOptions } from './options.ts';

/** Clients that are counted; beyond this, those that were seen first are forgotten. */
const MOST_CLIENTS = 50_000;

/** Valid and invalid recipients in two halves of the window. */
interface Tally {
  /** number of the half that `now` counts for */
  half: number;
  invalid: [before: number, now: number];
  valid: [before: number, now: number];
}

/** One per SMTP connection. */
export interface ConnectionTally {
  /** what is counted over connections; undefined if the mail came by no network connection */
  readonly machine: string | undefined;
  invalid: number;
  valid: number;
}

/** The tally of a connection that begins, from this IP address. */
export function openTally(client: string | undefined): ConnectionTally {
  return { machine: client === undefined ? undefined : getMachine(client), invalid: 0, valid: 0 };
}

export class AttackCounter {
  #options: AttackOptions;
  readonly #clock: Clock;
  readonly #clients = new Map<string, Tally>();

  constructor(options: AttackOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Takes over other limits; what is counted stays, unless the window is another one. */
  configure(options: AttackOptions): void {
    if (options.window !== this.#options.window) this.#clients.clear();
    this.#options = options;
  }

  /** Counts a recipient of a connection, `isValid` or not. */
  count(connection: ConnectionTally, isValid: boolean): void {
    const { machine } = connection;
    if (isValid) connection.valid++;
    else connection.invalid++;
    if (machine === undefined || this.#options.perClient === 0) return;
    const tally = this.#tally(machine);
    tally[isValid ? 'valid' : 'invalid'][1]++;
  }

  /** Whether recipients of this connection are to be refused without a look. */
  isAttack(connection: ConnectionTally): boolean {
    const { machine } = connection;
    const { perConnection, perClient } = this.#options;
    if (isTooMany(connection.invalid, connection.valid, perConnection)) return true;
    if (machine === undefined || perClient === 0) return false;
    const { invalid, valid } = this.#tally(machine);
    return isTooMany(invalid[0] + invalid[1], valid[0] + valid[1], perClient);
  }

  /** clients that are counted */
  get size(): number {
    return this.#clients.size;
  }

  #tally(machine: string): Tally {
    const half = Math.floor(this.#clock.now() / (this.#options.window / 2));
    let tally = this.#clients.get(machine);
    if (tally === undefined) {
      tally = { half, invalid: [0, 0], valid: [0, 0] };
      if (this.#clients.size >= MOST_CLIENTS) this.#forgetSome();
      this.#clients.set(machine, tally);
    }
    if (tally.half !== half) {
      const isNext = half - tally.half === 1;
      tally.invalid = [isNext ? tally.invalid[1] : 0, 0];
      tally.valid = [isNext ? tally.valid[1] : 0, 0];
      tally.half = half;
    }
    return tally;
  }

  /** A tenth at a time: to look for the first key of a map costs more the more keys were deleted before it. */
  #forgetSome(): void {
    let left = MOST_CLIENTS / 10;
    for (const client of this.#clients.keys()) {
      if (left-- <= 0) return;
      this.#clients.delete(client);
    }
  }
}

function isTooMany(invalid: number, valid: number, limit: number): boolean {
  return limit > 0 && invalid >= limit && invalid > valid;
}
