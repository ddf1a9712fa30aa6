/** How rules would have done with other limits: `postern replay --tuning`. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MINUTE } from '../../src/base/time.ts';
import { parseRule } from '../../src/judge/rule.ts';
import { scaleLimit, Tuning } from '../../src/report/tuning.ts';
import { invalid } from '../judge/event.ts';
import { bounced, type Scratch, scratch } from '../service/scratch.ts';

const rule = (name: string, limit: number, action = 'block') =>
  parseRule(
    `name: ${name}\ndescription: d\ncount: invalid\nper: submitter\nlimit: ${limit}\nperiod: 1h\naction: ${action}\n`,
    'r.yaml',
  );

/** Refusals of these submitters, a minute apart. */
function tune(counts: Readonly<Record<string, number>>, rules = [rule('r', 10)]) {
  const tuning = new Tuning(rules, ({ id }) => id === 'allowed@example.net');
  for (const [id, count] of Object.entries(counts)) {
    for (let n = 0; n < count; n++) {
      const submitter = { type: 'user', id } as const;
      tuning.feed(invalid(n * MINUTE, `u${n}@example.org`, { submitter }));
    }
  }
  return tuning.result.map(({ rule, half, asIs, double }) => {
    const names = (met: typeof half) => met.map(({ key }) => key.id.split('@')[0]);
    return { rule, half: names(half), asIs: names(asIs), double: names(double) };
  });
}

describe('a rule', () => {
  it('is met by those who reach half the limit, the limit, double', () => {
    const counts = {
      'four@example.net': 4,
      'five@example.net': 5,
      'ten@example.net': 10,
      'nineteen@example.net': 19,
      'twenty@example.net': 20,
      'allowed@example.net': 50,
    };
    expect(tune(counts)).toEqual([
      {
        rule: 'r',
        half: ['five', 'ten', 'nineteen', 'twenty'],
        asIs: ['ten', 'nineteen', 'twenty'],
        double: ['twenty'],
      },
    ]);
  });

  it('is judged alone, whoever another rule would have blocked before', () => {
    const rules = [rule('early', 4), rule('late', 10)];
    expect(tune({ 'ten@example.net': 10 }, rules)).toMatchObject([
      { rule: 'early', double: ['ten'] },
      { rule: 'late', asIs: ['ten'], double: [] },
    ]);
  });

  it('never has a limit of 0', () => {
    expect([scaleLimit(1, 0.5), scaleLimit(3, 0.5), scaleLimit(25, 2)]).toEqual([1, 2, 50]);
  });
});

describe('postern replay', () => {
  let at: Scratch;
  beforeEach(() => {
    at = scratch();
    for (const [user, count] of [
      ['alice', 10],
      ['bob', 3],
    ] as const) {
      const names = Array.from({ length: count }, (_, n) => `nobody${n}@example.org`);
      at.write(...names.flatMap((name) => bounced(`${user}@example.net`, name)));
    }
  });
  afterEach(() => at.remove());

  it('shows it as text', async () => {
    const { out } = await at.run('replay', at.log, '--tuning');
    expect(out).toMatch(/^ +2 +1 +1 {2}invalid-recipients {2}block {3}5 in 1h$/m);
    expect(out).toMatch(/ invalid-recipients {2}double {2}alice@example\.net$/m);
    expect(out).toMatch(/ invalid-recipients {2}half {4}bob@example\.net$/m);
    expect(out).toMatch(/^ {4}bob@example\.net: 3 of 5 \(invalid-recipients\)$/m);
  });

  it('shows it to programs, but only if that is wanted', async () => {
    const tuned = await at.run('replay', at.log, '--tuning', '--format', 'json');
    expect(JSON.parse(tuned.out).tuning).toMatchObject([
      { rule: 'invalid-recipients', double: [{ key: { id: 'alice@example.net' } }] },
    ]);
    const plain = await at.run('replay', at.log, '--format', 'json');
    expect(JSON.parse(plain.out)).not.toHaveProperty('tuning');
  });

  it('draws it as a page', async () => {
    const { out } = await at.run('replay', at.log, '--html');
    expect(out).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
    expect(out).toContain('<svg viewBox');
    expect(out).toContain('<td>alice@example.net</td>');
    const both = await at.run('replay', at.log, '--html', '--format', 'json');
    expect(both).toMatchObject({ status: 2, out: '' });
  });
});
