/**
 * What became of recipients at other hosts, for sums that SQL cannot make because they need the provider of a host. One
 * pass over plain rows: a day may have hundreds of thousands.
 */
import type { SubmitterType } from '../model/event.ts';
import { KINDS, SUBMITTERS, sqlList } from './codes.ts';
import type { Db } from './database.ts';
import { within } from './period.ts';

/** One recipient, delivered or refused for good. */
export interface Outcome {
  /** ms */
  readonly time: number;
  readonly refused: boolean;
  readonly host: string | undefined;
  readonly address: string | undefined;
  /** number of the submitter, for `name`; undefined if it has none */
  readonly submitter: number | undefined;
}

type OutcomeRow = readonly [number, number, string | null, string | null, number | null];

export class Outcomes {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Those from `since` to `until` (ms, exclusive), in the order in which they came. */
  *between(since: number, until: number): Generator<Outcome> {
    const period = within(this.#db, since, until);
    const rows = this.#db
      .prepare(
        `SELECT event.time, kind, relay_host, relay_address, submitter FROM event
         WHERE ${period.sql} AND kind IN (${sqlList(KINDS, 'delivered', 'bounced')})
           AND coalesce(relay_host, relay_address) IS NOT NULL`,
      )
      .raw()
      .iterate(...period.values) as IterableIterator<OutcomeRow>;
    for (const [time, kind, host, address, submitter] of rows) {
      yield {
        time,
        refused: kind === KINDS.numberOf.bounced,
        host: host ?? undefined,
        address: address ?? undefined,
        submitter: submitter ?? undefined,
      };
    }
  }

  /** The submitter with this number, in lower case; undefined if it was deleted. */
  name(submitter: number): { readonly type: SubmitterType; readonly id: string } | undefined {
    const row = this.#db
      .prepare('SELECT type, lower(name) AS id FROM submitter WHERE id = ?')
      .get(submitter) as { type: number; id: string } | undefined;
    return row && { type: SUBMITTERS.words[row.type] as SubmitterType, id: row.id };
  }
}
