/** Whether bogus notifications may be refused yet, and if not, why. */
import { getMessage } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { type Clock, formatTime } from '../../../base/time.ts';
import type { ReturnPathConfig } from '../../../config/config.ts';
import { endOfWait, recordSigning } from './since.ts';

export class RejectGate {
  readonly #config: ReturnPathConfig;
  readonly #clock: Clock;
  /** ms; refusing begins then */
  readonly #opens: number;

  /** Notes since when the domains sign; a record that cannot be written makes the wait begin anew at each start. */
  constructor(
    config: ReturnPathConfig,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#config = config;
    this.#clock = clock;
    this.#opens = this.#readOpening(log);
  }

  get isOpen(): boolean {
    return this.#config.mode === 'reject' && this.#findReason() === undefined;
  }

  /** Why `mode: reject` refuses nothing yet; undefined if it does, or if the mode is another. */
  describe(): string | undefined {
    const reason = this.#config.mode === 'reject' ? this.#findReason() : undefined;
    return reason === undefined ? undefined : `bogus notifications are not refused yet: ${reason}`;
  }

  #findReason(): string | undefined {
    const { rejectAtOnce, servers } = this.#config;
    if (rejectAtOnce) return undefined;
    if (servers.length === 0)
      return 'milter.returnPath.servers does not name every server that sends or receives';
    if (this.#clock.now() >= this.#opens) return undefined;
    return `bounces of unsigned mail can come until ${formatTime(this.#opens)}`;
  }

  #readOpening(log: Log): number {
    const { mode, record, domains } = this.#config;
    const now = this.#clock.now();
    try {
      return endOfWait(recordSigning(record, mode === 'observe' ? [] : domains, now));
    } catch (error) {
      log.error({ error: getMessage(error) }, 'return path: cannot note since when it signs');
      return Number.POSITIVE_INFINITY;
    }
  }
}
