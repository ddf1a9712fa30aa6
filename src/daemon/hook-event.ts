/** What a hook is told, as JSON: docs/hooks.md describes it. Names and times as `--format json` prints them. */
import { dropUndefined } from '../base/defined.ts';
import { formatDuration, formatTime, formatTimes } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { Verdict } from '../model/block.ts';
import { formatIdentity, formatTarget } from '../model/identity.ts';
import type { ListingChange } from '../model/listing.ts';
import type { BlindChange } from '../model/occurrence.ts';
import type { Outage } from '../model/outage.ts';
import { blockToJson, describeRelease } from '../report/block.ts';
import { outageToJson } from '../report/outages.ts';
import type { Occurrence } from '../store/occurrences.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { withSpellings } from './spellings.ts';

/** The part of an event that depends on its kind; `text` is one sentence about it without a full stop. */
export interface Told {
  readonly text: string;
  readonly [name: string]: unknown;
}

/** Undefined if what it refers to has been deleted. */
export function describeOccurrence(
  { kind, about }: Occurrence,
  store: Store,
  config: Config,
): Told | undefined {
  switch (kind) {
    case 'block':
    case 'release':
      return describeBlock(kind, about as { block: number }, store, config);
    case 'cap':
      return describeCap(about as { verdict: number }, store, config);
    case 'outage':
      return describeOutage(about as Outage);
    case 'listing':
      return describeListing(about as ListingChange);
    case 'blind':
      return describeBlind(about as BlindChange);
  }
}

function describeBlock(
  kind: 'block' | 'release',
  { block: id }: { readonly block: number },
  store: Store,
  config: Config,
): Told | undefined {
  const block = store.blocks.get(id);
  if (block === undefined) return undefined;
  const verdict = block.verdict === undefined ? undefined : store.verdicts.get(block.verdict);
  const who = formatTarget(block);
  const why = verdict === undefined ? describeManual(block) : describeLimit(verdict.verdict);
  return dropUndefined({
    text:
      kind === 'block' ? `${who} blocked: ${why}` : `${who} released: ${describeRelease(block)}`,
    identity: formatIdentity(block.key),
    block: blockToJson(withSpellings(store, config, block)),
    verdict: verdict && verdictToJson(verdict.verdict),
  });
}

function describeManual({ cause, note }: StoredBlock): string {
  return note === undefined ? cause : `${cause}, ${note}`;
}

/** `invalid-recipients, 100 in 1h` */
function describeLimit({ rule, count, period }: Verdict): string {
  return `${rule}, ${count} in ${formatDuration(period)}`;
}

function verdictToJson({ rule, count, limit, period, time }: Verdict): Record<string, unknown> {
  return { rule, count, limit, period: formatDuration(period), time: formatTime(time) };
}

function describeCap(
  { verdict: id }: { readonly verdict: number },
  store: Store,
  { caps }: Config,
): Told | undefined {
  const stored = store.verdicts.get(id);
  if (stored === undefined) return undefined;
  const { verdict } = stored;
  return {
    text: `the cap of ${caps.blocksPerHour} blocks an hour is reached, ${formatIdentity(verdict.key)} is not blocked`,
    identity: formatIdentity(verdict.key),
    blocksPerHour: caps.blocksPerHour,
    verdict: verdictToJson(verdict),
  };
}

function describeOutage(outage: Outage): Told {
  const { provider, ended } = outage;
  const isOver = ended !== undefined;
  return {
    text: isOver
      ? `${provider} is back to normal, its refusals count again`
      : `${provider} refuses addresses that may exist, its refusals do not count`,
    state: isOver ? 'ended' : 'began',
    outage: outageToJson(outage),
  };
}

function describeListing(change: ListingChange): Told {
  const { address, list, state, meaning } = change;
  return {
    text:
      state === 'listed'
        ? `${address} is listed by ${list}: ${meaning}`
        : `${address} is no longer listed by ${list}`,
    state,
    listing: formatTimes(change, 'time'),
  };
}

function describeBlind(change: BlindChange): Told {
  const { why, ended } = change;
  return {
    text: ended === undefined ? why : `Postern reads the mail server's lines again (${why})`,
    state: ended === undefined ? 'began' : 'ended',
    blind: formatTimes(change, 'since', 'ended'),
  };
}
