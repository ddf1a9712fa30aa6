/** Refusals are kept as texts, and come back as what they were. */
import { describe, expect, it } from 'vitest';
import type { CountedEvent } from '../../../src/judge/counted-event.ts';
import { RecentRefusals } from '../../../src/judge/outage/recent-refusals.ts';

const FULL: CountedEvent = {
  ...{ source: '', line: 0, offset: 0, time: 1_700_000_000_123 },
  ...{ host: 'mail', kind: 'bounced', reason: 'invalid-recipient', direction: 'outbound' },
  submitter: { type: 'user', id: 'zoë "the" user@example.net' },
  client: { address: '2001:db8::7' },
  ...{ sender: '', recipient: 'x\\y@example.org', originalRecipient: '\ud800@example.org' },
  relay: { host: 'mx1.example.org', address: '192.0.2.9' },
  amends: true,
};
const BARE = {
  ...FULL,
  submitter: undefined,
  client: undefined,
  relay: undefined,
  amends: undefined,
};
const HALF: CountedEvent = {
  ...BARE,
  relay: { host: undefined, address: '192.0.2.9' },
  host: undefined,
};

describe('recent refusals', () => {
  it('give back what rules count by, and nothing else of the event', () => {
    const refusals = new RecentRefusals();
    refusals.add({ ...FULL, queueId: 'A', source: '/log', line: 7, offset: 99 }, 'example.org');
    refusals.add(BARE, undefined);
    refusals.add(HALF, 'example.org');
    expect(refusals.list()).toEqual([FULL, BARE, HALF]);
  });

  it('are taken by provider and time; the others stay in their order, also when the oldest are overwritten', () => {
    const refusals = new RecentRefusals(4);
    const add = (time: number, provider: string | undefined) =>
      refusals.add({ ...BARE, time }, provider);
    for (const time of [1, 2, 3, 4, 5]) add(time, time % 2 === 0 ? 'even.example' : undefined);
    const times = (events: readonly CountedEvent[]) => events.map(({ time }) => time);
    expect(times(refusals.list())).toEqual([2, 3, 4, 5]);
    expect(times(refusals.take('even.example', 3))).toEqual([4]);
    add(6, 'odd.example');
    add(7, undefined);
    expect(times(refusals.list())).toEqual([3, 5, 6, 7]);
    expect(refusals.take('example.org', 0)).toEqual([]);
  });
});
