/** Who came near a limit, as the report tells it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../src/base/time.ts';
import { parseRule } from '../../src/judge/rule.ts';
import { nearMisses } from '../../src/report/near.ts';
import type { OutagePeriod } from '../../src/report/outages.ts';
import { invalid, START } from '../judge/event.ts';
import { type Scratch, scratch } from './scratch.ts';
import { BIG, SUSPECT } from './suspicion.ts';

const RULE =
  'name: r\ndescription: d\ncount: invalid\nper: submitter\nlimit: 5\nperiod: 1h\naction: block\n';
const ENDED: OutagePeriod = { ...SUSPECT, ended: START + 40 * MINUTE };

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: RULE });
});
afterEach(() => at.remove());

/** Alice is refused four times by big.example, every minute from `minutes` after START on. */
function highestFrom(
  minutes: number,
  suspects: readonly OutagePeriod[],
  rule = RULE,
): number | undefined {
  return at.withStore((store) => {
    const refusals = [0, 1, 2, 3].map((offset) => ({
      ...invalid((minutes + offset) * MINUTE, `u${offset}@big.example`, BIG),
      offset,
    }));
    store.commit(() => {
      store.events.insert(refusals);
      store.state.write('suspects', suspects);
    });
    const alice = { type: 'user', id: 'alice@example.net', invalid: 4, clients: 1 } as const;
    const period = { since: START, until: START + HOUR };
    return nearMisses(store, [parseRule(rule, 'r.yaml')], [alice], period)[0]?.highest;
  });
}

describe('who came near a limit', () => {
  it.each<[string, number, readonly OutagePeriod[], number | undefined]>([
    ['by refusals that count', 25, [], 4],
    ['before the provider failed', 5, [ENDED], 4],
    ['after it had recovered', 41, [ENDED], 4],
    ['not by refusals of a provider that is not believed', 25, [ENDED], undefined],
  ])('%s', (_what, minutes, suspects, expected) => {
    expect(highestFrom(minutes, suspects)).toBe(expected);
  });

  it('by bounces, whoever bounced, when that is what the rule counts', () => {
    const bounced = RULE.replace('count: invalid', 'count: bounced');
    expect(highestFrom(25, [ENDED], bounced)).toBe(4);
  });
});
