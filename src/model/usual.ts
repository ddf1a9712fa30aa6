/** What was usual for a key before a verdict: the past that a rule with `usual` puts beside the present. */
import { counted } from '../base/text.ts';
import { DAY, HOUR } from '../base/time.ts';

/** What a rule with `usual.new` asks whether the key has used it before. */
export const NEW_KINDS = ['client-net', 'client-wide-net', 'recipient-domain'] as const;
export type NewKind = (typeof NEW_KINDS)[number];

/** How many days before the day of an event count as the past of a key. */
export const PAST_DAYS = 35;

/** The past of a key. All times in ms. */
export interface Past {
  /** when the key was first seen */
  readonly since: number;
  /** the most that was counted in one hour, or one day, of the days before; 0 for none */
  readonly busiest: number;
  /** the day of `busiest`, 00:00 UTC */
  readonly busiestDay?: number;
  /** what did not count unless it was new to the key, and how many of these the key had used before */
  readonly new?: { readonly kind: NewKind; readonly known: number };
  /** how long the key had been silent, in days on which others sent mail, and the day before the silence */
  readonly asleep?: { readonly days: number; readonly last: number };
}

const KIND_TEXTS: { readonly [kind in NewKind]: readonly [one: string, some: string] } = {
  'client-net': ['network', 'networks'],
  'client-wide-net': ['wide network', 'wide networks'],
  'recipient-domain': ['recipient domain', 'recipient domains'],
};

/** The past in one line, for `period` ms: `busiest hour in 35 days: 12, on 2026-11-02; known since 2026-10-01`. */
export function describePast(past: Past, period: number): string {
  return [...describeSleep(past), ...describeBusiest(past, period), ...describeNew(past)]
    .concat(`known since ${formatDay(past.since)}`)
    .join('; ');
}

function describeSleep({ asleep }: Past): string[] {
  if (asleep === undefined) return [];
  return [`silent for ${counted(asleep.days, 'day')} after ${formatDay(asleep.last)}`];
}

function describeBusiest({ busiest, busiestDay, asleep }: Past, period: number): string[] {
  if (asleep !== undefined) return [];
  const block = period === HOUR ? 'hour' : 'day';
  if (busiestDay === undefined) return [`none in the ${PAST_DAYS} days before`];
  return [
    `busiest ${block} of the ${PAST_DAYS} days before: ${busiest}, on ${formatDay(busiestDay)}`,
  ];
}

function describeNew({ new: fresh }: Past): string[] {
  if (fresh === undefined) return [];
  const [one, some] = KIND_TEXTS[fresh.kind];
  return [`only new ${some} count, ${fresh.known} ${fresh.known === 1 ? one : some} known before`];
}

/** The day in UTC: `2026-11-02`. */
export function formatDay(time: number): string {
  return new Date(Math.floor(time / DAY) * DAY).toISOString().slice(0, 10);
}
