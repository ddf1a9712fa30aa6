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
/** Longer addresses and places are replaced by their digest, so that an entry has a fixed size. */
const LONGEST_KEY = 160;
/** Submitters with the same sender and place in one page; the sender is free to choose for anybody who logged in. */
const MOST_SUBMITTERS = 8;
/** Stands for all places. */
const ALL = '';

/** By submitter: recipients sent to, less the notifications that came back. */
type Counts = Map<string, number>;

interface Page {
  readonly number: number;
  /** ms */
  readonly began: number;
  /** by address and place: nested, because a key of both would have to be put together for each delivery */
  readonly addresses: Map<string, Map<string, Counts>>;
  size: number;
}

/** A page as JSON. */
interface SavedPage {
  readonly number: number;
  readonly began: number;
  readonly entries: readonly (readonly [
    address: string,
    place: string,
    who: string,
    count: number,
  ])[];
}

export class SentMail {
  #pages: Page[] = [];
  /** numbers of the pages that changed */
  readonly #dirty = new Set<number>();

  /** A host took mail of this sender for one recipient. `places`: names and networks that a notification may come from. */
  noteSent(submitter: Submitter, sender: string, places: readonly string[], time: number): void {
    this.#count(sender, [ALL, ...places], nameSubmitter(submitter), 1, time);
  }

  /**
   * Who sent the mail that this notification to `recipient` answers: the submitter with the most mail to one of the
   * places without an answer yet. Undefined if nobody has any.
   */
  takeReturned(recipient: string, places: readonly string[], time: number): Submitter | undefined {
    this.#forget(time);
    for (const place of places) {
      const [who, open] = this.#mostOpen(recipient, place);
      if (who === undefined || open < 1 || (this.#sum(recipient, ALL).get(who) ?? 0) < 1) continue;
      this.#count(recipient, [ALL, place], who, -1, time);
      return readSubmitter(who);
    }
    return undefined;
  }

  /** The pages that changed since the last call. */
  takeChanges(): StatePart[] {
    if (this.#dirty.size === 0) return [];
    const changed = this.#pages.filter(({ number }) => this.#dirty.has(number));
    this.#dirty.clear();
    return changed.map((page) => [buildName(page.number), savePage(page)]);
  }

  load(read: ReadPart): void {
    const found: Page[] = [];
    for (let index = 0; index < PAGES; index++) {
      const page = read(buildName(index)) as SavedPage | undefined;
      if (Array.isArray(page?.entries)) found.push(loadPage(page as SavedPage));
    }
    this.#pages = found.sort((a, b) => a.number - b.number);
  }

  #mostOpen(recipient: string, place: string): [who: string | undefined, open: number] {
    const sums = [...this.#sum(recipient, place)];
    return sums.sort(([, one], [, other]) => other - one)[0] ?? [undefined, 0];
  }

  #sum(address: string, place: string): Counts {
    const key = shorten(address.toLowerCase());
    const sums: Counts = new Map();
    for (const { addresses } of this.#pages) {
      for (const [who, count] of addresses.get(key)?.get(shorten(place)) ?? []) {
        sums.set(who, (sums.get(who) ?? 0) + count);
      }
    }
    return sums;
  }

  #count(
    address: string,
    places: readonly string[],
    who: string,
    amount: number,
    time: number,
  ): void {
    const page = this.#findPage(time);
    this.#dirty.add(page.number);
    // The address is looked up once for all places, which halves the time.
    const known = findPlaces(page, shorten(address.toLowerCase()));
    for (const place of places) addTo(page, known, shorten(place), who, amount);
  }

  /** The newest page, or a new one if it is full or too old. */
  #findPage(time: number): Page {
    const last = this.#pages.at(-1);
    if (last !== undefined && time - last.began < PAGE_TIME && last.size < PAGE) return last;
    const page = { number: (last?.number ?? -1) + 1, began: time, addresses: new Map(), size: 0 };
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

function findPlaces({ addresses }: Page, address: string): Map<string, Counts> {
  let places = addresses.get(address);
  if (places === undefined) {
    places = new Map();
    addresses.set(ownCopy(address), places);
  }
  return places;
}

function addTo(
  page: Page,
  places: Map<string, Counts>,
  place: string,
  who: string,
  amount: number,
): void {
  let counts = places.get(place);
  if (counts === undefined) {
    counts = new Map();
    places.set(ownCopy(place), counts);
    page.size++;
  }
  const known = counts.get(who);
  if (known !== undefined) counts.set(who, known + amount);
  else if (counts.size < MOST_SUBMITTERS) counts.set(ownCopy(who), amount);
}

function savePage({ number, began, addresses }: Page): SavedPage {
  const entries: [string, string, string, number][] = [];
  for (const [address, places] of addresses) {
    for (const [place, counts] of places) {
      for (const [who, count] of counts) entries.push([address, place, who, count]);
    }
  }
  return { number, began, entries };
}

function loadPage({ number, began, entries }: SavedPage): Page {
  const page: Page = { number, began, addresses: new Map(), size: 0 };
  for (const [address, place, who, count] of entries) {
    addTo(page, findPlaces(page, address), place, who, count);
  }
  return page;
}

function buildName(number: number): string {
  return `sent ${number % PAGES}`;
}

function shorten(key: string): string {
  return key.length <= LONGEST_KEY ? key : digest(key);
}

/** A user by the login alone, which is there already; others by type and ID. */
function nameSubmitter({ type, id }: Submitter): string {
  return type === 'user' && !id.startsWith(' ') ? id : ` ${type} ${id}`;
}

function readSubmitter(who: string): Submitter {
  if (!who.startsWith(' ')) return { type: 'user', id: who };
  const space = who.indexOf(' ', 1);
  const type = SUBMITTER_TYPES.find((one) => one === who.slice(1, space)) as SubmitterType;
  return { type, id: who.slice(space + 1) };
}
