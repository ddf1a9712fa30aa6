/**
 * The outbox: notices wait here to be composed into mails, mails until they are accepted. An attempt is written down
 * before it begins, so that a process that starts knows of which mails the outcome is not known.
 */
import { dropUndefined } from '../base/defined.ts';
import { HOUR } from '../base/time.ts';
import type { Db } from './database.ts';

export const NOTICE_KINDS = ['verdict', 'capped', 'suspect'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Something to tell, not yet part of a mail. */
export interface WaitingNotice {
  readonly id: number;
  readonly kind: NoticeKind;
  readonly created: number;
  readonly about: unknown;
}

/** A composed mail. */
interface OutgoingMail {
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
  /** an attempt was begun and its outcome is not known: the next hop may have the mail */
  readonly unclear: boolean;
  readonly sent?: number;
}

type NewMail = Pick<
  OutgoingMail,
  'messageId' | 'recipient' | 'subject' | 'text' | 'html' | 'created'
>;

interface MailRow {
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

/** `last_error` of a mail whose attempt has begun and not ended. */
const UNCLEAR = 'it is not known whether the next hop took it';

/** Longer than any pause between two attempts, ms: what is due later than that was planned by a wrong clock. */
const LONGEST_PAUSE = 2 * HOUR;

export class Outbox {
  readonly #db: Db;
  /** prepared once: every batch of lines asks */
  readonly #unclear;

  constructor(db: Db) {
    this.#db = db;
    this.#unclear = db
      .prepare('SELECT message_id FROM mail WHERE sent IS NULL AND last_error GLOB ?')
      .pluck();
  }

  /** Puts something to tell into the outbox. */
  tell(kind: NoticeKind, about: unknown, created: number): void {
    this.#db
      .prepare('INSERT INTO notice (kind, created, json) VALUES (?, ?, ?)')
      .run(kind, created, JSON.stringify(about));
  }

  /** Notices that no mail tells yet, oldest first. */
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

  /** Each of these mails tells all of these notices: in one transaction, so that none is told twice. */
  compose(mails: readonly NewMail[], notices: readonly number[]): void {
    this.#db
      .transaction(() => {
        const [first] = mails.map((mail) => this.#insert(mail));
        const mark = this.#db.prepare('UPDATE notice SET mail = ? WHERE id = ? AND mail IS NULL');
        for (const id of notices) mark.run(first, id);
      })
      .immediate();
  }

  /** Gives its number. */
  #insert(mail: NewMail): number | bigint {
    const { created, messageId, recipient, subject, text, html } = mail;
    return this.#db
      .prepare(
        `INSERT INTO mail (created, message_id, recipient, subject, text, html, next_attempt)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(created, messageId, recipient, subject, text, html, created).lastInsertRowid;
  }

  /** Nothing is left to tell of these notices. */
  drop(notices: readonly number[]): void {
    const remove = this.#db.prepare('DELETE FROM notice WHERE id = ?');
    this.#db
      .transaction(() => {
        for (const id of notices) remove.run(id);
      })
      .immediate();
  }

  /** Mails whose next attempt is due, oldest first. */
  due(now: number): OutgoingMail[] {
    return (
      this.#db
        .prepare(
          `SELECT * FROM mail WHERE sent IS NULL AND (next_attempt <= ? OR next_attempt > ?)
           ORDER BY id LIMIT 20`,
        )
        .all(now, now + LONGEST_PAUSE) as MailRow[]
    ).map(fromRow);
  }

  /** All mails not sent yet. */
  unsent(): OutgoingMail[] {
    return (
      this.#db.prepare('SELECT * FROM mail WHERE sent IS NULL ORDER BY id').all() as MailRow[]
    ).map(fromRow);
  }

  /** When the earliest unsent mail is due, ms. */
  nextDue(): number | undefined {
    const row = this.#db
      .prepare('SELECT min(next_attempt) AS at FROM mail WHERE sent IS NULL')
      .get();
    return (row as { at: number | null }).at ?? undefined;
  }

  /** An attempt begins. Should the process die in it, the next one is not before `nextAttempt`. */
  begin(id: number, nextAttempt: number): void {
    this.#db
      .prepare(
        'UPDATE mail SET attempts = attempts + 1, last_error = ?, next_attempt = ? WHERE id = ?',
      )
      .run(UNCLEAR, nextAttempt, id);
  }

  sent(id: number, time: number): void {
    this.#db.prepare('UPDATE mail SET sent = ?, last_error = NULL WHERE id = ?').run(time, id);
  }

  /** The attempt that was begun has failed. The log may have looked as if it had not, unless this is `unclear`, too. */
  failed(id: number, error: string, nextAttempt: number, unclear: boolean): void {
    const text = unclear ? `${UNCLEAR}: ${error}` : error;
    this.#db
      .prepare(
        `UPDATE mail SET sent = CASE ? WHEN 1 THEN sent END, last_error = ?, next_attempt = ?
         WHERE id = ?`,
      )
      .run(unclear ? 1 : 0, text, nextAttempt, id);
  }

  /** Nothing is sent before `until`, or nothing to `recipient`: the next hop is ill, or does not take that one now. */
  postpone(until: number, recipient?: string): void {
    this.#db
      .prepare(
        `UPDATE mail SET next_attempt = ?
         WHERE sent IS NULL AND next_attempt < ? AND recipient = ifnull(?, recipient)`,
      )
      .run(until, until, recipient ?? null);
  }

  /** Message-IDs of mails whose attempt has begun and not ended, in this process or in one that was killed. */
  unclear(): string[] {
    return this.#unclear.all(`${UNCLEAR}*`) as string[];
  }

  /** The log tells that the mail server has taken this mail; false when that was known. */
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
      this.#db.prepare('SELECT count(*) AS n FROM mail WHERE sent >= ?').get(time) as { n: number }
    ).n;
  }

  /** Deletes mails sent before `before` (ms) with their notices, and notices as old that no mail tells. */
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

function fromRow(row: MailRow): OutgoingMail {
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
