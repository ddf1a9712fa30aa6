import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { PosternError } from '../../src/base/errors.ts';
import { DAY, HOUR } from '../../src/base/time.ts';
import { loadRules, parseRule } from '../../src/judge/rule.ts';

const BAD = join(import.meta.dirname, '../rules/bad');
const MINIMAL = `name: minimal
description: A rule.
count: invalid
per: submitter
limit: 100
period: 1h
action: block
`;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-rules-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function failureOf(run: () => unknown): PosternError {
  try {
    run();
  } catch (error) {
    if (error instanceof PosternError) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

test('a minimal rule and its defaults', () => {
  expect(parseRule(MINIMAL, 'minimal.yaml')).toEqual({
    name: 'minimal',
    file: 'minimal.yaml',
    description: 'A rule.',
    count: 'invalid',
    per: 'submitter',
    limits: [{ limit: 100, period: HOUR }],
    ratio: false,
    atLeast: 1,
    action: 'block',
    durations: [undefined],
    except: { users: [], addresses: [], networks: [], domains: [] },
    freeSenders: [],
    fresh: HOUR,
    notify: true,
    enabled: true,
  });
});

test('everything at once', () => {
  const text = `
name: all
description: A rule.
reason: Because.
source: Somewhere.
count: invalid
per: submitter
ratio-of: recipients
at-least: 15
limits: [{ limit: 25%, period: 1h }, { limit: 5%, period: 1d }]
action: block
for: 1h
escalation: [1d, until-released]
direction: outbound
except: { users: [Bob], addresses: [A@Example.net], networks: [192.0.2.0/24], domains: [Example.org] }
fresh: 1d
enabled: false
`;
  expect(parseRule(text, 'all.yaml')).toMatchObject({
    limits: [
      { limit: 25, period: HOUR },
      { limit: 5, period: DAY },
    ],
    ratio: true,
    atLeast: 15,
    durations: [HOUR, DAY, undefined],
    except: {
      users: ['bob'],
      addresses: ['a@example.net'],
      networks: ['192.0.2.0/24'],
      domains: ['example.org'],
    },
    fresh: DAY,
    enabled: false,
  });
});

describe('bad rules: the comment above each is the message it gives', () => {
  const names = readdirSync(BAD);
  test('there are some', () => expect(names.length).toBeGreaterThan(30));

  test.each(names)('%s', (name) => {
    const text = readFileSync(join(BAD, name), 'utf8');
    const expected = /^(?:# .*\n)+/.exec(text)?.[0].replace(/^# /gm, '').trimEnd();
    const error = failureOf(() => parseRule(text, name));
    expect(error.message).toBe(expected);
    expect([error.exitStatus, error.code, error.place.file]).toEqual([2, 'bad-rule', name]);
  });
});

test('a field that is given twice hides no other problem', () => {
  const text = `${MINIMAL}limit: 50\nlimit: 0\ncolour: red\n`;
  const { message } = failureOf(() => parseRule(text, 'x.yaml'));
  expect(message.split('\n')).toEqual([
    'x.yaml:8: expected YAML: Map keys must be unique',
    'x.yaml:9: expected YAML: Map keys must be unique',
    expect.stringMatching(/^x\.yaml:9: limit: expected a whole number /),
    expect.stringMatching(/^x\.yaml:10: colour: expected one of: /),
  ]);
});

test('broken YAML is reported with its line', () => {
  const { message } = failureOf(() => parseRule(`${MINIMAL}limits: [1, 2\n`, 'x.yaml'));
  expect(message).toMatch(/^x\.yaml:9: expected YAML: Flow sequence/);
});

describe('a folder of rules', () => {
  test('*.yaml directly in it, by name', () => {
    const folder = folderWith({
      'b.yaml': MINIMAL.replace('minimal', 'second'),
      'a.yaml': MINIMAL.replace('minimal', 'first'),
      'README.md': 'not a rule',
      '.hidden.yaml': 'not a rule',
    });
    mkdirSync(join(folder, 'strict.yaml'));
    expect(loadRules(folder).map(({ name }) => name)).toEqual(['first', 'second']);
  });

  test('every problem of every file at once', () => {
    const folder = folderWith({
      'a.yaml': `${MINIMAL}colour: red\n`,
      'b.yaml': MINIMAL.replace('100', '0'),
      'c.yaml': MINIMAL,
      'd.yaml': `# The same once more.\n${MINIMAL}`,
      'e.yml': MINIMAL,
    });
    const { message, exitStatus } = failureOf(() => loadRules(folder));
    expect(message.replaceAll(`${folder}/`, '').split('\n')).toEqual([
      'e.yml: expected a name that ends in .yaml',
      expect.stringMatching(/^a\.yaml:8: colour: expected one of: name, /),
      expect.stringMatching(/^b\.yaml:5: limit: expected a whole number from 1 to /),
      'd.yaml:2: name: expected another name: c.yaml has this one',
    ]);
    expect(exitStatus).toBe(2);
  });

  test('missing or empty is a problem', () => {
    const folder = folderWith({});
    expect(failureOf(() => loadRules(folder)).message).toBe(
      `${folder}: expected at least one *.yaml file`,
    );
    expect(failureOf(() => loadRules(join(folder, 'none'))).message).toBe(
      `${folder}/none: expected a readable folder of rules (ENOENT)`,
    );
  });
});

test('whatever the text, it only fails with a list of problems', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'name: &a x',
      'limit: *a',
      'except:',
      '  users: [',
      '- a',
      '? b',
      '<<: *a',
      'per: !!binary x',
      '%YAML',
    ),
    fc.constantFrom(...MINIMAL.split('\n')),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      try {
        parseRule(lines.join('\n'), 'x.yaml');
      } catch (error) {
        expect(error).toBeInstanceOf(PosternError);
        for (const problem of (error as PosternError).message.split('\n')) {
          expect(problem).toMatch(/^x\.yaml:\d+: /);
        }
      }
    }),
  );
});
