/** The store as one thing: its tables over one connection, and the transaction that commits a batch. */

import { errnoOf } from '../base/errors.ts';
import { BlockTable } from './blocks.ts';
import { type Db, openDatabase } from './database.ts';
import { EventTable } from './events.ts';
import { Outbox } from './outbox.ts';
import { StateTable } from './state.ts';
import { VerdictTable } from './verdicts.ts';

const PASSING = [
  'SQLITE_FULL',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_IOERR',
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
];

export class Store {
  readonly path: string;
  readonly db: Db;
  readonly events: EventTable;
  readonly verdicts: VerdictTable;
  readonly blocks: BlockTable;
  readonly state: StateTable;
  readonly outbox: Outbox;

  /** Opens `path`; throws what `openDatabase` throws. */
  constructor(path: string, options: { readonly?: boolean } = {}) {
    this.path = path;
    this.db = openDatabase(path, options);
    this.events = new EventTable(this.db);
    this.verdicts = new VerdictTable(this.db);
    this.blocks = new BlockTable(this.db);
    this.state = new StateTable(this.db);
    this.outbox = new Outbox(this.db);
  }

  /** Runs `work` in one transaction: all of it is committed, or nothing when it throws. */
  commit<T>(work: () => T): T {
    return this.db.transaction(work).immediate();
  }

  /** Whether an error is the environment's and may pass: no room, locked, an I/O error. Anything else is a bug. */
  isPassing(error: unknown): boolean {
    const code = errnoOf(error) ?? '';
    return PASSING.some((name) => code.startsWith(name));
  }

  /** Changes whenever another process has written to the database. */
  dataVersion(): number {
    return this.db.pragma('data_version', { simple: true }) as number;
  }

  close(): void {
    this.db.close();
  }
}
