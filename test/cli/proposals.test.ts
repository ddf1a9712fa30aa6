/** `postern init --learn` and `postern replay --suggest` on logs of some weeks. */
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { firstDay } from '../../bench/detection/acts.ts';
import { people } from '../../bench/detection/audience.ts';
import { login, sends } from '../../bench/detection/cast.ts';
import { render } from '../../bench/detection/render.ts';
import { type Flow, listStories, MINUTE, type Story } from '../../bench/detection/story.ts';
import { main } from '../../src/cli/commands.ts';
import { parseConfig } from '../../src/config/load.ts';
import * as schema from '../../src/config/schema.ts';
import { roundUp } from '../../src/judge/learn/propose.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder();
afterAll(folder.remove);

/** A mailing on each of these days, with so many dead addresses in percent. */
function mailings(user: string, days: readonly number[], recipients: number, dead: number): Flow[] {
  const by = login(user, '198.51.100.20');
  const to = people({ dead });
  return days.map((day) =>
    sends({ by, at: `${day}+09:00`, over: 50 * MINUTE, mails: recipients / 20, each: 20, to }),
  );
}

const [STORY] = listStories([
  {
    name: 'proposals',
    innocent: [
      {
        name: 'proposals',
        says: 'Newsletters, an invitation, and an old list.',
        flows: [
          ...mailings('news@laden.example', [0, 7, 14, 21], 1200, 1),
          ...mailings('rundbrief@verein.example', [3, 9], 600, 1),
          ...mailings('einladung@fest.example', [5], 800, 1),
          ...mailings('alt@liste.example', [2, 8], 560, 6),
          ...mailings('gestohlen@haus.example', [4, 6], 600, 30),
        ],
      },
    ],
    guilty: [],
  },
]);
const LOG = folder.write('mail.log', render(STORY as Story, firstDay(0)).files.join(''));

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const ran = new Map<string, Promise<Ran>>();

/** Runs a command once. */
function run(...argv: string[]): Promise<Ran> {
  const name = argv.join(' ');
  const known = ran.get(name) ?? runNow(argv);
  ran.set(name, known);
  return known;
}

async function runNow(argv: readonly string[]): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (part: string) => void out.push(part),
    stderr: (part: string) => void err.push(part),
  };
  const status = await main(argv, io);
  return { status, out: out.join(''), err: err.join('') };
}

interface Override {
  readonly rule: string;
  readonly user: string;
  readonly limit: number;
  readonly why: string;
}

