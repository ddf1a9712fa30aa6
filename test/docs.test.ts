/** The pages tell the truth: their examples run, their links lead somewhere, the commands they name exist. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS, main } from '../src/cli/commands.ts';
import { parseConfig } from '../src/config/load.ts';
import { loadConfiguredRules } from '../src/config/rules.ts';
import { parseOverrideFile } from '../src/judge/override-file.ts';
import { parseRule } from '../src/judge/rule.ts';

const ROOT = new URL('..', import.meta.url).pathname;
const PAGES = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];
const COMMAND_NAMES = ['help', ...COMMANDS.map(({ usage }) => usage)];

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

  it('names pages that exist', () => {
    const named = [...page(name).matchAll(/\bdocs\/[\w/.-]+\.md\b/g)].map(([path]) => path);
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('names source files and tests that exist', () => {
    // `src/parse/<mta>/` and `test/scenarios/postfix/NN-name.log` stand for any file of that kind.
    const named = [...page(name).matchAll(/`((?:src|test)\/[\w./-]+)`/g)]
      .map(([, path]) => path as string)
      .filter((path) => !path.includes('NN-'));
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('names commands that exist', () => {
    const used = [
      ...page(name).matchAll(/(?:^|[`\s])postern ([a-z]+(?:-[a-z]+)*)\b(?=[^\n]*)/gm),
    ].map(([line, word]) => [line, word as string] as const);
    const commands = used
      .filter(([line]) => /^\s*postern|`postern/.test(line))
      .map(([, word]) => word);
    expect(
      commands.filter((word) => !/^postern(?:-|$)/.test(word) && !COMMAND_NAMES.includes(word)),
    ).toEqual([]);
  });
});

describe('docs/limits.md', () => {
  const blocks = [...page('docs/limits.md').matchAll(/^```yaml\n((?:.*\n)*?)```$/gm)].map(
    ([, text]) => text as string,
  );
  const indented = (start: RegExp) =>
    [...page('docs/limits.md').matchAll(/(?:^ {4}.*\n)+/gm)]
      .map(([text]) => text.replace(/^ {4}/gm, ''))
      .find((text) => start.test(text)) ?? '';

  it.each(blocks)('example: %s', (text) => {
    if (text.startsWith('name:')) expect(parseRule(text, 'rule').action).toBe('defer');
    else {
      const config = parseConfig(`preset: hosting\n${text.replace(/^preset:.*/, '')}`, '/p.yaml');
      expect(loadConfiguredRules(config).length).toBeGreaterThan(0);
    }
  });

  it('has a table of which every line is understood', () => {
    const { value, problems } = parseOverrideFile(indented(/^# key/), 'table');
    expect(problems).toEqual([]);
    expect(value).toHaveLength(7);
  });

  it('shows what replay prints for its log', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'postern-docs-'));
    const [log, config] = [join(folder, 'mail.log'), join(folder, 'postern.yaml')];
    writeFileSync(log, indented(/postfix.submission/));
    writeFileSync(config, blocks.find((text) => text.includes('very small')) ?? '');
    const out: string[] = [];
    await main(['replay', '--config', config, log], {
      stdout: (text) => void out.push(text),
      stderr: () => {},
    });
    rmSync(folder, { recursive: true });
    expect(out.join('').replaceAll(`${folder}/`, '')).toContain(indented(/would note/));
  });
});

it('docs/README.md lists every page', () => {
  const index = page('docs/README.md');
  const pages = PAGES.filter((name) => /^docs\/(?!README)/.test(name));
  expect(pages.filter((name) => !index.includes(`(${name.slice('docs/'.length)})`))).toEqual([]);
});

describe('docs/events.md', () => {
  const logged = (text: string) =>
    [...text.matchAll(/^ {4}(Nov 10 .*(?:\n {6}.*)*)/gm)].map(([, line]) =>
      (line as string).replace(/\n\s+/g, ' '),
    );

  it('shows the line that docs/flow.md follows, and those before it', () => {
    const lines = logged(page('docs/events.md'));
    expect(lines.length).toBeGreaterThan(1);
    expect(logged(page('docs/flow.md'))).toEqual([lines.at(-1)]);
  });

  it('shows what parse prints for its lines', async () => {
    const lines = logged(page('docs/events.md'));
    const example = JSON.parse(/```json\n(.*)\n```/.exec(page('docs/events.md'))?.[1] ?? '');
    const folder = mkdtempSync(join(tmpdir(), 'postern-docs-'));
    writeFileSync(join(folder, 'mail.log'), `${lines.join('\n')}\n`);
    const out: string[] = [];
    await main(['parse', '--zone', 'UTC', join(folder, 'mail.log')], {
      stdout: (text) => void out.push(text),
      stderr: () => {},
    });
    rmSync(folder, { recursive: true });
    const events = out
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ line, kind }) => [line, kind])).toEqual([
      [3, 'accepted'],
      [4, 'bounced'],
    ]);
    const event = events[1];
    const year = new Date(event.time).getUTCFullYear();
    expect(event).toEqual({
      ...example,
      source: join(folder, 'mail.log'),
      time: example.time.replace('2026', String(year)),
    });
    expect(Object.keys(event)).toEqual(Object.keys(example));
  });

  it('tells every key that an event may have', () => {
    const source = readFileSync(join(ROOT, 'src/cli/event-json.ts'), 'utf8');
    const keys = [
      ...(/const KEYS = \[([\s\S]*?)\]/.exec(source)?.[1] ?? '').matchAll(/'(\w+)'/g),
    ].map(([, key]) => key as string);
    expect(keys.length).toBeGreaterThan(20);
    expect(keys.filter((key) => !page('docs/events.md').includes(`\`${key}\``))).toEqual([]);
  });
});

describe.each(['README.md', 'docs/install.md'])('the steps in %s', (name) => {
  it('put the units and the folder in place before they are started', () => {
    const text = page(name);
    const enabled = [...text.matchAll(/^ {4}systemctl enable --now ([\w. -]+?) *(?:#.*)?$/gm)];
    expect(enabled.length).toBeGreaterThan(0);
    const units = readdirSync(join(ROOT, 'systemd'));
    const copied = text.indexOf('/systemd/postern*.service "$(npm root -g)"/postern/systemd/');
    const folder = text.search(
      /install -d -m 0755 \/etc\/postfix\/postern|systemd-tmpfiles --create/,
    );
    const reloaded = text.indexOf('systemctl daemon-reload');
    for (const { 1: names = '', index } of enabled) {
      const files = names.split(' ').map((unit) => (/\./.test(unit) ? unit : `${unit}.service`));
      expect(units).toEqual(expect.arrayContaining(files));
      for (const step of [copied, folder, reloaded]) {
        expect(step).toBeGreaterThan(0);
        expect(step).toBeLessThan(index);
      }
    }
  });
});

describe('README.md', () => {
  it('names the commands without --format json', () => {
    const [, list = ''] =
      /`--format json` works with every command but ([^;]+);/.exec(page('README.md')) ?? [];
    const named = [...list.matchAll(/`(\w+)`/g)].map(([, command]) => command);
    const without = COMMANDS.filter(
      ({ format, hidden }) => format === undefined && hidden !== true,
    );
    expect(named).toEqual(without.map(({ usage }) => usage));
  });

  it('fits its promise: the npm scripts it names exist', () => {
    const { scripts } = JSON.parse(page('package.json')) as { scripts: Record<string, string> };
    for (const name of ['start', 'test']) expect(scripts[name]).toBeDefined();
  });
});
