/** Sums over the stored events of a period, for the report. */
import type { EventKind, Reason, SubmitterType } from '../model/event.ts';
import { DIRECTIONS, KINDS, REASON_CODES, SUBMITTERS, sqlList } from './codes.ts';
import type { Db } from './database.ts';
import { type Condition, within } from './period.ts';

export interface KindCount {
  readonly kind: EventKind;
  readonly count: number;
}

interface ReasonCount {
  readonly reason: Reason;
  readonly count: number;
}

/** How many recipients a submitter had, and how many of them were invalid. */
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

/** A client address from outside, and how often it was refused. */
export interface AttackerCount {
  readonly address: string;
  readonly name?: string;
  readonly invalid: number;
  readonly auth: number;
  readonly rejected: number;
}

/** Recipients that the server's own delivery did not find, by the place that refused them. */
export interface OwnMailboxCount {
  /** host of an LMTP server; absent for other deliveries */
  readonly host: string | null;
  readonly recipients: number;
  readonly recipient: string;
  readonly reply: string;
}

const INVALID = `reason IN (${sqlList(REASON_CODES, 'invalid-recipient', 'invalid-domain')})`;
const FAILED = `kind IN (${sqlList(KINDS, 'bounced', 'deferred', 'expired')})`;
const REFUSED = `kind IN (${sqlList(KINDS, 'rejected', 'auth-failed')})`;

/** Above the number of every reason. */
const PAIR = 100;

export class PeriodSums {
  readonly #db: Db;
  readonly #period: Condition;

  /** `since` inclusive, `until` exclusive, ms. */
  constructor(db: Db, since: number, until: number) {
    this.#db = db;
    this.#period = within(db, since, until);
    db.aggregate('tally', {
      start: (): number[] => [],
      step: (counts: number[], pair: number) => {
        counts[pair] = (counts[pair] ?? 0) + 1;
      },
      result: (counts) => JSON.stringify(counts),
    });
  }

  /** Events by kind and by reason, most frequent first; in one pass, because a day may have hundreds of thousands. */
  totals(): { kinds: KindCount[]; reasons: ReasonCount[] } {
    const kinds = new Map<EventKind, number>();
    const reasons = new Map<Reason, number>();
    for (const [pair, count] of this.#pairs().entries()) {
      if (count === null) continue;
      const kind = KINDS.words[Math.floor(pair / PAIR)] as EventKind;
      const reason = REASON_CODES.words[pair % PAIR];
      kinds.set(kind, (kinds.get(kind) ?? 0) + count);
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    }
    return {
      kinds: mostFirst(kinds).map(([kind, count]) => ({ kind, count })),
      reasons: mostFirst(reasons).map(([reason, count]) => ({ reason, count })),
    };
  }

  /** The `most` submitters with the most invalid recipients. */
  submitters(most: number): SubmitterCount[] {
    // Sums by number and client first: sorting hundreds of thousands of rows by name doubled the time.
    const rows = this.#all<Omit<SubmitterCount, 'type'> & { type: number }>(
      `SELECT type, lower(name) AS id, sum(invalid) AS invalid, sum(recipients) AS recipients,
         count(DISTINCT client_address) AS clients
       FROM (SELECT submitter, client_address,
           sum(CASE WHEN ${INVALID} AND repeated IS NULL AND kind <> ${KINDS.numberOf.removed} THEN 1 ELSE 0 END) AS invalid,
           coalesce(sum(new_recipients), 0) AS recipients
         FROM event WHERE ${this.#period.sql} AND submitter IS NOT NULL
           AND direction IS NOT ${DIRECTIONS.numberOf.local} GROUP BY 1, 2)
       JOIN submitter ON submitter.id = submitter
       GROUP BY 1, 2 HAVING sum(invalid) > 0 ORDER BY 3 DESC, 2 LIMIT ?`,
      most,
    );
    return rows.map((row) => ({ ...row, type: SUBMITTERS.words[row.type] as SubmitterType }));
  }

  /** Hosts that refused our mail, by reason. */
  refusers(most: number): RefuserCount[] {
    const rows = this.#all<Omit<RefuserCount, 'reason'> & { reason: number | null }>(
      `SELECT coalesce(relay_host, relay_address) AS host, reason, count(*) AS count, min(reply) AS reply
       FROM event WHERE ${this.#period.sql} AND repeated IS NULL
         AND ${FAILED} AND coalesce(relay_host, relay_address) IS NOT NULL
         AND (direction IS NULL OR direction = ${DIRECTIONS.numberOf.outbound})
       GROUP BY 1, 2 ORDER BY count DESC, host LIMIT ?`,
      most,
    );
    return rows.map((row) => ({
      ...row,
      reason: (row.reason === null ? null : REASON_CODES.words[row.reason]) as Reason,
    }));
  }

  /** Mailboxes that the server's own delivery did not find. */
  ownMailboxes(most: number): OwnMailboxCount[] {
    return this.#all<OwnMailboxCount>(
      `SELECT relay_host AS host, count(DISTINCT lower(coalesce(original_recipient, recipient))) AS recipients,
         min(recipient) AS recipient, min(reply) AS reply
       FROM event WHERE ${this.#period.sql} AND direction = ${DIRECTIONS.numberOf.local}
         AND reason = ${REASON_CODES.numberOf['invalid-recipient']}
       GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?`,
      most,
    );
  }

  /** Clients from outside that were refused, most often refused first. */
  attackers(most: number): AttackerCount[] {
    return this.#all<AttackerCount>(
      `SELECT client_address AS address, max(client_name) AS name,
         sum(CASE WHEN ${INVALID} THEN 1 ELSE 0 END) AS invalid,
         sum(CASE WHEN kind = ${KINDS.numberOf['auth-failed']} THEN 1 ELSE 0 END) AS auth,
         sum(CASE WHEN kind = ${KINDS.numberOf.rejected} THEN 1 ELSE 0 END) AS rejected
       FROM event WHERE ${this.#period.sql} AND direction = ${DIRECTIONS.numberOf.inbound}
         AND repeated IS NULL AND ${REFUSED} AND client_address IS NOT NULL
       GROUP BY 1 ORDER BY invalid + auth DESC, rejected DESC, address LIMIT ?`,
      most,
    );
  }

  /** How many events there are of each kind and reason, at `PAIR * kind + reason`. GROUP BY would sort all of them. */
  #pairs(): (number | null)[] {
    const [row] = this.#all<{ counts: string }>(
      `SELECT tally(${PAIR} * kind + coalesce(reason, 0)) AS counts FROM event
       WHERE ${this.#period.sql} AND repeated IS NULL`,
    );
    return JSON.parse(row?.counts ?? '[]') as (number | null)[];
  }

  #all<T>(sql: string, ...more: readonly number[]): T[] {
    return this.#db.prepare(sql).all(...this.#period.values, ...more) as T[];
  }
}

function mostFirst<T extends string>(counts: ReadonlyMap<T, number>): [T, number][] {
  return [...counts].sort(([a, more], [b, less]) => less - more || a.localeCompare(b));
}
