/** What must survive a restart, apart from events: read positions, open messages, saved state, what block files list. */
import { isNetwork, isWithin } from '../model/address.ts';
import type { Submitter } from '../model/event.ts';
import type { Db } from './database.ts';
import type { SavedState, TargetState } from './saved-state.ts';

/** An open message, as far as the store knows it; the rest of it is only JSON here. */
interface StorableMessage {
  readonly host: string;
  readonly queueId: string;
  touched: number;
  submitter?: Submitter | undefined;
}

interface MessageRow {
  readonly host: string;
  readonly queue_id: string;
  readonly touched: number;
}

/** What identifies a message; `born` in ms. */
interface MessageNames {
  readonly host: string;
  readonly queueId: string;
  readonly born: number;
  readonly messageId?: string;
  readonly parentQueueId?: string;
}

/** The hosts of the open messages, by one look into the index for each. */
const HOSTS = `WITH RECURSIVE hosts(host) AS (
  SELECT min(host) FROM message
  UNION ALL SELECT (SELECT min(host) FROM message WHERE host > hosts.host) FROM hosts WHERE host IS NOT NULL
) SELECT host FROM hosts WHERE host IS NOT NULL`;

/** An open message whose submitter is known. */
export interface OwnedMessage {
  readonly queueId: string;
  readonly submitter: Submitter;
  readonly sender?: string;
}

export class StateTable {
  readonly #db: Db;
  readonly #load;
  readonly #save;
  readonly #delete;
  readonly #nextMessages;
  readonly #savePosition;
  readonly #write;
  /** host and queue ID of the last message that this round of pruning has examined */
  #pruned: readonly [string, string] = ['', ''];

