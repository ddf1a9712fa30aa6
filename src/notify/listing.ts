/** The notice that this server is on a blocklist, or no longer. */
import type { Cost, ListingChange } from '../model/listing.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { type ComposedNotice, compose, type Section } from './compose.ts';

/** Listings that one mail describes. */
const MOST_DETAILS = 20;

const COST: Readonly<Record<Cost, string>> = {
  mail: 'receivers refuse mail because of it',
  bounces: 'receivers refuse bounces (the null sender) because of it',
  information: 'hardly anybody refuses mail because of it; it is about a whole network',
};

/** One mail about all changes. Those that are for information only are never alone in one: see `isWorthNotice`. */
export function listingNotice(
  changes: readonly ListingChange[],
  style = PLAIN_STYLE,
): ComposedNotice {
  const listed = changes.filter(({ state }) => state === 'listed');
  const ended = changes.filter(({ state }) => state === 'clear');
  const sections = [
    ...listed.slice(0, MOST_DETAILS).map((change) => buildListed(change, style)),
    ...buildEnded(ended, style),
    ...buildNext(listed),
  ];
  return compose(describeSubject(listed, ended), sections, style);
}

/** Whether a change is a reason to write to somebody. */
export function isWorthNotice({ cost }: ListingChange): boolean {
  return cost !== 'information';
}

function describeSubject(
  listed: readonly ListingChange[],
  ended: readonly ListingChange[],
): string {
  const parts = [
    ...describePart(listed, 'is listed by'),
    ...describePart(ended, 'is no longer listed by'),
  ];
  return parts.join('; ');
}

/** `192.0.2.7 is listed by spamhaus-zen, psbl` */
function describePart(changes: readonly ListingChange[], verb: string): string[] {
  const addresses = [...new Set(changes.map(({ address }) => address))];
  return addresses.map((address) => {
    const lists = changes.filter((change) => change.address === address).map(({ list }) => list);
    return `${address} ${verb} ${lists.join(', ')}`;
  });
}

function buildListed(change: ListingChange, style: Style): Section {
  const { address, list, codes, meaning, removal, cost, time } = change;
  return {
    title: `${address} is listed by ${list}`,
    rows: [
      ['Seen', style.time(time)],
      ['Meaning', `${meaning} (${codes.join(', ')})`],
      ['Cost', COST[cost]],
      ['Removal', removal],
    ],
  };
}

function buildEnded(ended: readonly ListingChange[], style: Style): Section[] {
  if (ended.length === 0) return [];
  const rows = ended.map(({ address, list, time }) => `${address}: ${list}, ${style.time(time)}`);
  return [{ title: 'No longer listed', rows }];
}

function buildNext(listed: readonly ListingChange[]): Section[] {
  if (listed.length === 0) return [];
  return [
    {
      title: 'What you can do',
      rows: [
        'Find the cause before you ask for removal: a list that finds the cause again lists for longer. The page docs/listings.md goes through it.',
      ],
    },
    {
      title: 'Commands',
      literal: true,
      rows: ['postern listings', 'postern report --since 7d', 'postern blocks'],
    },
  ];
}
