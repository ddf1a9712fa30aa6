/**
 * The part of the outbox that belongs to one hook: what it is to be told, oldest first. The rows lie beside the mails:
 * `recipient` is the name of the hook, `text` the event as JSON.
 */
import { dropUndefined } from '../base/defined.ts';
import type { Db } from './database.ts';
import { fromRow, LONGEST_PAUSE, type MailRow, type Outbox, type OutgoingMail } from './outbox.ts';

export interface HookMessage {
  /** the same at every attempt */
  readonly messageId: string;
  /** what it is about, for people */
  readonly subject: string;
  /** JSON */
  readonly text: string;
  /** ms */
  readonly created: number;
}

export class HookQueue {
  readonly #db: Db;
  readonly #outbox: Outbox;
  readonly #hook: string;

  constructor(db: Db, outbox: Outbox, hook: string) {
    this.#db = db;
    this.#outbox = outbox;
    this.#hook = hook;
  }

  add({ messageId, subject, text, created }: HookMessage): void {
    this.#db
      .prepare(
        `INSERT INTO mail (kind, created, message_id, recipient, subject, text, html, next_attempt)
         VALUES ('hook', ?, ?, ?, ?, ?, '', ?)`,
      )
      .run(created, messageId, this.#hook, subject, text, created);
  }

  /** What is due at `now` (ms). */
  due(now: number): OutgoingMail[] {
    const rows = this.#db
      .prepare(
        `SELECT * FROM mail WHERE kind = 'hook' AND recipient = ? AND sent IS NULL
           AND (next_attempt <= ? OR next_attempt > ?) ORDER BY id LIMIT 20`,
      )
      .all(this.#hook, now, now + LONGEST_PAUSE);
    return (rows as MailRow[]).map(fromRow);
  }

  /** When the earliest is due, ms. */
  nextDue(): number | undefined {
    const at = this.#db
      .prepare(
        `SELECT min(next_attempt) FROM mail WHERE kind = 'hook' AND recipient = ? AND sent IS NULL`,
      )
      .pluck()
      .get(this.#hook) as number | null;
    return at ?? undefined;
  }

  begin(id: number, nextAttempt: number): void {
    this.#outbox.begin(id, nextAttempt);
  }

  sent(id: number, time: number): void {
    this.#outbox.sent(id, time);
  }

  failed(id: number, error: string, nextAttempt: number, unclear: boolean): void {
    this.#outbox.failed(id, error, nextAttempt, unclear);
  }

  /** Tells this hook nothing before `until`, ms. */
  postpone(until: number): void {
    this.#db
      .prepare(
        `UPDATE mail SET next_attempt = ?
         WHERE kind = 'hook' AND recipient = ? AND sent IS NULL AND next_attempt < ?`,
      )
      .run(until, this.#hook, until);
  }
}

/** What waits for a hook. */
export interface WaitingHook {
  readonly hook: string;
  readonly waiting: number;
  /** the most attempts of one message */
  readonly attempts: number;
  /** of the message that waits longest; absent: none has failed */
  readonly lastError?: string;
}

export class HookTable {
  readonly #db: Db;
  readonly #outbox: Outbox;

  constructor(db: Db, outbox: Outbox) {
    this.#db = db;
    this.#outbox = outbox;
  }

  /** The queue of the hook with that name. */
  queue(hook: string): HookQueue {
    return new HookQueue(this.#db, this.#outbox, hook);
  }

  /** The hooks for which something waits, by name; also those that the configuration no longer has. */
  waiting(): WaitingHook[] {
    const rows = this.#db
      .prepare(
        `SELECT hook, waiting, most AS attempts, last_error FROM (
           SELECT recipient AS hook, count(*) AS waiting, max(attempts) AS most, min(id) AS first
           FROM mail WHERE kind = 'hook' AND sent IS NULL GROUP BY recipient
         ) JOIN mail ON mail.id = first ORDER BY hook`,
      )
      .all() as { hook: string; waiting: number; attempts: number; last_error: string | null }[];
    return rows.map(({ last_error, ...row }) =>
      dropUndefined({ ...row, lastError: last_error ?? undefined }),
    );
  }

  /** Deletes what waits for a hook. */
  drop(hook: string): void {
    this.#db
      .prepare(`DELETE FROM mail WHERE kind = 'hook' AND sent IS NULL AND recipient = ?`)
      .run(hook);
  }

  /** Deletes what no hook has taken since before `before`, ms. */
  prune(before: number): void {
    this.#db
      .prepare(`DELETE FROM mail WHERE kind = 'hook' AND sent IS NULL AND created < ?`)
      .run(before);
  }
}
