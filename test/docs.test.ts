/** The pages tell the truth: their examples run, their links lead somewhere, the commands they name exist. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS, main } from '../src/cli/main.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];
const COMMAND_NAMES = COMMANDS.map(({ usage }) => usage);

function page(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

describe.each(PAGES)('%s', (name) => {
  it('links to files that exist', () => {
    const links = [...page(name).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(
      ([, path]) => path as string,
    );
    expect(links.filter((path) => !existsSync(join(ROOT, dirname(name), path)))).toEqual([]);
  });

  it('names commands that exist', () => {
    const used = [...page(name).matchAll(/(?:^|[`\s])postern ([a-z]+)\b(?=[^\n]*)/gm)].map(
      ([line, word]) => [line, word as string] as const,
    );
    const commands = used
      .filter(([line]) => /^\s*postern|`postern/.test(line))
      .map(([, word]) => word);
    expect(commands.filter((word) => word !== 'postern' && !COMMAND_NAMES.includes(word))).toEqual(
      [],
    );
  });
});

describe('docs/events.md', () => {
  it('shows the event of the line in docs/flow.md', async () => {
    const example = JSON.parse(/```json\n(.*)\n```/.exec(page('docs/events.md'))?.[1] ?? '');
    const folded = /^ {4}(Nov 10 .*(?:\n {6}.*)+)/m.exec(page('docs/flow.md'))?.[1] ?? '';
    const lines = [
      'Nov 10 09:05:06 mx1 postfix/submission/smtpd[811]: connect from unknown[192.0.2.7]',
      'Nov 10 09:05:07 mx1 postfix/submission/smtpd[811]: 9BE7E21449E: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.net',
      'Nov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: from=<alice@example.net>, size=1432, nrcpt=1 (queue active)',
      folded.replace(/\n\s+/g, ' '),
    ];
    const folder = mkdtempSync(join(tmpdir(), 'postern-docs-'));
    writeFileSync(join(folder, 'mail.log'), `${lines.join('\n')}\n`);
    const out: string[] = [];
    await main(['parse', join(folder, 'mail.log'), '--zone', '+00:00'], {
      stdout: (text) => void out.push(text),
      stderr: () => {},
    });
    rmSync(folder, { recursive: true });
    const event = JSON.parse(out.join('').trim().split('\n').at(-1) ?? '');
    const year = new Date(event.time).getUTCFullYear();
    expect(event).toEqual({
      ...example,
      source: join(folder, 'mail.log'),
      offset: event.offset,
      time: example.time.replace('2026', String(year)),
    });
    expect(Object.keys(event)).toEqual(Object.keys(example));
  });

  it('tells every key that an event may have', () => {
    const source = readFileSync(join(ROOT, 'src/model/event.ts'), 'utf8');
    const keys = [
      ...(/const KEYS = \[([\s\S]*?)\]/.exec(source)?.[1] ?? '').matchAll(/'(\w+)'/g),
    ].map(([, key]) => key as string);
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter((key) => !page('docs/events.md').includes(`\`${key}\``))).toEqual([]);
  });
});

describe('README.md', () => {
  it('fits its promise: the npm scripts it names exist', () => {
    const { scripts } = JSON.parse(page('package.json')) as { scripts: Record<string, string> };
    for (const name of ['start', 'test']) expect(scripts[name]).toBeDefined();
  });
});