describe.each([
  ['init --learn', ['init', '--learn', LOG]],
  ['replay --suggest', ['replay', '--suggest', LOG]],
])('postern %s', (_name, argv) => {
  test('proposes overrides for who sends much again and again, with the figures', async () => {
    const { out } = await run(...argv);
    const { overrides } = parse(out) as { overrides: Override[] };
    expect(overrides.map(({ rule, user, limit }) => [rule, user, limit])).toEqual([
      ['recipients', 'news@laden.example', 1800],
      ['recipients', 'rundbrief@verein.example', 900],
    ]);
    expect(overrides[0]?.why).toMatch(
      /^1200 in 1h \(2023-01-\d\d 09:\d\dZ\), reached on 4 Mondays; \d+ of 4800 recipients do not exist$/,
    );
  });

  test('never for an account that may be stolen; it says why', async () => {
    const { out } = await run(...argv);
    const lines = out.split('\n');
    const about = (user: string) => lines.filter((line) => line.includes(`${user} (recipients)`));
    expect(about('alt@liste.example')[0]).toMatch(
      /^# {3}alt@liste\.example \(recipients\): \d+ of 1120 recipients \(6 %\) do not exist: it may be stolen\. 560 in 1h/,
    );
    expect(about('gestohlen@haus.example')[0]).toContain('it may be stolen');
    expect(about('einladung@fest.example')[0]).toContain(
      'it reached the limit on one day only: it may be stolen, with a good list. Ask its owner. 800 in 1h',
    );
  });

  test('and the smallest limit that spares all but some', async () => {
    const { out } = await run(...argv, '--spare-all-but', '2');
    expect(out).toContain(
      '#   recipients: limit 601 in 1h (now 500) catches news@laden.example 1200, einladung@fest.example 800\n',
    );
    const { out: none } = await run(...argv, '--spare-all-but', '0');
    expect(none).toContain('#   recipients: limit 1201 in 1h (now 500) catches nobody\n');
  });

  test('as a section that postern.yaml takes', async () => {
    const { out } = await run(...argv);
    const text = `mta: postfix\nlogs: [${LOG}]\n${out}`;
    if ('overrides' in schema.configSchema.shape) {
      expect(parseConfig(text, folder.at('postern.yaml'))).toHaveProperty('overrides');
    }
    for (const override of (parse(text) as { overrides: Override[] }).overrides) {
      expect(override).toEqual({
        rule: 'recipients',
        user: expect.stringMatching(/^[^@]+@[^@]+$/),
        limit: expect.any(Number),
        why: expect.any(String),
      });
    }
  });

  test('and for programs', async () => {
    const { out } = await run(...argv, '--format', 'json');
    const { overrides, withheld, limits } = JSON.parse(out);
    expect(overrides).toHaveLength(2);
    expect(overrides[0]).toMatchObject({
      rule: 'recipients',
      key: { type: 'user', id: 'news@laden.example' },
      recipients: 4800,
      limit: 1800,
      reached: [{ limit: 500, period: '1h', highest: 1200, days: 4 }],
    });
    expect(withheld.map(({ key }: { key: { id: string } }) => key.id).sort()).toContain(
      'alt@liste.example',
    );
    expect(limits[0]).toMatchObject({ rule: expect.any(String), smallest: expect.any(Number) });
  });

  test('refuses a number that is none', async () => {
    const { status, err } = await run(...argv, '--spare-all-but', 'two');
    expect([status, err]).toEqual([
      2,
      'postern: --spare-all-but two: expected a whole number, such as 3\n',
    ]);
  });
});

test('with the rules in force: nobody is caught by a limit that is high enough', async () => {
  const rules = folder.at('rules');
  folder.write(
    'rules/volume.yaml',
    'name: volume\ncount: recipients\nper: submitter\nlimit: 5000\nperiod: 1h\naction: observe\n',
  );
  const config = folder.at('rules.yaml');
  writeFileSync(config, JSON.stringify({ mta: 'postfix', logs: [LOG], rules }));
  const { out } = await run('replay', '--config', config, '--suggest', LOG);
  expect(out).toContain('\noverrides: []\n');
  expect(out).toContain('#   volume: limit 601 in 1h (now 5000) catches news@laden.example 1200');
});

test('a login with anything in it stays a text in one line', async () => {
  const name = 'a"b: {evil}#\u{1b}[31m@x.example';
  const stamp = (day: number, n: number) =>
    `2026-11-0${day}T09:${String(Math.floor(n / 60) % 60).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.000000+00:00 mx1 postfix/`;
  const lines = [2, 3].flatMap((day) =>
    Array.from({ length: 30 }, (_, n) => {
      const id = `4${day}A${String(n).padStart(4, '0')}B`;
      return [
        `${stamp(day, n)}smtpd[7]: ${id}: client=unknown[192.0.2.9], sasl_method=PLAIN, sasl_username=${name}`,
        `${stamp(day, n)}qmgr[8]: ${id}: from=<a@x.example>, size=900, nrcpt=20 (queue active)`,
      ];
    }).flat(),
  );
  const log = folder.write('hostile.log', `${lines.join('\n')}\n`);
  const { out } = await run('replay', '--suggest', log);
  const { overrides } = parse(out) as { overrides: Override[] };
  expect(overrides.map(({ limit }) => limit)).toEqual([900]);
  expect(out).not.toContain('\u{1b}');
});

test.each([
  [1260, 1300],
  [750, 750],
  [9, 9],
  [7.5, 8],
  [99_001, 100_000],
])('%d is rounded up to %d', (number, rounded) => expect(roundUp(number)).toBe(rounded));
