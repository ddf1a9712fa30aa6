/**
 * Which rules several servers can count together. Only events or different values can be added up event by event. A
 * share cannot: each server looks at its own, and counts a refusal with the others while its own share is reached.
 */
import type { KeyType } from '../model/block.ts';
import { blamesSenders, type Rule } from './rule.ts';

/** `types`: the keys that are counted together; `why`: why the others, or all, are not. */
interface Joint {
  readonly types?: ReadonlySet<KeyType>;
  readonly why?: string;
}

const KNOWN = new WeakMap<Rule, Joint>();

/** Which keys of a rule several servers can count together, and why they cannot count others. */
export function findJoint(rule: Rule): Joint {
  let joint = KNOWN.get(rule);
  if (joint === undefined) {
    joint = buildJoint(rule);
    KNOWN.set(rule, joint);
  }
  return joint;
}

function buildJoint(rule: Rule): Joint {
  const why = findObstacle(rule);
  if (why !== undefined) return { why };
  const { per } = rule;
  const types = new Set<KeyType>(per === 'submitter' ? ['user', 'client', 'uid'] : [per]);
  // A server finds out by its own mail which of a gateway's senders is to blame.
  if (!blamesSenders(rule)) return { types };
  types.delete('client');
  types.delete('uid');
  const gateways = 'clients and local accounts may be gateways with many senders';
  return types.size === 0 ? { why: gateways } : { types, why: gateways };
}

function findObstacle(rule: Rule): string | undefined {
  if (!rule.enabled) return 'it is disabled';
  if (rule.action === 'observe') return 'it blocks nobody';
  if (rule.per === 'host') return 'it is about one server';
  if (rule.ratio) return 'it compares with all recipients';
  if (rule.count === 'recipients') return 'one event counts several times';
  if (rule.atLeast > 1) return 'it has at-least';
  return rule.bound === undefined ? undefined : 'it bounds what one domain or host may contribute';
}
