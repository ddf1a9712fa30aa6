/** What other hosts put off, by reason, and one of their replies: sums over stored events for the report. */
import type { Reason } from '../model/event.ts';
import { KINDS, REASON_CODES } from './codes.ts';
import type { Page } from './page.ts';
import { byText, type Changing, Groups, lesser, type TextSums, top } from './tally.ts';

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

const { deferred: DEFERRED } = KINDS.numberOf;

export class DeferralSums implements TextSums<DeferralCount> {
  readonly #sums = new Groups<string, Changing<DeferralCount>>();
  #rows: ReadonlySet<Changing<DeferralCount>> = new Set();

  add(page: Page, at: number): void {
    if (page.kind(at) !== DEFERRED) return;
    const sum = this.#sums.get(keyOf(page, at), () => newSum(page, at));
    sum.attempts++;
    if (!page.isRepeated(at)) sum.recipients++;
  }

  choose(most: number): void {
    this.#rows = new Set(
      top(
        this.#sums.values(),
        most,
        (a, b) =>
          b.recipients - a.recipients ||
          b.attempts - a.attempts ||
          byText(a.host, b.host) ||
          byText(a.reason, b.reason),
      ),
    );
  }

  addTexts(page: Page, at: number): void {
    if (page.kind(at) !== DEFERRED) return;
    const sum = this.#sums.find(keyOf(page, at));
    if (sum === undefined || !this.#rows.has(sum)) return;
    sum.reply = lesser(sum.reply, page.text(at, 'reply'));
  }

  rows(): DeferralCount[] {
    return [...this.#rows];
  }
}

/** No host is another key than any text. */
function keyOf(page: Page, at: number): string {
  const host = page.relay(at);
  return host === undefined ? `${page.reason(at)}` : `${page.reason(at)} ${host}`;
}

function newSum(page: Page, at: number): Changing<DeferralCount> {
  const reason = (REASON_CODES.words[page.reason(at)] as Reason | undefined) ?? null;
  return { host: page.relay(at) ?? null, reason, recipients: 0, attempts: 0, reply: null };
}
