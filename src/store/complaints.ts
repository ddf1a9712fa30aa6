/** Finds the stored message that a complaint is about. */
import type { MailEvent } from '../model/event.ts';
import { KINDS } from './codes.ts';
import type { Db } from './database.ts';
import { fromRow, JOINED, type Row, SELECTED } from './event-row.ts';

/** What must be true of a message. Times in ms. */
export interface MessageQuery {
  readonly messageId: string;
  readonly queueId?: string;
  readonly since: number;
  readonly until: number;
}

export class ComplaintQueries {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** The messages that were accepted with this Message-ID; usually one. */
  findAccepted({ messageId, queueId, since, until }: MessageQuery): MailEvent[] {
    return this.#find(
      `event.kind = ${KINDS.numberOf.accepted} AND event.time BETWEEN ? AND ? AND event.message_id = ?
       AND (? IS NULL OR event.queue_id = ?)`,
      [since, until, messageId, queueId ?? null, queueId ?? null],
    );
  }

  /** To whom these queue IDs were delivered. */
  findDelivered(queueIds: readonly string[], since: number, until: number): MailEvent[] {
    const marks = queueIds.map(() => '?').join(', ');
    return this.#find(
      `event.kind = ${KINDS.numberOf.delivered} AND event.time BETWEEN ? AND ? AND event.queue_id IN (${marks})`,
      [since, until, ...queueIds],
    );
  }

  /** Whether there was a complaint about this message before. Found by an index of complaints. */
  isKnown({ queueId, offset, messageId }: MailEvent): boolean {
    const rows = this.#db
      .prepare(
        `SELECT 1 FROM event WHERE kind = ${KINDS.numberOf.complaint} AND queue_id = ? AND offset = ?
         AND message_id = ?`,
      )
      .all(queueId, offset, messageId);
    return rows.length > 0;
  }

  #find(condition: string, values: readonly (string | number | null)[]): MailEvent[] {
    const rows = this.#db
      .prepare(`SELECT ${SELECTED} FROM ${JOINED} WHERE ${condition} ORDER BY event.id LIMIT 1000`)
      .raw()
      .all(...values) as Row[];
    return rows.map((row) => fromRow(row).event);
  }
}
