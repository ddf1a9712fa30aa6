/** Events in the database: inserts a batch, corrects an event, reads events back in the order they came. */
import type { EventKind, MailEvent, Submitter } from '../model/event.ts';
import { KINDS } from './codes.ts';
import type { Db } from './database.ts';
import { buildFilter, type EventQuery, type Filter } from './event-filter.ts';
import { EventPacker, type PackedEvents, renumber } from './event-packer.ts';
import { HeldPages } from './held-pages.ts';
import { Names } from './names.ts';
import type { Page, StoredEvent } from './page.ts';
import { MOST_EVENTS } from './page-form.ts';
import { PageTable } from './pages.ts';
import { SmallPages } from './small-pages.ts';

export type { EventQuery } from './event-filter.ts';
export type { StoredEvent } from './page.ts';

/** A period in ms, `until` exclusive; pages without one of the kinds are left out. */
interface ScanScope {
  readonly since: number;
  readonly until: number;
  readonly kinds?: readonly EventKind[];
}

/** Old rows that one step turns into pages: some ms. */
const CONVERTED = 512;

export class EventTable {
  /** what the numbers of sources and submitters stand for */
  readonly names: Names;
  readonly pages: PageTable;
  readonly #small: SmallPages;

  constructor(db: Db) {
    this.names = new Names(db);
    this.pages = new PageTable(db);
    this.#small = new SmallPages(db, this.pages);
  }

  /** Stores the batch; an event that amends another corrects that one instead. Call it inside a transaction. */
  insert(events: readonly MailEvent[]): void {
    const standing = events.some(({ amends }) => amends === true)
      ? this.#applyAmendments(events)
      : events;
    if (standing.length === 0) return;
    const { writer } = this.pages;
    const size = Math.ceil(standing.length / Math.ceil(standing.length / MOST_EVENTS));
    let first = this.pages.last() + 1;
    let written = 0;
    for (const event of standing) {
      writer.add(event, this.names.source(event.source), this.#submitter(event));
      if (++written % size !== 0 && written < standing.length) continue;
      const page = writer.finish();
      this.pages.put(first, page);
      first += page.count;
    }
  }

  /** What packs events for `insertPacked`. */
  newPacker(): EventPacker {
    return new EventPacker(this.names);
  }

  /** Stores what was packed, as `insert` does. Call it inside a transaction. */
  insertPacked({ pages, submitters, rest }: PackedEvents): void {
    const numbers = submitters.map((submitter) => this.names.submitter(submitter));
    let first = this.pages.last() + 1;
    for (const page of pages) {
      this.pages.put(first, renumber(page, numbers));
      first += page.count;
    }
    this.insert(rest);
  }

  /** Forgets the numbers that were given out in a transaction that was rolled back. */
  rolledBack(): void {
    this.names.forget();
  }

  /** Number of the newest event, 0 if there is none. */
  newest(): number {
    return this.pages.last();
  }

  /** Time of the newest event, ms; 0 if there is none. */
  newestTime(): number {
    return this.pages.newestTime() ?? 0;
  }

  /** Time of the oldest event, ms; undefined if there is none. */
  oldestTime(): number | undefined {
    return this.pages.oldestTime();
  }

  /**
   * A time (ms) so that some `count` events lie between it and `until`, for readers that go back part by part; undefined
   * if there are no more.
   */
  timeBefore(until: number, count: number): number | undefined {
    return this.pages.timeBefore(until, count);
  }

  /** Events that match, oldest first. */
  *query(query: EventQuery): Generator<StoredEvent> {
    const { since, until, after, kinds, limit } = query;
    const submitters = query.submitter && this.names.submittersLike(query.submitter);
    if (submitters?.length === 0) return;
    const matches = buildFilter(query, submitters);
    const scope = { since, until, after, kinds: kinds && maskOf(kinds), submitters };
    if (limit !== undefined) {
      yield* this.#newest(this.pages.read(scope, 'newest'), matches, limit);
      return;
    }
    for (const page of this.pages.read(scope)) {
      for (let at = 0; at < page.count; at++) {
        if (matches(page, at)) yield page.stored(at, this.names);
      }
    }
  }

  /** Events with numbers above `id`, in order, from `since` (ms) on: what a judge is rebuilt from. */
  after(id: number, since = 0): Generator<StoredEvent> {
    return this.query(since === 0 ? { after: id } : { after: id, since });
  }

  /** Number of the first event that happened at `since` (ms) or later; undefined if there is none. */
  firstSince(since: number): number | undefined {
    for (const { id } of this.after(0, since)) return id;
    return undefined;
  }

  /** Whether an event matches, for `scan`; `limit` does not count. */
  matcher(query: EventQuery): Filter {
    return buildFilter(query, query.submitter && this.names.submittersLike(query.submitter));
  }

  /** Calls `visit` for the events of a period, in order. Kinds that are named are not the only ones that come. */
  scan({ since, until, kinds }: ScanScope, visit: (page: Page, at: number) => void): void {
    const scope = { since, until, kinds: kinds && maskOf(kinds) };
    for (const page of this.pages.read(scope)) {
      for (let at = 0; at < page.count; at++) {
        const time = page.time(at);
        if (time >= since && time < until) visit(page, at);
      }
    }
  }

  /** Calls `visit` for the events of a submitter, in any spelling of it. */
  scanOf(
    submitter: Submitter,
    { since, until }: Pick<ScanScope, 'since' | 'until'>,
    visit: (page: Page, at: number) => void,
  ): void {
    const submitters = this.names.submittersLike(submitter);
    if (submitters.length === 0) return;
    const own = new Set(submitters);
    for (const page of this.pages.read({ since, until, submitters })) {
      for (let at = 0; at < page.count; at++) {
        const time = page.time(at);
        if (own.has(page.submitter(at)) && time >= since && time < until) visit(page, at);
      }
    }
  }

  /** The pages of a period, to go through them several times. Use them only inside `Store.readAtOnce`. */
  hold({ since, until }: Pick<ScanScope, 'since' | 'until'>): HeldPages {
    return new HeldPages(this.pages, { since, until });
  }

  /** Deletes up to about `most` events older than `before` (ms); true if there may be more of them. */
  prune(before: number, most: number): boolean {
    return this.pages.prune(before, most) >= most;
  }

  /** Deletes those of the next `most` submitters that have no events left; false after the last one. */
  pruneSubmitters(most: number): boolean {
    return this.names.prune(most);
  }

  /** Whether there are events as an earlier version stored them. */
  get hasOldRows(): boolean {
    return !this.pages.old.isEmpty;
  }

  /** Turns some of these into pages; whether there may be more. Call it inside a transaction. */
  convert(): boolean {
    return this.pages.convert(CONVERTED);
  }

  /**
   * Puts some small pages together, as commits of a few events leave them. Gives the number to go on after, 0 at first;
   * undefined after the last one. Call it inside a transaction.
   */
  pack(after: number): number | undefined {
    return this.#small.pack(after);
  }

  #submitter({ submitter }: MailEvent): number {
    return submitter === undefined ? 0 : this.names.submitter(submitter);
  }

