/** Mail to one provider: who sent it before a time, and when the provider took mail again. */
import type { SubmitterType } from '../model/event.ts';
import { KINDS, SUBMITTERS, sqlList } from './codes.ts';
import type { Db } from './database.ts';
import { within } from './period.ts';

/** A submitter, and how many recipients at the provider its mail had. */
export interface ProviderSender {
  readonly type: SubmitterType;
  readonly id: string;
  readonly recipients: number;
  /** of these, how many the provider refused for good */
  readonly refused: number;
}

/** Hosts of a provider: its domain and what is below it, or its network. */
const AT_PROVIDER = `(relay_host = ? COLLATE NOCASE OR relay_host LIKE ? ESCAPE '\\' OR relay_address LIKE ?)`;

export class ProviderMail {
  readonly #db: Db;
  readonly #hosts: readonly string[];

  /** `provider`: what its mail hosts have in common, `outlook.com`, or `192.0.2.0/24` for hosts without a name. */
  constructor(db: Db, provider: string) {
    this.#db = db;
    const below = `%.${provider.replace(/[%_\\]/g, '\\$&')}`;
    const network = /^((?:\d+\.){3})0\/24$/.exec(provider)?.[1];
    this.#hosts = [provider, below, network === undefined ? '' : `${network}%`];
  }

  /** The `most` submitters with the most recipients there, from `since` to `until` (ms, exclusive). */
  senders(since: number, until: number, most: number): ProviderSender[] {
    const period = within(this.#db, since, until);
    const rows = this.#db
      .prepare(
        `SELECT type, lower(name) AS id, sum(recipients) AS recipients, sum(refused) AS refused
         FROM (SELECT submitter, count(*) AS recipients,
             sum(CASE WHEN kind = ${KINDS.numberOf.bounced} THEN 1 ELSE 0 END) AS refused
           FROM event WHERE ${period.sql} AND submitter IS NOT NULL
             AND kind IN (${sqlList(KINDS, 'delivered', 'bounced')}) AND ${AT_PROVIDER} GROUP BY 1)
         JOIN submitter ON submitter.id = submitter
         GROUP BY 1, 2 ORDER BY 3 DESC, 2 LIMIT ?`,
      )
      .all(...period.values, ...this.#hosts, most) as (Omit<ProviderSender, 'type'> & {
      type: number;
    })[];
    return rows.map((row) => ({ ...row, type: SUBMITTERS.words[row.type] as SubmitterType }));
  }

  /** When the provider first took mail after `time`, before `until` (ms); undefined if it has not. */
  acceptedAfter(time: number, until: number): number | undefined {
    const period = within(this.#db, time + 1, until);
    const found = this.#db
      .prepare(
        `SELECT min(time) FROM event
         WHERE ${period.sql} AND kind = ${KINDS.numberOf.delivered} AND ${AT_PROVIDER}`,
      )
      .pluck()
      .get(...period.values, ...this.#hosts) as number | null;
    return found ?? undefined;
  }
}
