import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import { parseRule } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { event, invalid } from './event.ts';

/** 10 different recipients in an hour, unless the fields say otherwise. */
function judgeFor(fields: Record<string, unknown>): Judge {
  const all = {
    name: 'test',
    description: 'A rule under test.',
    count: 'invalid',
    per: 'submitter',
    distinct: 'recipient',
    limit: 10,
    period: '1h',
    action: 'block',
    ...fields,
  };
  return new Judge([parseRule(JSON.stringify(all), 'test.yaml')]);
}

/** Index of the event that the verdict falls on. */
function verdictAt(fields: Record<string, unknown>, events: readonly MailEvent[]) {
  const judge = judgeFor(fields);
  const at = events.findIndex((each) => judge.feed(each).length > 0);
  return at < 0 ? undefined : at;
}

function delivered(at: number, parts: Partial<MailEvent> = {}): MailEvent {
  const submitter = { type: 'user', id: 'alice@example.net' } as const;
  return event(at, { kind: 'delivered', submitter, direction: 'outbound', ...parts });
}

/** One letter for each event, one event each second: x is refused (always another recipient), o is delivered. */
function eventsOf(pattern: string): MailEvent[] {
  return [...pattern].map((letter, index) =>
    letter === 'x' ? invalid(index * SECOND, `r${index}@example.org`) : delivered(index * SECOND),
  );
}

describe('at-least-share', () => {
  const SHARE = { 'at-least-share': '50%' };
  const CASES: readonly [what: string, pattern: string, verdict: number | undefined][] = [
    ['no deliveries: as without', 'x'.repeat(20), 9],
    ['more than the share all the time', 'xo'.repeat(20), 18],
    ['exactly the share with the limit', `${'xo'.repeat(8)}xx${'o'.repeat(9)}`, 17],
    ['deliveries before the first refusal', `${'o'.repeat(100)}${'x'.repeat(100)}`, 199],
    ['below the share at the limit, reached later', `${'xoo'.repeat(10)}${'x'.repeat(20)}`, 39],
  ];

  test.each(CASES)('%s', (_, pattern, verdict) => {
    expect(verdictAt(SHARE, eventsOf(pattern))).toBe(verdict);
  });

  test('deliveries that were counted before, and those of others, do not count', () => {
    const refused = Array.from({ length: 10 }, (_, index) =>
      invalid(index * SECOND, `r${index}@example.org`),
    );
    const noise = Array.from({ length: 100 }, (_, index) => [
      delivered(index, { repeated: true }),
      delivered(index, { submitter: { type: 'user', id: 'bob@example.net' } }),
    ]).flat();
    expect(verdictAt(SHARE, [refused[0] as MailEvent, ...noise, ...refused.slice(1)])).toBe(209);
  });

  test('outcomes leave the window when their time is over', () => {
    const old = [invalid(0, 'first@example.org'), ...eventsOf('o'.repeat(60))];
    const later = HOUR + MINUTE;
    const late = eventsOf('x'.repeat(10)).map((each) => ({ ...each, time: each.time + later }));
    expect(verdictAt(SHARE, [...old, ...late])).toBe(70);
    const sooner = late.map((each) => ({ ...each, time: each.time - MINUTE }));
    expect(verdictAt(SHARE, [...old, ...sooner])).toBe(undefined);
  });

  test('how near a key came includes what the share lacks', () => {
    const judge = judgeFor(SHARE);
    for (const each of eventsOf('xoooooooooo'.repeat(20))) judge.feed(each);
    expect(judge.nearest()).toMatchObject([{ highest: 2, limit: 10 }]);
  });

  test('agrees with the definition', () => {
    const outcomes = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 10 * MINUTE })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 100 }), (steps, percent) => {
        let at = 0;
        const events = steps.map(([isRefused, step], index) => {
          at += step;
          return isRefused ? invalid(at, `r${index}@example.org`) : delivered(at);
        });
        const fields = { 'at-least-share': `${percent}%`, limit: 5 };
        expect(verdictAt(fields, events)).toBe(byDefinition(events, percent, 5));
      }),
    );
  });
});

/** All of the hour counts, and nothing else. */
function byDefinition(events: readonly MailEvent[], percent: number, limit: number) {
  let kept: MailEvent[] = [];
  for (const [index, each] of events.entries()) {
    kept = kept.filter(({ time }) => time > each.time - HOUR);
    kept.push(each);
    if (each.kind !== 'bounced') continue;
    const refused = kept.filter(({ kind }) => kind === 'bounced').length;
    if (refused >= limit && refused * 100 >= percent * kept.length) return index;
  }
  return undefined;
}

