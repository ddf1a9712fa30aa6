/**
 * Sends the mails that wait in the outbox: one at a time, oldest first, with back-off. A mail that the next hop has
 * accepted is never sent again by this process, even if the outbox cannot be written. A mail that a killed process was
 * sending waits until the log has been read: it may show that the mail was accepted.
 */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, HOUR, SECOND } from '../base/time.ts';
import type { Mail, Notifier } from './mail.ts';

/** A mail that waits. */
interface WaitingMail extends Mail {
  readonly id: number;
  readonly attempts: number;
  /** an earlier attempt was cut off: the next hop may have the mail */
  readonly unclear: boolean;
}

/** The parts of the outbox that sending needs. */
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
  /** what is sent, for log lines; default: notice */
  readonly what?: string;
  /** what is at fault for an error; default: as the replies of a mail server say */
  readonly findFault?: (thrown: unknown) => Fault;
  /** whether everything that was logged until now has been read: what is not in the log did not happen */
  isLogRead(): boolean;
  /** after it is aborted, no mail is started, and the current one is given up a moment later */
  readonly signal?: AbortSignal;
}

const FIRST_DELAY = 15 * SECOND;
const LONGEST_DELAY = HOUR;
/** How long the current mail may still take after the abort, ms. A next hop without problems answers by then. */
const LAST_MOMENT = 2 * SECOND;

/** What is at fault when a mail was not accepted: this mail, its recipient, or the next hop. The rest is still tried. */
export type Fault = 'mail' | 'recipient' | 'hop';

/** Pause before the next attempt after `attempts` failures: doubling from 15 s to an hour, ms. */
export function backOff(attempts: number): number {
  return Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempts, 10));
}

export class Drain {
  readonly #options: DrainOptions;
  /** mails that the next hop has accepted, and that are not yet marked so in the outbox; with the time */
  readonly #accepted = new Map<number, number>();
  readonly #givenUp = new AbortController();

  constructor(options: DrainOptions) {
    this.#options = options;
    const giveUp = () => void setTimeout(() => this.#givenUp.abort(), LAST_MOMENT).unref();
    options.signal?.addEventListener('abort', giveUp, { once: true });
  }

  /** Sends all mails that are due. Throws when the outbox cannot be written; no mail is sent twice because of that. */
  async run(): Promise<void> {
    const { queue, clock, isLogRead, signal } = this.#options;
    const deferred = new Set<string>();
    this.#markSent();
    for (const mail of queue.due(clock.now())) {
      if (signal?.aborted === true) return;
      if (deferred.has(mail.recipient) || (mail.unclear && !isLogRead())) continue;
      const fault = await this.#send(mail);
      if (fault === 'hop') return;
      if (fault === 'recipient') deferred.add(mail.recipient);
    }
  }

  /** Returns what was at fault if the mail was not accepted. */
  async #send(mail: WaitingMail): Promise<Fault | undefined> {
    const { queue, notifier, clock, log, what = 'notice' } = this.#options;
    queue.begin(mail.id, clock.now() + backOff(mail.attempts));
    try {
      await notifier.send(mail, this.#givenUp.signal);
    } catch (error) {
      // If it was given up, it stays as after a kill.
      return this.#givenUp.signal.aborted ? 'hop' : this.#failed(mail, error);
    }
    this.#accepted.set(mail.id, clock.now());
    this.#markSent();
    log.info({ mail: mail.id, to: mail.recipient }, `${what} sent`);
    return undefined;
  }

  #markSent(): void {
    for (const [id, time] of this.#accepted) {
      this.#options.queue.sent(id, time);
      this.#accepted.delete(id);
    }
  }

  #failed(mail: WaitingMail, thrown: unknown): Fault {
    const { queue, clock, log, what = 'notice', findFault = findMailFault } = this.#options;
    const error = getMessage(thrown).slice(0, 500);
    const next = clock.now() + backOff(mail.attempts);
    const fault = findFault(thrown);
    queue.failed(mail.id, error, next, isUnclear(thrown));
    if (fault === 'hop') queue.postpone(next);
    else if (fault === 'recipient') queue.postpone(next, mail.recipient);
    const data = { mail: mail.id, to: mail.recipient, attempts: mail.attempts + 1, error };
    log.warn(data, `${what} not sent, will try again`);
    return fault;
  }
}

/** What nodemailer adds to its errors; `syscall` is from Node. */
interface MailError {
  readonly code?: unknown;
  /** reply code of the refusal */
  readonly responseCode?: unknown;
  readonly command?: unknown;
  readonly syscall?: unknown;
  readonly timeoutType?: unknown;
}

function describeFailure(thrown: unknown): MailError {
  return thrown instanceof Error ? (thrown as MailError) : {};
}

/** With these errors, the next hop may have the mail: the connection broke before it could say so. */
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
  // Nothing was sent if no address could be connected to, or if the next hop never sent its greeting.
  const isUnconnected = thrown instanceof AggregateError || syscall === 'connect';
  return !isUnconnected && timeoutType === 'SOCKET_TIMEOUT';
}

/**
 * A 5yz reply is about this mail or its recipient, and a 4yz reply to RCPT is about the recipient. Everything else is
 * about the next hop (RFC 5321 4.2.1, 4.2.2).
 */
function findMailFault(thrown: unknown): Fault {
  const { code, responseCode, command } = describeFailure(thrown);
  if (typeof responseCode !== 'number' || (code !== 'EENVELOPE' && code !== 'EMESSAGE'))
    return 'hop';
  if (responseCode >= 500) return 'mail';
  return command === 'RCPT TO' ? 'recipient' : 'hop';
}
