/** `postern report` as it is typed: its periods, tables and mails; and what is typed wrong. */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Attachment, type Email, default as PostalMime } from 'postal-mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { accepted, type Scratch, scratch } from '../service/scratch.ts';
import { DAY_BEGIN, fillBusyDay, HOSTILE } from './busy-day.ts';

const DAY = ['--day', '2026-11-10', '--utc'];

let at: Scratch;
beforeAll(() => {
  at = scratch({ extra: 'zone: UTC\n' });
  fillBusyDay(at);
});
afterAll(() => at.remove());

describe('a period', () => {
  it.each([
    ['--day', '2026-11-10'],
    ['--from', '2026-11-10', '--to', '2026-11-10'],
    ['--since', '2026-11-10', '--until', '2026-11-11T00:00:00Z'],
  ])('%s %s ... is that day', async (...words) => {
    const { out } = await at.run('report', '--format', 'json', ...words);
    expect(JSON.parse(out)).toMatchObject({
      since: '2026-11-10T00:00:00.000Z',
      until: '2026-11-11T00:00:00.000Z',
      figures: { accepted: 360, recipients: 1080 },
      before: { since: '2026-11-09T00:00:00.000Z', figures: { accepted: 360, recipients: 720 } },
    });
  });

  it('is compared with nothing where there is nothing', async () => {
    const { out } = await at.run('report', '--format', 'json', '--day', '2026-11-09');
    expect(JSON.parse(out)).not.toHaveProperty('before');
  });

  it.each([
    [['--day', 'tuesday'], '--day tuesday: expected today, yesterday or a day such as 2026-11-09'],
    [['--week', '2026-W99'], '--week 2026-W99: expected last, this, a week such as 2026-W46'],
    [['--from', '2026-02-30'], '--from 2026-02-30: expected a day such as 2026-11-09'],
    [['--to', '2026-02-01'], '--to 2026-02-01: needs --from as well'],
    [['--from', '2026-02-03', '--to', '2026-02-01'], '--from 2026-02-03 must not be after --to'],
    [['--day', 'today', '--since', '1h'], 'name the period in one way'],
    [['--day', '2999-01-01'], 'the period has not begun yet'],
    [['--since', 'soon'], '--since soon: expected a duration such as 24h'],
    [['--since', '1h', '--until', '2h'], '--since must be before --until'],
    [['--format', 'csv'], '--format csv: needs --table, one of mail, volume, '],
    [['--format', 'csv', '--table', 'x'], '--table x: expected one of mail, volume, '],
    [['--table', 'mail'], '--table: needs --format csv'],
  ])('%j is refused', async (words, message) => {
    const { status, out, err } = await at.run('report', ...words);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(`postern: ${message}`);
  });
});

describe('as CSV', () => {
  it('is one table, with a head', async () => {
    const { out } = await at.run('report', ...DAY, '--format', 'csv', '--table', 'volume');
    expect(out.split('\r\n').slice(0, 3)).toEqual([
      'What,Number,Before,Change',
      'messages accepted,360,360,0 %',
      'recipients of these,1080,720,+50 %',
    ]);
  });

  it('quotes what strangers wrote', async () => {
    const { out } = await at.run('report', ...DAY, '--format', 'csv', '--table', 'blocks');
    const quoted = `"${HOSTILE.replaceAll('"', '""')}"`;
    expect(out.split('\r\n')[1]).toBe(
      `1,"user:${quoted.slice(1)},manual,2026-11-10 09:00Z,runs,${quoted}`,
    );
  });
});

