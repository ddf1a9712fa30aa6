/** The file of postern allow and postern except: what its lines mean, and that commands leave all others as they are. */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropUndefined } from '../../src/base/defined.ts';
import {
  addAllowed,
  addExcepted,
  addException,
  canHold,
  type ExceptedKey,
  formatExceptedKey,
  parseExceptedKey,
  parseExceptions,
  readExceptions,
  removeException,
} from '../../src/config/exceptions.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { parseRule } from '../../src/judge/rule.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { RULE } from '../support/rule.ts';

let at: Scratch;
beforeEach(() => {
  at = scratch();
});
afterEach(() => at.remove());

const TEXT = `# mine
allow alice@example.net  # 2026: club
allow 192.0.2.0/24
allow @example.org
except invalid-recipients sender:bob@example.net # why
except invalid-recipients 2001:db8::/32

nonsense
allow
except invalid-recipients uid:33
allow 999.1.1.1
`;

describe('a file', () => {
  it('has entries and problems with their lines', () => {
    const { entries, problems } = parseExceptions(TEXT, 'f');
    expect(entries.map(({ rule, key, note }) => [rule, formatExceptedKey(key), note])).toEqual([
      [undefined, 'alice@example.net', '2026: club'],
      [undefined, '192.0.2.0/24', undefined],
      [undefined, '@example.org', undefined],
      ['invalid-recipients', 'sender:bob@example.net', 'why'],
      ['invalid-recipients', '2001:db8::/32', undefined],
    ]);
    expect(problems.map((text) => text.split(': ')[0])).toEqual(['f:8', 'f:9', 'f:10', 'f:11']);
  });

  it('adds to the allow list and to the rule that it names', () => {
    const { entries } = parseExceptions(TEXT, 'f');
    const allow = makeAllowList(addAllowed({}, entries));
    expect(allow.reason({ type: 'user', id: 'alice@example.net' })).toBeDefined();
    expect(allow.reason({ type: 'client', id: '192.0.2.7' })).toBeDefined();
    expect(allow.reason({ type: 'sender', id: 'x@example.org' })).toBeDefined();
    expect(allow.reason({ type: 'sender', id: 'bob@example.net' })).toBeUndefined();
    const rules = [parseRule(RULE, 'r'), { ...parseRule(RULE, 'r'), name: 'other' }];
    const [one, other] = addExcepted(rules, entries);
    expect(one?.except).toMatchObject({
      addresses: ['bob@example.net'],
      networks: ['2001:db8::/32'],
    });
    expect(other).toBe(rules[1]);
  });

  it('keeps every line that somebody wrote, and is as before after an undo', () => {
    const keys = fc
      .constantFrom(
        'alice@example.net',
        '192.0.2.7',
        '192.0.2.0/24',
        'uid:33',
        '@example.org',
        'sender:a@example.net',
        "user:o'neil\\x",
      )
      .map((text) => parseExceptedKey(text) as ExceptedKey);
    const entry = fc.record({
      rule: fc.constantFrom(undefined, 'a', 'b'),
      key: keys,
      note: fc.constantFrom(undefined, 'x # y'),
    });
    const lines = fc.array(
      fc.constantFrom('# mine', '', 'nonsense', 'allow zoe@example.net', '\tallow yan  # kept'),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(lines, entry, (before, { rule, key, note }) => {
        fc.pre(canHold(key, rule));
        const file = at.path('exceptions');
        const text = ['# head', ...before].map((line) => `${line}\n`).join('');
        writeFileSync(file, text);
        const exception = dropUndefined({ rule, key, note });
        const others = parseExceptions(text, file).entries;
        addException(file, { ...exception, note: 'old' });
        addException(file, exception);
        const entries = readExceptions(file).entries.map(({ line: _, ...entry }) => entry);
        expect(entries).toEqual([...others.map(({ line: _, ...entry }) => entry), exception]);
        expect(removeException(file, exception)).toBe(true);
        expect(readFileSync(file, 'utf8')).toBe(text);
        expect(removeException(file, exception)).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});

describe('the commands', () => {
  it('say what they did, and refuse what cannot be', async () => {
    const added = await at.run('allow', 'Alice@example.net', '--why', 'a\u001bb\nc');
    expect(added).toEqual({
      status: 0,
      out: `alice@example.net is never blocked from now on (${at.path('exceptions')}).\n`,
      err: '',
    });
    expect((await at.run('allow')).out).toMatch(
      /^allow alice@example\.net {2}# \S+Z .*: a\\u001bb\\u000ac\n$/,
    );
    expect((await at.run('except')).out).toBe((await at.run('allow')).out);
    expect((await at.run('allow', '192.0.2.9')).err).toContain('192.0.2.9: expected --why TEXT');
    expect((await at.run('except', 'nosuch', 'bob', '--why', 'x')).err).toContain(
      'except nosuch: expected a rule: invalid-recipients',
    );
    expect((await at.run('except', 'invalid-recipients', 'uid:0', '--why', 'x')).status).toBe(2);
    expect((await at.run('allow', '999.1.1.1', '--why', 'x')).status).toBe(2);
    expect((await at.run('allow', 'uid:nobody-here', '--why', 'x')).status).toBe(1);
    expect((await at.run('allow', 'uid:root', '--why', 'x', '--format', 'json')).out).toContain(
      '"id":"0"',
    );
    expect(await at.run('allow', 'bob@example.net', '--undo')).toMatchObject({
      status: 1,
      err: `bob@example.net: there is no such exception in ${at.path('exceptions')}\n`,
    });
    expect((await at.run('allow', 'alice@example.net', '--undo')).out).toContain(
      'no longer allowed',
    );
  });

  it('status and check name a line that means nothing', async () => {
    at.write();
    at.withStore(() => {});
    writeFileSync(at.path('exceptions'), 'alow alice\nexcept gone bob@example.net\n');
    expect((await at.run('status')).out).toContain(
      `${at.path('exceptions')}:1: expected allow ID or except RULE ID`,
    );
    const { out } = await at.run('check');
    expect(out).toContain('except gone: there is no such rule any more');
  });
});
