/** The database as a whole: its tables over one connection, and the transaction that commits a batch. */
import { ActionTable } from './actions.ts';
import { carryOver, copyDatabase, dropWaiting, foldIn } from './backup.ts';
import { BesideFile } from './beside.ts';
import { BlockTable } from './blocks.ts';
import { ComplaintQueries } from './complaints.ts';
import { type Db, describeDamage, openDatabase } from './database.ts';
import { Erasure } from './erasure.ts';
import { EventTable } from './events.ts';
import { isCorrupt, isPassing } from './failure.ts';
import { HookTable } from './hook-queue.ts';
import { ListingTable } from './listings.ts';
import { LoginTable } from './logins.ts';
import { OccurrenceTable } from './occurrences.ts';
import { Outbox } from './outbox.ts';
import { Outcomes } from './outcomes.ts';
import { RehearsalQueries } from './rehearsal.ts';
import { ShareOutbox } from './share.ts';
import { type Space, SpaceUse } from './space.ts';
import { StateTable } from './state.ts';
import { UsualTable } from './usual.ts';
import { VerdictTable } from './verdicts.ts';

export class Store {
  readonly path: string;
  readonly #db: Db;
  readonly events: EventTable;
  readonly verdicts: VerdictTable;
  readonly blocks: BlockTable;
  readonly state: StateTable;
  readonly logins: LoginTable;
  readonly outbox: Outbox;
  readonly hooks: HookTable;
  readonly occurrences: OccurrenceTable;
  readonly share: ShareOutbox;
  readonly listings: ListingTable;
  readonly complaints: ComplaintQueries;
  readonly rehearsal: RehearsalQueries;
  readonly usual: UsualTable;
  readonly actions: ActionTable;
  readonly #space: SpaceUse;
  #erasure: Erasure | undefined;
  /** for what must be known even if the database cannot be written */
  readonly beside: BesideFile;

  /** Opens `path`, or takes over `db`, which is `path` already open. Throws what `openDatabase` throws. */
  constructor(path: string, options: { readonly?: boolean; db?: Db } = {}) {
    this.path = path;
    this.#db = options.db ?? openDatabase(path, options);
    this.beside = new BesideFile(path);
    this.events = new EventTable(this.#db);
    this.verdicts = new VerdictTable(this.#db);
    this.blocks = new BlockTable(this.#db);
    this.state = new StateTable(this.#db);
    this.logins = new LoginTable(this.#db);
    this.outbox = new Outbox(this.#db);
    this.hooks = new HookTable(this.#db, this.outbox);
    this.occurrences = new OccurrenceTable(this.#db);
    this.share = new ShareOutbox(this.#db, this.state);
    this.listings = new ListingTable(this.#db);
    this.complaints = new ComplaintQueries(this.events);
    this.rehearsal = new RehearsalQueries(this.events);
    this.usual = new UsualTable(this.#db);
    this.actions = new ActionTable(this.#db);
    this.#space = new SpaceUse(this.#db);
  }

  /** Runs `work` in one transaction. If it throws, nothing is committed and you may run it again. */
  commit<T>(work: () => T): T {
    try {
      return this.#db.transaction(work).immediate();
    } catch (error) {
      this.events.rolledBack();
      this.logins.forget();
      throw error;
    }
  }

  /** Runs `work`, which only reads, and sees the database as it is at its first read, whatever others write meanwhile. */
  readAtOnce<T>(work: () => T): T {
    return this.#db.transaction(work).deferred();
  }

  /** What became of recipients at other hosts. */
  get outcomes(): Outcomes {
    return new Outcomes(this.events);
  }

  /** Whether an error says that the database is damaged. */
  isCorrupt(error: unknown): boolean {
    return isCorrupt(error);
  }

  /** The first damage in the database, if there is any; `thorough` may take long. */
  damage(options: { thorough?: boolean } = {}): string | undefined {
    return describeDamage(this.#db, options);
  }

  /** Sets how long each statement waits for another process that writes, ms. This process does nothing else meanwhile. */
  waitFor(timeout: number): void {
    this.#db.pragma(`busy_timeout = ${timeout}`);
  }

  /** Whether an error comes from the environment and may pass: disk full, locked, I/O error. Any other is a bug. */
  isPassing(error: unknown): boolean {
    return isPassing(error);
  }

  /** How large the database is, and how much of it is free. */
  space(): Space {
    return this.#space.measure();
  }

  /** Returns up to `pages` free pages to the file system; whether there are more to return. */
  shrink(pages: number): boolean {
    return this.#space.shrink(pages);
  }

  /** A number that changes whenever another process has written to the database. */
  dataVersion(): number {
    return this.#db.pragma('data_version', { simple: true }) as number;
  }

  /** Changes what is stored of the past. */
  get erasure(): Erasure {
    this.#erasure ??= new Erasure(this.#db, this.events);
    return this.#erasure;
  }

  /** Writes the database as it is now to a file that is empty or does not exist; others go on using it. */
  copyTo(file: string): void {
    copyDatabase(this.#db, file);
  }

  /** Takes over what must not go back in time from a newer database that nobody uses. */
  carryOver(file: string): void {
    carryOver(this.#db, file);
  }

  /** Drops mails that wait: how many. */
  dropWaiting(): number {
    return dropWaiting(this.#db);
  }

  /** Makes the database, which nobody else uses, one file, and closes it. */
  closeAsOneFile(): void {
    foldIn(this.#db);
    this.close();
  }

  close(): void {
    this.#db.close();
  }
}
