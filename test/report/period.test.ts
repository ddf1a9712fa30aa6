/** What a report says at its edges: an excess that began before, two limits of one rule, what is pruned. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/base/time.ts';
import { parseRule } from '../../src/judge/rule.ts';
import { reportToHtml } from '../../src/report/html.ts';
import { reportToJson } from '../../src/report/json.ts';
import { gatherReport } from '../../src/report/period.ts';
import { reportToText } from '../../src/report/text.ts';
import { Store } from '../../src/store/store.ts';
import { invalid, START } from '../judge/event.ts';

const RULE = parseRule(
  'name: r\ndescription: d\ncount: invalid\nper: submitter\nlimits:\n  - { limit: 3, period: 10m }\n  - { limit: 5, period: 1h }\naction: observe\n',
  'r.yaml',
);

let store: Store;
beforeEach(() => {
  store = new Store(':memory:');
});
afterEach(() => store.close());

const report = (since: number, until: number) => gatherReport(store, [RULE], since, until);

function addVerdict(time: number, count: number, limit: number, period: number): void {
  const place = { source: 'mail.log', line: 1, offset: 0 };
  const key = { type: 'user', id: 'alice@example.net' } as const;
  const verdict = { rule: 'r', action: 'observe', key, ...place } as const;
  store.verdicts.insert({ ...verdict, time, count, limit, period }, 'observed', 0);
}

/** Three refusals in a minute and then one every two minutes: the excess never ends. */
function addExcess(minutes: number): void {
  const times = [0, 0.3, 0.6, ...Array.from({ length: minutes / 2 }, (_, n) => 1 + 2 * n)];
  store.commit(() =>
    store.events.insert(
      times.map((minute, offset) => ({
        ...invalid(minute * MINUTE, `u${offset}@example.org`),
        offset,
      })),
    ),
  );
  addVerdict(START + MINUTE, 3, 3, 10 * MINUTE);
}

describe('an excess without a break', () => {
  it('is in every report while it goes on, with its beginning', () => {
    addExcess(8 * 60);
    const later = report(START + 4 * HOUR, START + 5 * HOUR);
    expect(later.verdicts).toEqual([]);
    expect(later.lasting).toMatchObject([
      { outcome: 'observed', verdict: { time: START + MINUTE } },
    ]);
    expect(later.near).toEqual([]);
    const text = reportToText(later);
    expect(text).toMatch(/^alice@example\.net {2}r .* observed .* 10m\n +2026-11-10 09:01Z$/m);
    expect(reportToJson(later)).toMatchObject({ lasting: [{ rule: 'r', outcome: 'observed' }] });
  });

  it('is not in a report after its end', () => {
    addExcess(60);
    const after = report(START + 4 * HOUR, START + 5 * HOUR);
    expect(after).toMatchObject({ verdicts: [], lasting: [] });
    expect(reportToText(after)).toMatch(/Met a limit, not blocked\n-+\nNobody\./);
  });
});

it('two limits of a rule are two rows, each with its own highest', () => {
  addVerdict(START, 3, 3, 10 * MINUTE);
  addVerdict(START + MINUTE, 5, 5, HOUR);
  addVerdict(START + HOUR, 4, 3, 10 * MINUTE);
  const text = reportToText(report(START, START + DAY));
  expect(text).toMatch(/^alice@example\.net {2}r {5}4 {8}3 {6}observed {6}2 {2}10m$/m);
  expect(text).toMatch(/^alice@example\.net {2}r {5}5 {8}5 {6}observed {6}1 {2}1h$/m);
});

describe('a period that is longer than what is kept', () => {
  const note = 'Events before 2026-11-10 09:00Z are pruned (retention): they are not counted.';

  it('says so in every form', () => {
    store.state.write('pruned', START);
    const long = report(START - DAY, START + DAY);
    expect(reportToText(long)).toContain(`${note}\n`);
    expect(reportToHtml(long)).toContain(`<p>${note}</p>`);
    expect(reportToJson(long)).toMatchObject({ keptSince: '2026-11-10T09:00:00.000Z' });
  });

  it('not otherwise', () => {
    expect(reportToText(report(START - DAY, START))).not.toContain('pruned');
    store.state.write('pruned', START);
    expect(reportToText(report(START, START + DAY))).not.toContain('pruned');
    expect(reportToJson(report(START, START + DAY))).not.toHaveProperty('keptSince');
  });
});

describe('who is blocked', () => {
  const key = { type: 'user', id: 'alice@example.net' } as const;
  const block = (start: number) => store.blocks.start({ key, cause: 'manual', start })?.id ?? 0;

  it('does not stand under not blocked, nor under came near', () => {
    addVerdict(START, 3, 3, 10 * MINUTE);
    block(START + MINUTE);
    const day = report(START, START + DAY);
    expect(day).toMatchObject({ verdicts: [], near: [], blocks: [{ key }] });
    expect(reportToText(day)).toMatch(/Met a limit, not blocked\n-+\nNobody\./);
  });

  it('stands there for the time before and after the block', () => {
    store.blocks.release(block(START + HOUR), START + 2 * HOUR, 'operator', 0);
    addVerdict(START + 90 * MINUTE, 3, 3, 10 * MINUTE);
    expect(report(START, START + DAY).verdicts).toEqual([]);
    addVerdict(START + 3 * HOUR, 3, 3, 10 * MINUTE);
    expect(report(START, START + DAY).verdicts).toMatchObject([
      { verdict: { time: START + 3 * HOUR } },
    ]);
  });
});
