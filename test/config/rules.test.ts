/** The rules of a configuration: preset, hours and overrides, and what is wrong with them. */
import { afterAll, describe, expect, it } from 'vitest';
import { PosternError } from '../../src/base/errors.ts';
import { HOUR } from '../../src/base/time.ts';
import { parseConfig, SHIPPED_RULES } from '../../src/config/load.ts';
import { findOverrideTrouble, loadConfiguredRules } from '../../src/config/rules.ts';
import { loadRules, type Rule } from '../../src/judge/rule.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder();
afterAll(folder.remove);

const load = (yaml: string) => loadConfiguredRules(parseConfig(yaml, folder.at('postern.yaml')));
const find = (rules: readonly Rule[], name: string) => rules.find((rule) => rule.name === name);
const failure = (yaml: string) => {
  try {
    load(yaml);
  } catch (error) {
    if (error instanceof PosternError) return error.message.replaceAll(folder.path, '');
  }
  throw new Error('it was accepted');
};
const limitOf = (rule: Rule | undefined, user: string) =>
  rule?.adjustment?.limitFor(rule.limits[0] as never, 'user', user, 0)?.limit;

describe('a preset', () => {
  it('is none by default: the rules are those of the package', () => {
    expect(load('')).toEqual(loadRules(SHIPPED_RULES));
  });

  it('replaces the rules of the same name, and adds the others at the end', () => {
    const names = loadRules(SHIPPED_RULES).map(({ name }) => name);
    const rules = load('preset: small-office');
    expect(rules.map(({ name }) => name)).toEqual([...names, 'messages']);
    expect(find(rules, 'recipients')?.limits[0]).toEqual({ limit: 150, period: HOUR });
    expect(find(rules, 'recipients')?.file).toContain('/presets/small-office/');
  });

  it('does so in a folder of your own, too', () => {
    folder.write(
      'rules/recipients.yaml',
      'name: recipients\ncount: recipients\nper: user\nlimit: 1\nperiod: 1h\naction: block\n',
    );
    expect(load('rules: rules').map(({ limits }) => limits[0]?.limit)).toEqual([1]);
    expect(find(load('rules: rules\npreset: provider'), 'recipients')?.limits[0]?.limit).toBe(1000);
  });
});

describe('overrides', () => {
  it('name users in any spelling', () => {
    const rules = load(`logins: { defaultDomain: example.net }
overrides: [ { user: News, limit: 9 }, { rule: login-networks, user: b@example.net, limit: 5 } ]`);
    expect(limitOf(find(rules, 'recipients'), 'news@example.net')).toBe(9);
    expect(limitOf(find(rules, 'recipients'), 'b@example.net')).toBe(500);
    expect(limitOf(find(rules, 'login-networks'), 'b@example.net')).toBe(5);
  });

  it.each([
    ['{ rule: nope, user: a, limit: 5 }', 'rule: expected the name of a rule, found nope'],
    [
      '{ rule: recipients, user: a, limit: 5% }',
      'limit: expected a number for the rule recipients',
    ],
    [
      '{ rule: invalid-share, user: a, limit: 5 }',
      'limit: expected a percentage such as 30% for the rule invalid-share',
    ],
    ['{ user: a, limit: 5, period: 2h }', 'period: expected one of a rule, found 2h'],
    [
      '{ list: a@example.net, limit: 5 }',
      'list: expected exempt: true, or a rule that counts per sender',
    ],
  ])('%s is a mistake', (entry, expected) => {
    const text = failure(`overrides: [ { user: ok, limit: 5 }, ${entry} ]`);
    expect(text).toBe(`/postern.yaml: overrides[2]: ${expected}`);
  });

  it('of a file are read again when it changes; what does not fit is passed over', async () => {
    const file = folder.write('table', 'a@example.net 7\nb@example.net rule=nope 3\n');
    const config = parseConfig('overrides: { file: table }', folder.at('postern.yaml'));
    const rules = loadConfiguredRules(config);
    const limit = () => limitOf(find(rules, 'recipients'), 'a@example.net');
    expect(limit()).toBe(7);
    expect(findOverrideTrouble(config, rules)).toEqual([
      { file, problems: [{ line: 2, text: 'rule: expected the name of a rule, found nope' }] },
    ]);
    folder.write('table', 'a@example.net 70 more\n');
    await expect.poll(limit, { timeout: 30_000 }).toBe(70);
    expect(findOverrideTrouble(config, rules)).toEqual([]);
  });

  it('of a file that is missing are none, and that is said', () => {
    const config = parseConfig('overrides: { file: gone }', folder.at('postern.yaml'));
    const rules = loadConfiguredRules(config);
    expect(limitOf(find(rules, 'recipients'), 'a@example.net')).toBe(500);
    expect(findOverrideTrouble(config, rules)).toMatchObject([
      { file: folder.at('gone'), failure: expect.stringContaining('ENOENT') },
    ]);
  });
});
