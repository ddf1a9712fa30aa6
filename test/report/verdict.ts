/** A verdict on Alice, its rule, and refusals by an honest host and by one whose provider has an outage. */
import { MINUTE } from '../../src/base/time.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { Key, Verdict } from '../../src/model/block.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { Outage } from '../../src/model/outage.ts';
import { invalid, START } from '../judge/event.ts';
import type { Scratch } from '../service/scratch.ts';
import { BIG } from './outage.ts';

export const ALICE: Key = { type: 'user', id: 'alice@example.net' };
export const OTHER = { relay: { host: 'mx.other.example', address: '203.0.113.9' } };
export const VERDICT: Verdict = {
  rule: 'invalid-recipients',
  action: 'block',
  key: ALICE,
  time: START + 30 * MINUTE,
  source: 'mail.log',
  line: 1,
  offset: 0,
  count: 5,
  limit: 5,
  period: 60 * MINUTE,
};

/** The text of a rule that blocks. */
export function ruleText(name: string, ...fields: string[]): string {
  const all = [`name: ${name}`, 'description: Too many.', 'per: submitter', 'action: block'];
  return [...all, ...fields, ''].join('\n');
}

export const INVALID = ruleText('invalid-recipients', 'count: invalid', 'limit: 5', 'period: 1h');

export function rule(text: string): Rule {
  return parseRule(text, 'rule.yaml');
}

/** Stores the events in their order, each with an offset of its own, and the outages. */
export function save(
  at: Scratch,
  events: readonly MailEvent[],
  outages: readonly Outage[] = [],
): void {
  at.withStore((store) =>
    store.commit(() => {
      store.events.insert(events.map((event, offset) => ({ ...event, offset })));
      store.state.write('suspects', outages);
    }),
  );
}

/** Alice's refusal by an honest host and by the one with the outage, `minutes` after START. */
export function both(minutes: number, parts: Partial<MailEvent> = {}): MailEvent[] {
  return [
    invalid(minutes * MINUTE, 'a@example.org', { ...OTHER, ...parts }),
    invalid(minutes * MINUTE, 'b@big.example', { ...BIG, ...parts }),
  ];
}
