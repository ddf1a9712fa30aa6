/** The manual pages: complete, without a warning of the programs that show them, and `postern help TOPIC`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderPage } from '../../scripts/manual/roff.ts';
import { renderText } from '../../scripts/manual/text.ts';
import { COMMANDS, main } from '../../src/cli/commands.ts';
import { listEntryOptions } from '../../src/cli/program.ts';
import { listKeys } from '../../src/config/describe.ts';
import { ruleSchema } from '../../src/judge/schema.ts';
import { available, missingParts } from '../support/server.ts';

const PAGES = readdirSync('dist/man').sort(); // scripts/prepare.mjs builds them before the tests
const VIEWERS = ['/usr/bin/man', '/usr/bin/groff', '/usr/bin/mandoc'];
const hasViewers = available('man', missingParts(VIEWERS, []));

const source = (page: string) => readFileSync(`dist/man/${page}`, 'utf8');
/** As a reader sees it, on one long line. */
const shown = (page: string) =>
  execFileSync('mandoc', ['-Tutf8', '-Owidth=400', `dist/man/${page}`], { encoding: 'utf8' })
    .replace(/.\x08/g, '')
    .replaceAll(/\s+/g, ' ');

it('are those that package.json names', () => {
  const { man } = JSON.parse(readFileSync('package.json', 'utf8')) as { man: string[] };
  expect(PAGES.map((page) => `dist/man/${page}`)).toEqual([...man].sort());
});

describe.runIf(hasViewers).each(PAGES)('%s', (page) => {
  it('has no warning by man, groff and mandoc', () => {
    const file = `dist/man/${page}`;
    const env = { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80' };
    const run = (program: string, ...args: string[]) => {
      const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
      return { stdout, stderr };
    };
    expect(run('man', '--warnings', '-l', '-Tutf8', '-Z', file).stderr).toBe('');
    expect(run('groff', '-ww', '-man', '-z', file).stderr).toBe('');
    const { stdout } = run('mandoc', '-Tlint', '-Wwarning', file);
    // A date would make two builds of one commit differ.
    expect(stdout.split('\n').filter((line) => !/missing date|^$/.test(line))).toEqual([]);
  });
});

describe.runIf(hasViewers)('postern(8)', () => {
  const commands = COMMANDS.filter(({ hidden }) => hidden !== true);

  it.each(commands.map((entry) => [entry.usage, entry] as const))('has %s', (usage, entry) => {
    const text = shown('postern.8');
    const start = text.indexOf(` postern ${usage} `, text.indexOf('COMMANDS'));
    expect(start).toBeGreaterThan(0);
    const options = listEntryOptions(entry).filter(({ hidden }) => !hidden);
    const missing = options.filter(({ flags }) => !text.includes(flags, start));
    expect(missing.map(({ flags }) => flags)).toEqual([]);
  });

  it('leaves out what is hidden', () => {
    for (const word of ['__complete', '--reader', '--known'])
      expect(shown('postern.8')).not.toContain(word);
  });
});

it.runIf(hasViewers)('postern.yaml(5) has every key', () => {
  const text = shown('postern.yaml.5');
  expect(listKeys().filter((key) => !text.includes(key))).toEqual([]);
});

it.runIf(hasViewers)('postern-rules(7) has every field', () => {
  const bold = [...source('postern-rules.7').matchAll(/^\.SS "(.*)"$/gm)].map(([, name]) => name);
  const fields = Object.keys(ruleSchema.shape);
  expect(fields.filter((field) => !bold.includes(field.replaceAll('-', '\\-')))).toEqual([]);
});

describe('Markdown as a manual page', () => {
  const body = (markdown: string) =>
    renderPage({ title: 'X', section: 1, version: '1', markdown }, (href) => href)
      .split('\n')
      .slice(4, -1);

  it.each<[markdown: string, lines: string[]]>([
    ['a `b-c` *d* **e**', ['.PP', 'a \\fBb\\-c\\fR \\fId\\fR \\fBe\\fR']],
    ['.dot', ['.PP', '\\&.dot']],
    ["'quote' \\\\ back", ['.PP', "\\&'quote' \\e back"]],
    ['    .code\n    a\\b', ['.PP', '.RS 4', '.nf', '\\&.code', 'a\\eb', '.fi', '.RE']],
    ['- a\n- b', ['.IP \\(bu 3', 'a', '.IP \\(bu 3', 'b']],
    [
      '| k | default | meaning |\n|---|---|---|\n| `a` | 1 | x |',
      ['.TP 8', '\\fBa\\fR', 'default: 1', '.br', 'x'],
    ],
    ['10 ms — 5 µs', ['.PP', '10 ms \\[u2014] 5 \\[u00B5]s']],
  ])('%j', (markdown, lines) => {
    expect(body(markdown)).toEqual(lines);
  });
});

describe('Markdown as text', () => {
  it.each<[markdown: string, text: string]>([
    ['# One two\n\nA `b`\nc.', 'ONE TWO\n\n    A b c.\n'],
    ['1. a\n2. b\n\n       code', '    1. a\n\n    2. b\n\n           code\n'],
    [
      'See [rules.md](rules.md) and [the rules](rules.md).',
      '    See rules.md and the rules (rules.md).\n',
    ],
  ])('%j', (markdown, text) => {
    expect(renderText(markdown, (href) => href)).toBe(text);
  });

  it('is at most 80 columns wide', () => {
    const long = renderText('word '.repeat(100), () => '').split('\n');
    expect(Math.max(...long.map((line) => line.length))).toBe(78);
  });
});

describe('postern help', () => {
  async function help(topic: string) {
    const out: string[] = [];
    const keep = (text: string) => void out.push(text);
    const status = await main(['help', topic], { stdout: keep, stderr: keep });
    return { status, out: out.join('') };
  }

  it.each<[topic: string, text: string]>([
    ['topics', 'postern help stolen-account'],
    ['tuning', 'postern replay'],
    ['docs/rules.md', 'RULES\n'],
    ['policy.listen', 'policy.listen\n    Default: unix:/var/spool/postfix/postern/policy'],
    ['caps', 'caps.blocksPerHour\n    Default: 10.'],
    ['leases', 'There is more on this topic: postern help leases.md'],
    ['blocks', 'Usage: postern blocks'],
    ['topics', 'postern help web.md\n'],
    ['topics', 'postern help rules.md\n'],
    ['report', 'There is more on this topic: postern help report.md'],
  ])('%s', async (topic, text) => {
    expect(await help(topic)).toEqual({ status: 0, out: expect.stringContaining(text) });
  });

  it.each<[topic: string, nearest: string]>([
    ['tunign', 'tuning'],
    ['polici.listen', 'policy.listen'],
    ['blokcs', 'blocks'],
    ['docs/ruls.md', 'rules'],
  ])('%s suggests the nearest', async (topic, nearest) => {
    expect(await help(topic)).toEqual({
      status: 2,
      out: expect.stringContaining(`no help on '${topic}'; did you mean '${nearest}'?`),
    });
  });

  it('says only that there is nothing, where nothing is near', async () => {
    expect((await help('xylophone')).out).toContain("error: no help on 'xylophone'\n");
  });
});
