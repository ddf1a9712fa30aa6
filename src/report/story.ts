/**
 * The story behind a verdict and its block: how it came to it, what had gone out before, what waits, and what people did.
 * `postern explain` shows it as one screen.
 */
import { dropUndefined } from '../base/defined.ts';
import { counted } from '../base/text.ts';
import { DAY, formatDuration, formatTime } from '../base/time.ts';
import { Facts, type Value } from '../judge/facts.ts';
import { PROVIDERS } from '../judge/outage/provider.ts';
import { buildCountedTest } from '../judge/plan.ts';
import type { Rule } from '../judge/rule.ts';
import type { Key, Verdict } from '../model/block.ts';
import { isInvalid, type MailEvent, type Submitter } from '../model/event.ts';
import type { Action } from '../store/actions.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { describeRelease } from './block.ts';
import type { ProviderCount } from './course.ts';
import { loadEvents } from './events.ts';

/** Times in ms. */
export interface Story {
  readonly timeline: readonly Step[];
  readonly rise: Rise;
  /** absent: only of a submitter all mail is known */
  readonly before?: MailBefore;
  /** messages of the submitter that the log has not seen leave the queue */
  readonly waiting: number;
}

/** Something that happened at a time. */
export interface Step {
  readonly time: number;
  readonly what: string;
}

/** What had been counted at the end of each step of the rule's period. */
export interface Rise {
  readonly since: number;
  readonly step: number;
  readonly values: readonly number[];
  /** absent for a share of all recipients */
  readonly limit?: number;
}

/** What a submitter sent in the day before the block, or in the period of a rule with a longer one. */
export interface MailBefore {
  readonly since: number;
  readonly until: number;
  readonly messages: number;
  readonly delivered: number;
  readonly deferred: number;
  readonly refused: number;
  /** most delivered first */
  readonly providers: readonly ProviderCount[];
}

const STEPS = 12;
const MOST_PROVIDERS = 6;

/** `block`: that of the verdict, or a later one of the same identity. Other work can run in between. */
export async function gatherStory(
  store: Store,
  { verdict }: Pick<StoredVerdict, 'verdict'>,
  block: StoredBlock | undefined,
  rule: Rule | undefined,
): Promise<Story> {
  const isCounted = rule === undefined ? isInvalid : buildCountedTest(rule, verdict);
  const events = await loadEvents(store, verdict, rule, isCounted);
  const values = listValues(events.filter(isCounted), rule);
  const owner = toSubmitter(verdict.key);
  return dropUndefined({
    timeline: [
      ...listSigns(values, verdict, rule),
      ...listDeeds(store, block),
      ...(owner === undefined || block === undefined ? [] : listMailSince(store, owner, block)),
    ].sort((a, b) => a.time - b.time),
    rise: measureRise(values, verdict, rule),
    before: owner && gatherBefore(store, owner, verdict, block),
    waiting: owner === undefined ? 0 : store.state.findKnown(owner).length,
  });
}

function toSubmitter({ type, id }: Key): Submitter | undefined {
  return type === 'user' || type === 'uid' || type === 'client' ? { type, id } : undefined;
}

/** When each thing that counts came for the first time, in order: all events, or the different values of a rule. */
function listValues(events: readonly MailEvent[], rule: Rule | undefined): number[] {
  const distinct = rule?.distinct;
  if (distinct === undefined) return events.map(({ time }) => time).sort((a, b) => a - b);
  const first = new Map<Value, number>();
  const facts = new Facts();
  for (const event of events) {
    facts.read(event);
    const value = facts.valueOf(distinct);
    if (value !== undefined) first.set(value, Math.min(first.get(value) ?? event.time, event.time));
  }
  return [...first.values()].sort((a, b) => a - b);
}

/** Of a rule that counts amounts or shares, events say too little about its limit. */
function hasPlainLimit(rule: Rule | undefined): boolean {
  return rule?.ratio !== true && rule?.count !== 'recipients';
}

function listSigns(times: readonly number[], verdict: Verdict, rule: Rule | undefined): Step[] {
  const { limit, period, time } = verdict;
  const first = times[0];
  const half = hasPlainLimit(rule) ? times[Math.ceil(limit / 2) - 1] : undefined;
  return [
    ...(first === undefined ? [] : [{ time: first, what: 'the first event that counts' }]),
    ...(half === undefined || half === first ? [] : [{ time: half, what: 'half of the limit' }]),
    { time, what: `the limit of ${verdict.rule} is met (in ${formatDuration(period)})` },
  ];
}

