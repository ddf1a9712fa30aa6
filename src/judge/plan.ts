/**
 * Which rules count which events. For each sort of event (kind, reason, direction, ...), the tracks that use it, worked
 * out when the first one comes. Most events are used by none, and cost one look-up.
 */
import type { Verdict } from '../model/block.ts';
import {
  EVENT_KINDS,
  type EventKind,
  isBackscatter,
  isInvalid,
  REASONS,
  type Reason,
  SUBMITTER_TYPES,
} from '../model/event.ts';
import type { CountedEvent } from './counted-event.ts';
import { buildExceptionTest } from './exceptions.ts';
import { getKeyId, getKeyType } from './key.ts';
import type { Member } from './member.ts';
import type { Use } from './met.ts';
import { blamesSenders, type Rule } from './rule.ts';
import type { Track } from './track.ts';

/** A track that uses an event. */
export interface Step {
  readonly track: Track;
  /** its rules count the event, or the event adds to the whole of a share, or only opens or closes a recipient */
  readonly use: Use;
  /** whether they use this event, of those of its sort; undefined: all */
  readonly admits: ((event: CountedEvent) => boolean) | undefined;
  /** one rule that may blame one of the senders behind the key; its turn comes in the order of the rules */
  readonly blaming: Member | undefined;
}

/** A test whether the rule uses an event at all: direction, exceptions. */
export function buildAdmission(rule: Rule): (event: CountedEvent) => boolean {
  const admits = buildOwnTest(rule);
  return (event) => admitsSort(rule, event) && admits?.(event) !== false;
}

const BY_SUBMITTER: ReadonlySet<Rule['per']> = new Set<Rule['per']>(['submitter', 'user', 'uid']);

/** Whether the rule uses an event of this direction and submitter. */
function admitsSort({ direction, count, per }: Rule, event: CountedEvent): boolean {
  if (direction !== undefined && event.direction !== direction) return false;
  // What our own delivery refuses is nobody's fault but ours.
  if (event.direction === 'local' && direction !== 'local') return false;
  // An amended event was fed before without its submitter. Rules that need no submitter have counted it then.
  if (event.amends === true && count !== 'logins' && !BY_SUBMITTER.has(per)) return false;
  return count !== 'logins' || event.submitter?.type === 'user';
}

/** A test for what only the event itself tells; undefined: there is nothing to test. */
function buildOwnTest(rule: Rule): ((event: CountedEvent) => boolean) | undefined {
  const { count, nullSender, adjustment } = rule;
  const excepted = buildExceptionTest(rule.except);
  const hasTest = nullSender === true || count === 'backscatter' || adjustment !== undefined;
  if (!hasTest && excepted === undefined) return undefined;
  return (event) => {
    if (nullSender === true && event.sender !== '') return false;
    if (count === 'backscatter' && !isBackscatter(event)) return false;
    if (adjustment?.sparesMail(event) === true) return false;
    return excepted === undefined || !excepted(event);
  };
}

const REASON_INDEX = new Map<Reason | undefined, number>(
  [undefined, ...REASONS].map((reason, index) => [reason, index]),
);
const KIND_INDEX = new Map<EventKind, number>(EVENT_KINDS.map((kind, index) => [kind, index]));
const SUBMITTER_INDEX = new Map<string | undefined, number>(
  [undefined, ...SUBMITTER_TYPES].map((type, index) => [type, index]),
);

export class Plan {
  readonly #tracks: readonly { readonly track: Track; readonly admits: Step['admits'] }[];
  /** by the sort of event */
  readonly #steps = new Map<number, readonly Step[]>();

  constructor(tracks: readonly Track[]) {
    this.#tracks = tracks.map((track) => ({
      track,
      admits: buildOwnTest((track.rules[0] as Member).rule),
    }));
  }

  /**
   * The tracks that use the event: first those that share it among all their rules, then those of a rule that may blame
   * a sender, in the order of the rules. `inOutage`: it is a refusal that does not count.
   */
  stepsFor(event: CountedEvent, inOutage: boolean): readonly Step[] {
    const sort = nameSort(event, inOutage);
    const known = this.#steps.get(sort);
    if (known !== undefined) return known;
    const steps = this.#tracks.flatMap(({ track, admits }) => {
      const use = findStepUse(track, event, inOutage);
      return use === undefined ? [] : [{ track, use, admits, blaming: findBlaming(track) }];
    });
    steps.sort((a, b) => (a.blaming?.order ?? -1) - (b.blaming?.order ?? -1));
    this.#steps.set(sort, steps);
    return steps;
  }
}

