/** What commands print on a real terminal, and in a pipe: colours, widths, tables, CSV, plain lists, filters. */

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { csvRow } from '../../src/cli/csv.ts';
import { Progress } from '../../src/cli/progress.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { type EventQuery, matchesQuery } from '../../src/model/event-query.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { events as anyEvent, event, START } from '../store/made-up.ts';
import { openStore } from '../support/database.ts';

const PROGRAM = resolve('dist/cli/main.js');
const PTY = resolve('test/support/terminal.py');
const COLOUR = /\u001b\[/;
const NOTE = 'a note of some length, which was typed by somebody who had a lot of time';
let at: Scratch;

beforeAll(() => {
  at = scratch({ extra: 'zone: Europe/Berlin\n' });
  at.write();
  const start = Date.UTC(2026, 6, 1, 10);
  at.withStore((store) =>
    store.commit(() => {
      store.events.insert([
        event({
          time: START,
          offset: 1,
          kind: 'bounced',
          reason: 'invalid-recipient',
          submitter: { type: 'uid', id: '0' },
          sender: 'a@example.net',
          recipient: '=cmd@mail.example.org',
          relay: { host: 'mx.example.org' },
          reply: '550 5.1.1 "no", such user',
        }),
        event({
          time: START + 1,
          offset: 2,
          kind: 'rejected',
          client: { address: '192.0.2.9' },
          sender: '',
          recipient: 'bob@example.net',
          host: 'mx1.example.net',
        }),
      ]);
      store.blocks.start({ key: { type: 'uid', id: '0' }, cause: 'zebra', start, note: NOTE });
      store.blocks.start({
        key: { type: 'client', id: '198.51.100.0/24' },
        cause: 'manual',
        start: start + 1,
        end: start + 9e12,
      });
      store.blocks.start({
        key: { type: 'user', id: 'alice@example.net' },
        cause: 'antelope',
        start: start + 2,
        end: start + 8e12,
      });
    }),
  );
});
afterAll(() => at.remove());

async function onTerminal(columns: number, ...words: string[]): Promise<string> {
  const argv = ['python3', PTY, String(columns), process.execPath, PROGRAM, ...words];
  const { stdout } = await runCommand([...argv, '--config', at.config], { timeout: 60_000 });
  return stdout;
}
const plain = (text: string) => text.replace(/\u001b\[\d*m/g, '');
const run = (...words: string[]) => at.run(...words);

describe('on a terminal', () => {
  it.each([20, 40, 80, 120, 200])(
    'of %i columns, tables fit and nothing is cut off',
    async (columns) => {
      for (const command of ['blocks', 'events', 'status', 'report']) {
        const text = plain(await onTerminal(columns, command));
        const longest = Math.max(...text.split('\n').map((line) => line.length));
        expect({ command, text, longest }).toMatchObject({
          longest: expect.toSatisfy((n: number) => n <= columns),
        });
        if (command === 'report') continue;
        const joined = text.replace(/\s+/g, '');
        if (command === 'blocks') expect(joined).toContain(NOTE.replaceAll(' ', ''));
        if (command === 'events') expect(joined).toContain('5505.1.1"no",suchuser');
      }
    },
  );

  it('there is colour, unless it is not wanted', async () => {
    expect(await onTerminal(80, 'blocks')).toMatch(COLOUR);
    expect(await onTerminal(80, 'blocks', '--color', 'never')).not.toMatch(COLOUR);
    const argv = [
      'env',
      'NO_COLOR=1',
      'python3',
      PTY,
      '80',
      process.execPath,
      PROGRAM,
      'blocks',
      '--config',
      at.config,
    ];
    expect((await runCommand(argv, { timeout: 60_000 })).stdout).not.toMatch(COLOUR);
  });

  it('columns are aligned', async () => {
    const [head = '', ...rows] = plain(await onTerminal(200, 'blocks'))
      .trim()
      .split('\n');
    const cause = head.indexOf('Cause');
    const begun = rows.filter((row) => /^\d/.test(row));
    expect(begun.map((row) => row.slice(cause).split(/\s/)[0])).toEqual([
      'zebra',
      'manual',
      'antelope',
    ]);
    expect(rows[0]).toContain('uid:0 (root)');
    expect(rows[0]).toContain('2026-07-01 12:00+02:00');
  });

  it('a file of bytes is refused', async () => {
    expect(await onTerminal(80, 'events', '--format', 'parquet')).toContain(
      'a terminal cannot show it',
    );
    expect(await onTerminal(80, 'backup', '-')).toContain('postern backup - > FILE');
  });
});

describe('in a pipe', () => {
  const piped = async (...words: string[]) =>
    (
      await runCommand([process.execPath, PROGRAM, ...words, '--config', at.config], {
        timeout: 60_000,
      })
    ).stdout;

  it('there is no colour, unless it is wanted, and each block and event is one line', async () => {
    const text = await piped('blocks');
    expect(text).not.toMatch(COLOUR);
    expect(text.split('\n')[0]).toMatch(
      /^1 {2}uid:0 \(root\) {2}zebra "a note.*" {2}since 2026-07-01 12:00:00\+02:00, until released/,
    );
    expect(await piped('status', '--color', 'always')).toMatch(COLOUR);
    expect((await piped('events')).split('\n')).toHaveLength(3);
    expect((await piped('events', '--utc')).split('\n')[0]).toContain(
      '2026-11-10T09:00:00.000Z bounced uid:0 (root)',
    );
  });

  it('Parquet comes in row groups', async () => {
    const file = at.path('events.parquet');
    const argv = [
      'sh',
      '-c',
      'exec "$@" > "$0"',
      file,
      process.execPath,
      PROGRAM,
      'events',
      '--format',
      'parquet',
      '--config',
      at.config,
    ];
    expect(await runCommand(argv, { timeout: 60_000 })).toMatchObject({ status: 0, stderr: '' });
    const bytes = readFileSync(file);
    const { parquetReadObjects } = await import('hyparquet');
    const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
    expect(rows).toMatchObject([
      {
        time: new Date(START),
        kind: 'bounced',
        submitter: '0',
        provider: 'example.org',
        recipient: '=cmd@mail.example.org',
        recipient_domain: 'mail.example.org',
        code: null,
        line: 1n,
        repeated: false,
      },
      {
        time: new Date(START + 1),
        kind: 'rejected',
        sender: '',
        client: '192.0.2.9',
        host: 'mx1.example.net',
      },
    ]);
  });
});

describe('CSV', () => {
  it.each([
    [['a', 1, true, undefined], 'a,1,true,\n'],
    [['a,b', 'say "x"'], '"a,b","say ""x"""\n'],
    [['=1+1', '+1', '-1', '@x', -1], "'=1+1,'+1,'-1,'@x,-1\n"],
    [['a\nb\u001b'], 'a\\u000ab\\u001b\n'],
  ] as const)('%j', (values, line) => {
    expect(csvRow(values)).toBe(line);
  });

  it('of events and blocks has a line of names', async () => {
    const lines = (await run('events', '--format', 'csv')).out.split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^time,kind,reason,direction,/);
    expect(lines[1]).toContain(",'=cmd@mail.example.org,");
    const blocks = (await run('blocks', '--format', 'csv')).out;
    expect(blocks).toMatch(
      /^number,type,id,.*\n1,uid,0,,,zebra,2026-07-01T10:00:00\.000Z,,,,false,/,
    );
  });
});

describe('blocks', () => {
  const plainList = async (...words: string[]) =>
    (await run('blocks', '--format', 'plain', ...words)).out.split('\n').slice(0, -1);
  it.each<[string[], string[]]>([
    [[], ['uid:0', '198.51.100.0/24', 'alice@example.net']],
    [['--type', 'client'], ['198.51.100.0/24']],
    [['--of', '198.51.100.7'], ['198.51.100.0/24']],
    [['--of', '198.51.0.0/16'], ['198.51.100.0/24']],
    [['--domain', 'example.net'], ['alice@example.net']],
    [['--cause', 'manual'], ['198.51.100.0/24']],
    [['--host', 'mx2.example.net'], []],
    [
      ['--sort', 'who'],
      ['198.51.100.0/24', 'alice@example.net', 'uid:0'],
    ],
    [
      ['--sort', 'cause'],
      ['alice@example.net', '198.51.100.0/24', 'uid:0'],
    ],
    [
      ['--sort', 'end'],
      ['alice@example.net', '198.51.100.0/24', 'uid:0'],
    ],
    [['--since', '2026-07-02'], []],
    [['--until', '2026-07-02', '--type', 'user'], ['alice@example.net']],
  ])('%j', async (words, expected) => {
    expect(await plainList(...words)).toEqual(expected);
  });
});

describe('filters', () => {
  it.each<[string[], number]>([
    [['--submitter', 'uid:0'], 1],
    [['--client', '192.0.2.0/24'], 1],
    [['--client', '192.0.3.0/24'], 0],
    [['--sender', '<>'], 1],
    [['--sender', 'A@example.net'], 1],
    [['--domain', 'example.org'], 1],
    [['--domain', 'ample.org'], 0],
    [['--host', 'example.org'], 1],
    [['--host', 'mx1.example.net'], 1],
    [['--kind', 'rejected', '--host', 'mx1.example.net'], 1],
    [['--reason', 'invalid', '--limit', '5'], 1],
  ])('events %j', async (words, count) => {
    expect((await run('events', ...words)).out.split('\n').length - 1).toBe(count);
  });

  it('say what is wrong', async () => {
    expect(await run('events', '--client', 'alice')).toMatchObject({
      status: 2,
      err: 'postern: --client alice: expected an IP address or a network\n',
    });
    expect((await run('events', '--submitter', '192.0.2.0/24')).err).toContain(
      '--client takes networks',
    );
  });

  it('are the same in parse', async () => {
    const log = at.path('one.log');
    writeFileSync(
      log,
      ['alice', 'bob']
        .map(
          (name, at) =>
            `2026-11-10T09:00:0${at}+00:00 mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x.example.org[192.0.2.${at}]: 550 5.1.1 <${name}@example.net>: Recipient address rejected: User unknown; from=<c@example.com> to=<${name}@example.net> proto=ESMTP helo=<x>\n`,
        )
        .join(''),
    );
    const parsed = await run('parse', log, '--recipient', 'bob@example.net');
    expect(
      parsed.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).recipient),
    ).toEqual(['bob@example.net']);
    expect(
      (await run('parse', log, '--client', '192.0.2.0/32', '--format', 'csv')).out.split('\n'),
    ).toHaveLength(3);
  });

  it('mean the same for stored events as for those of a log', () => {
    const words = fc.constantFrom(
      'a',
      'alice@example.net',
      'mx.example.org',
      '550 5.1.1 unknown\u0000',
    );
    const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
    const queries = fc.record({
      since: maybe(fc.integer({ min: START, max: START + 3_600_000 })),
      kinds: maybe(fc.constant(['bounced', 'rejected', 'accepted'] as const)),
      submitter: maybe(fc.constant({ type: 'user', id: 'alice@example.net' } as const)),
      clientAddress: maybe(fc.constantFrom('192.0.2.1', '2001:db8::1')),
      clientNetwork: maybe(fc.constantFrom('192.0.2.0/31', '2001:db8::/32')),
      sender: maybe(words),
      recipient: maybe(words),
      domain: maybe(fc.constantFrom('example.net', 'net', 'a')),
      host: maybe(fc.constantFrom('example.org', 'mx.example.com')),
    });
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 60 }),
        fc.array(queries, { maxLength: 8 }),
        (batch, all) => {
          const { store } = openStore(':memory:');
          store.commit(() => store.events.insert(batch));
          const stored = Array.from(store.events.query({}), ({ event }): MailEvent => event);
          for (const one of all) {
            const query = Object.fromEntries(
              Object.entries(one).filter(([, value]) => value !== undefined),
            ) as EventQuery;
            const found = Array.from(store.events.query(query), ({ event }) => event);
            expect(found).toEqual(stored.filter((event) => matchesQuery(event, query)));
          }
          store.close();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('progress', () => {
  function watched(hasTerminal: boolean) {
    const shown: string[] = [];
    let now = 0;
    const io = {
      stdout: () => {},
      stderr: () => {},
      ...(hasTerminal && { progress: (line: string) => void shown.push(line) }),
    };
    const progress = new Progress(io, 'line', () => now);
    return {
      shown,
      progress,
      at: (ms: number) => {
        now = ms;
      },
    };
  }

  it('is shown after two seconds, four times a second, and taken away', () => {
    const { shown, progress, at } = watched(true);
    for (let ms = 0; ms <= 4000; ms += 100) {
      at(ms);
      progress.add(1000, ms / 8000);
    }
    progress.end();
    expect(shown[0]).toBe('21000 lines, 10500 lines/s, 25 %, 6s left');
    expect(shown).toHaveLength(8);
    expect(shown.at(-1)).toBe('');
  });

  it('is nothing for short work, and nothing without a terminal', () => {
    for (const [hasTerminal, ms] of [
      [true, 1900],
      [false, 9000],
    ] as const) {
      const { shown, progress, at } = watched(hasTerminal);
      at(ms);
      progress.add(1);
      progress.end();
      expect(shown).toEqual([]);
    }
  });
});
