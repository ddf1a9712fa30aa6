/** The conditions that commands share, and CSV beside JSON: queue, recipients, report, listings. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY, HOUR } from '../../src/base/time.ts';
import { main } from '../../src/cli/commands.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { openRecipientStore } from '../../src/store/recipients.ts';
import { type Scratch, scratch } from '../service/scratch.ts';

let at: Scratch;
beforeEach(() => {
  at = scratch();
});
afterEach(() => at.remove());

describe('postern queue', () => {
  const hour = Math.floor(Date.now() / 1000) - 3600;
  const mail = (queue_id: string, sender: string, address: string, more = {}) => ({
    queue_name: 'deferred',
    queue_id,
    arrival_time: hour,
    message_size: 900,
    sender,
    recipients: [{ address, delay_reason: 'host mx[192.0.2.9] said: 452 4.2.2 Mailbox full' }],
    ...more,
  });
  const QUEUE = [
    mail('4ABCDEF011', 'alice@example.net', 'a@one.example'),
    mail('4ABCDEF012', 'bob@example.net', 'b@two.example', { arrival_time: hour - 86_400 }),
    mail('4ABCDEF013', '', 'c@mail.one.example', {
      recipients: [{ address: 'c@mail.one.example', delay_reason: 'connection timed out' }],
    }),
  ];

  beforeEach(() => {
    const names = ['postsuper', 'postqueue', 'postcat'];
    const commands = names.map((name) => `${name}: [${at.path(name)}]`);
    const text = readFileSync(at.config, 'utf8');
    writeFileSync(at.config, `${text}\ncommands: { ${commands.join(', ')} }\n`);
    const lines = QUEUE.map((one) => JSON.stringify(one)).join('\n');
    for (const [name, body] of [
      ['postqueue', `cat <<'END'\n${lines}\nEND`],
      ['postcat', 'exit 1'],
      ['postsuper', 'cat >/dev/null'],
    ] as const) {
      writeFileSync(at.path(name), `#!/bin/sh\n${body}\n`);
      chmodSync(at.path(name), 0o755);
    }
  });

  const listed = async (...words: string[]) => {
    const { status, out, err } = await at.run('queue', ...words, '--format', 'csv');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const [head, ...rows] = out.trimEnd().split('\n');
    expect(head).toBe(
      'queue_id,state,held,time,size,submitter_type,submitter,sender,recipient,reason',
    );
    return rows.map((row) => row.slice(7, 10));
  };

  it.each([
    [
      ['--domain', 'one.example'],
      ['011', '013'],
    ],
    [['--domain', 'ONE.example', '--sender', '<>'], ['013']],
    [['--sender', 'alice@example.net'], ['011']],
    [['--recipient', 'B@two.example'], ['012']],
    [
      ['--since', '2h'],
      ['011', '013'],
    ],
    [['--until', '2h'], ['012']],
    [
      ['--reason', 'mailbox-full'],
      ['011', '012'],
    ],
    [['--reason', 'mailbox-full', '--since', '2h'], ['011']],
    [['--queue-id', '4ABCDEF012'], ['012']],
    [['id:4ABCDEF012', '--since', '2h'], []],
  ])('%j', async (words, expected) => {
    expect(await listed(...words)).toEqual(expected);
  });

  it.each([
    [[], /name submitters or queue IDs, or a condition/],
    [['alice@example.net', '--submitter', 'bob@example.net'], /name the submitter once/],
    [['--client', 'nowhere'], /expected an IP address or a network/],
    [['--since', 'yesterday'], /expected a duration/],
    [['--reason', 'nothing'], /expected/],
    [['--kind', 'bounced'], /unknown option/],
    [['--host', 'mx1'], /unknown option/],
  ])('refuses %j', async (words, message) => {
    const { status, out, err } = await at.run('queue', ...words);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(message);
  });

  it('acts on what is left, and prints that as CSV', async () => {
    const { status, out } = await at.run(
      'queue',
      '--domain',
      'two.example',
      '--hold',
      '--format',
      'csv',
    );
    expect(out).toMatch(/^queue_id,outcome,text\n4ABCDEF012,/);
    expect(out).not.toContain('4ABCDEF011');
    expect([0, 1]).toContain(status);
  });
});

describe('postern recipients', () => {
  const time = Date.now() - 2 * DAY;
  beforeEach(() => {
    const { store } = openRecipientStore(at.path('answers.db'), 1000);
    store.write([
      { address: 'old@example.net', isValid: false, time },
      { address: 'new@example.net', isValid: true, time: Date.now() },
    ]);
    store.close();
  });
  const run = async (...words: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const argv = ['recipients', ...words, '--database', at.path('answers.db')];
    const status = await main(argv, {
      stdout: (text) => void out.push(text),
      stderr: (text) => void err.push(text),
    });
    return { status, out: out.join(''), err: err.join('') };
  };

  it.each([
    [['--since', '1d'], 'new@example.net,true,'],
    [['--until', '1d'], 'old@example.net,false,'],
    [['--recipient', 'old@example.net'], 'old@example.net,false,'],
  ])('list %j', async (words, row) => {
    const { out } = await run('list', '--format', 'csv', ...words);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toBe('recipient,valid,time');
    expect(lines.slice(1)).toEqual([expect.stringContaining(row)]);
  });

  it.each([
    ['lookup', 'new@example.net', '--domain', 'example.net'],
    ['import', '-', '--since', '1d'],
    ['list', '--all'],
    ['export', '--limit', '3'],
  ])('refuses %s %s %s', async (...words) => {
    const { status, err } = await run(...words);
    expect(status).toBe(2);
    expect(err).toMatch(/recipients \w+: takes no --\w+/);
  });
});

describe('postern report', () => {
  it('counts only the mail that is asked for', async () => {
    const base = { source: 'mail.log', line: 1, mta: 'postfix', kind: 'bounced' } as const;
    at.withStore((store) =>
      store.commit(() =>
        store.events.insert(
          Array.from(
            { length: 30 },
            (_, n): MailEvent => ({
              ...base,
              offset: n,
              time: Date.now() - HOUR,
              reason: n % 2 === 0 ? 'invalid-recipient' : 'mailbox-full',
              sender: n % 3 === 0 ? 'alice@example.net' : 'bob@example.org',
              recipient: `r${n}@example.com`,
              submitter: {
                type: 'user',
                id: n % 3 === 0 ? 'alice@example.net' : 'bob@example.org',
              },
            }),
          ),
        ),
      ),
    );
    const bounced = async (...words: string[]) => {
      const { status, out, err } = await at.run('report', '--format', 'json', ...words);
      expect({ status, err }).toEqual({ status: 0, err: '' });
      return JSON.parse(out).figures.bounced;
    };
    expect(await bounced()).toBe(30);
    expect(await bounced('--submitter', 'alice@example.net')).toBe(10);
    expect(await bounced('--domain', 'example.org')).toBe(20);
    expect(await bounced('--reason', 'invalid-recipient')).toBe(15);
    expect(await bounced('--recipient', 'r3@example.com')).toBe(1);
    expect(await bounced('--kind', 'delivered')).toBe(0);
    const { out } = await at.run('report', '--domain', 'example.org');
    expect(out).toContain('Only the mail that was asked for is counted.');
    expect(out).not.toContain('alice@example.net');
    const csv = ['--format', 'csv', '--table', 'submitters', '--submitter', 'alice@example.net'];
    expect((await at.run('report', ...csv)).out.trimEnd().split('\n')).toHaveLength(2);
    expect((await at.run('report', '--kind', 'nothing')).status).toBe(2);
  });
});

describe('postern listings', () => {
  it.each([
    [['--table', 'lists'], /--table: needs --format csv/],
    [['--kind', 'bounced'], /unknown option/],
    [['--since', 'never', '--address', '192.0.2.1'], /expected a duration/],
  ])('refuses %j', async (words, message) => {
    const { status, err } = await at.run('listings', ...words);
    expect(status).toBe(2);
    expect(err).toMatch(message);
  });
});

describe('a narrow terminal', () => {
  it('of 20 columns gets every word of a table, in lines that fit', async () => {
    at.withStore((store) =>
      store.commit(() =>
        store.events.insert([
          {
            source: 'mail.log',
            line: 1,
            offset: 0,
            mta: 'postfix',
            time: Date.now(),
            kind: 'bounced',
            sender: 'a.rather.long.sender@example.net',
            recipient: 'somebody@example.org',
            reply: '550 5.1.1 User unknown in virtual mailbox table',
          },
        ]),
      ),
    );
    for (const columns of [20, 40, 80, 200]) {
      const out: string[] = [];
      const stdout = (text: string) => void out.push(text);
      const io = { stdout, stderr: stdout, screen: { columns } };
      expect(await main(['events', '--config', at.config], io)).toBe(0);
      const text = out.join('');
      expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
      expect(text.replaceAll(/\s/g, '')).toContain('Userunknowninvirtualmailboxtable');
    }
  });
});