/** A number for all events that are alike as far as `findStepUse` looks. */
function nameSort(event: CountedEvent, inOutage: boolean): number {
  const { direction, repeated, amends, submitter } = event;
  let sort = KIND_INDEX.get(event.kind) ?? 0;
  sort = sort * REASON_INDEX.size + (REASON_INDEX.get(event.reason) ?? 0);
  sort = sort * SUBMITTER_INDEX.size + (SUBMITTER_INDEX.get(submitter?.type) ?? 0);
  sort =
    sort * 4 +
    (direction === 'outbound' ? 1 : direction === 'inbound' ? 2 : direction === 'local' ? 3 : 0);
  const flags =
    (bringsRecipients(event) ? 1 : 0) + (repeated === true ? 2 : 0) + (amends === true ? 4 : 0);
  return sort * 16 + flags + (inOutage ? 8 : 0);
}

/** How the rules of a track use an event, as far as its sort tells. */
function findStepUse(track: Track, event: CountedEvent, inOutage: boolean): Use | undefined {
  const { rule } = track.rules[0] as Member;
  const { type, shape } = track;
  const isKeyType = rule.per === 'submitter' || rule.per === 'user' || rule.per === 'uid';
  if (isKeyType && event.submitter?.type !== type) return undefined;
  if (!admitsSort(rule, event)) return undefined;
  const use = findUse(rule, event, inOutage);
  if (use === undefined || (use !== 'counted' && !shape.hasWhole)) return undefined;
  return isUsed(rule, use, event) ? use : undefined;
}

/** Whether the event matters after all: it was counted before, or its refusal was. */
function isUsed(rule: Rule, use: Use, event: CountedEvent): boolean {
  if (use === 'whole') return event.repeated !== true;
  // A put-off recipient whose refusal counts is not open. `repeated` is no matter here: each attempt keeps it open.
  return use !== 'open' || event.kind !== 'deferred' || !countsRefusal(rule, event);
}

/** The rule of a track that may blame a sender; it shares the track with no other. */
function findBlaming({ rules, shape }: Track): Member | undefined {
  return shape.hasSenders ? rules[0] : undefined;
}

function bringsRecipients({ newRecipients }: CountedEvent): boolean {
  return newRecipients !== undefined && newRecipients > 0;
}

/**
 * The reason, if it counts. This is the one place where a refusal is left out: because it was counted before, or
 * because the provider that sent it has an outage.
 */
function countedReason(event: CountedEvent, inOutage: boolean): Reason | undefined {
  return event.repeated === true || inOutage ? undefined : event.reason;
}

function findUse(rule: Rule, event: CountedEvent, inOutage: boolean): Use | undefined {
  const { kind } = event;
  const brings = bringsRecipients(event);
  if (counts(rule, kind, countedReason(event, inOutage), brings)) return 'counted';
  if (rule.ratio) return brings ? 'whole' : undefined;
  const hasShare = rule.atLeastShare !== undefined;
  if (kind === 'delivered') return hasShare || blamesSenders(rule) ? 'whole' : undefined;
  return hasShare && OUTCOMES.has(kind) ? 'open' : undefined;
}

/** Kinds that tell what became of a recipient, besides its delivery. */
const OUTCOMES: ReadonlySet<EventKind> = new Set(['deferred', 'bounced', 'expired', 'discarded']);

/** Whether the rule counts refusals of recipients that do not exist. In an outage, a provider is wrong about these. */
export function countsInvalid({ count }: Rule): boolean {
  return count === 'invalid' || count === 'invalid-recipient' || count === 'invalid-domain';
}

/** Whether the rule counts this refusal of a recipient. */
export function countsRefusal({ count }: Rule, event: CountedEvent): boolean {
  return count === 'invalid' ? isInvalid(event) : count === event.reason;
}

/** A test for the events that a verdict on the key rests on: those that the rule counts for it. Ignores outages. */
export function buildCountedTest(
  rule: Rule,
  verdict: Pick<Verdict, 'key' | 'at'>,
): (event: CountedEvent) => boolean {
  const admits = buildAdmission(rule);
  return (event) => {
    const reason = countedReason(event, false);
    if (!counts(rule, event.kind, reason, bringsRecipients(event)) || !admits(event)) return false;
    return isAbout(rule, verdict, event);
  };
}

/** Whether the event belongs to the key of a verdict; for a sender behind a gateway, to that sender there. */
export function isAbout(
  { per }: Rule,
  { key, at }: Pick<Verdict, 'key' | 'at'>,
  event: CountedEvent,
): boolean {
  const { type, id } = at ?? key;
  if (getKeyType(per, event) !== type || getKeyId(type, event) !== id) return false;
  return at === undefined || getKeyId('sender', event) === key.id;
}

/** Whether the rule counts events of this kind and reason; `brings`: with new recipients. Ignores its other conditions. */
export function counts(
  { count }: Rule,
  kind: EventKind,
  reason: Reason | undefined,
  brings: boolean,
): boolean {
  switch (count) {
    case 'invalid':
      return reason === 'invalid-recipient' || reason === 'invalid-domain';
    case 'recipients':
      // A recipient that was refused in the SMTP dialogue is new, but its mail was not accepted.
      return brings && kind !== 'rejected';
    case 'logins':
    case 'messages':
      return kind === 'accepted';
    case 'backscatter':
      return kind === 'dsn-sent';
    default:
      return count === kind || count === reason;
  }
}
