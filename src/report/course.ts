/** How a period went, step by step, for its charts; and what became of mail to each provider. */
import { DAY, HOUR, MINUTE } from '../base/time.ts';
import { PROVIDERS } from '../judge/outage/provider.ts';
import { DIRECTIONS, KINDS } from '../store/codes.ts';
import type { Page } from '../store/page.ts';

/** Values for each step of a period; the last step may be shorter. */
export interface Course {
  /** begin of the first step, and length of each, ms */
  readonly since: number;
  readonly step: number;
  readonly mail: readonly Series[];
  /** deferred or refused by other hosts, by provider: the largest, then all others together */
  readonly refusals: readonly Series[];
  readonly outside: readonly Series[];
}

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** What became of recipients at a provider. */
export interface ProviderCount {
  /** the domain that its mail hosts have in common, or their network */
  readonly provider: string;
  readonly delivered: number;
  readonly deferred: number;
  readonly refused: number;
}

/** Providers that a chart tells apart. */
const MOST_SERIES = 5;
/** Steps that a chart has at most. */
const MOST_STEPS = 32;
const STEPS = [
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  7 * DAY,
  30 * DAY,
];

const { local: LOCAL, inbound: INBOUND } = DIRECTIONS.numberOf;
const { delivered: DELIVERED, deferred: DEFERRED } = KINDS.numberOf;
const { bounced: BOUNCED, expired: EXPIRED } = KINDS.numberOf;
const { rejected: REJECTED, 'auth-failed': AUTH_FAILED } = KINDS.numberOf;

/** The shortest step (ms) of which a chart can show all. */
function chooseStep(length: number): number {
  return STEPS.find((step) => length <= step * MOST_STEPS) ?? Math.ceil(length / MOST_STEPS);
}

export class CourseSums {
  readonly #since: number;
  readonly #step: number;
  readonly #count: number;
  readonly #byKind: ReadonlyMap<number, number[]>;
  readonly #providers = new Map<string, ProviderSum>();

  /** Of the period from `since` to `until`, ms. */
  constructor(since: number, until: number) {
    this.#since = since;
    this.#step = chooseStep(until - since);
    this.#count = Math.max(1, Math.ceil((until - since) / this.#step));
    this.#byKind = new Map(
      [DELIVERED, DEFERRED, BOUNCED, EXPIRED, REJECTED, AUTH_FAILED].map((kind) => [
        kind,
        this.#newValues(),
      ]),
    );
  }

  /** Counts an event of the period, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    if (page.isRepeated(at)) return;
    const kind = page.kind(at);
    const values = this.#byKind.get(kind);
    if (values === undefined) return;
    const place = Math.floor((page.time(at) - this.#since) / this.#step);
    values[place] = (values[place] as number) + 1;
    const direction = page.direction(at);
    if (kind === REJECTED || kind === AUTH_FAILED || direction === LOCAL || direction === INBOUND)
      return;
    this.#addProvider(page, at, place);
  }

  course(): Course {
    const of = (...kinds: readonly number[]) => addUp(kinds.map((kind) => this.#values(kind)));
    return {
      since: this.#since,
      step: this.#step,
      mail: [
        { name: 'delivered', values: of(DELIVERED) },
        { name: 'deferred', values: of(DEFERRED) },
        { name: 'failed', values: of(BOUNCED, EXPIRED) },
      ],
      refusals: this.#refusals(),
      outside: [
        { name: 'refused in the dialogue', values: of(REJECTED) },
        { name: 'failed logins', values: of(AUTH_FAILED) },
      ],
    };
  }

  /** The `most` providers with the most recipients. */
  providers(most: number): ProviderCount[] {
    return [...this.#providers]
      .map(([provider, { delivered, deferred, refused }]) => {
        return { provider, delivered, deferred, refused };
      })
      .sort((a, b) => sizeOf(b) - sizeOf(a) || a.provider.localeCompare(b.provider))
      .slice(0, most);
  }

  #addProvider(page: Page, at: number, place: number): void {
    const provider = PROVIDERS.get({ host: page.relay(at) });
    if (provider === undefined) return;
    const kind = page.kind(at);
    let sum = this.#providers.get(provider);
    if (sum === undefined) {
      sum = { delivered: 0, deferred: 0, refused: 0, steps: undefined };
      this.#providers.set(provider, sum);
    }
    if (kind === DELIVERED) {
      sum.delivered++;
      return;
    }
    if (kind === DEFERRED) sum.deferred++;
    else sum.refused++;
    sum.steps ??= this.#newValues();
    sum.steps[place] = (sum.steps[place] as number) + 1;
  }

  #refusals(): Series[] {
    const sorted = [...this.#providers].flatMap(([name, { steps, deferred, refused }]) =>
      steps === undefined ? [] : [{ name, values: steps, sum: deferred + refused }],
    );
    sorted.sort((a, b) => b.sum - a.sum || a.name.localeCompare(b.name));
    const first = sorted.slice(0, MOST_SERIES).map(({ name, values }) => ({ name, values }));
    const others = sorted.slice(MOST_SERIES).map(({ values }) => values);
    return others.length === 0 ? first : [...first, { name: 'others', values: addUp(others) }];
  }

  #values(kind: number): readonly number[] {
    return this.#byKind.get(kind) ?? this.#newValues();
  }

  #newValues(): number[] {
    return Array(this.#count).fill(0);
  }
}

interface ProviderSum {
  delivered: number;
  deferred: number;
  refused: number;
  /** deferred and refused, for each step; most providers refuse nothing */
  steps: number[] | undefined;
}

function sizeOf({ delivered, deferred, refused }: ProviderCount): number {
  return delivered + deferred + refused;
}

function addUp(lists: readonly (readonly number[])[]): number[] {
  const [first = [], ...others] = lists;
  return first.map((value, at) => others.reduce((sum, list) => sum + (list[at] ?? 0), value));
}
