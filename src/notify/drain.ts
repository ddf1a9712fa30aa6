/**
 * Sends what waits in the outbox, with back-off; one mail at a time, oldest first. What the next hop has taken is
 * never sent again by this process, even while the outbox cannot be written; what a killed process was sending waits
 * until the log has been asked.
 */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, HOUR, SECOND } from '../base/time.ts';
import type { Mail, Notifier } from './mail.ts';

/** A mail that waits. */
interface WaitingMail extends Mail {
  readonly id: number;
  readonly attempts: number;
  /** an earlier attempt has not ended: the next hop may have it */
  readonly unclear: boolean;
}

/** The outbox, as far as sending needs it. */
interface UnsentMails {
  due(now: number): readonly WaitingMail[];
  begin(id: number, nextAttempt: number): void;
  sent(id: number, time: number): void;
  failed(id: number, error: string, nextAttempt: number, unclear: boolean): void;
  postpone(until: number, recipient?: string): void;
}

interface DrainOptions {
  readonly queue: UnsentMails;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly log: Log;
  /** everything that was logged until now has been read: what does not stand there did not happen */
  isLogRead(): boolean;
  /** no mail is begun after it is aborted, and the one under way is given up a moment later */
  readonly signal?: AbortSignal;
}

const FIRST_DELAY = 15 * SECOND;
const LONGEST_DELAY = HOUR;
/** As long a mail under way may take when all else has ended: a next hop that is well answers by then, ms. */
const LAST_MOMENT = 2 * SECOND;

/** What is at fault when a mail was not taken, and so what is not tried for now: that mail, all to its recipient, all. */
type Fault = 'mail' | 'recipient' | 'hop';

/** Pause before the next attempt after `attempts` failures: doubling from 15 s to an hour, ms. */
export function backOff(attempts: number): number {
  return Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempts, 10));
}

export class Drain {
  readonly #options: DrainOptions;
  /** taken by the next hop, and the outbox does not know it yet: time by mail */
  readonly #taken = new Map<number, number>();

  readonly #givenUp = new AbortController();

  constructor(options: DrainOptions) {
    this.#options = options;
    const giveUp = () => void setTimeout(() => this.#givenUp.abort(), LAST_MOMENT).unref();
    options.signal?.addEventListener('abort', giveUp, { once: true });
  }

  /** Sends all mails that are due. Throws when the outbox cannot be written; nothing is sent twice for that. */
  async run(): Promise<void> {
    const { queue, clock, isLogRead, signal } = this.#options;
    const deferred = new Set<string>();
    this.#remember();
    for (const mail of queue.due(clock.now())) {
      if (signal?.aborted === true) return;
      if (deferred.has(mail.recipient) || (mail.unclear && !isLogRead())) continue;
      const fault = await this.#send(mail);
      if (fault === 'hop') return;
      if (fault === 'recipient') deferred.add(mail.recipient);
    }
  }

  /** Gives what was at fault when it was not taken. */
  async #send(mail: WaitingMail): Promise<Fault | undefined> {
    const { queue, notifier, clock, log } = this.#options;
    queue.begin(mail.id, clock.now() + backOff(mail.attempts));
    try {
      await notifier.send(mail, this.#givenUp.signal);
    } catch (error) {
      // It stays as a kill would have left it.
      return this.#givenUp.signal.aborted ? 'hop' : this.#failed(mail, error);
    }
    this.#taken.set(mail.id, clock.now());
    this.#remember();
    log.info({ mail: mail.id, to: mail.recipient }, 'notice sent');
    return undefined;
  }

  #remember(): void {
    for (const [id, time] of this.#taken) {
      this.#options.queue.sent(id, time);
      this.#taken.delete(id);
    }
  }

  #failed(mail: WaitingMail, thrown: unknown): Fault {
    const { queue, clock, log } = this.#options;
    const error = getMessage(thrown).slice(0, 500);
    const next = clock.now() + backOff(mail.attempts);
    const fault = findFault(thrown);
    queue.failed(mail.id, error, next, isUnclear(thrown));
    if (fault === 'hop') queue.postpone(next);
    else if (fault === 'recipient') queue.postpone(next, mail.recipient);
    const data = { mail: mail.id, to: mail.recipient, attempts: mail.attempts + 1, error };
    log.warn(data, 'notice not sent, will try again');
    return fault;
  }
}

/** What nodemailer adds to its errors; `syscall` is Node's. */
interface MailError {
  readonly code?: unknown;
  /** of the reply that said no */
  readonly responseCode?: unknown;
  readonly command?: unknown;
  readonly syscall?: unknown;
  readonly timeoutType?: unknown;
}

function describeFailure(thrown: unknown): MailError {
  return thrown instanceof Error ? (thrown as MailError) : {};
}

/** What fails so may have failed when the next hop had the mail, before it could say so. */
const BROKEN: ReadonlySet<unknown> = new Set([
  'ECONNECTION',
  'ESOCKET',
  'ETIMEDOUT',
  'EPROTOCOL',
  'EMESSAGE',
]);

function isUnclear(thrown: unknown): boolean {
  const { code, responseCode, syscall, timeoutType = 'SOCKET_TIMEOUT' } = describeFailure(thrown);
  if (!BROKEN.has(code) || typeof responseCode === 'number') return false;
  // Several addresses were tried, and none answered; or one; or it said nothing from the beginning.
  const isUnconnected = thrown instanceof AggregateError || syscall === 'connect';
  return !isUnconnected && timeoutType === 'SOCKET_TIMEOUT';
}

/**
 * A reply about the envelope or the mail: 5yz is about this mail or its recipient, 4yz to RCPT about the recipient;
 * anything else about the next hop (RFC 5321 4.2.1, 4.2.2).
 */
function findFault(thrown: unknown): Fault {
  const { code, responseCode, command } = describeFailure(thrown);
  if (typeof responseCode !== 'number' || (code !== 'EENVELOPE' && code !== 'EMESSAGE'))
    return 'hop';
  if (responseCode >= 500) return 'mail';
  return command === 'RCPT TO' ? 'recipient' : 'hop';
}
