/** Who came near a limit, as the report shows it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../src/base/time.ts';
import { parseRule } from '../../src/judge/rule.ts';
import type { Outage } from '../../src/model/outage.ts';
import { invalid, START } from '../judge/event.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { findNear } from './near.ts';
import { BIG, OUTAGE } from './outage.ts';

const RULE =
  'name: r\ndescription: d\ncount: invalid\nper: submitter\nlimit: 5\nperiod: 1h\naction: block\n';
const ENDED: Outage = { ...OUTAGE, ended: START + 40 * MINUTE };

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: RULE });
});
afterEach(() => at.remove());

/** Alice is refused four times by big.example, every minute from `minutes` after START on. */
function highestFrom(minutes: number, outages: readonly Outage[], rule = RULE): number | undefined {
  return at.withStore((store) => {
    const refusals = [0, 1, 2, 3].map((offset) => ({
      ...invalid((minutes + offset) * MINUTE, `u${offset}@big.example`, BIG),
      offset,
    }));
    store.commit(() => {
      store.events.insert(refusals);
      store.state.write('suspects', outages);
    });
    const period = { since: START, until: START + HOUR };
    return findNear(store, [parseRule(rule, 'r.yaml')], period)[0]?.highest;
  });
}

describe('who came near a limit', () => {
  it.each<[string, number, readonly Outage[], number | undefined]>([
    ['by refusals that count', 25, [], 4],
    ['before the outage', 5, [ENDED], 4],
    ['after the outage', 41, [ENDED], 4],
    ['not by refusals during a provider outage', 25, [ENDED], undefined],
  ])('%s', (_what, minutes, outages, expected) => {
    expect(highestFrom(minutes, outages)).toBe(expected);
  });

  it('whatever looks like an outage without the past before the report', () => {
    const users = Array.from({ length: 12 }, (_, n) => `user${n}@example.net`);
    const refusals = users.flatMap((id, n) =>
      [0, 1, 2, 3].map((minute) => ({
        ...invalid((30 + minute) * MINUTE, `u${minute}@big.example`, BIG),
        submitter: { type: 'user', id } as const,
        offset: 10 * n + minute,
      })),
    );
    const delivered = refusals.map((event, n) => ({
      ...event,
      kind: 'delivered' as const,
      reason: undefined,
      time: START - 3 * HOUR + n * 4 * MINUTE,
      offset: 1000 + n,
    }));
    at.withStore((store) => {
      store.commit(() => store.events.insert([...delivered, ...refusals]));
      const period = { since: START - 3 * HOUR, until: START + HOUR };
      expect(findNear(store, [parseRule(RULE, 'r.yaml')], period)).toHaveLength(10);
    });
  });

  it.each([
    ['not after the limit was met', false, undefined],
    ['after the limit was met, if the block was released since', true, 4],
  ])('%s', (_what, isReleased, expected) => {
    const refuse = (minutes: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({
        ...invalid(minutes * MINUTE, `u${n}@big.example`, BIG),
        offset: 100 * minutes + n,
      }));
    at.withStore((store) => {
      store.commit(() => store.events.insert(refuse(5, 6)));
      const time = START + 6 * MINUTE;
      const key = { type: 'user', id: 'alice@example.net' } as const;
      store.commit(() => {
        const block = store.blocks.start({ key, cause: 'r', start: time });
        if (isReleased && block !== undefined)
          store.blocks.release(block.id, time, 'operator', store.events.newest());
        store.events.insert(refuse(90, 4));
      });
      const period = { since: START, until: START + 2 * HOUR };
      expect(findNear(store, [parseRule(RULE, 'r.yaml')], period)[0]?.highest).toBe(expected);
    });
  });

  it('by bounces, whoever bounced, when that is what the rule counts', () => {
    const bounced = RULE.replace('count: invalid', 'count: bounced');
    expect(highestFrom(25, [ENDED], bounced)).toBe(4);
  });
});
