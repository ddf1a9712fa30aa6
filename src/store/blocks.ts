/** Blocks in the database: the desired state. Each identity has at most one running block. */
import { isNetwork, isWithin } from '../model/address.ts';
import type { Block, BlockableType } from '../model/block.ts';
import type { Db } from './database.ts';
import { addOccurrence } from './occurrences.ts';
import { type BlockRow, fromBlockRow, type ReleasedBy, type StoredBlock } from './stored-block.ts';

/** Where a block of several servers was released, how and by whom. */
interface ReleasedElsewhere {
  readonly host: string;
  readonly how?: ReleasedBy | undefined;
  readonly who?: string | undefined;
}

interface NewBlock {
  readonly key: Block['key'];
  readonly at?: Block['at'] | undefined;
  readonly cause: string;
  readonly start: number;
  readonly end?: number | undefined;
  readonly verdict?: number | undefined;
  readonly note?: string | undefined;
  /** the other server where it began; the others know of it */
  readonly host?: string | undefined;
  /** who began it there */
  readonly who?: string | undefined;
}

export class BlockTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Starts a block; undefined if one already runs for that identity. */
  start(block: NewBlock): StoredBlock | undefined {
    if (this.running(block.key) !== undefined) return undefined;
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO block (key_type, key_id, cause, note, verdict, start, "end", at_type, at_id, host, who, shared)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        block.key.type,
        block.key.id,
        block.cause,
        block.note ?? null,
        block.verdict ?? null,
        block.start,
        block.end ?? null,
        block.at?.type ?? null,
        block.at?.id ?? null,
        block.host ?? null,
        block.who ?? null,
        block.host === undefined ? null : 1,
      );
    const id = Number(lastInsertRowid);
    addOccurrence(this.#db, 'block', { block: id }, block.start);
    return this.get(id);
  }

  /** Adds a block under the number it had before; false if that number or that identity has a block already. */
  restore(block: Block, note: string): boolean {
    return (
      this.#db
        .prepare(
          `INSERT OR IGNORE INTO block (id, key_type, key_id, cause, note, start, "end")
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          block.id,
          block.key.type,
          block.key.id,
          block.cause,
          note,
          block.start,
          block.end ?? null,
        ).changes > 0
    );
  }

  get(id: number): StoredBlock | undefined {
    const row = this.#db.prepare('SELECT * FROM block WHERE id = ?').get(id);
    return row === undefined ? undefined : fromBlockRow(row as BlockRow);
  }

  /** The running block of this identity. */
  running(key: Block['key']): StoredBlock | undefined {
    const row = this.#db
      .prepare('SELECT * FROM block WHERE key_type = ? AND key_id = ? AND released IS NULL')
      .get(key.type, key.id);
    return row === undefined ? undefined : fromBlockRow(row as BlockRow);
  }

  /** The running block of this identity or, of a client, of a network that it is in. */
  runningOver(key: Block['key']): StoredBlock | undefined {
    const own = this.running(key);
    if (own !== undefined || key.type !== 'client') return own;
    return this.allRunning().find((block) => isOver(block, key.id));
  }

  /** All running blocks, oldest first. */
  allRunning(): StoredBlock[] {
    return (
      this.#db.prepare('SELECT * FROM block WHERE released IS NULL ORDER BY id').all() as BlockRow[]
    ).map(fromBlockRow);
  }

  /** The newest blocks, ended ones included, newest first. */
  history(most: number): StoredBlock[] {
    return (
      this.#db.prepare('SELECT * FROM block ORDER BY id DESC LIMIT ?').all(most) as BlockRow[]
    ).map(fromBlockRow);
  }

  /** Blocks of an identity and, of a client, of networks that it is in; newest first. */
  findOver(key: Block['key']): StoredBlock[] {
    if (key.type !== 'client') return this.findByKey(key);
    const rows = this.#db
      .prepare(
        `SELECT * FROM block WHERE key_type = 'client' AND (key_id = ? OR key_id LIKE '%/%') ORDER BY id DESC`,
      )
      .all(key.id);
    return (rows as BlockRow[]).map(fromBlockRow).filter((block) => isOver(block, key.id));
  }

  /** Blocks of an identity, newest first. */
  findByKey(key: Block['key']): StoredBlock[] {
    const rows = this.#db
      .prepare('SELECT * FROM block WHERE key_type = ? AND key_id = ? ORDER BY id DESC')
      .all(key.type, key.id);
    return (rows as BlockRow[]).map(fromBlockRow);
  }

  /** Ends a running block; false if it does not run. `time` in ms, `event`: number of the newest event. */
  release(id: number, time: number, by: ReleasedBy, event: number): boolean {
    const { changes } = this.#db
      .prepare(
        'UPDATE block SET released = ?, released_by = ?, released_event = ? WHERE id = ? AND released IS NULL',
      )
      .run(time, by, event, id);
    if (changes > 0) addOccurrence(this.#db, 'release', { block: id }, time);
    return changes > 0;
  }

  /** Ends a running block because `who` has changed the password; otherwise as `release`. */
  releaseForPassword(id: number, time: number, who: string, event: number): boolean {
    if (!this.release(id, time, 'password', event)) return false;
    this.#db.prepare('UPDATE block SET password_by = ? WHERE id = ?').run(who, id);
    return true;
  }

  /** Replaces the operator's words; an empty text removes them. False if there is no such block. */
  setNote(id: number, note: string): boolean {
    const text = note === '' ? null : note;
    return this.#db.prepare('UPDATE block SET note = ? WHERE id = ?').run(text, id).changes > 0;
  }

  /** Names the other server that released a block, how and by whom; the others know of it. */
  noteReleasedBy(id: number, { host, how, who }: ReleasedElsewhere): void {
    this.#db
      .prepare(
        'UPDATE block SET released_host = ?, released_how = ?, released_who = ?, shared = 2 WHERE id = ?',
      )
      .run(host, how ?? null, who ?? null, id);
  }

  /** Blocks of this server that the others do not know yet, and blocks of which they do not know that they ended. */
  unshared(): StoredBlock[] {
    const rows = this.#db
      .prepare(
        `SELECT * FROM block WHERE (shared IS NULL AND released IS NULL) OR (shared = 1 AND released IS NOT NULL)
         ORDER BY id`,
      )
      .all();
    return (rows as BlockRow[]).map(fromBlockRow);
  }

  /** Forgets that the others know the running blocks. */
  shareAgain(): void {
    this.#db.exec('UPDATE block SET shared = NULL WHERE shared = 1 AND released IS NULL');
  }

  /** The others know all of a block that is to be known now. */
  noteShared(id: number): void {
    this.#db
      .prepare(
        'UPDATE block SET shared = CASE WHEN released IS NULL THEN 1 ELSE 2 END WHERE id = ?',
      )
      .run(id);
  }

  /** Running blocks that should have ended by `now`, ms. */
  ended(now: number): StoredBlock[] {
    const rows = this.#db
      .prepare('SELECT * FROM block WHERE released IS NULL AND "end" <= ? ORDER BY id')
      .all(now);
    return (rows as BlockRow[]).map(fromBlockRow);
  }

  /** When rules started blocks since `time`, ms, here or on other servers: for the limit of blocks per hour. */
  ruleStartsSince(time: number, elsewhere: boolean): number[] {
    const rows = this.#db
      .prepare(
        `SELECT start FROM block WHERE cause <> 'manual' AND start > ? AND released_by IS NOT 'guard'
           AND (host IS NOT NULL) = ?`,
      )
      .all(time, Number(elsewhere));
    return (rows as { start: number }[]).map((row) => row.start);
  }

  /** How often each rule had blocked each identity before `time`, ms: for escalation. */
  offencesBefore(time: number): { rule: string; key: Block['key']; count: number; last: number }[] {
    const rows = this.#db
      .prepare(
        // By the key of the verdict: a client may be blocked with its whole network.
        `SELECT block.cause, block.key_type AS key_type, coalesce(verdict.key_id, block.key_id) AS key_id,
           count(*) AS count, max(block.start) AS last
         FROM block LEFT JOIN verdict ON verdict.id = block.verdict AND verdict.key_type = block.key_type
         WHERE block.cause <> 'manual' AND block.start < ? AND block.released_by IS NOT 'guard'
         GROUP BY block.cause, 2, 3`,
      )
      .all(time) as (Pick<BlockRow, 'cause' | 'key_type' | 'key_id'> & {
      count: number;
      last: number;
    })[];
    return rows.map(({ cause, key_type, key_id, count, last }) => ({
      rule: cause,
      key: { type: key_type as BlockableType, id: key_id },
      count,
      last,
    }));
  }

  /** Blocks that run, or ran until event number `event` or later, oldest first: for a judge that is rebuilt. */
  runningAt(event: number): StoredBlock[] {
    const rows = this.#db
      .prepare('SELECT * FROM block WHERE released IS NULL OR released_event >= ? ORDER BY id')
      .all(event);
    return (rows as BlockRow[]).map(fromBlockRow);
  }

  /** Blocks that were released after event number `event`, in order: for a judge that is rebuilt. */
  releasedSince(event: number): StoredBlock[] {
    const rows = this.#db
      .prepare('SELECT * FROM block WHERE released_event >= ? ORDER BY released_event, id')
      .all(event);
    return (rows as BlockRow[]).map(fromBlockRow);
  }
}

/** Whether the clients of a block hold this one. */
function isOver({ key }: StoredBlock, id: string): boolean {
  return key.type === 'client' && (isNetwork(key.id) ? isWithin(id, key.id) : key.id === id);
}
