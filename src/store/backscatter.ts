/** Sums over the stored notifications of a period: those that were sent, those that came, and those that were refused. */
import type { DsnWay, Reason, SubmitterType } from '../model/event.ts';
import { DIRECTIONS, KINDS, REASON_CODES, SUBMITTERS } from './codes.ts';
import type { Db } from './database.ts';
import { type Condition, within } from './period.ts';

/** DSNs to strangers with the same cause. */
export interface NoticeCount {
  readonly way: DsnWay | null;
  readonly about: string | null;
  /** the address that forwards; else the domain of the recipients that failed */
  readonly through: string | null;
  /** the host that refused, null if this server did */
  readonly host: string | null;
  readonly reason: Reason | null;
  readonly count: number;
  /** different clients that the mail came from */
  readonly clients: number;
  readonly reply: string | null;
}

/** Notices from elsewhere to one of our addresses, about mail that did not go through this server. */
export interface ForgedCount {
  readonly recipient: string;
  readonly count: number;
  readonly clients: number;
}

/** Notices from elsewhere about mail that a submitter sent through this server. */
export interface ReturnedCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly count: number;
  readonly clients: number;
}

/** Notices that were refused in the SMTP dialogue, by client. */
export interface RefusedCount {
  readonly address: string;
  readonly name: string | null;
  readonly count: number;
  /** different recipients; null if the log does not name them */
  readonly recipients: number | null;
  readonly reply: string | null;
}

/** Complaints about mail of a submitter. */
export interface ComplaintCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly count: number;
}

export interface Backscatter {
  readonly notices: readonly NoticeCount[];
  readonly forged: readonly ForgedCount[];
  readonly returned: readonly ReturnedCount[];
  readonly refused: readonly RefusedCount[];
  readonly complaints: readonly ComplaintCount[];
}

/** A few notices come to everybody who writes letters. */
const FEW = 5;

/** `since` inclusive, `until` exclusive, ms; `most` rows each, the largest first. */
export function sumBackscatter(db: Db, since: number, until: number, most: number): Backscatter {
  const period = within(db, since, until);
  const all = <T>(sql: string, ...more: readonly number[]) =>
    db.prepare(sql).all(...period.values, ...more) as T[];
  return {
    notices: all<NoticeCount>(noticesSql(period), most),
    forged: all<ForgedCount>(forgedSql(period), FEW, most),
    returned: all<Omit<ReturnedCount, 'type'> & { type: number }>(
      returnedSql(period),
      FEW,
      most,
    ).map((row) => ({ ...row, type: SUBMITTERS.words[row.type] as SubmitterType })),
    complaints: all<Omit<ComplaintCount, 'type'> & { type: number }>(
      complaintsSql(period),
      most,
    ).map((row) => ({ ...row, type: SUBMITTERS.words[row.type] as SubmitterType })),
    refused: all<RefusedCount>(refusedSql(period), most),
  };
}

const cause = (key: string) => `json_extract(cause, '$.${key}')`;

function noticesSql({ sql }: Condition): string {
  const recipient = cause('recipient');
  const domain = `lower(substr(${recipient}, instr(${recipient}, '@') + 1))`;
  return `SELECT ${cause('way')} AS way, ${cause('about')} AS about,
      CASE ${cause('way')} WHEN 'forward' THEN ${cause('originalRecipient')} ELSE ${domain} END AS through,
      coalesce(${cause('relay.host')}, ${cause('relay.address')}) AS host, ${cause('reason')} AS reason,
      count(*) AS count, count(DISTINCT client_address) AS clients, min(${cause('reply')}) AS reply
    FROM event WHERE ${sql} AND kind = ${KINDS.numberOf['dsn-sent']}
      AND direction = ${DIRECTIONS.numberOf.inbound} AND ${cause('home')} IS NULL
    GROUP BY 1, 2, 3, 4, 5 ORDER BY count DESC, 1, 2, 3, 4, 5 LIMIT ?`;
}

function forgedSql({ sql }: Condition): string {
  return `SELECT lower(coalesce(original_recipient, recipient)) AS recipient, count(*) AS count,
      count(DISTINCT client_address) AS clients
    FROM event WHERE ${sql} AND kind = ${KINDS.numberOf['dsn-received']}
      AND direction = ${DIRECTIONS.numberOf.inbound}
    GROUP BY 1 HAVING count(*) >= ? ORDER BY 2 DESC, 1 LIMIT ?`;
}

function returnedSql({ sql }: Condition): string {
  return `SELECT type, lower(name) AS id, count(*) AS count, count(DISTINCT client_address) AS clients
    FROM event JOIN submitter ON submitter.id = event.submitter
    WHERE ${sql} AND kind = ${KINDS.numberOf['dsn-received']}
      AND direction = ${DIRECTIONS.numberOf.outbound}
    GROUP BY 1, 2 HAVING count(*) >= ? ORDER BY 3 DESC, 2 LIMIT ?`;
}

function complaintsSql({ sql }: Condition): string {
  return `SELECT type, lower(name) AS id, count(*) AS count
    FROM event JOIN submitter ON submitter.id = event.submitter
    WHERE ${sql} AND kind = ${KINDS.numberOf.complaint}
    GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT ?`;
}

/** An unknown recipient and a temporary refusal (greylisting) are no refused notification. */
function refusedSql({ sql }: Condition): string {
  return `SELECT client_address AS address, max(client_name) AS name, count(*) AS count,
      nullif(count(DISTINCT lower(recipient)), 0) AS recipients, min(reply) AS reply
    FROM event WHERE ${sql} AND kind = ${KINDS.numberOf.rejected} AND sender = ''
      AND direction = ${DIRECTIONS.numberOf.inbound} AND temporary IS NULL AND repeated IS NULL
      AND reason IS NOT ${REASON_CODES.numberOf['invalid-recipient']}
      AND reason IS NOT ${REASON_CODES.numberOf['relay-denied']} AND client_address IS NOT NULL
    GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT ?`;
}
