/** What the policy service puts off: against a list of all recipients that passed, and in words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/base/time.ts';
import { type RateRule, RecipientRates } from '../../src/policy/recipient-rates.ts';
import type { PolicyRequest } from '../../src/policy/request.ts';

const START = Date.parse('2026-11-10T09:00:00Z');
let serial = 0;

const ask = (some: Partial<PolicyRequest> = {}): PolicyRequest => ({
  ...{ state: 'RCPT', user: 'alice@example.net', client: '192.0.2.7', sender: 'a@example.net' },
  ...{ recipient: `r${++serial}@example.org`, instance: 'm1', ...some },
});

const limits = (...all: [limit: number, period: number][]): RateRule => ({
  name: 'recipients-defer',
  periods: all.map(([, period]) => period),
  limitFor: (index) => ({ limit: all[index]?.[0] ?? 0 }),
  spares: (_, { sender }) => sender === 'list@example.net',
  text: '4.7.1 Later',
});

function make(rule: RateRule, more: { isObserving?: boolean } = {}): RecipientRates {
  return new RecipientRates({
    rules: [rule],
    canonicalLogin: (login) => login.toLowerCase(),
    isAllowed: (user) => user === 'postmaster@example.net',
    isObserving: false,
    ...more,
  });
}

const PUT_OFF = '450 4.7.1 Later';

describe('recipients above a limit', () => {
  it('are put off, for this user alone, until the period has room', () => {
    const rates = make(limits([3, HOUR]));
    const answers = Array.from({ length: 5 }, (_, n) => rates.answer(ask(), START + n * MINUTE));
    expect(answers).toEqual([undefined, undefined, undefined, PUT_OFF, PUT_OFF]);
    expect(rates.answer(ask({ user: 'bob' }), START)).toBeUndefined();
    expect(rates.answer(ask({ user: 'ALICE@example.net' }), START + 59 * MINUTE)).toBe(PUT_OFF);
    expect(rates.answer(ask(), START + 61 * MINUTE)).toBeUndefined();
  });

  it.each<[string, Partial<PolicyRequest>]>([
    ['in another state', { state: 'END-OF-MESSAGE' }],
    ['without a login', { user: '' }],
    ['without a recipient', { recipient: '' }],
    ['of a login with broken UTF-8', { user: 'j\ufffdrg' }],
    ['of a login that is allowed', { user: 'Postmaster@example.net' }],
    ['of a list that is exempt', { sender: 'list@example.net' }],
    ['of a login that is too long', { user: 'x'.repeat(400) }],
  ])('pass %s', (_, some) => {
    const rates = make(limits([1, HOUR]));
    const answers = Array.from({ length: 5 }, () => rates.answer(ask(some), START));
    expect(answers).toEqual(Array(5).fill(undefined));
  });

  it('count once when two lists of restrictions ask about them', () => {
    const rates = make(limits([2, HOUR]));
    const request = ask();
    expect(rates.answer(request, START)).toBeUndefined();
    expect(rates.answer(request, START)).toBeUndefined();
    expect(rates.answer(ask(), START)).toBeUndefined();
    expect(rates.answer(ask(), START)).toBe(PUT_OFF);
  });

  it('pass when Postern only observes, and are reported', () => {
    const rates = make(limits([1, HOUR]), { isObserving: true });
    rates.answer(ask(), START);
    expect(rates.answer(ask(), START)).toBeUndefined();
    expect(rates.fresh).toMatchObject([{ user: 'alice@example.net', count: 2, limit: 1 }]);
  });

  it('are reported once, and again after a period without', () => {
    const rates = make(limits([1, HOUR]));
    for (let n = 0; n < 10; n++) rates.answer(ask(), START + n);
    expect(rates.fresh).toHaveLength(1);
    rates.noted(1);
    expect(rates.running(START + MINUTE)).toMatchObject([{ putOff: 9, since: START + 1 }]);
    expect(rates.running(START + 2 * HOUR)).toEqual([]);
    rates.answer(ask(), START + 3 * HOUR);
    rates.answer(ask(), START + 3 * HOUR);
    expect(rates.fresh).toHaveLength(1);
  });

  it('count after a restart what the log shows', () => {
    const rates = make(limits([10, HOUR]));
    rates.seed('Alice@example.net', START - 50 * MINUTE, 8);
    rates.seed('alice@example.net', START - 90 * MINUTE, 100);
    expect(rates.answer(ask(), START)).toBeUndefined();
    rates.seed('alice@example.net', START - 30 * MINUTE, 1);
    expect(rates.answer(ask(), START)).toBe(PUT_OFF);
  });

  it('do not stay put off when the clock is set back', () => {
    const rates = make(limits([1, HOUR]));
    rates.answer(ask(), START);
    expect(rates.answer(ask(), START)).toBe(PUT_OFF);
    expect(rates.answer(ask(), START - DAY)).toBeUndefined();
  });

  it('are forgotten of the users who were idle longest, when there are more than 10,000', () => {
    const rates = make(limits([1, HOUR], [1, DAY]));
    rates.answer(ask(), START);
    for (let n = 0; n < 40_000; n++) rates.answer(ask({ user: `user${n}` }), START);
    expect(rates.answer(ask(), START)).toBeUndefined();
    expect(rates.answer(ask({ user: 'user39999' }), START)).toBe(PUT_OFF);
  });
});

describe('in any period', () => {
  const steps = fc.array(
    fc.record({ gap: fc.constantFrom(0, 1, 999, MINUTE, 7 * MINUTE, HOUR), times: fc.nat(6) }),
    { maxLength: 60 },
  );

  it('no more than the limit pass, and none is put off while there is room', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), steps, (limit, all) => {
        const rates = make(limits([limit, HOUR]));
        const passed: number[] = [];
        let now = START;
        for (const { gap, times } of all) {
          now += gap;
          for (let n = 0; n < times; n++) {
            const within = (period: number) => passed.filter((time) => time > now - period).length;
            if (rates.answer(ask({ instance: '' }), now) === undefined) {
              expect(within(HOUR)).toBeLessThan(limit);
              passed.push(now);
            } else expect(within(HOUR + MINUTE)).toBeGreaterThanOrEqual(limit);
          }
        }
      }),
    );
  });
});
