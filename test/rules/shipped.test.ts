import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { DAY, formatDuration, HOUR, MINUTE } from '../../src/base/time.ts';
import { findPresetFolder } from '../../src/config/rules.ts';
import { readEvents } from '../../src/interpret/files.ts';
import { Judge } from '../../src/judge/judge.ts';
import { findRateKind } from '../../src/judge/limits.ts';
import { loadRules, parseRule, type Rule } from '../../src/judge/rule.ts';
import { ruleSchema } from '../../src/judge/schema.ts';
import type { Verdict } from '../../src/model/block.ts';
import { PRESETS } from '../../src/model/preset.ts';
import { scratchFolder } from '../support/folder.ts';

const ROOT = join(import.meta.dirname, '../..');
const rules = loadRules(join(ROOT, 'rules'));
const strict = loadRules(join(ROOT, 'rules/strict'));
const deferring = loadRules(join(ROOT, 'rules/defer'));
const presets = PRESETS.map((name) => ({ name, rules: loadRules(findPresetFolder(name)) }));
const LIMITS_PAGE = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
const PAGE = readFileSync(join(ROOT, 'docs/rules.md'), 'utf8');

const SHIPPED: Readonly<Record<string, Partial<Rule>>> = {
  'auth-failures': {
    count: 'auth-failed',
    per: 'client',
    limits: [{ limit: 10, period: 10 * MINUTE }],
    action: 'observe',
  },
  'automatic-replies': {
    count: 'invalid',
    per: 'client',
    direction: 'outbound',
    nullSender: true,
    distinct: 'recipient',
    limits: [{ limit: 50, period: HOUR }],
    action: 'observe',
  },
  backscatter: {
    count: 'backscatter',
    per: 'host',
    limits: [{ limit: 10, period: DAY }],
    action: 'observe',
  },
  complaints: {
    count: 'complaint',
    per: 'submitter',
    distinct: 'recipient',
    limits: [{ limit: 3, period: DAY }],
    action: 'observe',
  },
  'dsns-sent': {
    count: 'dsn-sent',
    per: 'host',
    limits: [{ limit: 20, period: HOUR }],
    action: 'observe',
  },
  'forged-address': {
    count: 'dsn-received',
    per: 'recipient',
    direction: 'inbound',
    limits: [
      { limit: 20, period: HOUR },
      { limit: 100, period: DAY },
    ],
    action: 'observe',
  },
  'inbound-dictionary': {
    count: 'invalid',
    per: 'client',
    direction: 'inbound',
    limits: [{ limit: 20, period: 10 * MINUTE }],
    action: 'observe',
  },
  'invalid-recipients': {
    count: 'invalid',
    per: 'submitter',
    direction: 'outbound',
    distinct: 'recipient',
    atLeastShare: 8,
    limits: [
      { limit: 100, period: HOUR },
      { limit: 400, period: DAY },
    ],
    action: 'block',
    durations: [undefined],
  },
  'invalid-share': {
    count: 'invalid',
    per: 'submitter',
    ratio: true,
    atLeast: 15,
    limits: [
      { limit: 25, period: HOUR },
      { limit: 25, period: DAY },
    ],
    action: 'observe',
  },
  'login-networks': {
    count: 'logins',
    per: 'user',
    distinct: 'client-net',
    atLeast: 5,
    limits: [{ limit: 3, period: 5 * MINUTE }],
    action: 'observe',
  },
  'many-client-addresses': {
    count: 'logins',
    per: 'user',
    distinct: 'client-wide-net',
    limits: [{ limit: 40, period: DAY }],
    action: 'block',
  },
  'own-delivery': {
    count: 'invalid-recipient',
    per: 'host',
    direction: 'local',
    distinct: 'recipient',
    limits: [{ limit: 20, period: HOUR }],
    action: 'observe',
  },
  recipients: {
    count: 'recipients',
    per: 'submitter',
    limits: [
      { limit: 500, period: HOUR },
      { limit: 2000, period: DAY },
    ],
    action: 'observe',
  },
  'returned-mail': {
    count: 'dsn-received',
    per: 'submitter',
    direction: 'outbound',
    ratio: true,
    atLeast: 30,
    limits: [{ limit: 15, period: DAY }],
    action: 'observe',
  },
  'usual-domains': {
    count: 'delivered',
    per: 'submitter',
    limits: [{ limit: 100, period: DAY }],
    usual: { times: 5, new: 'recipient-domain', history: 7 * DAY },
    action: 'observe',
    enabled: false,
  },
  'usual-networks': {
    count: 'recipients',
    per: 'user',
    limits: [{ limit: 100, period: DAY }],
    usual: { times: 5, new: 'client-wide-net', history: 7 * DAY },
    action: 'observe',
    notify: true,
  },
  'usual-volume': {
    count: 'recipients',
    per: 'submitter',
    limits: [
      { limit: 100, period: HOUR },
      { limit: 300, period: DAY },
    ],
    usual: { times: 5, asleep: 21 * DAY, history: 7 * DAY },
    action: 'observe',
  },
};

test('the shipped rules are these', () => {
  expect(rules.map(({ name }) => name)).toEqual(Object.keys(SHIPPED));
  for (const rule of rules) expect(rule).toMatchObject(SHIPPED[rule.name] ?? {});
});

test('the strict preset is not active by itself', () => {
  expect(strict).toMatchObject([
    { name: 'invalid-recipients-strict', limits: [{ limit: 25, period: HOUR }], action: 'block' },
  ]);
});

