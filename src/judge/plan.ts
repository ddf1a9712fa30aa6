/**
 * Which rules count which events. Computed once: for each kind and reason, the list of rules that count it, in the
 * order of the rules. Most events are counted by none, and cost one look-up.
 */
import { networkSet } from '../model/address.ts';
import type { Key, Verdict } from '../model/block.ts';
import {
  EVENT_KINDS,
  type EventKind,
  isBackscatter,
  isInvalid,
  type MailEvent,
  REASONS,
  type Reason,
} from '../model/event.ts';
import { buildExceptionTest } from './exceptions.ts';
import { getKeyId, getKeyType } from './key.ts';
import type { Use } from './met.ts';
import { blamesSenders, type Rule } from './rule.ts';
import type { Tables } from './tables.ts';
import { Tally } from './tally.ts';

/** A rule with its timelines. */
export interface ActiveRule {
  readonly rule: Rule;
  readonly tally: Tally;
  /** whether one sender of a gateway may be blamed; undefined: never by this rule */
  readonly maySpare: ((gateway: Key) => boolean) | undefined;
  /** whether the rule uses this event at all: direction, exceptions */
  admits(event: MailEvent): boolean;
}

/** A rule that uses an event. */
export interface Step {
  readonly active: ActiveRule;
  /** the rule counts the event, or the event adds to the whole of a share, or only opens or closes a recipient */
  readonly use: Use;
}

/** A rule with empty timelines. */
export function activateRule(rule: Rule, tables: Tables): ActiveRule {
  return {
    rule,
    tally: new Tally(rule, tables),
    maySpare: blamesSenders(rule) ? buildGatewayTest(rule.freeSenders) : undefined,
    admits: buildAdmission(rule),
  };
}

/** A test whether a key is a gateway that does not choose its senders freely. `free`: networks, addresses, `uid:NAME`. */
function buildGatewayTest(free: readonly string[]): (gateway: Key) => boolean {
  const networks = networkSet(free.filter((text) => !text.startsWith('uid:')));
  const accounts = new Set(free.filter((text) => text.startsWith('uid:')));
  return ({ type, id }) => {
    if (type === 'uid') return !accounts.has(`uid:${id}`);
    return type === 'client' && !networks.has(id);
  };
}

/** A test whether the rule uses an event at all: direction, exceptions. */
export function buildAdmission(rule: Rule): (event: MailEvent) => boolean {
  const { direction, count, nullSender } = rule;
  const excepted = buildExceptionTest(rule.except);
  // An amended event was fed before without its submitter. Rules that need no submitter have counted it then.
  const bySubmitter = ['submitter', 'user', 'uid'].includes(rule.per) || count === 'logins';
  return (event) => {
    if (direction !== undefined && event.direction !== direction) return false;
    // What our own delivery refuses is nobody's fault but ours.
    if (event.direction === 'local' && direction !== 'local') return false;
    if (nullSender === true && event.sender !== '') return false;
    if (event.amends === true && !bySubmitter) return false;
    if (count === 'logins' && event.submitter?.type !== 'user') return false;
    if (count === 'backscatter' && !isBackscatter(event)) return false;
    if (rule.adjustment?.sparesMail(event) === true) return false;
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
          this.#steps[getStepsIndex(kind, reason, brings)] = steps;
        }
      }
    }
  }

  /** The rules that use the event. `inOutage`: it is a refusal that does not count. */
  stepsFor(event: MailEvent, inOutage: boolean): readonly Step[] {
    const reason = countedReason(event, inOutage);
    return this.#steps[getStepsIndex(event.kind, reason, bringsRecipients(event))] ?? [];
  }
}

function bringsRecipients({ newRecipients }: MailEvent): boolean {
  return newRecipients !== undefined && newRecipients > 0;
}

/**
 * The reason, if it counts. This is the one place where a refusal is left out: because it was counted before, or
 * because the provider that sent it has an outage.
 */
function countedReason(event: MailEvent, inOutage: boolean): Reason | undefined {
  return event.repeated === true || inOutage ? undefined : event.reason;
}

function getStepsIndex(kind: EventKind, reason: Reason | undefined, brings: boolean): number {
  const row = (KIND_INDEX.get(kind) ?? 0) * REASON_INDEX.size + (REASON_INDEX.get(reason) ?? 0);
  return 2 * row + (brings ? 1 : 0);
}

function buildStep(
  active: ActiveRule,
  kind: EventKind,
  reason: Reason | undefined,
  brings: boolean,
): Step[] {
  const use = findUse(active.rule, kind, reason, brings);
  return use === undefined ? [] : [{ active, use }];
}

function findUse(
  rule: Rule,
  kind: EventKind,
  reason: Reason | undefined,
  brings: boolean,
): Use | undefined {
  if (counts(rule, kind, reason, brings)) return 'counted';
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
export function countsRefusal({ count }: Rule, event: MailEvent): boolean {
  return count === 'invalid' ? isInvalid(event) : count === event.reason;
}

/** A test for the events that a verdict on the key rests on: those that the rule counts for it. Ignores outages. */
export function buildCountedTest(
  rule: Rule,
  verdict: Pick<Verdict, 'key' | 'at'>,
): (event: MailEvent) => boolean {
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
  event: MailEvent,
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
