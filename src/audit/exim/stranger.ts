/**
 * What the RCPT ACL does with a client that is not known: which conditions hold for it. Only what the text says for
 * certain counts. Pure.
 */
import { judgeNetwork } from '../networks.ts';
import { type Condition, type EximModel, isModifier, itemsOf, type Statement } from './model.ts';

/** A domain that nobody has, and one that is ours. */
export type Destination = 'foreign' | 'own';

/** `forged`: holds if the client says the right thing; `unknown`: depends on what the text does not show. */
export type Truth = 'yes' | 'no' | 'forged' | 'unknown';

/** Whether a condition holds for a stranger who sends there. */
export function holds(condition: Condition, where: Destination, lists: EximModel['lists']): Truth {
  const truth = plainTruth(condition, where, lists);
  if (!condition.negated) return truth;
  return truth === 'yes' ? 'no' : truth === 'no' ? 'yes' : truth;
}

function plainTruth(
  { name, value }: Condition,
  where: Destination,
  lists: EximModel['lists'],
): Truth {
  switch (name) {
    case 'hosts':
      return hostTruth(itemsOf(value, lists));
    case 'authenticated':
      return 'no';
    case 'domains':
      return domainTruth(value, where, lists);
    case 'senders':
    case 'sender_domains':
      return /^\s*[*]\s*$/.test(value) ? 'yes' : 'forged';
    case 'local_parts':
      return /^\s*[*]\s*$/.test(value) ? 'yes' : 'forged';
    case 'verify':
      return /^(?:sender|helo|reverse_host_lookup)\b/.test(value)
        ? 'forged'
        : /^recipient/.test(value)
          ? 'yes'
          : 'unknown';
    case 'condition':
      return /^(?:true|yes|1)$/i.test(value)
        ? 'yes'
        : /^(?:false|no|0)$/i.test(value)
          ? 'no'
          : 'unknown';
    default:
      return 'unknown';
  }
}

/** An empty item is a message without a host. */
function hostTruth(items: readonly string[]): Truth {
  for (const item of items) {
    if (item === '*' || isEverything(item)) return 'yes';
    if (item.startsWith('!')) return 'yes'; // an exception: all others are in
  }
  return 'no';
}

function isEverything(item: string): boolean {
  return /\/0$/.test(item) && judgeNetwork(item) === 'error';
}

function domainTruth(value: string, where: Destination, lists: EximModel['lists']): Truth {
  let last = false;
  for (const item of itemsOf(value, lists)) {
    last = item.startsWith('!');
    const name = last ? item.slice(1).trim() : item;
    if (name === '*') return last ? 'no' : 'yes';
    if (name.includes('$')) return 'unknown';
    if (where === 'own' && name !== '') return last ? 'no' : 'yes';
  }
  return last ? 'yes' : 'no';
}

/** Conditions of a statement that decide whether it applies; `except` names some that do not count. */
export function decisive(statement: Statement, except: readonly string[] = []): Condition[] {
  return statement.conditions.filter(
    (condition) => !isModifier(condition) && !except.includes(condition.name),
  );
}

/** All conditions together. */
export function combine(truths: readonly Truth[]): Truth {
  if (truths.includes('no')) return 'no';
  if (truths.includes('unknown')) return 'unknown';
  return truths.includes('forged') ? 'forged' : 'yes';
}

/** Whether a statement refuses every stranger who sends there. */
export function refuses(
  statement: Statement,
  where: Destination,
  lists: EximModel['lists'],
): boolean {
  const truths = decisive(statement).map((condition) => holds(condition, where, lists));
  if (/^(?:deny|drop|defer|discard)$/.test(statement.verb)) return combine(truths) === 'yes';
  return statement.verb === 'require' && truths.includes('no');
}
