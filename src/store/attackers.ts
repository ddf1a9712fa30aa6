/** Clients from outside that were refused: sums over stored events for the report. */
import { type ClientValue, formatClient } from './client-value.ts';
import { DIRECTIONS, KINDS, REASON_CODES } from './codes.ts';
import type { Page } from './page.ts';
import { byText, Groups, greater, type TextSums, top } from './tally.ts';

/** A client address from outside, and how often it was refused. */
export interface AttackerCount {
  readonly address: string;
  readonly name?: string;
  readonly invalid: number;
  readonly auth: number;
  readonly rejected: number;
}

interface AttackerSum {
  name: string | null;
  invalid: number;
  auth: number;
  rejected: number;
}

const { rejected: REJECTED, 'auth-failed': AUTH_FAILED } = KINDS.numberOf;
const { inbound: INBOUND } = DIRECTIONS.numberOf;
const INVALID_RECIPIENT = REASON_CODES.numberOf['invalid-recipient'];
const INVALID_DOMAIN = REASON_CODES.numberOf['invalid-domain'];

export class AttackerSums implements TextSums<AttackerCount> {
  readonly #sums = new Groups<ClientValue, AttackerSum>();
  #rows: ReadonlyMap<ClientValue, AttackerSum> = new Map();

  add(page: Page, at: number): void {
    if (!isAttack(page, at)) return;
    const client = page.client(at);
    if (client === undefined) return;
    const sum = this.#sums.get(client, newSum);
    const reason = page.reason(at);
    if (reason === INVALID_RECIPIENT || reason === INVALID_DOMAIN) sum.invalid++;
    if (page.kind(at) === AUTH_FAILED) sum.auth++;
    else sum.rejected++;
  }

  choose(most: number): void {
    this.#rows = new Map(top(this.#sums, most, compare));
  }

  addTexts(page: Page, at: number): void {
    if (!isAttack(page, at)) return;
    const client = page.client(at);
    const sum = client === undefined ? undefined : this.#rows.get(client);
    if (sum !== undefined) sum.name = greater(sum.name, page.text(at, 'clientName'));
  }

  rows(): AttackerCount[] {
    return [...this.#rows].map(([client, sum]) => ({
      address: formatClient(client),
      ...sum,
    })) as AttackerCount[];
  }
}

function isAttack(page: Page, at: number): boolean {
  const kind = page.kind(at);
  if (kind !== REJECTED && kind !== AUTH_FAILED) return false;
  return page.direction(at) === INBOUND && !page.isRepeated(at);
}

type Entry = readonly [ClientValue, AttackerSum];

/** Most guesses first, then most refusals. */
function compare([a, one]: Entry, [b, other]: Entry): number {
  return (
    other.invalid + other.auth - (one.invalid + one.auth) ||
    other.rejected - one.rejected ||
    byText(formatClient(a), formatClient(b))
  );
}

const newSum = (): AttackerSum => ({ name: null, invalid: 0, auth: 0, rejected: 0 });
