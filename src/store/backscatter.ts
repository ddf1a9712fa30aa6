/** Sums over the notifications of a period: those that were sent, those that came, and those that were refused. */
import { lowerAscii } from '../base/text.ts';
import type { DsnCause, DsnWay, Reason, SubmitterType } from '../model/event.ts';
import { type ClientValue, formatClient } from './client-value.ts';
import { DIRECTIONS, KINDS, REASON_CODES } from './codes.ts';
import type { Names } from './names.ts';
import type { Page } from './page.ts';
import { byText, Groups, greater, lesser, top } from './tally.ts';

/** DSNs to strangers with the same cause. */
export interface NoticeCount {
  readonly way: DsnWay | null;
  readonly about: string | null;
  /** the address that forwards; else the domain of the recipients that failed */
  readonly through: string | null;
  /** the host that refused, null if this server did */
  readonly host: string | null;
  readonly reason: Reason | null;
  readonly count: number;
  /** different clients that the mail came from */
  readonly clients: number;
  readonly reply: string | null;
}

/** Notices from elsewhere to one of our addresses, about mail that did not go through this server. */
export interface ForgedCount {
  readonly recipient: string;
  readonly count: number;
  readonly clients: number;
}

/** Notices from elsewhere about mail that a submitter sent through this server. */
export interface ReturnedCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly count: number;
  readonly clients: number;
}

/** Notices that were refused in the SMTP dialogue, by client. */
export interface RefusedCount {
  readonly address: string;
  readonly name: string | null;
  readonly count: number;
  /** different recipients; null if the log does not name them */
  readonly recipients: number | null;
  readonly reply: string | null;
}

/** Complaints about mail of a submitter. */
export interface ComplaintCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly count: number;
}

export interface Backscatter {
  readonly notices: readonly NoticeCount[];
  readonly forged: readonly ForgedCount[];
  readonly returned: readonly ReturnedCount[];
  readonly refused: readonly RefusedCount[];
  readonly complaints: readonly ComplaintCount[];
}

/** A few notices come to everybody who writes letters. */
const FEW = 5;

type Counted<T> = { -readonly [key in keyof T]: T[key] };
interface Clients {
  readonly seen: Set<ClientValue>;
}

export class BackscatterTally {
  readonly #names: Names;
  readonly #notices = new Groups<string, Counted<Omit<NoticeCount, 'clients'>> & Clients>();
  readonly #forged = new Groups<string, { count: number } & Clients>();
  readonly #returned = new Groups<number, { count: number } & Clients>();
  readonly #complaints = new Groups<number, { count: number }>();
  readonly #refused = new Groups<
    ClientValue,
    { name: string | null; count: number; recipients: Set<string>; reply: string | null }
  >();

  constructor(names: Names) {
    this.#names = names;
  }

  add(page: Page, at: number): void {
    const isInbound = page.direction(at) === DIRECTIONS.numberOf.inbound;
    switch (page.kind(at)) {
      case KINDS.numberOf['dsn-sent']:
        if (isInbound) this.#addNotice(page, at);
        break;
      case KINDS.numberOf['dsn-received']:
        if (isInbound) this.#addForged(page, at);
        else if (page.direction(at) === DIRECTIONS.numberOf.outbound) this.#addReturned(page, at);
        break;
      case KINDS.numberOf.complaint:
        if (page.submitter(at) !== 0) {
          this.#complaints.get(page.submitter(at), () => ({ count: 0 })).count++;
        }
        break;
      case KINDS.numberOf.rejected:
        if (isInbound) this.#addRefused(page, at);
    }
  }

