/** Many people behind one client or one local account: who is shut out. */
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import type { JudgeOptions } from '../../src/judge/options.ts';
import { parseRule } from '../../src/judge/rule.ts';
import type { Verdict } from '../../src/model/block.ts';
import type { MailEvent, Submitter } from '../../src/model/event.ts';
import { event, invalid } from './event.ts';

const WEBMAIL: Submitter = { type: 'client', id: '192.0.2.80' };

function judgeFor(fields: Record<string, unknown> = {}, options?: JudgeOptions): Judge {
  const all = {
    name: 'test',
    count: 'invalid',
    per: 'submitter',
    distinct: 'recipient',
    'at-least-share': '8%',
    limit: 10,
    period: '1h',
    action: 'block',
    ...fields,
  };
  return new Judge([parseRule(JSON.stringify(all), 'test.yaml')], options);
}

let recipients = 0;

/** `count` mails of a sender at a gateway, one each second; every `nth` is refused, none when it is 0. */
function mails(at: number, sender: string, count: number, nth: number, by = WEBMAIL): MailEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const time = at + index * SECOND;
    const parts = { submitter: by, client: { address: '192.0.2.80' }, sender };
    recipients++;
    return nth > 0 && index % nth === 0
      ? invalid(time, `r${recipients}@example.org`, parts)
      : event(time, { ...parts, kind: 'delivered', direction: 'outbound' });
  });
}

/** Twenty people, four sound mails each. */
function people(at: number, by = WEBMAIL): MailEvent[] {
  return Array.from({ length: 20 }, (_, n) => mails(at, `p${n}@example.net`, 4, 0, by)).flat();
}

function feed(judge: Judge, ...parts: MailEvent[][]): Verdict[] {
  return parts.flat().flatMap((each) => judge.feed(each));
}

const THIEF = 'Thief@example.net';
const THIEF_THERE = { key: { type: 'sender', id: 'thief@example.net' }, at: WEBMAIL };