describe('most-per-domain and most-per-host', () => {
  /** One word for each event, one event each second: the domain and, after a slash, the address of the host. */
  function from(text: string): MailEvent[] {
    return text.split(' ').map((word, index) => {
      const [domain = '', address] = word.split('/');
      const relay = address === undefined ? undefined : { host: 'mx.example.org', address };
      return invalid(index * SECOND, `r${index}@${domain}`, { relay });
    });
  }
  const a = 'a.example ';
  const b = 'B.EXAMPLE ';
  const words = (...texts: string[]) => texts.join('').trim();

  const CASES: readonly {
    what: string;
    fields: Record<string, unknown>;
    text: string;
    verdict: number | undefined;
  }[] = [
    { what: 'no bound', fields: {}, text: words(a.repeat(10)), verdict: 9 },
    {
      what: 'one domain never suffices',
      fields: { 'most-per-domain': '60%' },
      text: words(a.repeat(200)),
      verdict: undefined,
    },
    {
      what: 'the rest from another one',
      fields: { 'most-per-domain': '60%' },
      text: words(a.repeat(50), b.repeat(10)),
      verdict: 53,
    },
    {
      what: 'in any order',
      fields: { 'most-per-domain': '60%' },
      text: words(b.repeat(4), a.repeat(50)),
      verdict: 9,
    },
    {
      what: 'a share that is less than one is one',
      fields: { 'most-per-domain': '1%', limit: 2 },
      text: words(a.repeat(9), b),
      verdict: 9,
    },
    {
      what: 'one machine with many domains',
      fields: { 'most-per-host': '60%' },
      text: Array.from({ length: 50 }, (_, index) => `d${index}.example/198.51.100.${index}`).join(
        ' ',
      ),
      verdict: undefined,
    },
    {
      what: 'our own refusals have no host',
      fields: { 'most-per-host': '60%' },
      text: words(a.repeat(10)),
      verdict: 9,
    },
  ];

  test.each(CASES)('$what', ({ fields, text, verdict }) => {
    expect(verdictAt(fields, from(text))).toBe(verdict);
  });

  test('the newest of a domain count, and leave the window when their time is over', () => {
    const first = from(words(a.repeat(20)));
    const later = from(words(b.repeat(4)));
    const move = (events: readonly MailEvent[], by: number) =>
      events.map((each) => ({ ...each, time: each.time + by, recipient: `l${each.recipient}` }));
    // Six of the first twenty count: those of 14 to 19 s.
    const fields = { 'most-per-domain': '60%' };
    expect(verdictAt(fields, [...first, ...move(later, HOUR + 10 * SECOND)])).toBe(23);
    expect(verdictAt(fields, [...first, ...move(later, HOUR + 11 * SECOND)])).toBe(undefined);
  });

  test('agrees with the definition', () => {
    const steps = fc.array(
      fc.record({
        domain: fc.constantFrom('a.example', 'b.example', 'c.example'),
        name: fc.integer({ min: 0, max: 30 }),
        step: fc.integer({ min: 0, max: 10 * MINUTE }),
      }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 100 }), (parts, percent) => {
        let at = 0;
        const events = parts.map(({ domain, name, step }) => {
          at += step;
          return invalid(at, `r${name}@${domain}`);
        });
        const fields = { 'most-per-domain': `${percent}%` };
        const most = Math.max(1, Math.floor(percent / 10));
        expect(verdictAt(fields, events)).toBe(boundedByDefinition(events, most));
      }),
    );
  });
});

function boundedByDefinition(events: readonly MailEvent[], most: number): number | undefined {
  const last = new Map<string, number>();
  for (const [index, { time, recipient = '' }] of events.entries()) {
    last.set(recipient, time);
    const counts = new Map<string, number>();
    for (const [address, at] of last) {
      const domain = address.slice(address.indexOf('@'));
      if (at > time - HOUR) counts.set(domain, (counts.get(domain) ?? 0) + 1);
    }
    const sum = [...counts.values()].reduce((total, count) => total + Math.min(count, most), 0);
    if (sum >= 10) return index;
  }
  return undefined;
}
