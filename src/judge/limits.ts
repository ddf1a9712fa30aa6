/**
 * The limit that applies to a key at a time, and why it is not that of the rule: an override, or the hour. Rate rules
 * are those for volume (messages, recipients), for the spread of networks, and for a share of refusals, all of our own
 * submitters. Other rules only have the overrides that name them.
 */
import type { Adjustment, AppliedLimit } from './adjustment.ts';
import { HourShares, type Hours } from './hours.ts';
import { describeOverride, NO_OVERRIDES, type Override, type OverrideTable } from './overrides.ts';
import type { Limit, Rule } from './rule.ts';

export type RateKind = 'volume' | 'spread' | 'share';

type Measured = Pick<
  Rule,
  'count' | 'per' | 'direction' | 'ratio' | 'distinct' | 'limits' | 'name'
>;

const OWN: ReadonlySet<Rule['per']> = new Set<Rule['per']>([
  'submitter',
  'user',
  'client',
  'uid',
  'sender',
  'sender-domain',
]);
const VOLUME: ReadonlySet<Rule['count']> = new Set<Rule['count']>([
  'recipients',
  'messages',
  'logins',
  'accepted',
  'delivered',
]);

/** Which kind of rate a rule measures; undefined: none. */
export function findRateKind(rule: Measured): RateKind | undefined {
  const { per, direction, ratio, distinct, count } = rule;
  if (!OWN.has(per) || direction === 'inbound' || direction === 'local') return undefined;
  if (ratio) return 'share';
  if (count === 'logins' && distinct !== undefined && distinct !== 'recipient') return 'spread';
  return VOLUME.has(count) ? 'volume' : undefined;
}

/** Whether an override is for the rule at all: it names it, or it names none and fits. */
export function fitsRule(override: Override, rule: Measured): boolean {
  if (override.rule !== undefined) return override.rule === rule.name;
  const kind = findRateKind(rule);
  // Who may send much mail is not thereby a login that a botnet may use: for that, the rule must be named.
  if (override.limit === 'exempt') return kind === 'volume' || kind === 'share';
  return kind === (override.limit.isPercent ? 'share' : 'volume');
}

/** Overrides that stay as they are, or a function that is called for every look-up, so its answer may change. */
export type Overrides = OverrideTable | (() => OverrideTable);

/** The adjustment of a rule. `overrides`: undefined: there are none and there will be none. */
export function buildAdjustment(
  rule: Measured,
  overrides: Overrides | undefined,
  hours: Hours | undefined,
): Adjustment {
  const fixed = typeof overrides === 'function' ? undefined : (overrides ?? NO_OVERRIDES);
  const table = typeof overrides === 'function' ? overrides : () => overrides ?? NO_OVERRIDES;
  const shares =
    hours === undefined || findRateKind(rule) === undefined ? undefined : new HourShares(hours);
  const describe = hours === undefined ? undefined : (name: HourName) => describeHours(hours, name);
  const usualLimit = (limit: AppliedLimit, time: number): AppliedLimit => {
    const share = shares?.findLargest(time, limit.period);
    if (share?.name === undefined) return limit;
    const why = `${describe?.(share.name)}: ${share.factor} of ${limit.limit}`;
    return { ...limit, limit: shorten(limit.limit, share.factor), full: limit.limit, why };
  };
  const lowestUsual = ({ limit }: AppliedLimit): number => {
    const factors = shares === undefined ? [] : [hours?.night?.factor, hours?.weekend?.factor];
    return shorten(limit, Math.min(1, ...factors.filter((one) => one !== undefined)));
  };
  return {
    sources: [overrides, hours, findRateKind(rule)],
    usualLimit,
    lowestUsual,
    isOverridden: (type, id) => table().has(type, id),
    namesList: fixed === undefined || fixed.listRules.has(rule.name),
    limitFor(limit, type, id, time) {
      for (const override of table().find(type, id)) {
        const { period } = override;
        if (!fitsRule(override, rule) || (period !== undefined && period !== limit.period))
          continue;
        if (override.limit === 'exempt') return undefined;
        return overrideLimit(rule, limit, override, override.limit.limit);
      }
      return usualLimit(limit, time);
    },
    lowest: (limit) => (overrides === undefined ? lowestUsual(limit) : 1),
    sparesMail({ sender }) {
      if (!sender) return false;
      const lists = table().findLists(sender.toLowerCase());
      return lists.some((each) => each.limit === 'exempt' && fitsRule(each, rule));
    },
  };
}

type HourName = 'night' | 'weekend';

function describeHours({ night, zone }: Hours, name: HourName): string {
  if (name === 'weekend' || night === undefined) return `weekend in ${zone}`;
  return `night, ${formatMinutes(night.from)} to ${formatMinutes(night.to)} in ${zone}`;
}

function formatMinutes(minutes: number): string {
  const two = (number: number) => String(number).padStart(2, '0');
  return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** At least 1. 0.07 of 100 is 7, although it is a little more in floating point. */
function shorten(limit: number, factor: number): number {
  return Math.max(1, Math.ceil(limit * factor - 1e-9));
}

/** Without a period, the number is for the first limit of the rule, and the others grow or shrink with it. */
function overrideLimit(
  { limits, ratio }: Measured,
  limit: Limit,
  override: Override,
  number: number,
): AppliedLimit {
  const first = limits[0]?.limit ?? limit.limit;
  const scaled = override.period === undefined ? (number * limit.limit) / first : number;
  const most = ratio ? 100 : Number.POSITIVE_INFINITY;
  const applied = Math.min(most, Math.max(1, Math.round(scaled)));
  return { ...limit, limit: applied, why: describeOverride(override) };
}
