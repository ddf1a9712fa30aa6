/** Verdicts in the database, each with its outcome. */
import { dropUndefined } from '../base/defined.ts';
import type { Action, Key, KeyType, Verdict, VerdictOutcome } from '../model/block.ts';
import type { Past } from '../model/usual.ts';
import type { Db } from './database.ts';
import { Walk } from './walk.ts';

export interface StoredVerdict {
  readonly id: number;
  readonly verdict: Verdict;
  readonly outcome: VerdictOutcome;
  /** number of the newest event when it was stored: the last one of its batch */
  readonly event: number;
}

interface Row {
  id: number;
  rule: string;
  action: string;
  key_type: string;
  key_id: string;
  time: number;
  source: string;
  line: number;
  offset: number;
  count: number;
  limit: number;
  period: number;
  duration: number | null;
  outcome: string;
  at_type: string | null;
  at_id: string | null;
  people: number | null;
  limit_why: string | null;
  full_limit: number | null;
  event: number;
  past: string | null;
  hosts: string | null;
}

export class VerdictTable {
  readonly #db: Db;
  readonly #walk;

  constructor(db: Db) {
    this.#db = db;
    this.#walk = new Walk(db, 'verdict');
  }

  /** Stores a verdict that was reached with event number `event`; returns its number. */
  insert(verdict: Verdict, outcome: VerdictOutcome, event: number): number {
    const result = this.#db
      .prepare(
        `INSERT INTO verdict (rule, action, key_type, key_id, time, source, line, offset, count, "limit",
           period, duration, outcome, event, at_type, at_id, people, limit_why, full_limit, past, hosts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        verdict.rule,
        verdict.action,
        verdict.key.type,
        verdict.key.id,
        verdict.time,
        verdict.source,
        verdict.line,
        verdict.offset,
        verdict.count,
        verdict.limit,
        verdict.period,
        verdict.duration ?? null,
        outcome,
        event,
        verdict.at?.type ?? null,
        verdict.at?.id ?? null,
        verdict.people ?? null,
        verdict.limitWhy ?? null,
        verdict.fullLimit ?? null,
        verdict.past === undefined ? null : JSON.stringify(verdict.past),
        verdict.hosts === undefined ? null : JSON.stringify(verdict.hosts),
      );
    return Number(result.lastInsertRowid);
  }

  /** Adds to a verdict of this server what each of the servers that count together contributed. */
  noteHosts(id: number, hosts: NonNullable<Verdict['hosts']>): void {
    this.#db.prepare('UPDATE verdict SET hosts = ? WHERE id = ?').run(JSON.stringify(hosts), id);
  }

  get(id: number): StoredVerdict | undefined {
    const row = this.#db.prepare('SELECT * FROM verdict WHERE id = ?').get(id);
    return row === undefined ? undefined : fromRow(row as Row);
  }

  /** Verdicts of a period, oldest first; `since` inclusive, `until` exclusive, ms of event time. */
  between(since: number, until: number): StoredVerdict[] {
    const rows = this.#db
      .prepare('SELECT * FROM verdict WHERE time >= ? AND time < ? ORDER BY id')
      .all(since, until);
    return (rows as Row[]).map(fromRow);
  }

  /** Those that were stored together with events from this number on, in their order. */
  from(event: number): StoredVerdict[] {
    const rows = this.#db.prepare('SELECT * FROM verdict WHERE event >= ? ORDER BY id').all(event);
    return (rows as Row[]).map(fromRow);
  }

  /** Of each rule and key, the last verdict that was stored before event number `event`, if it was stale. */
  staleBefore(event: number): StoredVerdict[] {
    const rows = this.#db
      .prepare(
        `SELECT *, max(id) FROM verdict WHERE event < ?
         GROUP BY rule, coalesce(at_type, key_type), coalesce(at_id, key_id) ORDER BY max(id)`,
      )
      .all(event);
    return (rows as Row[]).map(fromRow).filter(({ outcome }) => outcome === 'stale');
  }

  /** For each rule, limit (that by day) and key, when it was observed first (ms of event time). */
  firstObserved(): { rule: string; key: Key; limit: number; period: number; time: number }[] {
    const rows = this.#db
      .prepare(
        `SELECT rule, key_type, key_id, coalesce(full_limit, "limit") AS "limit", period, min(time) AS time
         FROM verdict WHERE outcome = 'observed' GROUP BY 1, 2, 3, 4, 5`,
      )
      .all() as Row[];
    return rows.map(({ rule, key_type, key_id, limit, period, time }) => {
      return { rule, key: { type: key_type as KeyType, id: key_id }, limit, period, time };
    });
  }

  /** The newest verdicts on this key, newest first. */
  findByKey(key: Key, most = 20): StoredVerdict[] {
    const rows = this.#db
      .prepare(
        'SELECT * FROM verdict WHERE key_type = ? AND key_id = ? COLLATE NOCASE ORDER BY id DESC LIMIT ?',
      )
      .all(key.type, key.id, most);
    return (rows as Row[]).map(fromRow);
  }

  /** Who had a verdict with this outcome since `since` (ms of event time), each with the time of the newest. */
  findKeys(outcome: VerdictOutcome, since: number): { key: Key; time: number }[] {
    const rows = this.#db
      .prepare(
        `SELECT key_type, key_id, max(time) AS time FROM verdict
         WHERE outcome = ? AND time >= ? GROUP BY key_type, key_id ORDER BY min(id)`,
      )
      .all(outcome, since) as Pick<Row, 'key_type' | 'key_id' | 'time'>[];
    return rows.map(({ key_type, key_id, time }) => ({
      key: { type: key_type as KeyType, id: key_id },
      time,
    }));
  }

  /** Whether there is a verdict of this source, offset and time (ms) on this key. */
  hasFrom(source: string, offset: number, time: number, { type, id }: Key): boolean {
    const found = this.#db
      .prepare(
        'SELECT 1 FROM verdict WHERE time = ? AND source = ? AND offset = ? AND key_type = ? AND key_id = ?',
      )
      .get(time, source, offset, type, id);
    return found !== undefined;
  }

  /**
   * Deletes those of the next `most` verdicts that are older than `before` (ms) and led to no block; false after the
   * last one. Verdicts that led to blocks stay as long as the blocks; `Walk` keeps each step from examining all of them.
   */
  prune(before: number, most: number): boolean {
    const part = this.#walk.next(most);
    if (part === undefined) return false;
    this.#db
      .prepare(
        `DELETE FROM verdict WHERE id > ? AND id <= ? AND time < ?
           AND NOT EXISTS (SELECT 1 FROM block WHERE block.verdict = verdict.id)`,
      )
      .run(part.after, part.upTo, before);
    return true;
  }
}

function fromRow(row: Row): StoredVerdict {
  return {
    id: row.id,
    outcome: row.outcome as VerdictOutcome,
    event: row.event,
    verdict: dropUndefined({
      rule: row.rule,
      action: row.action as Action,
      key: { type: row.key_type as KeyType, id: row.key_id },
      at: readGateway(row),
      people: row.people ?? undefined,
      time: row.time,
      source: row.source,
      line: row.line,
      offset: row.offset,
      count: row.count,
      limit: row.limit,
      limitWhy: row.limit_why ?? undefined,
      fullLimit: row.full_limit ?? undefined,
      period: row.period,
      duration: row.duration ?? undefined,
      past: row.past === null ? undefined : (JSON.parse(row.past) as Past),
      hosts: row.hosts === null ? undefined : (JSON.parse(row.hosts) as Verdict['hosts']),
    }),
  };
}

/** The gateway of a row. */
export function readGateway({
  at_type,
  at_id,
}: {
  readonly at_type: string | null;
  readonly at_id: string | null;
}): Key | undefined {
  return at_type === null || at_id === null ? undefined : { type: at_type as KeyType, id: at_id };
}
