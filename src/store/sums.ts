/** Sums over stored events, for the report: all of them in one pass. */
import { lowerAscii } from '../base/text.ts';
import type { EventKind, Reason, SubmitterType } from '../model/event.ts';
import { type Backscatter, BackscatterTally } from './backscatter.ts';
import type { ClientValue } from './client-value.ts';
import { DIRECTIONS, KINDS, REASON_CODES } from './codes.ts';
import type { Names } from './names.ts';
import type { Page } from './page.ts';
import { byText, Groups, lesser, top } from './tally.ts';

export interface KindCount {
  readonly kind: EventKind;
  readonly count: number;
}

interface ReasonCount {
  readonly reason: Reason;
  readonly count: number;
}

/** How many recipients a submitter had, and how many of them were invalid. */
export interface SubmitterCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly invalid: number;
  readonly recipients: number;
  readonly clients: number;
}

/** Recipients that the server's own delivery did not find, by the place that refused them. */
export interface OwnMailboxCount {
  /** host of an LMTP server; absent for other deliveries */
  readonly host: string | null;
  readonly recipients: number;
  readonly recipient: string;
  readonly reply: string;
}

const { removed: REMOVED } = KINDS.numberOf;
const { local: LOCAL } = DIRECTIONS.numberOf;
const INVALID_RECIPIENT = REASON_CODES.numberOf['invalid-recipient'];
const INVALID_DOMAIN = REASON_CODES.numberOf['invalid-domain'];

/** Above the number of every reason. */
const PAIR = 16;

/** Events by kind and by reason; what happened again to the same recipient counts once. */
export class Totals {
  /** by kind and reason: `PAIR * kind + reason` */
  readonly #pairs: number[] = [];

  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    if (page.isRepeated(at)) return;
    const pair = PAIR * page.kind(at) + page.reason(at);
    this.#pairs[pair] = (this.#pairs[pair] ?? 0) + 1;
  }

  /** Most frequent first. */
  totals(): { kinds: KindCount[]; reasons: ReasonCount[] } {
    const kinds = new Map<EventKind, number>();
    const reasons = new Map<Reason, number>();
    this.#pairs.forEach((count, pair) => {
      const kind = KINDS.words[Math.floor(pair / PAIR)] as EventKind;
      const reason = REASON_CODES.words[pair % PAIR];
      kinds.set(kind, (kinds.get(kind) ?? 0) + count);
      if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
    });
    return {
      kinds: mostFirst(kinds).map(([kind, count]) => ({ kind, count })),
      reasons: mostFirst(reasons).map(([reason, count]) => ({ reason, count })),
    };
  }
}

export class EventSums {
  readonly #names: Names;
  readonly #submitters = new Groups<number, SubmitterSum>();
  readonly #ownMailboxes = new Groups<string | undefined, OwnMailboxSum>();
  readonly #backscatter: BackscatterTally;

  constructor(names: Names) {
    this.#names = names;
    this.#backscatter = new BackscatterTally(names);
  }

  /** The `most` submitters with the most invalid recipients. */
  submitters(most: number): SubmitterCount[] {
    const invalid = new Groups<string, { type: SubmitterType; id: string; invalid: number }>();
    for (const [number, sum] of this.#submitters) {
      const who = sum.invalid === 0 ? undefined : this.#names.folded(number);
      if (who === undefined) continue;
      invalid.get(`${who.type} ${who.id}`, () => ({ ...who, invalid: 0 })).invalid += sum.invalid;
    }
    const first = top(
      invalid.values(),
      most,
      (a, b) => b.invalid - a.invalid || byText(a.id, b.id) || byText(a.type, b.type),
    );
    return first.map((one) => ({ ...one, ...this.#sumSpellings(one) }));
  }

  /** Mailboxes that the server's own delivery did not find. */
  ownMailboxes(most: number): OwnMailboxCount[] {
    const all = [...this.#ownMailboxes].map(([host, { recipients, recipient, reply }]) => {
      return { host: host ?? null, recipients: recipients.size, recipient, reply };
    });
    // Such an event has a recipient and a reply; an empty one would be shown as nothing.
    return top(
      all as OwnMailboxCount[],
      most,
      (a, b) => b.recipients - a.recipients || byText(a.host, b.host),
    );
  }

  /** Notifications; at most `most` rows each. */
  backscatter(most: number): Backscatter {
    return this.#backscatter.result(most);
  }

  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    const kind = page.kind(at);
    const reason = page.reason(at);
    const direction = page.direction(at);
    const isRepeated = page.isRepeated(at);
    const isInvalid = reason === INVALID_RECIPIENT || reason === INVALID_DOMAIN;
    if (direction !== LOCAL && page.submitter(at) !== 0) {
      this.#addSubmitter(page, at, isInvalid && !isRepeated && kind !== REMOVED);
    }
    if (direction === LOCAL && reason === INVALID_RECIPIENT) this.#addOwnMailbox(page, at);
    this.#backscatter.add(page, at);
  }

  #addSubmitter(page: Page, at: number, isInvalid: boolean): void {
    const sum = this.#submitters.get(page.submitter(at), newSubmitterSum);
    if (isInvalid) sum.invalid++;
    sum.recipients += page.newRecipients(at) ?? 0;
    const client = page.client(at);
    // Most events of a submitter come from the same client as the one before.
    if (client === sum.client || client === undefined) return;
    sum.client = client;
    sum.clients.add(client);
  }

  #addOwnMailbox(page: Page, at: number): void {
    const sum = this.#ownMailboxes.get(page.text(at, 'relayHost'), () => {
      return { recipients: new Set(), recipient: null, reply: null };
    });
    const recipient = page.text(at, 'recipient');
    const original = page.text(at, 'originalRecipient') ?? recipient;
    if (original !== undefined) sum.recipients.add(lowerAscii(original));
    sum.recipient = lesser(sum.recipient, recipient);
    sum.reply = lesser(sum.reply, page.text(at, 'reply'));
  }

  /** The sums of all spellings of one submitter. */
  #sumSpellings(who: { type: SubmitterType; id: string }): { recipients: number; clients: number } {
    const clients = new Set<ClientValue>();
    let recipients = 0;
    for (const number of this.#names.submittersLike(who)) {
      const sum = this.#submitters.find(number);
      recipients += sum?.recipients ?? 0;
      for (const client of sum?.clients ?? []) clients.add(client);
    }
    return { recipients, clients: clients.size };
  }
}

interface SubmitterSum {
  invalid: number;
  recipients: number;
  /** the newest of the clients */
  client: ClientValue | undefined;
  readonly clients: Set<ClientValue>;
}

interface OwnMailboxSum {
  readonly recipients: Set<string>;
  recipient: string | null;
  reply: string | null;
}

const newSubmitterSum = (): SubmitterSum => ({
  invalid: 0,
  recipients: 0,
  client: undefined,
  clients: new Set(),
});

function mostFirst<T extends string>(counts: ReadonlyMap<T, number>): [T, number][] {
  return [...counts].sort(([a, more], [b, less]) => less - more || a.localeCompare(b));
}