describe('a gateway', () => {
  test('one sender is bad, the others are sound: the sender', () => {
    const verdicts = feed(judgeFor(), people(0), mails(MINUTE, THIEF, 40, 2), people(3 * MINUTE));
    expect(verdicts).toMatchObject([{ ...THIEF_THERE, count: 10, action: 'block' }]);
    expect(verdicts[0]?.people).toBeUndefined();
  });

  test("what still comes of that sender is not the gateway's", () => {
    const judge = judgeFor();
    feed(judge, people(0), mails(MINUTE, THIEF, 40, 2));
    expect(feed(judge, mails(5 * MINUTE, THIEF, 100, 1), people(8 * MINUTE))).toEqual([]);
  });

  test('it counts again when the sender is released, and can be found again', () => {
    const judge = judgeFor();
    feed(judge, people(0), mails(MINUTE, THIEF, 40, 2));
    judge.release({ type: 'sender', id: 'thief@example.net' }, Date.UTC(2026, 10, 10, 9, 4));
    const again = feed(judge, people(5 * MINUTE), mails(6 * MINUTE, THIEF, 40, 2));
    expect(again).toMatchObject([THIEF_THERE]);
  });

  test('a local account is one too', () => {
    const www: Submitter = { type: 'uid', id: '33' };
    const verdicts = feed(judgeFor(), people(0, www), mails(MINUTE, THIEF, 40, 2, www));
    expect(verdicts).toMatchObject([{ key: { type: 'sender' }, at: www }]);
  });

  test('two bad senders: one after the other', () => {
    const both = mails(MINUTE, THIEF, 60, 2).flatMap((each, index) => [
      each,
      ...mails(MINUTE + index * SECOND, 'other@example.net', 1, 1),
    ]);
    const keys = feed(judgeFor(), people(0), both).map(({ key }) => key.id);
    expect(keys.sort()).toEqual(['other@example.net', 'thief@example.net']);
  });

  test('two with as many refusals: the one with less sound mail is worse, in whichever order', () => {
    const sound = [1, 2, 3].flatMap((n) => mails(0, `p${n}@example.net`, 3, 0));
    const fourth = [
      ...mails(0, 'p4@example.net', 3, 0),
      ...mails(2 * SECOND, 'p4@example.net', 1, 1),
    ];
    const sixth = mails(SECOND, 'p6@example.net', 1, 1);
    const thief = mails(MINUTE, THIEF, 3, 1);
    for (const senders of [
      [...sixth, ...sound, ...fourth],
      [...fourth, ...sound, ...sixth],
    ]) {
      const judge = judgeFor({ limit: 5, 'at-least-share': undefined });
      expect(feed(judge, senders, thief)).toMatchObject([THIEF_THERE]);
    }
  });

  const DAYS = {
    limits: [
      { limit: 10, period: '1h' },
      { limit: 40, period: '1d' },
    ],
    ...{ limit: undefined, period: undefined },
  };

  test('a thief at night, when nobody else writes: the day knows the others', () => {
    const verdicts = feed(judgeFor(DAYS), people(0), mails(9 * HOUR, THIEF, 40, 2));
    expect(verdicts).toMatchObject([THIEF_THERE]);
  });

  test('the day knows others whose mail is not sound: the gateway', () => {
    const others = [1, 2, 3, 4].flatMap((n) => mails(0, `p${n}@example.net`, 8, 4));
    const verdicts = feed(judgeFor(DAYS), others, mails(9 * HOUR, THIEF, 40, 2));
    expect(verdicts).toMatchObject([{ key: WEBMAIL }]);
  });

  test('a clean newsletter has more refusals than the thief', () => {
    const newsletter = mails(0, 'news@example.net', 160, 20);
    const judge = judgeFor({ limit: 15, 'at-least-share': undefined });
    const verdicts = feed(judge, people(0), newsletter, mails(4 * MINUTE, THIEF, 7, 1));
    expect(verdicts).toMatchObject([THIEF_THERE]);
  });

  test('two limits are met at once: one sender is blamed, and nobody else for the second one', () => {
    const limits = [
      { limit: 10, period: '1h' },
      { limit: 10, period: '2h' },
    ];
    const judge = judgeFor({ limits, limit: undefined, period: undefined });
    expect(feed(judge, people(0), mails(MINUTE, THIEF, 40, 2))).toMatchObject([THIEF_THERE]);
    const next = feed(judge, people(3 * MINUTE), mails(5 * MINUTE, 'p0@example.net', 40, 2));
    expect(next).toMatchObject([{ key: { type: 'sender', id: 'p0@example.net' }, at: WEBMAIL }]);
  });

  test('many bad senders: the gateway, and how many senders that hits', () => {
    const strange = Array.from({ length: 30 }, (_, n) => mails(MINUTE, `s${n}@example.net`, 2, 2));
    const verdicts = feed(judgeFor(), people(0), strange.flat());
    expect(verdicts).toMatchObject([{ key: WEBMAIL }]);
    expect(verdicts[0]?.at).toBeUndefined();
    expect(verdicts[0]?.people).toBeGreaterThan(20);
  });

  test('a fourth bad sender within a day: the gateway; a day later a sender again', () => {
    const judge = judgeFor();
    const types = [0, 1, 2, 3].flatMap((n) => {
      const at = n * 30 * MINUTE;
      return feed(judge, people(at), mails(at + MINUTE, `thief${n}@example.net`, 40, 2));
    });
    expect(types.map(({ key }) => key.type)).toEqual(['sender', 'sender', 'sender', 'client']);
    judge.release(WEBMAIL, Date.UTC(2026, 10, 10, 12));
    const at = DAY + 2 * MINUTE + 30 * MINUTE;
    const later = feed(judge, people(at), mails(at + MINUTE, 'thief9@example.net', 40, 2));
    expect(later).toMatchObject([{ key: { type: 'sender', id: 'thief9@example.net' } }]);
  });

  const WHOLE: readonly [what: string, fields: object, options: JudgeOptions, at: MailEvent[]][] = [
    ['nobody else writes there', {}, {}, []],
    ['only two others do', {}, {}, people(0).slice(0, 8)],
    ['it chooses its senders freely', { 'free-senders': ['192.0.2.0/24'] }, {}, people(0)],
    ['no sender can be shut out there', {}, { canShutOutAt: () => false }, people(0)],
    [
      'the sender is on the allow list',
      {},
      { allowed: ({ type }) => type === 'sender' },
      people(0),
    ],
  ];
  test.each(WHOLE)('is blocked as a whole: %s', (_, fields, options, others) => {
    const verdicts = feed(judgeFor({ ...fields }, options), others, mails(MINUTE, THIEF, 40, 2));
    expect(verdicts.map(({ key }) => key)).toEqual([WEBMAIL]);
  });

  test('the others are looked at without a share in the rule, too', () => {
    const judge = judgeFor({ 'at-least-share': undefined });
    expect(feed(judge, people(0), mails(MINUTE, THIEF, 40, 2))).toMatchObject([THIEF_THERE]);
  });

  test('a user is a person, whatever the senders', () => {
    const user: Submitter = { type: 'user', id: 'alice@example.net' };
    const verdicts = feed(judgeFor(), people(0, user), mails(MINUTE, THIEF, 40, 2, user));
    expect(verdicts).toMatchObject([{ key: user }]);
  });
});

describe('loopback', () => {
  test.each(['127.0.0.1', '::1'])('%s is observed, even where it is allowed', (id) => {
    const by: Submitter = { type: 'client', id };
    const judge = judgeFor({}, { allowed: () => true });
    const verdicts = feed(judge, mails(0, THIEF, 60, 2, by));
    expect(verdicts).toMatchObject([{ action: 'observe', key: by, count: 10 }]);
    expect(verdicts[0]?.duration).toBeUndefined();
  });
});