/** What Postern and people did about a block, in the order of time. */
export function listDeeds(store: Store, block: StoredBlock | undefined): Step[] {
  if (block === undefined) return [];
  const actions = store.actions.ofBlock(block.id);
  const done = (what: string) => actions.find((one) => one.what === what && one.done)?.who;
  const { id, start, end, released, cause } = block;
  const byWhom = (who: string | undefined) => (who === undefined ? '' : ` by ${who}`);
  const begin =
    cause === 'manual'
      ? `block ${id} begins: postern block${byWhom(done('block'))}`
      : `block ${id} begins`;
  const others = actions.filter(
    ({ what, done }) => !done || (what !== 'block' && what !== 'unblock'),
  );
  return [
    { time: start, what: begin },
    ...others.map(describeAction),
    ...(released === undefined
      ? end === undefined
        ? []
        : [{ time: end, what: `block ${id} ends by itself` }]
      : [{ time: released, what: `it ends: ${describeRelease(block)}${byWhom(done('unblock'))}` }]),
  ];
}

function describeAction({ time, who, what, done }: Action): Step {
  return { time, what: `${what} by ${who}${done ? '' : ', which failed'}` };
}

/** What the mail server still took while the block ran: to hold it, if the block is a hold. */
function listMailSince(store: Store, submitter: Submitter, block: StoredBlock): Step[] {
  const period = { since: block.start, until: block.released ?? Number.MAX_SAFE_INTEGER };
  let count = 0;
  let last = 0;
  for (const { event } of store.events.query({ ...period, submitter, kinds: ['accepted'] })) {
    count++;
    last = Math.max(last, event.time);
  }
  if (count === 0) return [];
  const what = `the last of ${counted(count, 'message')} that came while it was blocked`;
  return [{ time: last, what }];
}

function measureRise(
  times: readonly number[],
  { time, period, limit }: Verdict,
  rule: Rule | undefined,
): Rise {
  const since = time - period;
  const step = period / STEPS;
  const values = Array.from({ length: STEPS }, (_, at) => {
    const end = since + (at + 1) * step;
    return times.filter((one) => one <= end).length;
  });
  return dropUndefined({ since, step, values, limit: hasPlainLimit(rule) ? limit : undefined });
}

function gatherBefore(
  store: Store,
  submitter: Submitter,
  { time, period }: Verdict,
  block: StoredBlock | undefined,
): MailBefore {
  const until = Math.max(time, block?.start ?? time) + 1;
  const since = time - Math.max(period, DAY);
  const sums = { messages: 0, delivered: 0, deferred: 0, refused: 0 };
  const providers = new Map<string, { delivered: number; deferred: number; refused: number }>();
  for (const { event } of store.events.query({ since, until, submitter })) {
    if (event.repeated === true || event.direction === 'local') continue;
    if (event.kind === 'accepted') sums.messages++;
    const fate = toFate(event);
    if (fate === undefined) continue;
    sums[fate]++;
    const name = event.relay && PROVIDERS.get(event.relay);
    if (name === undefined) continue;
    const own = providers.get(name) ?? { delivered: 0, deferred: 0, refused: 0 };
    own[fate]++;
    providers.set(name, own);
  }
  const most = [...providers]
    .map(([provider, own]) => ({ provider, ...own }))
    .sort((a, b) => b.delivered - a.delivered || b.refused - a.refused)
    .slice(0, MOST_PROVIDERS);
  return { since, until, ...sums, providers: most };
}

function toFate({ kind }: MailEvent): 'delivered' | 'deferred' | 'refused' | undefined {
  if (kind === 'delivered' || kind === 'deferred') return kind;
  return kind === 'bounced' || kind === 'expired' || kind === 'rejected' ? 'refused' : undefined;
}

/** For programs: times as RFC 3339, durations as in rules. */
export function storyToJson({ timeline, rise, before, waiting }: Story): Record<string, unknown> {
  return dropUndefined({
    timeline: timeline.map(({ time, what }) => ({ time: formatTime(time), what })),
    rise: { ...rise, since: formatTime(rise.since), step: formatDuration(rise.step) },
    before: before && {
      ...before,
      since: formatTime(before.since),
      until: formatTime(before.until),
    },
    waiting,
  });
}
