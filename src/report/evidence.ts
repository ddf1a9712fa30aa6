/**
 * Gathers the evidence of a verdict from the store and, where the log still has them, the very lines.
 * A log that was rotated away or cannot be read costs the quoted lines, nothing else. What the judge did not count,
 * because the provider that refused was suspect, is told apart.
 */

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { formatDuration, formatTime } from '../base/time.ts';
import { getDistinctValue } from '../judge/key.ts';
import { countedFor, countsInvalid } from '../judge/plan.ts';
import type { Rule } from '../judge/rule.ts';
import type { Verdict } from '../model/block.ts';
import { isInvalid, type MailEvent } from '../model/event.ts';
import type {
  ClientCount,
  DoubtedRefusals,
  Evidence,
  QuotedLine,
  RefusedRecipient,
} from '../model/evidence.ts';
import { decodeText } from '../model/line.ts';
import type { Store } from '../store/store.ts';
import { loadEvents, type Test } from './evidence-events.ts';
import { buildOutageLookup, isBefore, loadOutages, type OutagePeriod } from './outages.ts';

const SAMPLE = 20;
const CLIENTS = 20;
const QUOTED_LINES = 10;
const MAX_QUOTE = 2048;

/** Everything known about why this verdict fell; `rule` is its rule, as long as there is one. Lets others work meanwhile. */
export async function gatherEvidence(
  store: Store,
  verdict: Verdict,
  block: Evidence['block'],
  rule: Rule | undefined,
): Promise<Evidence> {
  const isTelling = rule === undefined ? isInvalid : countedFor(rule, verdict.key);
  const found = await loadEvents(store, verdict, rule, isTelling);
  const { events, doubted } = believed(store, verdict, rule, found, isTelling);
  const telling = events.filter(isTelling);
  const shown = telling.length > 0 ? telling : events;
  const clients = countClients(shown);
  return dropUndefined({
    verdict,
    block,
    description: rule === undefined ? undefined : rule.description,
    doubted: doubted.length === 0 ? undefined : doubted,
    events: shown.length,
    first: shown.reduce((least, event) => Math.min(least, event.time), verdict.time),
    last: shown.reduce((most, event) => Math.max(most, event.time), 0) || verdict.time,
    addresses: clients.length,
    clients: clients.slice(0, CLIENTS),
    senders: [...new Set(shown.map((event) => event.sender ?? ''))]
      .filter((text) => text !== '')
      .slice(0, 10),
    recipients: countRecipients(shown),
    sample: shown.filter(isRefusal).slice(-SAMPLE).map(refused),
    lines: quoteLines(shown.slice(-QUOTED_LINES)),
  });
}

function isRefusal({ kind, reason }: MailEvent): boolean {
  return reason !== undefined || kind === 'bounced' || kind === 'rejected' || kind === 'expired';
}

interface Believed {
  /** those that counted */
  readonly events: readonly MailEvent[];
  readonly doubted: readonly DoubtedRefusals[];
}

/** Sets apart what did not count. A rule that is not there any more is taken for one of those that do not believe all. */
function believed(
  store: Store,
  verdict: Verdict,
  rule: Rule | undefined,
  events: readonly MailEvent[],
  isTelling: Test,
): Believed {
  if (rule !== undefined && !countsInvalid(rule)) return { events, doubted: [] };
  const doubt = buildOutageLookup(loadOutages(store));
  const counts = new Map<OutagePeriod, number>();
  const left = events.filter((event) => {
    const period = isTelling(event) ? doubt(event) : undefined;
    if (period === undefined) return true;
    counts.set(period, (counts.get(period) ?? 0) + 1);
    return isBefore(verdict, period);
  });
  const doubted = [...counts].map(([period, refusals]) => doubtedBy(period, refusals, verdict));
  return { events: left, doubted };
}

