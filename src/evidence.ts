/**
 * Gathers the evidence of a verdict from the store and, where the log still has them, the very lines.
 * A log that was rotated away or cannot be read costs the quoted lines, nothing else.
 */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { formatDuration, formatTime } from './base/time.ts';
import type { Block, Key, Verdict } from './model/block.ts';
import { isInvalid, type MailEvent, type Submitter } from './model/event.ts';
import type { ClientCount, Evidence, QuotedLine, RefusedRecipient } from './model/evidence.ts';
import { textOf } from './model/line.ts';
import type { EventQuery, StoredEvent } from './store/events.ts';
import type { Store } from './store/store.ts';

const SAMPLE = 20;
const QUOTED_LINES = 10;
const MAX_EVENTS = 20_000;
const MAX_QUOTE = 2048;

/** Everything known about why this verdict fell; `description` is the rule's. */
export function gatherEvidence(
  store: Store,
  verdict: Verdict,
  block: Block | undefined,
  description: string | undefined,
): Evidence {
  const events = eventsOf(store, verdict);
  const telling = events.filter(isInvalid);
  const shown = telling.length > 0 ? telling : events;
  return {
    verdict,
    ...(block === undefined ? {} : { block }),
    ...(description === undefined ? {} : { description }),
    events: shown.length,
    first: shown.reduce((least, event) => Math.min(least, event.time), verdict.time),
    last: shown.reduce((most, event) => Math.max(most, event.time), 0) || verdict.time,
    clients: countClients(shown),
    senders: [...new Set(shown.map((event) => event.sender ?? ''))]
      .filter((text) => text !== '')
      .slice(0, 10),
    recipients: new Set(shown.map((event) => event.recipient)).size,
    sample: shown.slice(-SAMPLE).map(refused),
    lines: quoteLines(shown.slice(-QUOTED_LINES)),
  };
}

function eventsOf(store: Store, verdict: Verdict): MailEvent[] {
  const query: EventQuery = {
    ...queryFor(verdict.key),
    since: verdict.time - verdict.period + 1,
    until: verdict.time + 1,
    limit: MAX_EVENTS,
  };
  return Array.from(store.events.query(query), (stored: StoredEvent) => stored.event).filter(
    (event) => event.repeated !== true,
  );
}

/** The evidence as programs read it: times as RFC 3339, durations as in rules. */
export function evidenceJson(evidence: Evidence): Record<string, unknown> {
  const { verdict, block, first, last, sample, ...rest } = evidence;
  const { period, duration, time, ...found } = verdict;
  return {
    verdict: {
      ...found,
      time: formatTime(time),
      period: formatDuration(period),
      ...(duration === undefined ? {} : { duration: formatDuration(duration) }),
    },
    ...(block === undefined ? {} : { block: blockTimes(block) }),
    first: formatTime(first),
    last: formatTime(last),
    ...rest,
    sample: sample.map((refusal) => ({ ...refusal, time: formatTime(refusal.time) })),
  };
}

/** A block with its times as RFC 3339. */
function blockTimes(block: NonNullable<Evidence['block']>): Record<string, unknown> {
  const { end, start, ...rest } = block;
  return {
    ...rest,
    start: formatTime(start),
    ...(end === undefined ? {} : { end: formatTime(end) }),
  };
}

/** The condition that finds the events of a key. */
export function queryFor(key: Key): EventQuery {
  switch (key.type) {
    case 'user':
    case 'uid':
      return { submitter: key as Submitter };
    case 'client':
      return { clientAddress: key.id };
    case 'sender':
      return { sender: key.id };
    default:
      return {};
  }
}

function countClients(events: readonly MailEvent[]): ClientCount[] {
  const counts = new Map<string, { name?: string; count: number }>();
  for (const { client } of events) {
    if (client === undefined || client.address === '') continue;
    const known = counts.get(client.address) ?? {
      count: 0,
      ...(client.name === undefined ? {} : { name: client.name }),
    };
    known.count++;
    counts.set(client.address, known);
  }
  return [...counts]
    .map(([address, { name, count }]) => ({
      address,
      count,
      ...(name === undefined ? {} : { name }),
    }))
    .sort((a, b) => b.count - a.count)
    .slice(0, 20);
}

function refused(event: MailEvent): RefusedRecipient {
  const relay = event.relay?.host ?? event.relay?.address;
  return {
    time: event.time,
    recipient: event.originalRecipient ?? event.recipient ?? '',
    ...(event.reason === undefined ? {} : { reason: event.reason }),
    ...(event.reply === undefined ? {} : { reply: event.reply }),
    ...(relay === undefined ? {} : { relay }),
  };
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
      return textOf(end < 0 ? bytes : bytes.slice(0, end));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // an unreadable log is reported by the follower
  }
}