  /** The events that are to be stored; those that correct a stored one are applied to it. */
  #applyAmendments(events: readonly MailEvent[]): MailEvent[] {
    const standing: MailEvent[] = [];
    const places = new Map<string, number[]>();
    for (const event of events) {
      const place = namePlace(event);
      const known = places.get(place);
      if (event.amends !== true) {
        places.set(place, [...(known ?? []), standing.length]);
        standing.push(event);
      } else if (known === undefined) this.#correct(event);
      else for (const at of known) standing[at] = amend(standing[at] as MailEvent, event);
    }
    return standing;
  }

  /** Corrects an event of an earlier batch. */
  #correct(event: MailEvent): void {
    const { time, offset, kind } = event;
    const source = this.names.source(event.source);
    const submitter = this.#submitter(event);
    const isMeant = (page: Page, at: number) =>
      page.time(at) === time &&
      page.kind(at) === KINDS.numberOf[kind] &&
      page.place(at).offset === offset &&
      page.place(at).source === source;
    for (const page of this.pages.find(
      { since: time, until: time + 1, kinds: maskOf([kind]) },
      isMeant,
    )) {
      this.pages.change(page, (one, at) =>
        isMeant(one, at)
          ? { event: amend(one.event(at, this.names), event), submitter }
          : undefined,
      );
    }
    this.pages.old.amend(event, source, submitter);
  }

  /** The newest `limit` events of pages that come newest first; oldest first. */
  #newest(
    pages: Iterable<Page>,
    matches: (page: Page, at: number) => boolean,
    limit: number,
  ): StoredEvent[] {
    let found: StoredEvent[] = [];
    let least = Number.NEGATIVE_INFINITY;
    for (const page of pages) {
      if (page.newest < least) break;
      const before = found.length;
      for (let at = 0; at < page.count; at++) {
        if (page.time(at) >= least && matches(page, at)) found.push(page.stored(at, this.names));
      }
      // Sorting them after each page would take longer than reading them.
      if (found.length < limit || (before >= limit && found.length < 2 * limit)) continue;
      found = keepNewest(found, limit);
      least = found.at(-1)?.event.time ?? least;
    }
    return keepNewest(found, limit).sort((a, b) => a.id - b.id);
  }
}

function keepNewest(found: StoredEvent[], limit: number): StoredEvent[] {
  return found.sort((a, b) => b.event.time - a.event.time || b.id - a.id).slice(0, limit);
}

/** A bit for each kind. */
export function maskOf(kinds: readonly EventKind[]): number {
  return kinds.reduce((mask, kind) => mask | (1 << KINDS.numberOf[kind]), 0);
}

/** Where the line of an event is, and which of its events it is. */
function namePlace({ source, offset, kind, time }: MailEvent): string {
  return `${kind} ${offset} ${time} ${source}`;
}

/** The event with what is only known now. */
function amend(event: MailEvent, { submitter, direction, client }: MailEvent): MailEvent {
  return {
    ...event,
    submitter,
    direction,
    client: client && { ...event.client, address: client.address },
  };
}