test.each([...rules, ...strict, ...deferring])(
  '$name is called like its file, and says why and from where',
  (rule) => {
    expect(rule.file.endsWith(`/${rule.name}.yaml`)).toBe(true);
    expect(rule.reason?.length).toBeGreaterThan(40);
    expect(rule.source?.length).toBeGreaterThan(20);
    expect(PAGE).toContain(`${rule.name}\` |`);
  },
);

test('nothing else is in the folder of rules', () => {
  const names = readdirSync(join(ROOT, 'rules'), { recursive: true });
  const inFolders = presets.reduce((sum, preset) => sum + preset.rules.length + 1, 1);
  expect(names).toHaveLength(rules.length + strict.length + 1 + deferring.length + 1 + inFolders);
});

describe.each(presets)('the preset $name', ({ name, rules: own }) => {
  const names = [
    'invalid-share',
    'login-networks',
    'many-client-addresses',
    'messages',
    'recipients',
  ];

  test('has limits for volume, networks and shares, and says why', () => {
    expect(own.map((rule) => rule.name)).toEqual(names);
    for (const rule of own) {
      expect(rule.reason?.length).toBeGreaterThan(40);
      expect(rule.source?.length).toBeGreaterThan(20);
    }
    expect(own.map((rule) => findRateKind(rule))).toEqual([
      ...['share', 'spread', 'spread', 'volume', 'volume'],
    ]);
  });

  test('changes the limits of rules of the package, and nothing else of them', () => {
    for (const rule of own) {
      const shipped = rules.find((each) => each.name === rule.name);
      if (shipped === undefined) continue;
      const { limits: _, file, description, reason, source, ...rest } = rule;
      expect(shipped).toMatchObject(rest);
    }
  });

  test('has its figures in docs/limits.md', () => {
    const column = PRESETS.indexOf(name) + 1;
    for (const rule of own) {
      const row = LIMITS_PAGE.split('\n').find((line) => line.startsWith(`| \`${rule.name}\` |`));
      const cell = row?.split('|')[column + 1] ?? '';
      for (const { limit, period } of rule.limits)
        expect(cell).toContain(`${limit}${rule.ratio ? ' %' : ''} in ${formatDuration(period)}`);
    }
  });
});

/** The verdicts on a relay client that tries 2000 addresses which do not exist, as the mail server logs that. */
async function judgeRefusals(action: 'reject' | 'reject_warning'): Promise<Verdict[]> {
  const folder = scratchFolder();
  try {
    const lines = Array.from(
      { length: 2000 },
      (_, index) =>
        `Nov  1 09:05:07 mx1 postfix/smtpd[811]: NOQUEUE: ${action}: RCPT from unknown[192.168.1.5]: 550 5.1.1 <n${index}@example.com>: Recipient address rejected: undeliverable address: unknown user; from=<a@example.net> to=<n${index}@example.com> proto=ESMTP helo=<h>\n`,
    );
    const log = folder.write('mail.log', lines.join(''));
    const judge = new Judge([...rules, ...strict]);
    const verdicts: Verdict[] = [];
    for await (const { events } of readEvents([log], { now: Date.UTC(2026, 10, 2), zone: 'UTC' }))
      for (const event of events) verdicts.push(...judge.feed(event));
    return verdicts;
  } finally {
    folder.remove();
  }
}

test('no rule counts what is only rehearsed', async () => {
  expect((await judgeRefusals('reject')).length).toBeGreaterThan(0);
  expect(await judgeRefusals('reject_warning')).toEqual([]);
});

const BASE = {
  name: 'base',
  description: 'A rule to complete examples.',
  count: 'invalid',
  per: 'submitter',
  limit: 100,
  period: '1h',
  action: 'block',
};

/** An example of one field, completed to a rule. */
function completed(example: Record<string, unknown>): string {
  const { limit, period, ...rest } = BASE;
  return JSON.stringify({ ...('limits' in example ? rest : BASE), ...example });
}

describe('docs/rules.md', () => {
  const sections = PAGE.split(/^### /m).slice(1);

  test.each(Object.keys(ruleSchema.shape))('%s has its section with an example', (field) => {
    const section = sections.find((text) => text.startsWith(`\`${field}\`\n`)) ?? '';
    expect(section).toMatch(new RegExp(`^\`\`\`yaml\n(?:.*\n)*?${field}:`, 'm'));
  });

  test('has no section for anything else', () => {
    const names = sections.map((text) => text.slice(1, text.indexOf('`', 1)));
    expect(names).toEqual(Object.keys(ruleSchema.shape));
  });

  const examples = [...PAGE.matchAll(/^```yaml\n((?:.*\n)*?)```$/gm)].map(([, text]) => text ?? '');
  test('has examples', () => expect(examples.length).toBeGreaterThan(18));

  test.each(examples)('example: %s', (text) => {
    expect(() => parseRule(completed(parse(text)), 'example')).not.toThrow();
  });

  test('its first and last examples are whole rules', () => {
    for (const text of [examples.at(0), examples.at(-1)]) {
      expect(() => parseRule(text ?? '', 'example')).not.toThrow();
    }
  });

  test('names every count and every key', () => {
    const { count, per } = { count: PAGE.split('### `count`')[1], per: PAGE.split('### `per`')[1] };
    for (const word of expectedWords('count: ?')) expect(count).toContain(`\`${word}\``);
    for (const word of expectedWords('per: ?')) expect(per).toContain(`\`${word}\``);
  });
});

/** The words that the message about a wrong value lists. */
function expectedWords(line: string): string[] {
  try {
    parseRule(completed(parse(line.replace('?', 'nonsense'))), 'x');
    return [];
  } catch (error) {
    const words = /expected one of (.*), found /.exec(String(error))?.[1]?.split(', ') ?? [];
    expect(words.length).toBeGreaterThan(5);
    return words;
  }
}