  constructor(db: Db) {
    this.#db = db;
    this.#load = db.prepare('SELECT json FROM message WHERE host = ? AND queue_id = ?');
    this.#save = db.prepare(
      'INSERT OR REPLACE INTO message (host, queue_id, touched, submitter_type, submitter_id, json) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#delete = db.prepare('DELETE FROM message WHERE host = ? AND queue_id = ?');
    this.#nextMessages = db.prepare(
      `SELECT host, queue_id, touched FROM message WHERE (host, queue_id) > (?, ?)
       ORDER BY host, queue_id LIMIT ?`,
    );
    this.#savePosition = db.prepare('INSERT OR REPLACE INTO position (path, json) VALUES (?, ?)');
    this.#write = db.prepare('INSERT OR REPLACE INTO state (name, json) VALUES (?, ?)');
  }

  /** Read positions by path, as the follower gave them. */
  positions(): ReadonlyMap<string, unknown> {
    const rows = this.#db.prepare('SELECT path, json FROM position').all() as {
      path: string;
      json: string;
    }[];
    return new Map(rows.map((row) => [row.path, JSON.parse(row.json)]));
  }

  savePosition(path: string, position: unknown): void {
    this.#savePosition.run(path, JSON.stringify(position));
  }

  /** The value saved under `name`; undefined if none ever was. */
  read<Name extends keyof SavedState>(name: Name): SavedState[Name] | undefined {
    const row = this.#db.prepare('SELECT json FROM state WHERE name = ?').get(name);
    return row === undefined ? undefined : JSON.parse((row as { json: string }).json);
  }

  write<Name extends keyof SavedState>(name: Name, value: SavedState[Name]): void {
    this.#write.run(name, JSON.stringify(value));
  }

  /** All values whose name begins with `start`, by the rest of the name. */
  readAll(start: string): ReadonlyMap<string, unknown> {
    const rows = this.#db.prepare('SELECT name, json FROM state WHERE substr(name, 1, ?) = ?');
    const found = rows.all(start.length, start) as { name: string; json: string }[];
    return new Map(found.map(({ name, json }) => [name.slice(start.length), JSON.parse(json)]));
  }

  loadMessage<T extends StorableMessage>(host: string, queueId: string): T | undefined {
    const row = this.#load.get(host, queueId);
    return row === undefined ? undefined : (JSON.parse((row as { json: string }).json) as T);
  }

  /**
   * Names of the newest `most` messages that were seen within `age` ms before the newest of all, in the order of birth.
   * Only the names, since a hostile log can contain any number of messages of any size.
   */
  *recentMessages(age: number, most: number): Generator<MessageNames> {
    const rows = this.#db
      .prepare(
        `SELECT host, queue_id AS queueId, json ->> 'messageId' AS messageId, json ->> 'born' AS born,
           json ->> 'parentQueueId' AS parentQueueId FROM (
             SELECT * FROM message WHERE touched > (SELECT max(touched) FROM message) - ?
             ORDER BY touched DESC LIMIT ?)
         ORDER BY born`,
      )
      .iterate(age, most) as IterableIterator<{ [name in keyof MessageNames]: unknown }>;
    for (const { messageId, parentQueueId, ...row } of rows) {
      const named = messageId === null ? {} : { messageId };
      const parent = parentQueueId === null ? {} : { parentQueueId };
      yield { ...row, ...named, ...parent } as MessageNames;
    }
  }

  /** The `most` messages that were seen last, in the order of birth. */
  newestMessages<T extends StorableMessage>(most: number): T[] {
    const rows = this.#db
      .prepare(
        `SELECT json FROM (SELECT json FROM message ORDER BY touched DESC LIMIT ?) ORDER BY json ->> 'born'`,
      )
      .all(most);
    return (rows as { json: string }[]).map(({ json }) => JSON.parse(json) as T);
  }

  saveMessages(
    changed: readonly StorableMessage[],
    closed: readonly { host: string; queueId: string }[],
  ): void {
    for (const { host, queueId } of closed) this.#delete.run(host, queueId);
    for (const message of changed) {
      const { host, queueId, touched, submitter } = message;
      this.#save.run(
        host,
        queueId,
        touched,
        submitter?.type ?? null,
        submitter?.id ?? null,
        JSON.stringify(message),
      );
    }
  }

  messageCount(): number {
    return (this.#db.prepare('SELECT count(*) AS n FROM message').get() as { n: number }).n;
  }

  /** This submitter's open messages. A network has those of all its clients. */
  findKnown(submitter: Submitter): OwnedMessage[] {
    if (submitter.type === 'client' && isNetwork(submitter.id)) {
      const all = this.#readOwned(`submitter_type = 'client'`);
      return all.filter((message) => isWithin(message.submitter.id, submitter.id));
    }
    const where = 'submitter_id = ? COLLATE NOCASE AND submitter_type = ?';
    return this.#readOwned(where, submitter.id, submitter.type);
  }

  /** The open messages of all submitters. Takes seconds for a hundred thousand. */
  listKnown(): OwnedMessage[] {
    return this.#readOwned('submitter_id IS NOT NULL');
  }

  /** Those of these messages that are open and have a submitter. */
  findOwned(queueIds: readonly string[]): OwnedMessage[] {
    const hosts = this.#db.prepare(HOSTS).pluck().all() as string[];
    const where = 'host = ? AND queue_id = ? AND submitter_id IS NOT NULL';
    return queueIds.flatMap((id) => hosts.flatMap((host) => this.#readOwned(where, host, id)));
  }

  /** Those of these messages that a user handed in. */
  findUsers(queueIds: readonly string[]): Set<string> {
    const hosts = this.#db.prepare(HOSTS).pluck().all() as string[];
    const find = this.#db.prepare(
      `SELECT 1 FROM message WHERE host = ? AND queue_id = ? AND submitter_type = 'user'`,
    );
    const isUsers = (id: string) => hosts.some((host) => find.get(host, id) !== undefined);
    return new Set(queueIds.filter(isUsers));
  }

  #readOwned(where: string, ...values: readonly string[]): OwnedMessage[] {
    const rows = this.#db
      .prepare(
        `SELECT queue_id, submitter_type AS type, submitter_id AS id, json ->> 'sender' AS sender
         FROM message WHERE ${where}`,
      )
      .all(...values) as (Submitter & { queue_id: string; sender: string | null })[];
    return rows.map(({ queue_id, type, id, sender }) => {
      const named = sender === null ? {} : { sender };
      return { queueId: queue_id, submitter: { type, id }, ...named };
    });
  }

  /** Those of these queue IDs whose message has not left the queue. */
  findQueued(queueIds: readonly string[]): string[] {
    if (queueIds.length === 0) return [];
    return this.#db
      .prepare(
        `SELECT DISTINCT queue_id FROM message
         WHERE queue_id IN (SELECT value FROM json_each(?)) ORDER BY queue_id`,
      )
      .pluck()
      .all(JSON.stringify(queueIds)) as string[];
  }

  /** Deletes those of the next `most` messages that were not seen since `before` (ms); false after the last one. */
  pruneMessages(before: number, most: number): boolean {
    const next = this.#nextMessages.all(...this.#pruned, most) as MessageRow[];
    const old = next.filter(({ touched }) => touched < before);
    this.#db.transaction(() => {
      for (const { host, queue_id } of old) this.#delete.run(host, queue_id);
    })();
    const last = next.at(-1);
    this.#pruned = last === undefined ? ['', ''] : [last.host, last.queue_id];
    return last !== undefined;
  }

  /** IDs of the blocks that the file of each target is known to list. */
  enforced(): Map<string, Set<number>> {
    const byTarget = new Map<string, Set<number>>();
    const rows = this.#db.prepare('SELECT target, block FROM enforced').all();
    for (const { target, block } of rows as { target: string; block: number }[]) {
      const blocks = byTarget.get(target) ?? new Set();
      byTarget.set(target, blocks.add(block));
    }
    return byTarget;
  }

  /** Replaces what a target's file is known to list. */
  setEnforced(target: string, blocks: readonly number[]): void {
    this.#db.prepare('DELETE FROM enforced WHERE target = ?').run(target);
    const insert = this.#db.prepare('INSERT INTO enforced (target, block) VALUES (?, ?)');
    for (const block of blocks) insert.run(target, block);
  }

  /** State of a target; undefined if it was never enforced. */
  target(name: string): TargetState | undefined {
    const row = this.#db.prepare('SELECT json FROM target WHERE name = ?').get(name);
    return row === undefined ? undefined : JSON.parse((row as { json: string }).json);
  }

  setTarget(name: string, value: TargetState): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO target (name, json) VALUES (?, ?)')
      .run(name, JSON.stringify(value));
  }

  /** Deletes the state of a target, including what its file is known to list. */
  forgetTarget(name: string): void {
    this.#db.prepare('DELETE FROM target WHERE name = ?').run(name);
    this.#db.prepare('DELETE FROM enforced WHERE target = ?').run(name);
  }

  /** All targets with their state. */
  targets(): { name: string; state: TargetState }[] {
    const rows = this.#db.prepare('SELECT name, json FROM target ORDER BY name').all() as {
      name: string;
      json: string;
    }[];
    return rows.map((row) => ({ name: row.name, state: JSON.parse(row.json) as TargetState }));
  }
}
