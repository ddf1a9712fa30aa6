/**
 * The pages of events in the database, and the rows that an earlier version left, as pages too: whoever reads cannot tell
 * them apart. Pages are only read here while their list is open, so that all of it is of one moment.
 */
import type { MailEvent } from '../model/event.ts';
import type { Db } from './database.ts';
import { OldRows } from './old-rows.ts';
import { Page } from './page.ts';
import { buildList, merge } from './page-list.ts';
import type { Order, Scope } from './page-scope.ts';
import { PageWriter, type WrittenPage } from './page-writer.ts';
import { type Numbered, takeOver } from './taken-over.ts';

interface Found {
  readonly first: number;
  readonly count: number;
}

/** How pages are changed. */
interface Rewriting {
  readonly before?: number;
  /** whether any event of the page may have to be changed */
  concerns(page: Page): boolean;
  /** what becomes of an event without the names of its numbers; undefined: it stays */
  change(event: MailEvent, submitter: number): Partial<Numbered> | undefined;
}

export class PageTable {
  readonly old: OldRows;
  readonly #db: Db;
  #writer: PageWriter | undefined;
  readonly #insert;
  readonly #insertSubmitter;
  readonly #columns;
  readonly #records;
  readonly #delete;
  readonly #deleteSubmitter;
  readonly #last;
  readonly #aged;