function doubtedBy(period: OutagePeriod, refusals: number, verdict: Verdict): DoubtedRefusals {
  const { provider, since, ended } = period;
  return dropUndefined({
    provider,
    refusals,
    since,
    ended,
    counted: isBefore(verdict, period),
  });
}

/** The evidence as programs read it: times as RFC 3339, durations as in rules. */
export function evidenceJson(evidence: Evidence): Record<string, unknown> {
  const { verdict, block, first, last, sample, doubted, ...rest } = evidence;
  const { period, duration, time, ...found } = verdict;
  return dropUndefined({
    verdict: dropUndefined({
      ...found,
      time: formatTime(time),
      period: formatDuration(period),
      duration: duration === undefined ? undefined : formatDuration(duration),
    }),
    block: block === undefined ? undefined : blockTimes(block),
    first: formatTime(first),
    last: formatTime(last),
    ...rest,
    sample: sample.map((refusal) => ({ ...refusal, time: formatTime(refusal.time) })),
    doubted: doubted === undefined ? undefined : doubted.map(doubtedTimes),
  });
}

function doubtedTimes({ since, ended, ...rest }: DoubtedRefusals): Record<string, unknown> {
  return dropUndefined({
    ...rest,
    since: formatTime(since),
    ended: ended === undefined ? undefined : formatTime(ended),
  });
}

/** A block with its times as RFC 3339. */
function blockTimes(block: NonNullable<Evidence['block']>): Record<string, unknown> {
  const { end, start, released, ...rest } = block;
  return dropUndefined({
    ...rest,
    start: formatTime(start),
    end: end === undefined ? undefined : formatTime(end),
    released: released === undefined ? undefined : formatTime(released),
  });
}

/** As rules tell recipients apart. */
function countRecipients(events: readonly MailEvent[]): number {
  const different = new Set(events.map((event) => getDistinctValue('recipient', event)));
  different.delete(undefined);
  return different.size;
}

function countClients(events: readonly MailEvent[]): ClientCount[] {
  const counts = new Map<string, { name?: string; count: number }>();
  for (const { client } of events) {
    if (client === undefined || client.address === '') continue;
    const known =
      counts.get(client.address) ??
      dropUndefined({
        count: 0,
        name: client.name,
      });
    known.count++;
    counts.set(client.address, known);
  }
  return [...counts]
    .map(([address, { name, count }]) =>
      dropUndefined({
        address,
        count,
        name,
      }),
    )
    .sort((a, b) => b.count - a.count);
}

function refused(event: MailEvent): RefusedRecipient {
  const relay = event.relay?.host ?? event.relay?.address;
  return dropUndefined({
    time: event.time,
    recipient: event.originalRecipient ?? event.recipient ?? '',
    reason: event.reason,
    reply: event.reply,
    relay,
  });
}

function quoteLines(events: readonly MailEvent[]): QuotedLine[] {
  const quoted: QuotedLine[] = [];
  for (const event of events) {
    // The file may have been rotated since: what stands at that offset now must be the event's own line.
    const text = [event.source, `${event.source}.1`]
      .map((file) => lineAt(file, event.offset))
      .find((line) => line !== undefined && belongs(line, event));
    if (text !== undefined) quoted.push({ source: event.source, line: event.line, text });
  }
  return quoted;
}

function belongs(line: string, event: MailEvent): boolean {
  const marks = [event.queueId, event.recipient, event.client?.address].filter(
    (mark) => mark !== undefined,
  );
  return marks.length > 0 && marks.some((mark) => mark !== '' && line.includes(mark));
}

function lineAt(file: string, offset: number): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const fd = openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(MAX_QUOTE);
      const bytes = buffer
        .subarray(0, readSync(fd, buffer, 0, MAX_QUOTE, offset))
        .toString('latin1');
      const end = bytes.indexOf('\n');
      return decodeText(end < 0 ? bytes : bytes.slice(0, end));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // an unreadable log is reported by the follower
  }
}
