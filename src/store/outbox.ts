/** The outbox: notices wait here to be composed into mails, mails until they are accepted. */
import type { Db } from './database.ts';

export const NOTICE_KINDS = ['verdict', 'capped'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** Something to tell, not yet part of a mail. */
export interface WaitingNotice {
  readonly id: number;
  readonly kind: NoticeKind;
  readonly created: number;
  readonly about: unknown;
}

/** A composed mail. */
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
  readonly sent?: number;
}

export type NewMail = Pick<
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

export class Outbox {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
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

  /** One mail tells all of these: in one transaction, so that none is told twice. */
  compose(mail: NewMail, notices: readonly number[]): void {
    this.#db
      .transaction(() => {
        const { lastInsertRowid } = this.#db
          .prepare(
            `INSERT INTO mail (created, message_id, recipient, subject, text, html, next_attempt)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
          )
          .run(
            mail.created,
            mail.messageId,
            mail.recipient,
            mail.subject,
            mail.text,
            mail.html,
            mail.created,
          );
        const mark = this.#db.prepare('UPDATE notice SET mail = ? WHERE id = ? AND mail IS NULL');
        for (const id of notices) mark.run(lastInsertRowid, id);
      })
      .immediate();
  }

  /** Mails whose next attempt is due, oldest first. */
  due(now: number): OutgoingMail[] {
    return (
      this.#db
        .prepare('SELECT * FROM mail WHERE sent IS NULL AND next_attempt <= ? ORDER BY id LIMIT 20')
        .all(now) as MailRow[]
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

  sent(id: number, time: number): void {
    this.#db.prepare('UPDATE mail SET sent = ?, last_error = NULL WHERE id = ?').run(time, id);
  }

  failed(id: number, error: string, nextAttempt: number): void {
    this.#db
      .prepare(
        'UPDATE mail SET attempts = attempts + 1, last_error = ?, next_attempt = ? WHERE id = ?',
      )
      .run(error, nextAttempt, id);
  }

  /** Number of mails sent since `time`, ms. */
  sentSince(time: number): number {
    return (
      this.#db.prepare('SELECT count(*) AS n FROM mail WHERE sent >= ?').get(time) as { n: number }
    ).n;
  }

  /** Deletes mails sent before `before` with their notices. */
  prune(before: number): void {
    this.#db
      .prepare('DELETE FROM notice WHERE mail IN (SELECT id FROM mail WHERE sent < ?)')
      .run(before);
    this.#db.prepare('DELETE FROM mail WHERE sent < ?').run(before);
  }
}

function fromRow(row: MailRow): OutgoingMail {
  return {
    id: row.id,
    created: row.created,
    messageId: row.message_id,
    recipient: row.recipient,
    subject: row.subject,
    text: row.text,
    html: row.html,
    attempts: row.attempts,
    nextAttempt: row.next_attempt,
    ...(row.last_error === null ? {} : { lastError: row.last_error }),
    ...(row.sent === null ? {} : { sent: row.sent }),
  };
}
