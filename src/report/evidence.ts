/**
 * Gathers the evidence for a verdict from the store and, where they still exist, from the log lines. Refusals that did
 * not count because of a provider outage are listed apart.
 */
import { dropUndefined } from '../base/defined.ts';
import { formatDuration, formatTime, formatTimes } from '../base/time.ts';
import { getRecipientValue } from '../judge/key.ts';
import { countsInvalid } from '../judge/plan.ts';
import type { Rule } from '../judge/rule.ts';
import type { Verdict } from '../model/block.ts';
import { isInvalid, type MailEvent } from '../model/event.ts';
import type { ClientCount, Evidence, OutageRefusals, RefusedRecipient } from '../model/evidence.ts';
import type { Outage } from '../model/outage.ts';
import { loadOutages } from '../store/outages.ts';
import type { Store } from '../store/store.ts';
import { buildVerdictTest, loadEvents, type Test } from './events.ts';
import { buildOutageLookup, isBefore } from './outages.ts';
import { pastToJson } from './past.ts';
import { type QuotedJournals, quoteLines } from './quoted-lines.ts';

const MOST_RECIPIENTS = 20;
const MOST_CLIENTS = 20;
const MOST_SENDERS = 10;
const MOST_LINES = 10;

/**
 * All that is known about why this verdict fell; `rule` is its rule, if it still exists, `journals` where
 * lines are that are in no file. A long window is read in parts,
 * and others can run in between.
 */
export async function gatherEvidence(
  store: Store,
  verdict: Verdict,
  block: Evidence['block'],
  rule: Rule | undefined,
  journals?: QuotedJournals,
): Promise<Evidence> {
  const found = await loadEvents(store, verdict, rule);
  return await describeEvidence(store, verdict, block, rule, found, journals);
}

/** The same from events that are loaded. */
export async function describeEvidence(
  store: Store,
  verdict: Verdict,
  block: Evidence['block'],
  rule: Rule | undefined,
  found: readonly MailEvent[],
  journals?: QuotedJournals,
): Promise<Evidence> {
  const isCounted = buildVerdictTest(rule, verdict);
  const { events, outages } = splitByOutage(store, verdict, rule, found, isCounted);
  const counted = events.filter(isCounted);
  const shown = counted.length > 0 ? counted : events;
  const clients = countClients(shown);
  return dropUndefined({
    verdict,
    block,
    description: rule?.description,
    outages: outages.length === 0 ? undefined : outages,
    events: shown.length,
    outcomes: countOutcomes(verdict, found, events),
    first: shown.reduce((least, event) => Math.min(least, event.time), verdict.time),
    last: shown.reduce((most, event) => Math.max(most, event.time), 0) || verdict.time,
    addresses: clients.length,
    clients: clients.slice(0, MOST_CLIENTS),
    senders: listSenders(shown),
    recipients: countRecipients(shown),
    sample: listRefused(shown.filter(isRefusal)),
    lines: await quoteLines(dropSameLines(shown).slice(-MOST_LINES), journals),
  });
}

interface SplitEvents {
  /** those that counted */
  readonly events: readonly MailEvent[];
  readonly outages: readonly OutageRefusals[];
}

/** Separates the refusals that did not count. A rule that no longer exists is treated like one that counts invalid. */
function splitByOutage(
  store: Store,
  verdict: Verdict,
  rule: Rule | undefined,
  events: readonly MailEvent[],
  isCounted: Test,
): SplitEvents {
  if (rule !== undefined && !countsInvalid(rule)) return { events, outages: [] };
  const findOutage = buildOutageLookup(loadOutages(store));
  const counts = new Map<Outage, number>();
  const left = events.filter((event) => {
    const outage = isCounted(event) ? findOutage(event) : undefined;
    if (outage === undefined) return true;
    counts.set(outage, (counts.get(outage) ?? 0) + 1);
    return isBefore(verdict, outage);
  });
  const outages = [...counts].map(([outage, refusals]) => {
    const { provider, since, ended } = outage;
    return dropUndefined({ provider, refusals, since, ended, counted: isBefore(verdict, outage) });
  });
  return { events: left, outages };
}

