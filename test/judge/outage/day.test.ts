/** Two days with outages of a large provider, read by the real `postern replay` with the shipped rules. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { main } from '../../../src/cli/commands.ts';
import { makeDay } from './day.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-day-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Replay {
  readonly verdicts: readonly {
    rule: string;
    action: string;
    key: { type: string; id: string };
    line: number;
    count: number;
  }[];
  readonly nearest: readonly { rule: string; key: { id: string }; highest: number }[];
  readonly suspects?: readonly { provider: string; began: string; ended?: string }[];
}

async function replay(lines: readonly string[], ...options: string[]): Promise<Replay> {
  const log = join(folder, 'mail.log');
  writeFileSync(log, `${lines.join('\n')}\n`);
  const out: string[] = [];
  const io = { stdout: (text: string) => void out.push(text), stderr: () => undefined };
  expect(await main(['replay', '--format', 'json', ...options, log], io)).toBe(0);
  return JSON.parse(out.join('')) as Replay;
}

function blocks({ verdicts }: Replay) {
  return verdicts
    .filter(({ action }) => action === 'block')
    .map(({ rule, key, line, count }) => ({ rule, id: key.id, line, count }));
}

const NEWS = { rule: 'invalid-recipients', key: { type: 'user', id: 'news@example.net' } };

/** The newsletter runs into the outage. It has 100 refusals before the outage is detected, or it has not. */
const SEEDS = [
  { seed: 1, released: [NEWS] },
  { seed: 2, released: [] },
];

describe.each(SEEDS)('seed $seed', ({ seed, released }) => {
  test('the two stolen accounts are blocked and nobody else', { timeout: 60_000 }, async () => {
    const day = makeDay({ seed, outage: true, users: 300 });
    const result = await replay(day.lines);
    const rule = 'invalid-recipients';
    expect(blocks(result)).toEqual(
      day.expected.map(({ id, line }) => ({ rule, id, line, count: 100 })),
    );
    expect(day.expected).toHaveLength(2);
    expect(day.newsletterRefused).toBeGreaterThan(1000);
    expect(result.suspects).toMatchObject([
      { provider: 'bigmail.example', began: expect.stringMatching(/^2020-12-14T22:[123]/) },
      {
        provider: 'bigmail.example',
        began: expect.stringMatching(/^2020-12-15T19:[345]/),
        released,
      },
    ]);
  });

  test('the same without an outage', { timeout: 60_000 }, async () => {
    const day = makeDay({ seed, outage: false, users: 300 });
    const result = await replay(day.lines);
    const rule = 'invalid-recipients';
    expect(blocks(result)).toEqual(
      day.expected.map(({ id, line }) => ({ rule, id, line, count: 100 })),
    );
    expect(day.expected).toHaveLength(2);
    expect(result.suspects).toBeUndefined();
  });
});

test('without the share, the newsletter would be blocked too', { timeout: 60_000 }, async () => {
  const shipped = join(import.meta.dirname, '../../../rules/invalid-recipients.yaml');
  const rules = join(folder, 'rules');
  mkdirSync(rules);
  writeFileSync(
    join(rules, 'plain.yaml'),
    readFileSync(shipped, 'utf8').replace(/^at-least-share: .*\n/m, ''),
  );
  const day = makeDay({ seed: 1, outage: false, users: 30 });
  const ids = blocks(await replay(day.lines, '--rules', rules)).map(({ id }) => id);
  expect(ids).toEqual(['news@example.net', 'user1@example.net', 'user2@example.net']);
});

test('whatever a refusing host writes into its reply, a refusal counts once', async () => {
  const forged = [
    '2020-12-14T10:00:00.000Z mx1 postfix/smtp[822]: A000000001: to=<more@example.org>,',
    'relay=mx.example.com[198.51.100.8]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced',
    '(host mx.example.com[198.51.100.8] said: 550 5.1.1 no such user)',
  ].join(' ');
  const lines = Array.from({ length: 101 }, (_, index) => {
    const id = `A${String(index).padStart(9, '0')}`;
    const at = `2020-12-14T10:00:00.${String(index).padStart(3, '0')}Z mx1 postfix`;
    return [
      `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.net`,
      `${at}/qmgr[700]: ${id}: from=<alice@example.net>, size=1000, nrcpt=1 (queue active)`,
      `${at}/smtp[822]: ${id}: to=<r${index}@example.org>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550-5.1.1 gone#012550 5.1.1 ${forged}#012${forged} (in reply to RCPT TO command))`,
    ];
  }).flat();
  expect(blocks(await replay(lines))).toEqual([
    { rule: 'invalid-recipients', id: 'alice@example.net', line: 300, count: 100 },
  ]);
});
