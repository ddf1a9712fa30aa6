/** A retention that is shorter than the rules look back, and what `explain` and `status` say of it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DAY, MINUTE } from '../../src/base/time.ts';
import { findKeptTime } from '../../src/daemon/kept-time.ts';
import { parseRule } from '../../src/judge/rule.ts';
import { RULE } from '../support/rule.ts';
import { bounced, eventually, type Scratch, scratch } from './scratch.ts';

const SLOW = RULE.replace('period: 1h', 'period: 10d').replace(
  'action: block',
  'action: block\nfresh: 20d',
);

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: SLOW, extra: 'retention: 1d\n' });
});
afterEach(() => at.remove());

const countEvents = () => at.withStore((store) => [...store.events.query({})].length);

it('keeps what the rules need, so that a restart counts as before', async () => {
  for (const day of [8, 6, 4, 2]) {
    at.write(...bounced('alice@example.net', `u${day}@example.org`, day * DAY));
  }
  const first = at.start();
  expect(await eventually(() => countEvents() >= 4)).toBe(true);
  await first.stop();
  const second = at.start(); // prunes at its start
  at.write(...bounced('bob@example.net', 'x@example.org'));
  expect(await eventually(() => countEvents() >= 5)).toBe(true);
  at.write(...bounced('alice@example.net', 'fifth@example.org'));
  expect(
    await eventually(() => at.withStore((store) => store.blocks.allRunning().length === 1)),
  ).toBe(true);
  await second.stop();
});

it('check and status say that more is kept, and why', async () => {
  const service = at.start();
  const isRunning = () => at.withStore((store) => store.state.read('daemon') !== undefined);
  expect(await eventually(isRunning)).toBe(true);
  const why = 'rule invalid-recipients has a period of 10d, and a restart needs twice that';
  const check = await at.run('check');
  expect(check.out).toContain(
    `${at.config}: retention: 1d is too short; events are kept for 20d, because ${why}`,
  );
  expect((await at.run('status')).out).toContain(
    `events are kept for 20d, longer than retention: ${why}`,
  );
  const { out } = await at.run('status', '--format', 'json');
  expect(JSON.parse(out).kept).toEqual({ events: '20d', why });
  await service.stop();
});

it('a retention that is long enough is kept as it is', () => {
  const rule = parseRule(RULE, 'r.yaml');
  expect(findKeptTime(30 * DAY, [rule])).toEqual({ events: 30 * DAY });
  expect(findKeptTime(60 * MINUTE, [rule]).why).toContain('provider outages');
});

it('explain says pruned when what is gone may have met a rule', async () => {
  at.write('');
  at.withStore(() => {});
  expect((await at.run('explain', 'alice@example.net')).err).toBe(
    'postern: alice@example.net: no rule was met, and there is no block.\n',
  );
  at.withStore((store) => store.state.write('pruned', Date.UTC(2026, 10, 1)));
  expect((await at.run('explain', 'alice@example.net')).err).toBe(
    'postern: alice@example.net: no rule was met since 2026-11-01T00:00:00.000Z, and there is no block. Everything before that is pruned (retention).\n',
  );
});