function isRefusal({ kind, reason }: MailEvent): boolean {
  return reason !== undefined || kind === 'bounced' || kind === 'rejected' || kind === 'expired';
}

function listSenders(events: readonly MailEvent[]): string[] {
  const senders = new Set(events.map((event) => event.sender ?? ''));
  senders.delete('');
  return [...senders].slice(0, MOST_SENDERS);
}

/** Compares recipients as rules do. */
function countRecipients(events: readonly MailEvent[]): number {
  const different = new Set(events.map(getRecipientValue));
  different.delete(undefined);
  return different.size;
}

/** By the number of events, most first. */
function countClients(events: readonly MailEvent[]): ClientCount[] {
  const counts = new Map<string, { name: string | undefined; count: number }>();
  for (const { client } of events) {
    if (client === undefined || client.address === '') continue;
    const known = counts.get(client.address) ?? { name: client.name, count: 0 };
    known.count++;
    counts.set(client.address, known);
  }
  return [...counts]
    .map(([address, { name, count }]) => dropUndefined({ address, count, name }))
    .sort((a, b) => b.count - a.count);
}

/** The latest refusal of each recipient, the latest last. */
function listRefused(refusals: readonly MailEvent[]): RefusedRecipient[] {
  const latest = new Map<string, RefusedRecipient>();
  for (const refused of refusals.map(describeRefusal)) {
    const name = refused.recipient.toLowerCase();
    latest.delete(name);
    latest.set(name, refused);
  }
  return [...latest.values()].slice(-MOST_RECIPIENTS);
}

/** One line can make several events. */
function dropSameLines(events: readonly MailEvent[]): MailEvent[] {
  const byLine = new Map(events.map((event) => [`${event.source} ${event.offset}`, event]));
  return [...byLine.values()];
}

/** As the report counts them, without those of an outage (`counting`); only of a submitter all events are at hand. */
function countOutcomes(
  { key }: Verdict,
  events: readonly MailEvent[],
  counting: readonly MailEvent[],
): Evidence['outcomes'] {
  if (!['user', 'uid', 'client'].includes(key.type)) return undefined;
  const outgoing = events.filter(({ direction }) => direction !== 'local');
  const recipients = outgoing.reduce((sum, { newRecipients = 0 }) => sum + newRecipients, 0);
  const isCounted = (event: MailEvent) =>
    isInvalid(event) &&
    event.direction !== 'local' &&
    event.repeated !== true &&
    event.kind !== 'removed';
  const invalid = counting.filter(isCounted).length;
  return recipients === 0 || invalid > recipients ? undefined : { invalid, recipients };
}

function describeRefusal(event: MailEvent): RefusedRecipient {
  return dropUndefined({
    time: event.time,
    recipient: event.originalRecipient ?? event.recipient ?? '',
    reason: event.reason,
    reply: event.reply,
    relay: event.relay?.host ?? event.relay?.address,
  });
}

/** The evidence for programs: times as RFC 3339, durations as in rules. */
export function evidenceToJson(evidence: Evidence): Record<string, unknown> {
  const { verdict, block, first, last, sample, outages, ...rest } = evidence;
  const { period, duration, past, ...found } = verdict;
  return dropUndefined({
    verdict: dropUndefined({
      ...formatTimes(found, 'time'),
      period: formatDuration(period),
      duration: duration === undefined ? undefined : formatDuration(duration),
      past: past && pastToJson(past),
    }),
    block: block && formatTimes(block, 'start', 'end', 'released'),
    first: formatTime(first),
    last: formatTime(last),
    ...rest,
    sample: sample.map((refusal) => formatTimes(refusal, 'time')),
    // The key under which the first version printed them.
    doubted: outages?.map((each) => formatTimes(each, 'since', 'ended')),
  });
}
