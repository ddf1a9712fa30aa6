/** Sums over a period of stored events, for the report. Times in ms, `since` inclusive, `until` exclusive. */
import type { EventKind, Reason, SubmitterType } from '../model/event.ts';
import type { Db } from './database.ts';

export interface KindCount {
  readonly kind: EventKind;
  readonly count: number;
}

export interface ReasonCount {
  readonly reason: Reason;
  readonly count: number;
}

/** One submitter's recipients and how many of them were invalid. */
export interface SubmitterCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly invalid: number;
  readonly recipients: number;
  readonly clients: number;
}

/** A host that refused our mail, with one of its replies. */
export interface RefuserCount {
  readonly host: string;
  readonly reason: Reason;
  readonly count: number;
  readonly reply: string;
}

/** A stranger's client address with what it was refused for. */
export interface AttackerCount {
  readonly address: string;
  readonly name?: string;
  readonly invalid: number;
  readonly auth: number;
  readonly rejected: number;
}

const INVALID = `reason IN ('invalid-recipient', 'invalid-domain')`;

export class ReportQueries {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Events by kind and by reason, most first; in one walk, because a day may hold hundreds of thousands. */
  totals(since: number, until: number): { kinds: KindCount[]; reasons: ReasonCount[] } {
    const rows = this.#db
      .prepare(
        `SELECT kind, reason, count(*) AS count FROM event
         WHERE time >= ? AND time < ? AND repeated IS NULL GROUP BY kind, reason`,
      )
      .all(since, until) as { kind: EventKind; reason: Reason | null; count: number }[];
    const kinds = new Map<EventKind, number>();
    const reasons = new Map<Reason, number>();
    for (const { kind, reason, count } of rows) {
      kinds.set(kind, (kinds.get(kind) ?? 0) + count);
      if (reason !== null) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    }
    return {
      kinds: mostFirst(kinds).map(([kind, count]) => ({ kind, count })),
      reasons: mostFirst(reasons).map(([reason, count]) => ({ reason, count })),
    };
  }

  /** Submitters by invalid recipients, most first. */
  submitters(since: number, until: number, most: number): SubmitterCount[] {
    return this.#db
      .prepare(
        `SELECT submitter_type AS type, lower(submitter_id) AS id,
           sum(CASE WHEN ${INVALID} AND repeated IS NULL AND kind <> 'removed' THEN 1 ELSE 0 END) AS invalid,
           coalesce(sum(new_recipients), 0) AS recipients,
           count(DISTINCT client_address) AS clients
         FROM event WHERE time >= ? AND time < ? AND submitter_id IS NOT NULL
         GROUP BY 1, 2 HAVING invalid > 0 ORDER BY invalid DESC, id LIMIT ?`,
      )
      .all(since, until, most) as SubmitterCount[];
  }

  /** Who refused mail of ours, and why. */
  refusers(since: number, until: number, most: number): RefuserCount[] {
    return this.#db
      .prepare(
        `SELECT coalesce(relay_host, relay_address) AS host, reason, count(*) AS count, min(reply) AS reply
         FROM event WHERE time >= ? AND time < ? AND repeated IS NULL
           AND kind IN ('bounced', 'deferred', 'expired') AND coalesce(relay_host, relay_address) IS NOT NULL
           AND (direction IS NULL OR direction = 'outbound')
         GROUP BY 1, 2 ORDER BY count DESC, host LIMIT ?`,
      )
      .all(since, until, most) as RefuserCount[];
  }

  /** Strangers by what they were refused for. */
  attackers(since: number, until: number, most: number): AttackerCount[] {
    return this.#db
      .prepare(
        `SELECT client_address AS address, max(client_name) AS name,
           sum(CASE WHEN ${INVALID} THEN 1 ELSE 0 END) AS invalid,
           sum(CASE WHEN kind = 'auth-failed' THEN 1 ELSE 0 END) AS auth,
           sum(CASE WHEN kind = 'rejected' THEN 1 ELSE 0 END) AS rejected
         FROM event WHERE time >= ? AND time < ? AND direction = 'inbound'
           AND kind IN ('rejected', 'auth-failed') AND client_address IS NOT NULL
         GROUP BY 1 ORDER BY invalid + auth DESC, rejected DESC, address LIMIT ?`,
      )
      .all(since, until, most) as AttackerCount[];
  }
}

function mostFirst<T extends string>(counts: ReadonlyMap<T, number>): [T, number][] {
  return [...counts].sort(([a, more], [b, less]) => less - more || a.localeCompare(b));
}
