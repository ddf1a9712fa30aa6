/**
 * Which rules want which events, worked out once: for every kind and reason the list of rules to ask, in the
 * order of the rules. Most events are wanted by none and cost one look-up.
 */
import type { Key } from '../model/block.ts';
import {
  EVENT_KINDS,
  type EventKind,
  type MailEvent,
  REASONS,
  type Reason,
} from '../model/event.ts';
import { exceptionTest, getKeyId, getKeyType } from './key.ts';
import type { Rule } from './rule.ts';
import type { Bounds } from './table.ts';
import { Tally } from './tally.ts';

/** A rule with its windows. */
export interface ActiveRule {
  readonly rule: Rule;
  readonly tallies: readonly Tally[];
  /** whether the rule looks at this event at all: direction, exceptions */
  admits(event: MailEvent): boolean;
}

/** A rule that wants an event. */
interface Step {
  readonly active: ActiveRule;
  /** the event is what the rule counts; else it only adds to the whole of a share */
  readonly counted: boolean;
}

export function activeRule(rule: Rule, bounds: Bounds): ActiveRule {
  return {
    rule,
    tallies: rule.limits.map((limit) => new Tally(rule, limit, bounds)),
    admits: admission(rule),
  };
}

function admission(rule: Rule): (event: MailEvent) => boolean {
  const { direction, count } = rule;
  const excepted = exceptionTest(rule.except);
  // An amended event was seen before without its submitter: whoever needs none has counted it.
  const bySubmitter = ['submitter', 'user', 'uid'].includes(rule.per) || count === 'logins';
  return (event) => {
    if (direction !== undefined && event.direction !== direction) return false;
    if (event.amends === true && !bySubmitter) return false;
    if (count === 'logins' && event.submitter?.type !== 'user') return false;
    return excepted === undefined || !excepted(event);
  };
}

const REASON_INDEX = new Map<Reason | undefined, number>(
  [undefined, ...REASONS].map((reason, index) => [reason, index]),
);
const KIND_INDEX = new Map<EventKind, number>(EVENT_KINDS.map((kind, index) => [kind, index]));

export class Plan {
  /** by kind, reason and whether the event brings new recipients */
  readonly #steps: (readonly Step[])[] = [];

  constructor(rules: readonly ActiveRule[]) {
    for (const kind of EVENT_KINDS) {
      for (const reason of [undefined, ...REASONS]) {
        for (const brings of [false, true]) {
          const steps = rules.flatMap((active) => buildStep(active, kind, reason, brings));
          this.#steps[indexRules(kind, reason, brings)] = steps;
        }
      }
    }
  }

  /** `discounted`: whoever refused is not believed */
  stepsFor(event: MailEvent, discounted: boolean): readonly Step[] {
    const reason = countedReason(event, discounted);
    return this.#steps[indexRules(event.kind, reason, bringsRecipients(event))] ?? [];
  }
}

function bringsRecipients({ newRecipients }: MailEvent): boolean {
  return newRecipients !== undefined && newRecipients > 0;
}

/**
 * The reason as far as rules count it. The one place where a refusal is left out of account: one that was
 * counted before, and whatever else must not be held against a submitter.
 */
function countedReason(event: MailEvent, discounted: boolean): Reason | undefined {
  return event.repeated === true || discounted ? undefined : event.reason;
}

function indexRules(kind: EventKind, reason: Reason | undefined, brings: boolean): number {
  const row = (KIND_INDEX.get(kind) ?? 0) * REASON_INDEX.size + (REASON_INDEX.get(reason) ?? 0);
  return 2 * row + (brings ? 1 : 0);
}

function buildStep(
  active: ActiveRule,
  kind: EventKind,
  reason: Reason | undefined,
  brings: boolean,
): Step[] {
  const counted = counts(active.rule, kind, reason, brings);
  return counted || isWhole(active.rule, kind, brings) ? [{ active, counted }] : [];
}

/** Whether the event adds to what a share is a share of. */
function isWhole({ ratio, atLeastShare }: Rule, kind: EventKind, brings: boolean): boolean {
  return (ratio && brings) || (atLeastShare !== undefined && kind === 'delivered');
}

/** Whether the rule counts refusals of recipients that do not exist, which a provider may be wrong about. */
export function countsInvalid({ count }: Rule): boolean {
  return count === 'invalid' || count === 'invalid-recipient' || count === 'invalid-domain';
}

/** Whether the rule counts this refusal. */
export function countsRefusal({ count }: Rule, { reason }: MailEvent): boolean {
  return count === 'invalid' || count === reason;
}

/** Tells which events the rule counts for the key, whoever refused: what its verdict on the key rests on. */
export function countedFor(rule: Rule, key: Key): (event: MailEvent) => boolean {
  const admits = admission(rule);
  return (event) => {
    const reason = countedReason(event, false);
    if (!counts(rule, event.kind, reason, bringsRecipients(event)) || !admits(event)) return false;
    return getKeyType(rule.per, event) === key.type && getKeyId(key.type, event) === key.id;
  };
}

function counts(
  { count }: Rule,
  kind: EventKind,
  reason: Reason | undefined,
  brings: boolean,
): boolean {
  switch (count) {
    case 'invalid':
      return reason === 'invalid-recipient' || reason === 'invalid-domain';
    case 'recipients':
      return brings;
    case 'logins':
      return kind === 'accepted';
    default:
      return count === kind || count === reason;
  }
}