describe('by mail', () => {
  /** The mail that sendmail got; a program that writes it into a file stands for it. */
  async function mail(): Promise<Email> {
    const file = at.path('sent.eml');
    const program = at.path('sendmail');
    writeFileSync(program, `#!/bin/sh\ncat > ${file}\n`, { mode: 0o755 });
    const config = at.path('mail.yaml');
    const text = readFileSync(at.config, 'utf8').replace(
      'digest: 1s',
      `digest: 1s, sendmail: ${program}`,
    );
    writeFileSync(config, text);
    const said: string[] = [];
    const io = {
      stdout: (line: string) => void said.push(line),
      stderr: (line: string) => void said.push(line),
    };
    expect(await main(['report', ...DAY, '--mail', '--config', config], io)).toBe(0);
    expect(said.join('')).toBe('Report sent to abuse@example.net.\n');
    return await PostalMime.parse(readFileSync(file));
  }

  it('has text, HTML without a script, and its charts as images inside', async () => {
    const { text = '', html = '', attachments } = await mail();
    expect(text).toContain('Recipients over time');
    expect(html).not.toMatch(/<script|<svg/);
    const shown = [...html.matchAll(/src="cid:([a-z]+)"/g)].map(([, name]) => `<${name}>`);
    expect(shown).toEqual(['<mail>', '<refusals>', '<outside>']);
    expect(attachments.map(({ contentId }) => contentId)).toEqual(shown);
    for (const image of attachments) expect(readSize(image)).toEqual([760, 380]);
  });

  it('is none if there is nothing to look at, and that is wanted', async () => {
    const quiet = scratch();
    quiet.write(...accepted('alice@example.net'));
    const service = quiet.start();
    const isCalm = async () => (await quiet.run('status')).status === 0;
    try {
      for (let tries = 0; tries < 200 && !(await isCalm()); tries++) await setTimeout(50);
      const { status, out, err } = await quiet.run('report', '--mail', '--only-if-any');
      expect({ status, out }).toEqual({ status: 0, out: '' });
      expect(err).toContain('nothing happened in this period');
    } finally {
      await service.stop();
      await quiet.remove();
    }
  });

  it('is there because of a problem of now, but not of an old day', async () => {
    const old = await at.run('report', '--only-if-any', '--day', '2026-11-08');
    expect(old).toMatchObject({ status: 0, out: '' });
    const { out } = await at.run('report', '--only-if-any', '--day', 'yesterday');
    expect(out).toMatch(/^Problem +postern run is not running/m);
  });
});

/** Width and height of a PNG image (its IHDR chunk). */
function readSize({ content, mimeType }: Attachment): [number, number] {
  expect(mimeType).toBe('image/png');
  const bytes = Buffer.from(content as ArrayBuffer);
  expect(bytes.toString('latin1', 1, 4)).toBe('PNG');
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

it('a limit that was met less than a minute before a block is no case of no block', async () => {
  const key = { type: 'user', id: 'mallory@example.net' } as const;
  const start = DAY_BEGIN + 5 * 3_600_000;
  at.withStore((store) => {
    const place = { source: 'mail.log', line: 1, offset: 0, limit: 3, period: 60_000, count: 3 };
    const verdict = {
      rule: 'rule',
      action: 'observe',
      key,
      time: start - 40_000,
      ...place,
    } as const;
    store.verdicts.insert(verdict, 'observed', 0);
    store.verdicts.insert({ ...verdict, time: start - 61_000 }, 'observed', 0);
    const block = store.blocks.start({ key, cause: 'rule', start });
    store.blocks.release(block?.id ?? 0, start + 3_600_000, 'operator', 0);
  });
  const { out } = await at.run('report', ...DAY, '--format', 'json');
  expect(JSON.parse(out).verdicts.map(({ time }: { time: string }) => time)).toEqual([
    '2026-11-10T04:58:59.000Z',
  ]);
});

it('docs/report.md names every key of the JSON and every table', async () => {
  const { out } = await at.run('report', ...DAY, '--format', 'json');
  const page = readFileSync(new URL('../../docs/report.md', import.meta.url), 'utf8');
  const report = JSON.parse(out);
  const keys = [report, report.figures, report.before, report.course, report.service].flatMap(
    (part) => Object.keys(part),
  );
  const { err } = await at.run('report', '--format', 'csv');
  const tables = /one of (.*)\n/.exec(err)?.[1]?.split(', ') ?? [];
  expect(tables.length).toBeGreaterThan(20);
  expect([...keys, ...tables].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