  /** At most `most` rows each, the largest first. */
  result(most: number): Backscatter {
    const most5 = (all: Iterable<ForgedCount>) => [...all].filter(({ count }) => count >= FEW);
    const forged = [...this.#forged].map(([recipient, { count, seen }]) => {
      return { recipient, count, clients: seen.size };
    });
    return {
      notices: top(this.#listNotices(), most, compareNotices),
      forged: top(
        most5(forged),
        most,
        (a, b) => b.count - a.count || byText(a.recipient, b.recipient),
      ),
      returned: top(
        this.#listReturned().filter(({ count }) => count >= FEW),
        most,
        (a, b) => b.count - a.count || byText(a.id, b.id),
      ),
      complaints: top(
        this.#listComplaints(),
        most,
        (a, b) => b.count - a.count || byText(a.id, b.id),
      ),
      refused: top(
        [...this.#refused].map(([client, { name, count, recipients, reply }]) => ({
          address: formatClient(client),
          name,
          count,
          recipients: recipients.size || null,
          reply,
        })),
        most,
        (a, b) => b.count - a.count || byText(a.address, b.address),
      ),
    };
  }

  #addNotice(page: Page, at: number): void {
    const text = page.text(at, 'cause');
    const cause = text === undefined ? undefined : (JSON.parse(text) as DsnCause);
    if (cause?.home !== undefined) return;
    const key = {
      way: cause?.way ?? null,
      about: cause?.about ?? null,
      through: findThrough(cause) ?? null,
      host: cause?.relay?.host ?? cause?.relay?.address ?? null,
      reason: cause?.reason ?? null,
    };
    const group = this.#notices.get(Object.values(key).join('\0'), () => {
      return { ...key, count: 0, reply: null, seen: new Set() };
    });
    group.count++;
    group.reply = lesser(group.reply, cause?.reply);
    addClient(group, page, at);
  }

  #addForged(page: Page, at: number): void {
    const recipient = page.text(at, 'originalRecipient') ?? page.text(at, 'recipient') ?? '';
    const group = this.#forged.get(lowerAscii(recipient), () => ({ count: 0, seen: new Set() }));
    group.count++;
    addClient(group, page, at);
  }

  #addReturned(page: Page, at: number): void {
    if (page.submitter(at) === 0) return;
    const group = this.#returned.get(page.submitter(at), () => ({ count: 0, seen: new Set() }));
    group.count++;
    addClient(group, page, at);
  }

  /** An unknown recipient and a temporary refusal (greylisting) are no refused notification. */
  #addRefused(page: Page, at: number): void {
    const reason = page.reason(at);
    if (page.isTemporary(at) || page.isRepeated(at)) return;
    if (reason === REASON_CODES.numberOf['invalid-recipient']) return;
    if (reason === REASON_CODES.numberOf['relay-denied'] || !page.isFromNull(at)) return;
    const client = page.client(at);
    if (client === undefined) return;
    const group = this.#refused.get(client, () => {
      return { name: null, count: 0, recipients: new Set(), reply: null };
    });
    group.count++;
    group.name = greater(group.name, page.text(at, 'clientName'));
    group.reply = lesser(group.reply, page.text(at, 'reply'));
    const recipient = page.text(at, 'recipient');
    if (recipient !== undefined) group.recipients.add(lowerAscii(recipient));
  }

  #listNotices(): NoticeCount[] {
    return [...this.#notices.values()].map(({ seen, ...rest }) => ({
      ...rest,
      clients: seen.size,
    }));
  }

  #listReturned(): ReturnedCount[] {
    const people = new Groups<string, Counted<Omit<ReturnedCount, 'clients'>> & Clients>();
    for (const [number, { count, seen }] of this.#returned) {
      const who = this.#names.folded(number);
      if (who === undefined) continue;
      const group = people.get(`${who.type} ${who.id}`, () => ({
        ...who,
        count: 0,
        seen: new Set(),
      }));
      group.count += count;
      for (const client of seen) group.seen.add(client);
    }
    return [...people.values()].map(({ seen, ...rest }) => ({ ...rest, clients: seen.size }));
  }

  #listComplaints(): ComplaintCount[] {
    const people = new Groups<string, Counted<ComplaintCount>>();
    for (const [number, { count }] of this.#complaints) {
      const who = this.#names.folded(number);
      if (who === undefined) continue;
      people.get(`${who.type} ${who.id}`, () => ({ ...who, count: 0 })).count += count;
    }
    return [...people.values()];
  }
}

function addClient({ seen }: Clients, page: Page, at: number): void {
  const client = page.client(at);
  if (client !== undefined) seen.add(client);
}

/** The address that forwards; else the domain of the recipient that failed. */
function findThrough(cause: DsnCause | undefined): string | undefined {
  if (cause?.way === 'forward') return cause.originalRecipient;
  const recipient = cause?.recipient;
  return recipient && lowerAscii(recipient.slice(recipient.indexOf('@') + 1));
}

function compareNotices(a: NoticeCount, b: NoticeCount): number {
  return (
    b.count - a.count ||
    byText(a.way, b.way) ||
    byText(a.about, b.about) ||
    byText(a.through, b.through) ||
    byText(a.host, b.host) ||
    byText(a.reason, b.reason)
  );
}
