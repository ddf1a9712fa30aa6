/**
 * What our submitters sent, and to which places, so that a notification which comes back can be told from one about mail
 * that somebody else sent in our user's name. For each recipient that a host took there is one notification to come,
 * from a host of the same provider or network, or of the recipient's domain. So a user who wrote three letters to a
 * provider is charged with three of the thousand notifications that this provider sends about forged mail.
 *
 * Bounded, and cheap to save: the counts lie in pages in the order of time, and only the newest page grows.
 */
import { DAY, HOUR } from '../base/time.ts';
import { SUBMITTER_TYPES, type Submitter, type SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { digest, type ReadPart, type StatePart } from './saved-map.ts';

/** How long a notification may take: Postfix and Exim give up after five days by default. */
const LIFETIME = 5 * DAY;
const PAGES = 240;
/** Entries of a page; a page that is saved has some 25 kB. */
const PAGE = 250;
/** A page takes entries for this time, so that it can be forgotten as a whole. */
const PAGE_TIME = HOUR;
/** Longer keys are replaced by their digest, so that an entry has a fixed size. */
const LONGEST_KEY = 160;
/** Submitters with the same sender and place in one page; the sender is free to choose for anybody who logged in. */
const MOST_SUBMITTERS = 8;

/** By submitter (`user kim`): recipients sent to, less the notifications that came back. */
type Counts = Record<string, number>;

interface Page {
  readonly number: number;
  /** ms */
  readonly began: number;
  readonly entries: Record<string, Counts>;
  size: number;
}

export class SentMail {
  #pages: Page[] = [];
  /** numbers of the pages that changed */
  readonly #dirty = new Set<number>();

  /** A host took mail of this sender for one recipient. `places`: names and networks that a notification may come from. */
  noteSent(submitter: Submitter, sender: string, places: readonly string[], time: number): void {
    const who = ownCopy(`${submitter.type} ${submitter.id}`);
    this.#count(sender, 'all', who, 1, time);
    for (const place of places) this.#count(sender, place, who, 1, time);
  }

  /**
   * Who sent the mail that this notification to `recipient` answers: the submitter with the most mail to one of the
   * places without an answer yet. Undefined if nobody has any.
   */
  takeReturned(recipient: string, places: readonly string[], time: number): Submitter | undefined {
    this.#forget(time);
    for (const place of places) {
      const [who, open] = this.#mostOpen(recipient, place);
      if (who === undefined || open < 1 || (this.#sum(recipient, 'all')[who] ?? 0) < 1) continue;
      this.#count(recipient, 'all', who, -1, time);
      this.#count(recipient, place, who, -1, time);
      return readSubmitter(who);
    }
    return undefined;
  }

  /** The pages that changed since the last call. */
  takeChanges(): StatePart[] {
    if (this.#dirty.size === 0) return [];
    const changed = this.#pages.filter(({ number }) => this.#dirty.has(number));
    this.#dirty.clear();
    return changed.map((page) => [buildName(page.number), page]);
  }

  load(read: ReadPart): void {
    const found: Page[] = [];
    for (let index = 0; index < PAGES; index++) {
      const page = read(buildName(index)) as Page | undefined;
      if (typeof page?.entries === 'object' && page.entries !== null) found.push(page);
    }
    this.#pages = found.sort((a, b) => a.number - b.number);
  }

  #mostOpen(recipient: string, place: string): [who: string | undefined, open: number] {
    const sums = Object.entries(this.#sum(recipient, place));
    return sums.sort(([, one], [, other]) => other - one)[0] ?? [undefined, 0];
  }

  #sum(address: string, place: string): Counts {
    const key = buildKey(address, place);
    const sums: Counts = Object.create(null);
    for (const { entries } of this.#pages) {
      for (const [who, count] of Object.entries(entries[key] ?? {})) {
        sums[who] = (sums[who] ?? 0) + count;
      }
    }
    return sums;
  }

  #count(address: string, place: string, who: string, amount: number, time: number): void {
    const key = buildKey(address, place);
    const page = this.#findPage(key, time);
    const known = page.entries[key];
    this.#dirty.add(page.number);
    if (known === undefined) {
      page.entries[ownCopy(key)] = { [who]: amount };
      page.size++;
    } else if (who in known || Object.keys(known).length < MOST_SUBMITTERS) {
      known[who] = (known[who] ?? 0) + amount;
    }
  }

  /** The newest page, or a new one if it is full or too old. */
  #findPage(key: string, time: number): Page {
    const last = this.#pages.at(-1);
    const isOpen = last !== undefined && time - last.began < PAGE_TIME;
    if (isOpen && (last.size < PAGE || key in last.entries)) return last;
    const number = (last?.number ?? -1) + 1;
    const page: Page = { number, began: time, entries: Object.create(null), size: 0 };
    this.#pages.push(page);
    if (this.#pages.length > PAGES) this.#pages.shift();
    return page;
  }

  #forget(time: number): void {
    const first = this.#pages[0];
    if (first === undefined || time - first.began < LIFETIME + PAGE_TIME) return;
    this.#pages = this.#pages.filter(({ began }) => time - began < LIFETIME + PAGE_TIME);
  }
}

function buildName(number: number): string {
  return `sent ${number % PAGES}`;
}

function buildKey(address: string, place: string): string {
  const key = `${address.toLowerCase()} ${place}`;
  return key.length <= LONGEST_KEY ? key : digest(key);
}

function readSubmitter(who: string): Submitter {
  const space = who.indexOf(' ');
  const type = SUBMITTER_TYPES.find((one) => one === who.slice(0, space)) as SubmitterType;
  return { type, id: who.slice(space + 1) };
}
