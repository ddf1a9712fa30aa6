/**
 * Changes what is stored of the past so that it no longer names somebody. Counts, verdicts and blocks stay as they are,
 * because an address is replaced by one text everywhere. Pages are changed a few at a time, each step a transaction, so
 * that the service works meanwhile.
 */
import { lowerAscii } from '../base/text.ts';
import { buildMailboxReplacer, buildReplacer } from '../model/address-search.ts';
import type { MailEvent } from '../model/event.ts';
import { SUBMITTERS } from './codes.ts';
import type { Db } from './database.ts';
import { type ChangeText, eraseTexts } from './erase-texts.ts';
import type { EventTable } from './events.ts';
import type { Page } from './page.ts';
import { rewriteTexts } from './rewrite.ts';

/** Whom to forget. */
export interface Person {
  /** the address, the forms of the login, the pseudonym: whatever names this person */
  readonly names: readonly string[];
  /** what is stored instead; lower case */
  readonly replacement: string;
}

/** What was changed outside the events. */
export interface Erased {
  readonly verdicts: number;
  readonly blocks: number;
  readonly mails: number;
  readonly messages: number;
}

/** Pages that one step looks at: some ms. */
const PAGES = 16;

export class Erasure {
  readonly #db: Db;
  readonly #events: EventTable;

  constructor(db: Db, events: EventTable) {
    this.#db = db;
    this.#events = events;
  }

  /**
   * Forgets a person in the next events above number `after`. Gives the number to go on after, and how many events were
   * changed; no number after the last one. Call it inside a transaction.
   */
  eraseEvents(after: number, { names, replacement }: Person): { next?: number; changed: number } {
    const { names: numbers } = this.#events;
    const replace = buildReplacer(names, replacement);
    const known = new Set(names.map(lowerAscii));
    const own = new Set(names.flatMap((id) => numbers.submittersLike({ type: 'user', id })));
    const needles = names.flatMap((one) => [one, one.replace('@', '=')]).map(lowerAscii);
    const concerns = (page: Page) =>
      page.columns.submitters.some((number) => own.has(number)) ||
      needles.some((needle) => page.mayHaveFolded(needle));
    const submitter = own.size === 0 ? 0 : numbers.submitter({ type: 'user', id: replacement });
    let changed = 0;
    const change = (event: MailEvent, number: number) => {
      const named = listAddresses(event).filter((one) => known.has(lowerAscii(one)));
      const inReply = alsoMailboxes(replace, named, () => replacement);
      const other = rewriteTexts(event, replace, inReply);
      if (other === undefined && !own.has(number)) return undefined;
      changed++;
      return { event: other ?? event, ...(own.has(number) ? { submitter } : {}) };
    };
    const next = this.#events.pages.rewrite(after, PAGES, { concerns, change });
    return { ...(next === undefined ? {} : { next }), changed };
  }

  /**
   * Forgets a person in everything but the events: open messages and other state, verdicts, blocks that have ended,
   * notices, mails, what hooks and other servers are to be told, and as a login. Only when no process knows the number
   * of the submitter, or has the open messages in memory. Call it inside a transaction.
   */
  eraseRest(person: Person): Erased {
    const { names, replacement } = person;
    const db = this.#db;
    for (const name of names) {
      db.prepare(
        'DELETE FROM login WHERE person = ? COLLATE NOCASE OR spelling = ? COLLATE NOCASE',
      ).run(name, name);
      db.prepare(
        `DELETE FROM submitter WHERE type = ${SUBMITTERS.numberOf.user} AND name = ? COLLATE NOCASE
           AND NOT EXISTS (SELECT 1 FROM page_submitter WHERE submitter = submitter.id)`,
      ).run(name);
    }
    const changed = eraseTexts(db, buildChange(names, replacement));
    this.#events.rolledBack();
    return toErased(changed);
  }

  /** What `eraseRest` would change now. */
  countRest({ names, replacement }: Person): Erased {
    return toErased(eraseTexts(this.#db, buildChange(names, replacement), { isDry: true }));
  }

  /** How many open messages name the person: what the service needs while the mail is in the queue. */
  countOpen({ names }: Person): number {
    const find = this.#db
      .prepare('SELECT count(*) FROM message WHERE instr(lower(json), lower(?)) > 0')
      .pluck();
    return Math.max(
      0,
      ...names.filter((one) => one.includes('@')).map((name) => find.get(name) as number),
    );
  }

  /**
   * Replaces recipients in events above number `after`, page by page up to the first page with an event from `before`
   * (ms) on. Gives the number to go on after; undefined if that page is reached. Call it inside a transaction.
   */
  rename(after: number, before: number, rename: (address: string) => string): number | undefined {
    const change = (event: MailEvent) => {
      const other = renameRecipients(event, rename);
      return other && { event: other };
    };
    return this.#events.pages.rewrite(after, PAGES, { before, concerns: () => true, change });
  }

  /** Empties the write-ahead log, where old pages are; false while somebody is reading it. */
  finish(): boolean {
    const [state] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    return state?.busy === 0;
  }
}

function buildChange(names: readonly string[], replacement: string): ChangeText {
  const replace = buildReplacer(names, replacement);
  const addresses = names.filter((one) => one.includes('@'));
  const replaceAddress = buildReplacer(addresses, replacement);
  return (text, isName) => (isName ? replace(text) : replaceAddress(text));
}

function toErased(changed: ReadonlyMap<string, number>): Erased {
  const count = (table: string) => changed.get(table) ?? 0;
  return {
    verdicts: count('verdict'),
    blocks: count('block'),
    mails: count('mail'),
    messages: count('message'),
  };
}

/** Whom an event is about. */
function listAddresses({ sender, ...event }: MailEvent): string[] {
  return [...listRecipients(event as MailEvent), ...(sender === undefined ? [] : [sender])];
}

function listRecipients({ recipient, originalRecipient, cause }: MailEvent): string[] {
  const all = [recipient, originalRecipient, cause?.recipient, cause?.originalRecipient];
  return [...new Set(all.filter((one) => one !== undefined))];
}

/** `replace`, and then the mailboxes of these addresses. */
function alsoMailboxes(
  replace: (text: string) => string,
  addresses: readonly string[],
  find: (address: string) => string,
): (text: string) => string {
  if (addresses.length === 0) return replace;
  const mailboxes = addresses.map((address) => buildMailboxReplacer(address, find(address)));
  return (text) => mailboxes.reduce((rest, one) => one(rest), replace(text));
}

/** The event with other recipients, also where its reply repeats them; undefined if it stays as it is. */
function renameRecipients(
  event: MailEvent,
  rename: (address: string) => string,
): MailEvent | undefined {
  const others = new Map<string, string>();
  for (const address of listRecipients(event)) {
    if (address.includes('@')) others.set(address, rename(address));
  }
  const changes = [...others].filter(([address, other]) => address !== other);
  if (changes.length === 0) return undefined;
  const replacers = changes.map(([address, other]) => buildReplacer([address], other));
  const replace = (text: string) => replacers.reduce((rest, one) => one(rest), text);
  // A sender is not a recipient, even if it has the same address.
  const inReply = alsoMailboxes(
    replace,
    changes.map(([address]) => address),
    (address) => others.get(address) as string,
  );
  const other = rewriteTexts(
    { ...event, sender: undefined, submitter: undefined },
    replace,
    inReply,
  );
  return other && { ...other, sender: event.sender, submitter: event.submitter };
}
