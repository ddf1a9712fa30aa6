/**
 * The outbox: notices wait here until they are composed into mails, and mails until they are accepted. Each attempt is
 * recorded before it begins, so that after a restart it is clear which mails may have been sent.
 */
import { dropUndefined } from '../base/defined.ts';
import { HOUR } from '../base/time.ts';
import type { Db } from './database.ts';

export const NOTICE_KINDS = ['verdict', 'capped', 'suspect', 'listing', 'blind'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** A notice that is not yet part of a mail. */
export interface WaitingNotice {
  readonly id: number;
  readonly kind: NoticeKind;
  readonly created: number;
  readonly about: unknown;
}

/** A composed mail; or what a hook is told, whose name is `recipient`. */
export interface OutgoingMail {
  readonly id: number;
  readonly created: number;
  readonly messageId: string;
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly attempts: number;
  readonly nextAttempt: number;
  readonly lastError?: string;
  /** an attempt was begun and its outcome is unknown: the next hop may have the mail */
  readonly unclear: boolean;
  readonly sent?: number;
}

type NewMail = Pick<
  OutgoingMail,
  'messageId' | 'recipient' | 'subject' | 'text' | 'html' | 'created'
>;

export interface MailRow {
  id: number;
  created: number;
  message_id: string;
  recipient: string;
  subject: string;
  text: string;
  html: string;
  attempts: number;
  next_attempt: number;
  last_error: string | null;
  sent: number | null;
}

/** `last_error` of a mail whose attempt has begun and not ended. Part of the database: do not change it. */
const UNCLEAR = 'it is not known whether the next hop took it';

/** Longer than any pause between two attempts, ms. A mail that is due later was scheduled while the clock was wrong. */
export const LONGEST_PAUSE = 2 * HOUR;

export class Outbox {
  readonly #db: Db;
  readonly #unclear;
  /** There may be such mails. Only this process makes them, or one that was killed before it. */
  #mayBeUnclear = true;

  constructor(db: Db) {
    this.#db = db;
    this.#unclear = db
      .prepare(
        `SELECT message_id FROM mail WHERE kind = 'mail' AND sent IS NULL AND last_error GLOB ?`,
      )
      .pluck();
  }

  /** Puts a notice into the outbox; `created` in ms. */
  tell(kind: NoticeKind, about: unknown, created: number): void {
    this.#db
      .prepare('INSERT INTO notice (kind, created, json) VALUES (?, ?, ?)')
      .run(kind, created, JSON.stringify(about));
  }

  /** Notices that are in no mail yet, oldest first. */
  waiting(): WaitingNotice[] {
    const rows = this.#db
      .prepare('SELECT * FROM notice WHERE mail IS NULL ORDER BY id LIMIT 1000')
      .all();
    return (rows as { id: number; kind: string; created: number; json: string }[]).map((row) => ({
      id: row.id,
      kind: row.kind as NoticeKind,
      created: row.created,
      about: JSON.parse(row.json) as unknown,
    }));
  }

  /** Stores mails that contain these notices, in one transaction so that no notice is sent twice. */
  compose(mails: readonly NewMail[], notices: readonly number[]): void {
    this.#db
      .transaction(() => {
        const [first] = mails.map((mail) => this.#insert(mail));
        const mark = this.#db.prepare('UPDATE notice SET mail = ? WHERE id = ? AND mail IS NULL');
        for (const id of notices) mark.run(first, id);
      })
      .immediate();
  }

  /** Returns its number. */
  #insert(mail: NewMail): number | bigint {
    const { created, messageId, recipient, subject, text, html } = mail;
    return this.#db
      .prepare(
        `INSERT INTO mail (created, message_id, recipient, subject, text, html, next_attempt)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(created, messageId, recipient, subject, text, html, created).lastInsertRowid;
  }

  /** Deletes notices that have nothing left to say. */
  drop(notices: readonly number[]): void {
    const remove = this.#db.prepare('DELETE FROM notice WHERE id = ?');
    this.#db
      .transaction(() => {
        for (const id of notices) remove.run(id);
      })
      .immediate();
  }

  /** Mails whose next attempt is due at `now` (ms), oldest first. */
  due(now: number): OutgoingMail[] {
    return (
      this.#db
        .prepare(
          `SELECT * FROM mail WHERE kind = 'mail' AND sent IS NULL
             AND (next_attempt <= ? OR next_attempt > ?) ORDER BY id LIMIT 20`,
        )
        .all(now, now + LONGEST_PAUSE) as MailRow[]
    ).map(fromRow);
  }

  /** All mails not sent yet. */
  unsent(): OutgoingMail[] {
    return (
      this.#db
        .prepare(`SELECT * FROM mail WHERE kind = 'mail' AND sent IS NULL ORDER BY id`)
        .all() as MailRow[]
    ).map(fromRow);
  }

  /** When the earliest unsent mail is due, ms. */
  nextDue(): number | undefined {
    const row = this.#db
      .prepare(`SELECT min(next_attempt) AS at FROM mail WHERE kind = 'mail' AND sent IS NULL`)
      .get();
    return (row as { at: number | null }).at ?? undefined;
  }

  /** An attempt begins. If the process dies during it, the next one is not before `nextAttempt` (ms). */
  begin(id: number, nextAttempt: number): void {
    this.#mayBeUnclear = true;
    this.#db
      .prepare(
        'UPDATE mail SET attempts = attempts + 1, last_error = ?, next_attempt = ? WHERE id = ?',
      )
      .run(UNCLEAR, nextAttempt, id);
  }

  /** The next hop has accepted the mail; `time` in ms. */
  sent(id: number, time: number): void {
    this.#db.prepare('UPDATE mail SET sent = ?, last_error = NULL WHERE id = ?').run(time, id);
  }

  /**
   * The attempt has failed. `unclear`: the next hop may have the mail all the same. Otherwise a log line that seemed to
   * show so does not count.
   */
  failed(id: number, error: string, nextAttempt: number, unclear: boolean): void {
    const text = unclear ? `${UNCLEAR}: ${error}` : error;
    this.#db
      .prepare(
        `UPDATE mail SET sent = CASE ? WHEN 1 THEN sent END, last_error = ?, next_attempt = ?
         WHERE id = ?`,
      )
      .run(unclear ? 1 : 0, text, nextAttempt, id);
  }

  /** Sends nothing before `until` (ms), or nothing to `recipient`: the next hop is down, or refuses that recipient for now. */
  postpone(until: number, recipient?: string): void {
    this.#db
      .prepare(
        `UPDATE mail SET next_attempt = ?
         WHERE kind = 'mail' AND sent IS NULL AND next_attempt < ?
           AND recipient = ifnull(?, recipient)`,
      )
      .run(until, until, recipient ?? null);
  }

  /** Message-IDs of mails whose attempt has begun and not ended, in this process or one that was killed. */
  unclear(): string[] {
    // It is asked for each batch of lines, and a question to the database takes 75 us.
    if (!this.#mayBeUnclear) return [];
    const found = this.#unclear.all(`${UNCLEAR}*`) as string[];
    this.#mayBeUnclear = found.length > 0;
    return found;
  }

  /** The log shows that the mail server has accepted this mail. False if that was known before. `time` in ms. */
  taken(messageId: string, time: number): boolean {
    return (
      this.#db
        .prepare(
          `UPDATE mail SET sent = ?, last_error = NULL
           WHERE message_id = ? AND sent IS NULL AND last_error GLOB ?`,
        )
        .run(time, messageId, `${UNCLEAR}*`).changes > 0
    );
  }

  /** Number of mails sent since `time`, ms. */
  sentSince(time: number): number {
    return (
      this.#db
        .prepare(`SELECT count(*) AS n FROM mail WHERE kind = 'mail' AND sent >= ?`)
        .get(time) as { n: number }
    ).n;
  }

  /** Deletes mails sent before `before` (ms) with their notices, and notices of that age that are in no mail. */
  prune(before: number): void {
    this.#db
      .prepare(
        `DELETE FROM notice
         WHERE mail IN (SELECT id FROM mail WHERE sent < ?) OR (mail IS NULL AND created < ?)`,
      )
      .run(before, before);
    this.#db.prepare('DELETE FROM mail WHERE sent < ?').run(before);
  }
}

export function fromRow(row: MailRow): OutgoingMail {
  return dropUndefined({
    id: row.id,
    created: row.created,
    messageId: row.message_id,
    recipient: row.recipient,
    subject: row.subject,
    text: row.text,
    html: row.html,
    attempts: row.attempts,
    nextAttempt: row.next_attempt,
    unclear: row.last_error?.startsWith(UNCLEAR) === true,
    lastError: row.last_error ?? undefined,
    sent: row.sent ?? undefined,
  });
}
