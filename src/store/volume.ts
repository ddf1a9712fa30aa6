/** Who sends most, and what is deferred: sums over stored events for the report. */
import type { Reason, SubmitterType } from '../model/event.ts';
import { DIRECTIONS, KINDS, REASON_CODES } from './codes.ts';
import type { Names } from './names.ts';
import type { Page } from './page.ts';
import { byText, Groups, lesser, top } from './tally.ts';

/** What a submitter sent. */
export interface SenderCount {
  readonly type: SubmitterType;
  readonly id: string;
  readonly messages: number;
  readonly recipients: number;
  readonly bytes: number;
}

/** Recipients that a host put off, by reason. */
export interface DeferralCount {
  /** null if no host answered */
  readonly host: string | null;
  readonly reason: Reason | null;
  readonly recipients: number;
  /** attempts, the first ones included */
  readonly attempts: number;
  readonly reply: string | null;
}

const { accepted: ACCEPTED, deferred: DEFERRED } = KINDS.numberOf;
const { local: LOCAL } = DIRECTIONS.numberOf;

export class VolumeSums {
  readonly #names: Names;
  readonly #senders = new Groups<number, SentSum>();
  readonly #deferrals = new Groups<
    string,
    { -readonly [name in keyof DeferralCount]: DeferralCount[name] }
  >();

  constructor(names: Names) {
    this.#names = names;
  }

  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    const kind = page.kind(at);
    if (kind === DEFERRED) this.#addDeferral(page, at);
    const submitter = page.submitter(at);
    if (submitter === 0 || page.direction(at) === LOCAL) return;
    const recipients = page.newRecipients(at) ?? 0;
    const isMessage = kind === ACCEPTED && !page.isRepeated(at);
    if (recipients === 0 && !isMessage) return;
    const sum = this.#senders.get(submitter, newSentSum);
    sum.recipients += recipients;
    if (!isMessage) return;
    sum.messages++;
    sum.bytes += page.size(at) ?? 0;
  }

  /** The `most` submitters with the most messages; spellings of one are one. */
  senders(most: number): SenderCount[] {
    const people = new Groups<string, SentSum & Pick<SenderCount, 'type' | 'id'>>();
    for (const [number, sum] of this.#senders) {
      const who = this.#names.folded(number);
      if (who === undefined) continue;
      const person = people.get(`${who.type} ${who.id}`, () => ({ ...who, ...newSentSum() }));
      person.messages += sum.messages;
      person.recipients += sum.recipients;
      person.bytes += sum.bytes;
    }
    return top(
      people.values(),
      most,
      (a, b) => b.messages - a.messages || b.recipients - a.recipients || byText(a.id, b.id),
    );
  }

  /** The `most` pairs of host and reason with the most recipients. */
  deferrals(most: number): DeferralCount[] {
    return top(
      this.#deferrals.values(),
      most,
      (a, b) =>
        b.recipients - a.recipients ||
        b.attempts - a.attempts ||
        byText(a.host, b.host) ||
        byText(a.reason, b.reason),
    );
  }

  #addDeferral(page: Page, at: number): void {
    const host = page.text(at, 'relayHost') ?? page.text(at, 'relayAddress') ?? null;
    const reason = (REASON_CODES.words[page.reason(at)] as Reason | undefined) ?? null;
    const sum = this.#deferrals.get(`${reason} ${host}`, () => {
      return { host, reason, recipients: 0, attempts: 0, reply: null };
    });
    sum.attempts++;
    if (!page.isRepeated(at)) sum.recipients++;
    sum.reply = lesser(sum.reply, page.text(at, 'reply'));
  }
}

interface SentSum {
  messages: number;
  recipients: number;
  bytes: number;
}

const newSentSum = (): SentSum => ({ messages: 0, recipients: 0, bytes: 0 });
