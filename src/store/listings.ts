/** Our listings on DNS blocklists in the database: when each began and ended, and when each list was asked last. */
import { dropUndefined } from '../base/defined.ts';
import type { Cost, ListingChange, ListingResult, StoredListing } from '../model/listing.ts';
import type { Db } from './database.ts';

interface ListingRow {
  id: number;
  address: string;
  list: string;
  codes: string;
  meaning: string;
  cost: string;
  began: number;
  ended: number | null;
}

export class ListingTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * Stores what the lists answered at `now` (ms) and returns the changes: listed for the first time or with a code that
   * is new, and no longer listed. Only `listed` and `clear` change anything. Call it inside a transaction.
   */
  record(results: readonly ListingResult[], now: number): ListingChange[] {
    const asked = this.#db.prepare(
      'INSERT OR REPLACE INTO listing_asked (address, list, time) VALUES (?, ?, ?)',
    );
    return results.flatMap((result) => {
      asked.run(result.address, result.list, now);
      if (result.state === 'listed') return this.#recordListed(result, now);
      if (result.state === 'clear') return this.#recordClear(result, now);
      return [];
    });
  }

  #recordListed(result: ListingResult, now: number): ListingChange[] {
    const { address, list, codes, meaning, cost } = result;
    const running = this.#findRunning(address, list);
    const known = running === undefined ? [] : (JSON.parse(running.codes) as string[]);
    if (running === undefined) {
      this.#db
        .prepare(
          'INSERT INTO listing (address, list, codes, meaning, cost, began) VALUES (?, ?, ?, ?, ?, ?)',
        )
        .run(address, list, JSON.stringify(codes), meaning, cost, now);
    } else {
      this.#db
        .prepare('UPDATE listing SET codes = ?, meaning = ?, cost = ? WHERE id = ?')
        .run(JSON.stringify(codes), meaning, cost, running.id);
    }
    const isNew = codes.some((code) => !known.includes(code));
    return isNew ? [{ ...result, state: 'listed', time: now }] : [];
  }

  #recordClear(result: ListingResult, now: number): ListingChange[] {
    const running = this.#findRunning(result.address, result.list);
    if (running === undefined) return [];
    this.#db.prepare('UPDATE listing SET ended = ? WHERE id = ?').run(now, running.id);
    return [{ ...result, state: 'clear', time: now }];
  }

  /**
   * Ends, at `now`, the listings whose list was not asked about the address since `before` (both ms): nobody watches
   * them any more.
   */
  endUnasked(before: number, now: number): void {
    this.#db
      .prepare(
        `UPDATE listing SET ended = ? WHERE ended IS NULL AND NOT EXISTS (
           SELECT 1 FROM listing_asked AS asked
           WHERE asked.address = listing.address AND asked.list = listing.list AND asked.time >= ?)`,
      )
      .run(now, before);
  }

  /** When a list was last asked about an address, ms; undefined if it never was. */
  lastAsked(address: string, list: string): number | undefined {
    return this.#db
      .prepare('SELECT time FROM listing_asked WHERE address = ? AND list = ?')
      .pluck()
      .get(address, list) as number | undefined;
  }

  /** Listings that have not ended, oldest first. */
  running(): StoredListing[] {
    return this.#read('ended IS NULL');
  }

  /** Listings that lasted for some of the period from `since` to `until` (ms, exclusive), oldest first. */
  between(since: number, until: number): StoredListing[] {
    return this.#read('began < ? AND (ended IS NULL OR ended >= ?)', until, since);
  }

  /** Deletes what ended before `before` (ms), and what was last asked before it. */
  prune(before: number): void {
    this.#db.prepare('DELETE FROM listing WHERE ended < ?').run(before);
    this.#db.prepare('DELETE FROM listing_asked WHERE time < ?').run(before);
  }

  #findRunning(address: string, list: string): ListingRow | undefined {
    return this.#db
      .prepare('SELECT * FROM listing WHERE address = ? AND list = ? AND ended IS NULL')
      .get(address, list) as ListingRow | undefined;
  }

  #read(condition: string, ...values: readonly number[]): StoredListing[] {
    const rows = this.#db
      .prepare(`SELECT * FROM listing WHERE ${condition} ORDER BY began, id LIMIT 1000`)
      .all(...values) as ListingRow[];
    return rows.map(fromRow);
  }
}

function fromRow({ id: _, codes, cost, ended, ...row }: ListingRow): StoredListing {
  return dropUndefined({
    ...row,
    codes: JSON.parse(codes) as string[],
    cost: cost as Cost,
    ended: ended ?? undefined,
  });
}