  constructor(db: Db) {
    this.#db = db;
    this.old = new OldRows(db);
    this.#insert = db.prepare(
      'INSERT INTO page (first, count, oldest, newest, kinds, columns, records) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#insertSubmitter = db.prepare(
      'INSERT INTO page_submitter (submitter, newest, first) VALUES (?, ?, ?)',
    );
    this.#columns = db.prepare('SELECT count, columns FROM page WHERE first = ?').raw();
    this.#records = db.prepare('SELECT records FROM page WHERE first = ?').pluck();
    this.#delete = db.prepare('DELETE FROM page WHERE first = ? RETURNING newest').pluck();
    this.#deleteSubmitter = db.prepare(
      'DELETE FROM page_submitter WHERE submitter = ? AND newest = ? AND first = ?',
    );
    this.#last = db
      .prepare('SELECT first + count - 1 FROM page ORDER BY first DESC LIMIT 1')
      .pluck();
    this.#aged = db
      .prepare('SELECT first FROM page WHERE oldest < ? ORDER BY newest LIMIT 1')
      .pluck();
  }

  /** Number of the newest event, 0 if there is none. */
  last(): number {
    return Math.max((this.#last.get() as number | undefined) ?? 0, this.old.last());
  }

  /** A writer, empty. Use it up before you call anything else here. */
  get writer(): PageWriter {
    this.#writer ??= new PageWriter();
    this.#writer.clear();
    return this.#writer;
  }

  /** Stores a page whose first event gets this number. */
  put(first: number, page: WrittenPage): void {
    const { count, oldest, newest, kinds, columns, records } = page;
    this.#insert.run(first, count, oldest, newest, kinds, columns, records);
    for (const submitter of page.submitters) this.#insertSubmitter.run(submitter, newest, first);
  }

  /** Pages that may have events of the scope. Read a page before you take the next one; store none meanwhile. */
  *read(scope: Scope, order: Order = 'stored'): Generator<Page> {
    const isBefore =
      order === 'stored'
        ? (a: Page, b: Page) => a.id(0) < b.id(0)
        : (a: Page, b: Page) => a.newest > b.newest;
    // The old rows are asked first, and only get fewer: none of them can become a page in between.
    yield* merge(this.old.read(scope, order), this.#read(scope, order), isBefore);
  }

  *#read(scope: Scope, order: Order): Generator<Page> {
    const { sql, values } = buildList(scope, order);
    const firsts = this.#db
      .prepare(sql)
      .pluck()
      .iterate(...values) as IterableIterator<number>;
    for (const first of firsts) yield this.#load(first);
  }

  /** Deletes up to about `most` events older than `before` (ms); how many. */
  prune(before: number, most: number): number {
    let pruned = 0;
    while (pruned < most) {
      const first = this.#aged.get(before) as number | undefined;
      if (first === undefined) break;
      pruned += this.#keep(this.#load(first), (page, at) => page.time(at) >= before);
    }
    return pruned < most ? pruned + this.old.prune(before, most - pruned) : pruned;
  }

  /** Stored pages of the scope with an event that passes. You may change and remove them. */
  find(scope: Scope, isMeant: (page: Page, at: number) => boolean): Page[] {
    const found: Page[] = [];
    for (const page of this.#read(scope, 'stored')) {
      for (let at = 0; at < page.count; at++) {
        if (!isMeant(page, at)) continue;
        found.push(page);
        break;
      }
    }
    return found;
  }

  /** Keeps the events of a page that pass, under their numbers; how many went. */
  #keep(page: Page, isKept: (page: Page, at: number) => boolean): number {
    const kept: number[] = [];
    for (let at = 0; at < page.count; at++) if (isKept(page, at)) kept.push(at);
    const events = kept.map((at) => takeOver(page, at));
    this.#remove(page);
    this.store(events);
    return page.count - kept.length;
  }

  /** Replaces the events of a page by others under the same numbers. `change` gives undefined for one that stays. */
  change(page: Page, change: (page: Page, at: number) => Partial<Numbered> | undefined): void {
    const events = Array.from({ length: page.count }, (_, at) => ({
      ...takeOver(page, at),
      ...change(page, at),
    }));
    this.#remove(page);
    this.store(events);
  }

  /**
   * Changes events in up to `most` pages whose last number is above `after`, in order, up to the first page that has an
   * event from `before` (ms) on. Gives the last number of the last of them; undefined if there is none.
   */
  rewrite(
    after: number,
    most: number,
    { before, concerns, change }: Rewriting,
  ): number | undefined {
    let last = after;
    for (let pages = 0; pages < most; pages++) {
      const found = this.#findAbove(last);
      if (found === undefined || (before !== undefined && found.newest >= before)) break;
      last = found.first + found.count - 1;
      const page = this.#load(found.first);
      if (concerns(page)) this.#rewritePage(page, change);
    }
    return last === after ? undefined : last;
  }

  #rewritePage(page: Page, change: Rewriting['change']): void {
    let changed = 0;
    const events = Array.from({ length: page.count }, (_, at) => {
      const numbered = takeOver(page, at);
      const other = change(numbered.event, numbered.submitter);
      if (other !== undefined) changed++;
      return { ...numbered, ...other };
    });
    if (changed === 0) return;
    this.#remove(page);
    this.store(events);
  }

  /** The page that has the next number above this one; others may have put pages together meanwhile. */
  #findAbove(number: number): (Found & { readonly newest: number }) | undefined {
    const select = 'SELECT first, count, newest FROM page WHERE';
    type Row = (Found & { readonly newest: number }) | undefined;
    const around = this.#db
      .prepare(`${select} first <= ? ORDER BY first DESC LIMIT 1`)
      .get(number) as Row;
    if (around !== undefined && around.first + around.count - 1 > number) return around;
    return this.#db.prepare(`${select} first > ? ORDER BY first LIMIT 1`).get(number) as Row;
  }

  /** Removes a page; its events. */
  take(first: number): Numbered[] {
    const page = this.#load(first);
    const events = Array.from({ length: page.count }, (_, at) => takeOver(page, at));
    this.#remove(page);
    return events;
  }

  /** Turns up to `most` rows of an earlier version into pages; whether there may be more. */
  convert(most: number): boolean {
    const rows = this.old.take(most);
    this.store(rows);
    return rows.length === most;
  }

  /** Time of the newest event, ms; undefined if there is none. */
  newestTime(): number | undefined {
    return this.#pluck('SELECT max(newest) FROM page') ?? this.old.newestTime();
  }

  oldestTime(): number | undefined {
    const times = [this.#pluck('SELECT min(oldest) FROM page'), this.old.oldestTime()];
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  }

  /**
   * A time (ms) so that there are at most about `count` events between it and `until`; undefined if there are no more
   * before it.
   */
  timeBefore(until: number, count: number): number | undefined {
    let sum = 0;
    const pages = this.#db
      .prepare('SELECT newest, count FROM page WHERE oldest < ? ORDER BY newest DESC')
      .raw()
      .iterate(until) as IterableIterator<[number, number]>;
    let time: number | undefined;
    for (const [newest, more] of pages) {
      sum += more;
      if (sum < count || newest >= until) continue;
      time = newest;
      break;
    }
    const old = this.old.timeBefore(until, count);
    return time === undefined || old === undefined ? (time ?? old) : Math.max(time, old);
  }

  #pluck(sql: string): number | undefined {
    return (this.#db.prepare(sql).pluck().get() as number | null) ?? undefined;
  }

  #load(first: number): Page {
    const [count, columns] = this.#columns.get(first) as [number, Buffer];
    return new Page(first, count, columns, () => this.#records.get(first) as Buffer);
  }

  #remove(page: Page): void {
    const first = page.id(0);
    const submitters = new Set(page.columns.submitters);
    const newest = this.#delete.get(first) as number;
    for (const submitter of submitters) this.#deleteSubmitter.run(submitter, newest, first);
  }

  /** Stores events under their numbers: a page has no gap. */
  store(events: readonly Numbered[]): void {
    const { writer } = this;
    let first = 0;
    let next = 0;
    for (const { id, event, source, submitter } of events) {
      if (!writer.isEmpty && (writer.isFull || id !== next)) this.put(first, writer.finish());
      if (writer.isEmpty) first = id;
      writer.add(event, source, submitter);
      next = id + 1;
    }
    if (!writer.isEmpty) this.put(first, writer.finish());
  }
}
