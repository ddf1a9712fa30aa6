/** The command line: results, messages and exit statuses, as a user meets them. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS, main } from '../../src/cli/commands.ts';
import { APPLICATION_ID } from '../../src/store/header.ts';
import { Store } from '../../src/store/store.ts';

let folder: string;
const file = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
  writeFileSync(file('mail.log'), `${LOG.join('\n')}\n`);
  writeFileSync(file('mail.log.gz'), gzipSync(`${LOG.join('\n')}\n`));
  writeFileSync(file('cut.gz'), gzipSync(`${LOG.join('\n')}\nNov 10 09:05`).subarray(0, -8));
  writeFileSync(file('no-database.yaml'), 'database: none.db\nlogs: [ none.log ]\n');
  writeFileSync(file('log-as-database.yaml'), 'database: mail.log\n');
  writeFileSync(file('good.yaml'), 'database: postern.db\nlogs: [ mail.log ]\n');
  writeFileSync(file('newer.yaml'), 'database: newer.db\n');
  writeFileSync(file('missing-folder.yaml'), 'database: gone/postern.db\n');
  writeFileSync(file('log-is-folder.yaml'), 'database: postern.db\nlogs: [ bad-rules ]\n');
  writeFileSync(file('unknown-key.yaml'), 'databse: postern.db\n');
  writeFileSync(file('bad-duration.yaml'), 'retention: soon\n');
  mkdirSync(file('bad-rules'));
  writeFileSync(
    file('bad-rules/r.yaml'),
    'name: r\ndescription: d\ncount: invalid\nper: user\nlimit: 3\nperiod: 1h\naction: block\nthreshold: 7\n',
  );
  const db = new Database(file('newer.db'));
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.pragma('user_version = 4711');
  db.close();
  new Store(file('postern.db')).close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LOG = [
  'Nov 10 09:05:07 mx1 postfix/smtpd[811]: 9BE7E21449E: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.net',
  'Nov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: from=<alice@example.net>, size=1432, nrcpt=1 (queue active)',
  'Nov 10 09:05:39 mx1 postfix/smtp[821]: 9BE7E21449E: to=<y@example.com>, relay=mx.example.com[198.51.100.8]:25, delay=32, delays=0/0/30/2, dsn=5.1.1, status=bounced (host mx.example.com[198.51.100.8] said: 550 5.1.1 <y@example.com>: Recipient address rejected: User unknown (in reply to RCPT TO command))',
];

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io = {
    stdout: (text: string) => void out.push(text),
    stderr: (text: string) => void err.push(text),
  };
  const status = await main(
    argv.map((word) => word.replace('@/', `${folder}/`)),
    io,
  );
  return { status, out: out.join(''), err: err.join('').replaceAll(folder, '@') };
}

describe('wrong usage and configuration: one clear message, exit status 2', () => {
  it.each<[string[], string]>([
    [['frobnicate'], "error: unknown command 'frobnicate'"],
    [['parse', '--colour', '@/mail.log'], "error: unknown option '--colour'"],
    [['parse', '--colour', '@/mail.log'], '(postern parse --help shows how it is used)'],
    [['parse'], "error: missing required argument 'file'"],
    [
      ['parse', '--mta', 'sendmail', '@/mail.log'],
      "argument 'sendmail' is invalid. Allowed choices are postfix, exim.",
    ],
    [['replay', '--rules', '@/no-rules', '@/mail.log'], '@/no-rules'],
    [
      ['replay', '--rules', '@/bad-rules', '@/mail.log'],
      'r.yaml:8: threshold: expected one of: name,',
    ],
    [['parse', '--zone', 'Nowhere/Land', '@/mail.log'], 'Nowhere/Land'],
    [['blocks', '--config', '@/none.yaml'], '@/none.yaml'],
    [['blocks', '--config', '@/unknown-key.yaml'], '@/unknown-key.yaml:1: databse'],
    [
      ['blocks', '--config', '@/bad-duration.yaml'],
      '@/bad-duration.yaml:1: retention: expected a duration',
    ],
    [['blocks', '--config', '@/newer.yaml'], 'the database has version 4711'],
    [['run', '--config', '@/newer.yaml'], 'the database has version 4711'],
    [
      ['run', '--config', '@/log-is-folder.yaml'],
      'log-is-folder.yaml:2: logs: @/bad-rules is not a regular file (name the log',
    ],
    [['block', '10.0.0.1/8', '--config', '@/good.yaml'], 'not an identity'],
    [['block', 'x:y', '--config', '@/good.yaml'], 'not an identity'],
    [['block', 'a b;$(id)', '--config', '@/good.yaml'], 'not an identity'],
    [['block', 'uid:a b', '--config', '@/good.yaml'], 'not an identity'],
    [['block', '', '--config', '@/good.yaml'], 'not an identity'],
    [['block', 'a\nb', '--config', '@/good.yaml'], 'not an identity'],
    [['block', 'x', '--for', 'ever', '--config', '@/good.yaml'], '--for ever: expected a duration'],
    [
      ['events', '--since', 'yesterday', '--config', '@/good.yaml'],
      '--since yesterday: expected a duration',
    ],
    [
      ['events', '--kind', 'vanished', '--config', '@/good.yaml'],
      '--kind vanished: expected accepted,',
    ],
    [['events', '--limit', '0', '--config', '@/good.yaml'], '--limit 0: expected a whole number'],
    [
      ['queue', 'x', '--hold', '--delete', '--config', '@/good.yaml'],
      'name one of --hold, --release and --delete',
    ],
    [
      ['events', '--since', '1h', '--until', '2h', '--config', '@/good.yaml'],
      'postern: --since must be before --until',
    ],
    [
      ['report', '--since', '1h', '--until', '2h', '--config', '@/good.yaml'],
      'postern: --since must be before --until',
    ],
    [
      ['report', '--since', '2999-01-01', '--config', '@/good.yaml'],
      'postern: --since must be before now',
    ],
    [
      ['report', '--format', 'pdf', '--config', '@/good.yaml'],
      'choices are text, json, html, csv.',
    ],
    [['report', '--mail', '--config', '@/good.yaml'], 'notify'],
    [['help', 'frobnicate'], "error: no help on 'frobnicate'"],
  ])('%j', async (argv, message) => {
    const { status, err } = await run(...argv);
    expect({ status, says: err.includes(message), err }).toMatchObject({ status: 2, says: true });
  });

  it('leaves a database of a newer version as it is', async () => {
    await run('blocks', '--config', '@/newer.yaml');
    const db = new Database(file('newer.db'), { readonly: true });
    expect(db.pragma('user_version', { simple: true })).toBe(4711);
    expect(db.prepare('SELECT count(*) AS n FROM sqlite_master').get()).toEqual({ n: 0 });
    db.close();
    expect(readdirSync(folder).filter((name) => name.startsWith('newer.db-'))).toEqual([]);
  });
});

describe('what the environment refuses: one clear message, exit status 1', () => {
  it.each<[string[], string]>([
    [['parse', '@/no-such.log'], '@/no-such.log: cannot be read'],
    [['replay', '@/no-such.log'], '@/no-such.log: cannot be read'],
    [['parse', '@/bad-rules'], '@/bad-rules: cannot be read'],
    [['parse', '@/cut.gz'], '@/cut.gz: cannot be read: unexpected end of file'],
    [['replay', '@/cut.gz'], '@/cut.gz: cannot be read: unexpected end of file'],
    [['blocks', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['status', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['events', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['report', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['explain', 'x', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['block', 'x', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['unblock', 'x', '--config', '@/no-database.yaml'], '@/none.db: there is no database yet'],
    [['blocks', '--config', '@/log-as-database.yaml'], '@/mail.log: cannot use the database'],
    [['watch', '--config', '@/no-database.yaml'], '@/none.log: there is no such log'],
    [['init', '--output', '@/good.yaml'], '@/good.yaml: exists already'],
    // It may still come: systemd starts the service again after this status.
    [
      ['run', '--config', '@/missing-folder.yaml'],
      '@/missing-folder.yaml:1: database: the folder @/gone does not exist (install -d -m 0750 @/gone)',
    ],
  ])('%j', async (argv, message) => {
    const { status, err } = await run(...argv);
    expect({ status, says: err.includes(`postern: ${message}`), err }).toMatchObject({
      status: 1,
      says: true,
    });
  });

  it.skipIf(process.getuid?.() === 0)('names a log that may not be read', async () => {
    chmodSync(file('mail.log'), 0);
    expect(await run('parse', '@/mail.log')).toMatchObject({ status: 1 });
    chmodSync(file('mail.log'), 0o644);
  });
});

describe('commands over files', () => {
  it.each(['mail.log', 'mail.log.gz'])(
    'parse %s prints events in the order of the lines',
    async (name) => {
      const { status, out } = await run('parse', `@/${name}`, '--zone', '+01:00');
      expect(status).toBe(0);
      expect(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toMatchObject([
        {
          source: file(name),
          line: 2,
          offset: 138,
          kind: 'accepted',
          queueId: '9BE7E21449E',
          time: expect.stringMatching(/-11-10T08:05:08\.000Z$/),
        },
        {
          line: 3,
          kind: 'bounced',
          submitter: { type: 'user', id: 'alice@example.net' },
          reason: 'invalid-recipient',
        },
      ]);
    },
  );

  it('parse prints what can be read of a file that breaks off', async () => {
    const { status, out } = await run('parse', '@/cut.gz');
    expect(status).toBe(1);
    const kinds = out.trim().split('\n');
    expect(kinds.map((line) => JSON.parse(line).kind)).toEqual(['accepted', 'bounced']);
  });

  it('classify prints code, status and reason', async () => {
    const { out } = await run(
      'classify',
      '550 5.1.1 <x@example.org>: User unknown',
      'lost connection',
    );
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        reply: '550 5.1.1 <x@example.org>: User unknown',
        code: 550,
        status: '5.1.1',
        reason: 'invalid-recipient',
      },
      { reply: 'lost connection', reason: 'network' },
    ]);
  });

  it('replay prints verdicts and who came near', async () => {
    const { out } = await run('replay', '@/mail.log', '--format', 'json');
    expect(JSON.parse(out)).toMatchObject({
      lines: 3,
      events: 2,
      verdicts: [],
      nearest: expect.arrayContaining([
        {
          rule: 'invalid-recipients',
          key: { type: 'user', id: 'alice@example.net' },
          highest: 1,
          limit: 100,
          time: expect.any(String),
        },
      ]),
    });
  });

  it.each([
    [['@/one.log'], /^1 line, 1 event, 0 blocks, 0 observations\n/],
    [['@/mail.log'], /^3 lines, 2 events, 0 blocks, 0 observations\n/],
    [['@/mail.log', '--rules', '@/shares'], /, 1 block, 0 observations\n/],
    [['@/mail.log', '--rules', '@/shares'], / {4}shares: 100 % in 1h, met at /],
    [['@/mail.log', '--rules', '@/counts'], / {4}alice@example\.net: 1 of 9 \(counts\)/],
  ])('replay %j: numbers with their nouns', async (argv, pattern) => {
    writeFileSync(file('one.log'), `${LOG[1]}\n`);
    for (const [name, limit] of Object.entries({
      shares: "'50%'\nratio-of: recipients",
      counts: 9,
    })) {
      mkdirSync(file(name), { recursive: true });
      writeFileSync(
        file(`${name}/rule.yaml`),
        `name: ${name}\ndescription: d\ncount: invalid\nper: user\nlimit: ${limit}\nperiod: 1h\naction: block\n`,
      );
    }
    expect((await run('replay', ...argv)).out).toMatch(pattern);
  });

  it('reads rotated logs in the order of their time, however they are named', async () => {
    writeFileSync(file('b.log'), `${LOG[2]}\n`);
    writeFileSync(file('a.log'), `${LOG[0]}\n${LOG[1]}\n`);
    const { out } = await run('parse', '@/b.log', '@/a.log');
    expect(out).toContain('"kind":"bounced"');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).submitter?.id),
    ).toEqual(['alice@example.net', 'alice@example.net']);
  });
});

describe('help', () => {
  it('lists every command', async () => {
    const { status, out } = await run('--help');
    expect(status).toBe(0);
    for (const { usage, hidden } of COMMANDS)
      expect(out.includes(`  ${usage}`)).toBe(hidden !== true);
  });

  it.each(['parse', 'blocks'])('help %s is %s --help', async (name) => {
    const { status, out } = await run('help', name);
    expect({ status, out }).toEqual({ status: 0, out: (await run(name, '--help')).out });
    expect(out).toContain(`Usage: postern ${name}`);
  });

  it('alone is --help', async () => {
    expect(await run('help')).toEqual(await run('--help'));
  });

  it.each(COMMANDS)('$usage --help names --config when it uses it', async ({ usage, config }) => {
    expect((await run(usage, '--help')).out.includes('--config')).toBe(config !== false);
  });

  it.each([['demo'], ['classify', 'lost connection']])('%s takes no --config', async (...argv) => {
    const { status, err } = await run(...argv, '--config', '@/good.yaml');
    expect(status).toBe(2);
    expect(err).toContain("unknown option '--config'");
  });
});

describe('--format text', () => {
  it('of parse is one line an event', async () => {
    const { status, out } = await run('parse', '--format', 'text', '--zone', 'UTC', '@/mail.log');
    expect(status).toBe(0);
    expect(out.split('\n')[1]).toMatch(
      / bounced alice@example\.net <alice@example\.net> to <y@example\.com> invalid-recipient: 550 /,
    );
    expect(out).not.toContain('{');
  });

  it('of classify is one line a reply', async () => {
    const { out } = await run('classify', '--format', 'text', '550 5.1.1 User unknown', 'hm\u001b');
    expect(out).toBe(
      'invalid-recipient  550 5.1.1  550 5.1.1 User unknown\nother  - -  hm\\u001b\n',
    );
  });

  it.each(['parse', 'classify'])('is not the default of %s, and its help says so', async (name) => {
    expect((await run('help', name)).out).toMatch(/default:\s+"json"/);
  });
});

it.each(COMMANDS.map(({ usage }) => usage))('help %s tells the exit statuses', async (name) => {
  expect((await run('help', name)).out).toMatch(
    /\nExit status:\n {2}0 {2}.+\n {2}1 {2}.+\n {2}2 {2}.+\n(?: {2}3 {2}.+\n)?(?:\nThere is more on this topic: .+\n)?$/,
  );
});
