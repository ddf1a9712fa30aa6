/**
 * What our submitters sent, and to which places, so that a notification which comes back can be told from one about mail
 * that somebody else sent in our user's name. For each recipient that a host took there is one notification to come,
 * from a host of the same provider or network, or of the recipient's domain. So a user who wrote three letters to a
 * provider is charged with three of the thousand notifications that this provider sends about forged mail.
 *
 * Bounded, and cheap to save: the counts lie in pages in the order of time, and only the newest page grows. New mail goes
 * on a list, and into the pages before they are looked at: at the next notification, and at the next commit. To enter
 * mail into a page takes many times as long as to put it on the list. If no notification comes for very long, and
 * nothing is saved (`postern replay`), the oldest of the list are forgotten instead of the oldest pages.
 */
import { DAY, HOUR } from '../base/time.ts';
import { getDomain } from '../model/address.ts';
import { SUBMITTER_TYPES, type Submitter, type SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { MAX_NAME } from '../model/provider.ts';
import type { Relay } from '../model/record.ts';
import { findProvider, listRelayPlaces } from './relay-places.ts';
import { digest, type ReadPart, type StatePart } from './saved-map.ts';
import {
  type Counts,
  type EarlierPage,
  OpenPage,
  type SavedPage,
  SealedPage,
  type SentPage,
} from './sent-page.ts';

/** How long a notification may take: Postfix and Exim give up after five days by default. */
const LIFETIME = 5 * DAY;
const PAGES = 240;
/** Entries of a page; a page that is saved has some 6 kB. */
const PAGE = 250;
/** A page takes entries for this time, so that it can be forgotten as a whole. */
const PAGE_TIME = HOUR;
/** Longer addresses and places are replaced by their digest, so that an entry has a fixed size. */
const LONGEST_KEY = 160;
/** Stands for all places. */
const ALL = '';

/** One recipient's mail that is not in a page yet. */
interface Sent {
  readonly submitter: Submitter;
  readonly sender: string;
  readonly time: number;
  host: string | undefined;
  address: string | undefined;
  recipient: string;
}

/** More than the pages hold if every mail has a sender or a place of its own, which makes three entries of each. */
const MOST_WAITING = 40_000;

export class SentMail {
  #waiting: Sent[] = [];
  /** how many of these share no memory with the lines of this batch */
  #copied = 0;
  /** the last one is open */
  #pages: SentPage[] = [];
  #open: OpenPage | undefined;
  /** numbers of the pages that changed */
  readonly #dirty = new Set<number>();

  /** A host (`relay`) took mail of this sender for this recipient. The submitter and the sender are kept. */
  noteSent(
    submitter: Submitter,
    sender: string,
    relay: Relay | undefined,
    recipient: string,
    time: number,
  ): void {
    if (this.#waiting.length >= MOST_WAITING) this.#forgetWaiting();
    this.#waiting.push({
      submitter,
      sender: sender.length > LONGEST_KEY ? digest(sender.toLowerCase()) : sender,
      time,
      host: shortenName(relay?.host),
      address: shortenName(relay?.address),
      recipient: shortenRecipient(recipient),
    });
  }

  /**
   * Call it at the end of a batch: it copies the texts of the mail that is new on the list, so that the lines can be
   * freed. It makes one copy of all: to copy each text, or to find its earlier copy, takes several times as long.
   */
  copyWaiting(): void {
    const sent = this.#waiting.slice(this.#copied);
    this.#copied = this.#waiting.length;
    const texts = ownCopy(sent.map(joinTexts).join(''));
    let from = 0;
    const take = ({ length }: string) => {
      from += length;
      return texts.slice(from - length, from);
    };
    for (const one of sent) {
      if (one.host !== undefined) one.host = take(one.host);
      if (one.address !== undefined) one.address = take(one.address);
      one.recipient = take(one.recipient);
    }
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
      const address = nameAddress(ownCopy(recipient));
      page.add(address, [ALL, ownCopy(shorten(place))], who, -1);
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
    return changed.map((page) => [buildName(page.number), page.save()]);
  }

  load(read: ReadPart): void {
    const found: OpenPage[] = [];
    for (let index = 0; index < PAGES; index++) {
      const page = read(buildName(index));
      if (isPage(page)) found.push(OpenPage.load(page));
    }
    found.sort((a, b) => a.number - b.number);
    this.#open = found.pop();
    this.#pages = found.map((page) => new SealedPage(page));
    if (this.#open !== undefined) this.#pages.push(this.#open);
  }

  /** Enters what waits into the pages. */
  #index(): void {
    for (const { submitter, sender, host, address, recipient, time } of this.#waiting) {
      const places = [ALL, ...listRelayPlaces(host, address).map(shorten)];
      const provider = shorten(findProvider(getDomain(recipient)));
      if (!places.includes(provider)) places.push(provider);
      this.#findPage(time).add(nameAddress(sender), places, nameSubmitter(submitter), 1);
    }
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#copied = 0;
  }

  #forgetWaiting(): void {
    this.#waiting.splice(0, MOST_WAITING / 2);
    this.#copied = Math.max(0, this.#copied - MOST_WAITING / 2);
  }

  #mostOpen(recipient: string, place: string): [who: string | undefined, open: number] {
    const sums = [...this.#sum(recipient, place)];
    return sums.sort(([, one], [, other]) => other - one)[0] ?? [undefined, 0];
  }

  #sum(address: string, place: string): Counts {
    const sums: Counts = new Map();
    const [name, short] = [nameAddress(address), shorten(place)];
    for (const page of this.#pages) page.addCounts(name, short, sums);
    return sums;
  }

  /** The newest page, or a new one if it is full or too old. */
  #findPage(time: number): OpenPage {
    let open = this.#open;
    if (open === undefined || time - open.began >= PAGE_TIME || open.size >= PAGE) {
      open = this.#addPage((this.#pages.at(-1)?.number ?? -1) + 1, time);
    }
    this.#dirty.add(open.number);
    return open;
  }

  #addPage(number: number, began: number): OpenPage {
    const open = new OpenPage(number, began);
    if (this.#open !== undefined) this.#pages[this.#pages.length - 1] = new SealedPage(this.#open);
    this.#pages.push(open);
    this.#open = open;
    if (this.#pages.length > PAGES) this.#pages.shift();
    return open;
  }

  #forget(time: number): void {
    const first = this.#pages[0];
    if (first === undefined || time - first.began < LIFETIME + PAGE_TIME) return;
    this.#pages = this.#pages.filter(({ began }) => time - began < LIFETIME + PAGE_TIME);
    if (this.#pages.at(-1) !== this.#open) this.#open = undefined;
  }
}

/** A name as far as it is looked at. */
function shortenName(name: string | undefined): string | undefined {
  return name !== undefined && name.length > MAX_NAME ? name.slice(0, MAX_NAME) : name;
}

/** Of a very long recipient, the domain as far as it is looked at. */
function shortenRecipient(recipient: string): string {
  return recipient.length > MAX_NAME ? `@${getDomain(recipient).slice(0, MAX_NAME)}` : recipient;
}

function joinTexts({ host = '', address = '', recipient }: Sent): string {
  return host + address + recipient;
}

/** What is saved by another name is none. */
function isPage(value: unknown): value is SavedPage | EarlierPage {
  const page = value as Partial<SavedPage & EarlierPage> | undefined;
  return Array.isArray(page?.texts) ? Array.isArray(page.rows) : Array.isArray(page?.entries);
}

function buildName(number: number): string {
  return `sent ${number % PAGES}`;
}

/** Upper and lower case of an address are the same. */
function nameAddress(address: string): string {
  return shorten(address.toLowerCase());
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
