/**
 * Finds the stored events that a verdict rests on. The store has an index for submitters only. For every other key it
 * reads all events of the window: in parts, newest first, so that log lines, blocks and answers do not wait for it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { dropUndefined } from '../base/defined.ts';
import { buildCountedTest } from '../judge/plan.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block, Key, Verdict } from '../model/block.ts';
import { EVENT_KINDS, isInvalid, type MailEvent, REASONS, type Submitter } from '../model/event.ts';
import type { EventQuery, StoredEvent } from '../store/events.ts';
import type { Store } from '../store/store.ts';

/** Evidence is made of the newest events, up to this number. */
const MAX_EVENTS = 20_000;
/** How many events are read at once; it takes a few ms. */
const PART = 10_000;
const INVALID_REASONS = ['invalid-recipient', 'invalid-domain'] as const;

export type Test = (event: MailEvent) => boolean;

/** The events that a verdict rests on; of a rule that no longer exists, recipients that did not exist. */
export function buildVerdictTest(rule: Rule | undefined, verdict: Verdict): Test {
  return rule === undefined ? isInvalid : buildCountedTest(rule, verdict);
}

interface Period {
  /** ms, inclusive */
  readonly since: number;
  /** ms, exclusive */
  readonly until: number;
}

/**
 * The events of the key in the window of the verdict, oldest first. For a key that the store cannot look up, only those
 * that pass the test `isCounted`.
 */
export async function loadEvents(
  store: Store,
  verdict: Verdict,
  rule: Rule | undefined,
  isCounted: Test = buildVerdictTest(rule, verdict),
): Promise<MailEvent[]> {
  const period = { since: countedSince(store, verdict) + 1, until: verdict.time + 1 };
  const query = buildKeyQuery(verdict.key);
  const test: Test = (event) => event.repeated !== true || isCounted(event);
  if (query?.submitter !== undefined) {
    const found = [...store.events.query({ ...period, ...query, limit: MAX_EVENTS })];
    return found.map(({ event }) => event).filter(test);
  }
  if (query !== undefined) return await readAll(store, period, query, test);
  const narrow = rule === undefined ? { reasons: INVALID_REASONS } : buildRuleQuery(rule);
  return await readAll(store, period, narrow, isCounted);
}

/** The newest MAX_EVENTS that pass the test, oldest first. */
async function readAll(
  store: Store,
  period: Period,
  query: EventQuery,
  test: Test,
): Promise<MailEvent[]> {
  const found: StoredEvent[] = [];
  for await (const part of splitPeriod(store, period)) {
    for (const stored of store.events.query({ ...query, ...part })) {
      if (test(stored.event)) found.push(stored);
    }
    if (found.length >= MAX_EVENTS) break;
  }
  found.sort((a, b) => a.id - b.id);
  return found.slice(-MAX_EVENTS).map(({ event }) => event);
}

/** The period in parts of PART events, newest first. Others can run between two parts. */
async function* splitPeriod(store: Store, { since, until }: Period): AsyncGenerator<Period> {
  for (let end = until; end > since; ) {
    const begin = Math.max(since, store.events.timeBefore(end, PART) ?? since);
    yield { since: begin, until: end };
    end = begin;
    await nextTurn();
  }
}

/** The time (ms) up to which nothing counted: what was before the release of an earlier block does not count again. */
function countedSince(store: Store, { key, time, period, past }: Verdict): number {
  const ends = store.blocks
    .findOver(key as Block['key'])
    .filter(({ releasedBy }) => releasedBy !== 'guard' && releasedBy !== 'expiry')
    .map(({ released }) => released ?? Number.POSITIVE_INFINITY)
    .filter((released) => released < time);
  // Rules with `usual` count by whole hours and days of UTC.
  const start = past === undefined ? time - period : Math.floor(time / period) * period - 1;
  return Math.max(start, ...ends);
}

/** The condition that finds the events of a key; undefined when events are not stored by keys of that type. */
export function buildKeyQuery(key: Key): EventQuery | undefined {
  switch (key.type) {
    case 'user':
    case 'uid':
      return { submitter: key as Submitter };
    case 'client':
      return { clientAddress: key.id };
    case 'sender':
      return { sender: key.id };
    default:
      return undefined;
  }
}

/** A condition that leaves out most events that the rule does not count. */
export function buildRuleQuery({ count }: Rule): EventQuery {
  if (count === 'invalid') return { reasons: INVALID_REASONS };
  if (count === 'logins') return { kinds: ['accepted'] };
  if (count === 'backscatter') return { kinds: ['dsn-sent'] };
  const kinds = EVENT_KINDS.filter((kind) => kind === count);
  const reasons = REASONS.filter((reason) => reason === count);
  return dropUndefined({
    kinds: kinds.length > 0 ? kinds : undefined,
    reasons: reasons.length > 0 ? reasons : undefined,
  });
}
