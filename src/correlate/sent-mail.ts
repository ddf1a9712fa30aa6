/**
 * What our submitters sent, and to which places, so that a notification which comes back can be told from one about mail
 * that somebody else sent in our user's name. For each recipient that a host took there is one notification to come,
 * from a host of the same provider or network, or of the recipient's domain. So a user who wrote three letters to a
 * provider is charged with three of the thousand notifications that this provider sends about forged mail.
 *
 * Bounded, and cheap to save: the counts lie in pages in the order of time, and only the newest page grows. New mail goes
 * on a list, and into the pages before they are looked at: at the next notification, and at the next commit. To enter
 * mail into a page takes twenty times as long as to put it on the list. If no notification comes for very long, and
 * nothing is saved (`postern replay`), the oldest of the list are forgotten instead of the oldest pages.
 */
import { DAY, HOUR } from '../base/time.ts';
import { SUBMITTER_TYPES, type Submitter, type SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { MAX_NAME } from '../model/provider.ts';
import type { Relay } from '../model/record.ts';
import { findProvider, listRelayPlaces } from './relay-places.ts';
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

/** One submitter's mail of one sender to one place. */
interface Entry {
  readonly place: string;
  readonly who: string;
  count: number;
}

interface Page {
  readonly number: number;
  /** ms */
  readonly began: number;
  /**
   * By address, the entries of a place one behind the other. A list, because a sender writes to few places in an hour:
   * maps by place and submitter took five times the memory.
   */
  readonly addresses: Map<string, Entry[]>;
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

/** One recipient's mail that is not in a page yet. */
interface Sent {
  readonly submitter: Submitter;
  readonly sender: string;
  readonly host: string | undefined;
  readonly address: string | undefined;
  readonly domain: string;
  readonly time: number;
}

/** More than the pages hold if every mail has a sender or a place of its own, which makes three entries of each. */
const MOST_WAITING = 40_000;

export class SentMail {
  #waiting: Sent[] = [];
  #pages: Page[] = [];
  /** numbers of the pages that changed */
  readonly #dirty = new Set<number>();

  /**
   * A host (`relay`) took mail of this sender for one recipient of `domain`. The submitter and the sender are kept, of
   * the other strings a copy.
   */
  noteSent(
    submitter: Submitter,
    sender: string,
    relay: Relay | undefined,
    domain: string,
    time: number,
  ): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.splice(0, MOST_WAITING / 2);
    this.#waiting.push({
      submitter,
      sender: sender.length > LONGEST_KEY ? digest(sender.toLowerCase()) : sender,
      host: relay?.host === undefined ? undefined : copyStart(relay.host),
      address: relay?.address === undefined ? undefined : copyStart(relay.address),
      domain: copyStart(domain),
      time,
    });
  }

  /**
   * Who sent the mail that this notification to `recipient` answers: the submitter with the most mail to one of the
   * places without an answer yet. Undefined if nobody has any.
   */
  takeReturned(recipient: string, places: readonly string[], time: number): Submitter | undefined {
    this.#index();
    this.#forget(time);
    for (const place of places) {
      const [who, open] = this.#mostOpen(recipient, place);
      if (who === undefined || open < 1 || (this.#sum(recipient, ALL).get(who) ?? 0) < 1) continue;
      const page = this.#findPage(time);
      const entries = findEntries(page, ownCopy(recipient));
      for (const one of [ALL, place]) addTo(page, entries, ownCopy(shorten(one)), who, -1);
      return readSubmitter(who);
    }
    return undefined;
  }

  /** The pages that changed since the last call. */
  takeChanges(): StatePart[] {
    this.#index();
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

  /** Enters what waits into the pages. */
  #index(): void {
    for (const { submitter, sender, host, address, domain, time } of this.#waiting) {
      const page = this.#findPage(time);
      const entries = findEntries(page, sender);
      const who = nameSubmitter(submitter);
      const places = listRelayPlaces(host, address);
      const provider = findProvider(domain);
      addTo(page, entries, ALL, who, 1);
      for (const place of places) addTo(page, entries, shorten(place), who, 1);
      if (!places.includes(provider)) addTo(page, entries, shorten(provider), who, 1);
    }
    if (this.#waiting.length > 0) this.#waiting = [];
  }

  #mostOpen(recipient: string, place: string): [who: string | undefined, open: number] {
    const sums = [...this.#sum(recipient, place)];
    return sums.sort(([, one], [, other]) => other - one)[0] ?? [undefined, 0];
  }

  #sum(address: string, place: string): Counts {
    const key = shorten(address.toLowerCase());
    const sums: Counts = new Map();
    const short = shorten(place);
    for (const { addresses } of this.#pages) {
      for (const { place, who, count } of addresses.get(key) ?? []) {
        if (place === short) sums.set(who, (sums.get(who) ?? 0) + count);
      }
    }
    return sums;
  }

  /** The newest page, or a new one if it is full or too old. */
  #findPage(time: number): Page {
    const last = this.#pages.at(-1);
    const isOpen = last !== undefined && time - last.began < PAGE_TIME && last.size < PAGE;
    const page = isOpen ? last : this.#addPage((last?.number ?? -1) + 1, time);
    this.#dirty.add(page.number);
    return page;
  }

  #addPage(number: number, began: number): Page {
    const page = { number, began, addresses: new Map(), size: 0 };
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

function findEntries({ addresses }: Page, address: string): Entry[] {
  const key = shorten(address.toLowerCase());
  let entries = addresses.get(key);
  if (entries === undefined) {
    entries = [];
    addresses.set(key, entries);
  }
  return entries;
}

function addTo(page: Page, entries: Entry[], place: string, who: string, amount: number): void {
  let submitters = 0;
  let behind = entries.length;
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index] as Entry;
    if (entry.place !== place) continue;
    if (entry.who === who) {
      entry.count += amount;
      return;
    }
    submitters++;
    behind = index + 1;
  }
  if (submitters >= MOST_SUBMITTERS) return;
  if (submitters === 0) page.size++;
  const entry = { place, who, count: amount };
  if (behind === entries.length) entries.push(entry);
  else entries.splice(behind, 0, entry);
}

function savePage({ number, began, addresses }: Page): SavedPage {
  const saved: [string, string, string, number][] = [];
  for (const [address, entries] of addresses) {
    for (const { place, who, count } of entries) saved.push([address, place, who, count]);
  }
  return { number, began, entries: saved };
}

function loadPage({ number, began, entries }: SavedPage): Page {
  const page: Page = { number, began, addresses: new Map(), size: 0 };
  for (const [address, place, who, count] of entries) {
    addTo(page, findEntries(page, address), place, who, count);
  }
  return page;
}

function buildName(number: number): string {
  return `sent ${number % PAGES}`;
}

/** A copy of a host name, an address or a domain, as far as it is looked at. */
function copyStart(name: string): string {
  return ownCopy(name.length > MAX_NAME ? name.slice(0, MAX_NAME) : name);
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
