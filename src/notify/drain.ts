/** Sends what waits in the outbox, with back-off; one mail at a time, oldest first. */
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, HOUR, SECOND } from '../base/time.ts';
import type { Mail, Notifier } from './mail.ts';

/** A mail that waits. */
export interface WaitingMail extends Mail {
  readonly id: number;
  readonly attempts: number;
}

/** The outbox, as far as sending needs it. */
export interface MailQueue {
  due(now: number): readonly WaitingMail[];
  sent(id: number, time: number): void;
  failed(id: number, error: string, nextAttempt: number): void;
}

const FIRST_DELAY = 15 * SECOND;
const LONGEST_DELAY = HOUR;

/** Pause before the next attempt after `attempts` failures: doubling from 15 s to an hour, ms. */
export function backOff(attempts: number): number {
  return Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(attempts, 10));
}

/** Sends all mails that are due. A failure is remembered with the mail and ends the round: the next hop is ill. */
export async function drainOutbox(
  queue: MailQueue,
  notifier: Notifier,
  clock: Clock,
  log: Log,
): Promise<void> {
  for (const mail of queue.due(clock.now())) {
    try {
      await notifier.send(mail);
    } catch (error) {
      const next = clock.now() + backOff(mail.attempts);
      queue.failed(mail.id, messageOf(error).slice(0, 500), next);
      log.warn(
        { mail: mail.id, attempts: mail.attempts + 1, error: messageOf(error) },
        'notice not sent, will try again',
      );
      return;
    }
    queue.sent(mail.id, clock.now());
    log.info({ mail: mail.id, to: mail.recipient }, 'notice sent');
  }
}
