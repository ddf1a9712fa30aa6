/** Hosts that refused our mail, by reason, and one of their replies: sums over stored events for the report. */
import type { Reason } from '../model/event.ts';
import { DIRECTIONS, kindSet, REASON_CODES } from './codes.ts';
import type { Page } from './page.ts';
import { byText, type Changing, Groups, lesser, type TextSums, top } from './tally.ts';

/** A host that refused our mail, with one of its replies. */
export interface RefuserCount {
  readonly host: string;
  readonly reason: Reason;
  readonly count: number;
  readonly reply: string;
}

const FAILED = kindSet('bounced', 'deferred', 'expired');
const { outbound: OUTBOUND } = DIRECTIONS.numberOf;

export class RefuserSums implements TextSums<RefuserCount> {
  readonly #sums = new Groups<string, Changing<RefuserCount>>();
  #rows: ReadonlySet<Changing<RefuserCount>> = new Set();

  add(page: Page, at: number): void {
    const key = keyOf(page, at);
    if (key === undefined) return;
    this.#sums.get(key, () => newSum(page, at)).count++;
  }

  choose(most: number): void {
    this.#rows = new Set(
      top(
        this.#sums.values(),
        most,
        (a, b) => b.count - a.count || byText(a.host, b.host) || byText(a.reason, b.reason),
      ),
    );
  }

  addTexts(page: Page, at: number): void {
    const key = keyOf(page, at);
    const sum = key === undefined ? undefined : this.#sums.find(key);
    if (sum === undefined || !this.#rows.has(sum)) return;
    sum.reply = lesser(sum.reply, page.text(at, 'reply')) as string;
  }

  rows(): RefuserCount[] {
    return [...this.#rows];
  }
}

function keyOf(page: Page, at: number): string | undefined {
  const direction = page.direction(at);
  if (!FAILED.has(page.kind(at)) || page.isRepeated(at)) return undefined;
  if (direction !== 0 && direction !== OUTBOUND) return undefined;
  const host = page.relay(at);
  return host === undefined ? undefined : `${page.reason(at)} ${host}`;
}

function newSum(page: Page, at: number): Changing<RefuserCount> {
  return {
    host: page.relay(at) as string,
    reason: (REASON_CODES.words[page.reason(at)] ?? null) as Reason,
    count: 0,
    reply: null as unknown as string,
  };
}
