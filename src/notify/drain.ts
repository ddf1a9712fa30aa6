/**
 * Sends what waits in the outbox, with back-off; one mail at a time, oldest first. What the next hop has taken is
 * never sent again by this process, even while the outbox cannot be written; what a killed process was sending waits
 * until the log has been asked.
 */
import { errnoOf, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, HOUR, SECOND } from '../base/time.ts';
import type { Mail, Notifier } from './mail.ts';

/** A mail that waits. */
export interface WaitingMail extends Mail {
  readonly id: number;
  readonly attempts: number;
  /** an earlier attempt has not ended: the next hop may have it */
  readonly unclear: boolean;
}

/** The outbox, as far as sending needs it. */
export interface MailQueue {
  due(now: number): readonly WaitingMail[];
  begin(id: number, nextAttempt: number): void;
  sent(id: number, time: number): void;
  failed(id: number, error: string, nextAttempt: number, unclear: boolean): void;
  postpone(until: number): void;
}

export interface DrainOptions {
  readonly queue: MailQueue;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly log: Log;
  /** everything that was logged until now has been read: what does not stand there did not happen */
  isLogRead(): boolean;
}

const FIRST_DELAY = 15 * SECOND;
const LONGEST_DELAY = HOUR;

/** Pause before the next attempt after `attempts` failures: doubling from 15 s to an hour, ms. */
export function backOff(attempts: number): number {
  return Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempts, 10));
}

export class Drain {
  readonly #options: DrainOptions;
  /** taken by the next hop, and the outbox does not know it yet: time by mail */
  readonly #taken = new Map<number, number>();

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Sends all mails that are due. Throws when the outbox cannot be written; nothing is sent twice for that. */
  async run(): Promise<void> {
    const { queue, clock, isLogRead } = this.#options;
    this.#remember();
    for (const mail of queue.due(clock.now())) {
      if (mail.unclear && !isLogRead()) continue;
      if (!(await this.#send(mail))) return;
    }
  }

  /** False when the next hop is ill: then the others wait as long. */
  async #send(mail: WaitingMail): Promise<boolean> {
    const { queue, notifier, clock, log } = this.#options;
    queue.begin(mail.id, clock.now() + backOff(mail.attempts));
    try {
      await notifier.send(mail);
    } catch (error) {
      return this.#failed(mail, error);
    }
    this.#taken.set(mail.id, clock.now());
    this.#remember();
    log.info({ mail: mail.id, to: mail.recipient }, 'notice sent');
    return true;
  }

  #remember(): void {
    for (const [id, time] of this.#taken) {
      this.#options.queue.sent(id, time);
      this.#taken.delete(id);
    }
  }

  #failed(mail: WaitingMail, thrown: unknown): boolean {
    const { queue, clock, log } = this.#options;
    const error = messageOf(thrown).slice(0, 500);
    const next = clock.now() + backOff(mail.attempts);
    const isRefused = isPermanent(thrown);
    queue.failed(mail.id, error, next, isUnclear(thrown));
    if (!isRefused) queue.postpone(next);
    const data = { mail: mail.id, attempts: mail.attempts + 1, error };
    log.warn(data, 'notice not sent, will try again');
    return isRefused;
  }
}

/** The connection broke, perhaps after the next hop had taken the mail and before it could say so. */
function isUnclear(thrown: unknown): boolean {
  return ['ECONNECTION', 'ETIMEDOUT'].includes(errnoOf(thrown) ?? '');
}

/** A 5yz reply is about this mail or its recipient; anything else about the next hop (RFC 5321 4.2.1). */
function isPermanent(thrown: unknown): boolean {
  const code =
    thrown instanceof Error && 'responseCode' in thrown ? thrown.responseCode : undefined;
  return typeof code === 'number' && code >= 500;
}
