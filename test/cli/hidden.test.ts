/** Hidden characters that strangers put into the log or the database leave no command, in no form, into no file. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PosternError } from '../../src/base/errors.ts';
import {
  escapeControls,
  escapeOutput,
  hasHidden,
  unescapeControls,
} from '../../src/base/escape.ts';
import { main } from '../../src/cli/commands.ts';
import { escaped, jsonLine } from '../../src/cli/io.ts';
import { ParquetEvents } from '../../src/cli/parquet.ts';
import { buildEximTargets } from '../../src/enforce/exim.ts';
import {
  buildFixedFormat,
  buildPatternFormat,
  listFormat,
} from '../../src/enforce/postfix-format.ts';
import { buildExposition } from '../../src/metrics/exposition.ts';
import type { Family } from '../../src/metrics/family.ts';
import { plainHtml } from '../../src/notify/compose.ts';
import { eventually, type Scratch, scratch } from '../service/scratch.ts';
import { event } from '../store/made-up.ts';

const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, at) => String.fromCodePoint(first + at));

/** Written out, not taken from the code under test. */
const HIDDEN: readonly string[] = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  '\u00ad',
  '\u061c',
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  ...range(0xfe00, 0xfe0f),
  '\ufeff',
  ...range(0xe0000, 0xe007f),
  '\ud800',
];
/** None of these may be in any output; line feeds and tabs are ours. */
const RAW = new RegExp(
  `[${HIDDEN.filter((char) => !'\n\t\ud800'.includes(char))
    .join('')
    .replace(/[\\\]^-]/g, '\\$&')}]`,
  'u',
);

describe('hidden characters', () => {
  it.each(HIDDEN.map((char) => [char.codePointAt(0)?.toString(16), char]))('U+%s', (_, char) => {
    const field = `a${char}b`;
    expect(escapeControls(field)).toMatch(/^a(?:\\u[0-9a-f]{4})+b$/);
    expect(unescapeControls(escapeControls(field))).toBe(field);
    expect(hasHidden(field)).toBe(true);
    const json = jsonLine({ field });
    expect(json).not.toMatch(RAW);
    expect(JSON.parse(json)).toEqual({ field });
    const kept = '\n\t'.includes(char);
    expect(escapeOutput(field)).toBe(kept ? field : escapeControls(field));
    expect(plainHtml(field)).not.toMatch(RAW);
  });

  it.each(['alice@example.net', 'Grüße', '日本語', 'a\\u0041b', '👍', 'C:\\users', ''])(
    'leave %j as it is',
    (text) => {
      expect(escapeControls(text)).toBe(text);
      expect(unescapeControls(text)).toBe(text);
    },
  );

  it('keep a login that only looks escaped', () => {
    expect(unescapeControls('corp\\ubeef')).toBe('corp\\ubeef');
  });
});

describe('block files', () => {
  const lines = [
    buildFixedFormat('HOLD'),
    buildPatternFormat('HOLD'),
    listFormat,
    ...buildEximTargets({ blockedUsers: '/b' }),
  ];

  it.each(HIDDEN.map((char) => [char.codePointAt(0)?.toString(16), char]))(
    'take no identity with U+%s, and nobody in its place',
    (_, char) => {
      for (const format of lines) {
        for (const id of [`alice${char}`, `${char}alice`, `al${char}ice`]) {
          expect(format.renderEntry({ type: 'user', id })).toHaveProperty('reason');
        }
      }
    },
  );
});

/** Everything at once, as an attacker would send it. */
const EVIL = '\x1b]0;owned\x07\x1b[2J\x7f\x9b31m\u202e\u061c\u200b\ufeff\u2028\u{e0041}';
const LOGIN = `a${EVIL}b@example.net`;
const RULE = `name: r
description: d
count: invalid
per: submitter
limit: 3
period: 1h
action: block
`;

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: RULE });
  // A mail server that repeats what somebody sent it.
  const program = at.path('postsuper');
  writeFileSync(
    program,
    `#!/bin/sh\nprintf '%s\\n' '${EVIL}'\nprintf '%s\\n' '${EVIL}' >&2\nexit 1\n`,
  );
  chmodSync(program, 0o755);
  appendFileSync(at.config, `commands: { postsuper: [ ${program} ] }\n`);
});
afterEach(() => at.remove());

function logLines(login: string, queueId = 'A0000001'): string[] {
  const now = Date.now();
  const stamp = (index: number) =>
    new Date(now - 60_000 + index * 1000).toISOString().replace('Z', '+00:00');
  const client = 'client=mx.test[203.0.113.66]';
  return [
    `${stamp(0)} mx1 postfix/submission/smtpd[1]: ${queueId}: ${client}, sasl_method=PLAIN, sasl_username=${login}`,
    `${stamp(0)} mx1 postfix/qmgr[1]: ${queueId}: from=<s${EVIL}@example.net>, size=1, nrcpt=9 (queue active)`,
    ...[1, 2, 3, 4, 5].map(
      (n) =>
        `${stamp(n)} mx1 postfix/smtp[1]: ${queueId}: to=<y${EVIL}${n}@x>, relay=mx.a[198.51.100.8]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.a[198.51.100.8] said: 550 5.1.1 <y@x>: User unknown ${EVIL} (in reply to RCPT TO command))`,
    ),
    `${stamp(6)} mx1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from h.x[203.0.113.7]: 550 5.1.1 <q${EVIL}@example.com>: Recipient address rejected: User unknown in local recipient table; from=<s@x> to=<q${EVIL}@example.com> proto=ESMTP helo=<h${EVIL}>`,
  ];
}

/** As main.ts does it. */
async function run(...argv: string[]): Promise<{ out: string; err: string }> {
  let [out, err] = ['', ''];
  const io = {
    stdout: (text: string) => {
      out += text;
    },
    stderr: (text: string) => {
      err += text;
    },
  };
  await main([...argv, '--config', at.config], escaped(io));
  return { out, err };
}

async function outputs(commands: readonly (readonly string[])[]): Promise<string[]> {
  const texts: string[] = [];
  for (const argv of commands) {
    const { out, err } = await run(...argv);
    texts.push(out + err);
  }
  return texts;
}

const forms = (...argv: string[]) => [argv, [...argv, '--format', 'json']];

describe('a hostile login', () => {
  it('leaves no command and no file as it is', async () => {
    const log = [...logLines(LOGIN), ...logLines('alice@example.net', 'B0000002')];
    at.write(...log);
    const told = at.path('told');
    const hook = at.path('hook');
    writeFileSync(hook, `#!/bin/sh\ncat >> ${told}\n`);
    chmodSync(hook, 0o755);
    appendFileSync(at.config, `hooks: [ { name: h, command: [ ${hook} ], events: [ block ] } ]\n`);
    const service = at.start();
    await eventually(() => at.mails().length > 0 && existsSync(told));
    await service.stop();
    // No rule blocks such a login, because no file can hold it. An older version, or a colleague, may have.
    at.withStore((store) =>
      store.commit(() =>
        store.blocks.start({
          key: { type: 'user', id: LOGIN.toLowerCase() },
          cause: `c${EVIL}`,
          note: `n${EVIL}\n`,
          start: Date.now(),
        }),
      ),
    );
    const shown = `user:${escapeControls(LOGIN.toLowerCase())}`;
    const known = (await at.run('blocks')).out;
    expect(known).toContain(shown);
    const file = at.path('given.log');
    writeFileSync(file, log.map((line) => `${line}\n`).join(''));
    const texts = await outputs([
      ...forms('replay', '--rules', at.path('rules'), file),
      ['replay', '--rules', at.path('rules'), '--tuning', file],
      ['replay', '--rules', at.path('rules'), '--format', 'html', file],
      ...forms('parse', file),
      ...forms('events'),
      ...forms('events', '--of', shown),
      ['events', '--format', 'csv'],
      ...forms('status'),
      ...forms('blocks', '--all'),
      ...forms('explain', '1'),
      ...forms('explain', '2'),
      ...forms('explain', shown),
      ...forms('queue', shown),
      ...['--hold', '--release', '--delete'].flatMap((what) => forms('queue', shown, what)),
      ...forms('report'),
      ['report', '--format', 'html'],
      ['report', '--format', 'csv', '--table', 'submitters'],
      ...forms('report', '--tuning'),
      ...['plain', 'csv'].map((format) => ['blocks', '--all', '--format', format]),
      ...forms('audit'),
      ...forms('listings'),
      ...forms('allow', shown, '--why', EVIL),
      ...forms('allow'),
      ...forms('allow', shown, '--undo'),
      ...forms('except', 'r', shown, '--why', EVIL),
      ...forms('forget', shown),
      ...forms('verify', EVIL),
      ...forms('sign', `s${EVIL}@example.net`),
      ...forms('recipients', 'lookup', `r${EVIL}@example.net`),
      ...forms('status', '--instance', EVIL),
      ['import', 'scam-conf', EVIL],
      ['restore', EVIL],
      ...forms('unblock', shown),
      ...forms('block', 'sender:s@example.net', '--note', EVIL),
      ...forms('blocks', '--all'),
      ...forms('check'),
      ...forms('explain', EVIL),
      ...forms('events', '--kind', EVIL),
      ['classify', `550 5.1.1 <y${EVIL}@x>: User unknown`],
      [EVIL],
      ['replay', EVIL],
    ]);
    const mails = at.mails().map((mail) => mail.replaceAll('\r\n', '\n'));
    const hooked = readFileSync(told, 'utf8');
    for (const text of [...texts, ...mails, hooked]) expect(text).not.toMatch(RAW);
    for (const name of readdirSync(at.path('maps'))) {
      expect(readFileSync(join(at.path('maps'), name), 'utf8')).not.toMatch(RAW);
    }
    // What is shown can be typed, and programs get the true value.
    const [, second = ''] = (await at.run('blocks', '--all', '--format', 'json')).out.split('\n');
    expect(JSON.parse(second)).toMatchObject({
      key: { type: 'user', id: LOGIN.toLowerCase() },
      note: `n${EVIL}\n`,
      releasedBy: 'operator',
    });
  });

  it('is not printed raw by enforce, which logs for itself', async () => {
    const text = readFileSync(at.config, 'utf8');
    const reload = `reload: [ ${at.path('postsuper')} ]`;
    writeFileSync(at.config, `${text.replace('reload: []', reload)}enforcer: separate\n`);
    at.withStore((store) =>
      store.commit(() =>
        store.blocks.start({
          key: { type: 'user', id: LOGIN.toLowerCase() },
          cause: `c${EVIL}`,
          start: Date.now(),
        }),
      ),
    );
    await at.start().stop();
    const program = new URL('../../src/cli/main.ts', import.meta.url).pathname;
    const argv = [program, 'enforce', '--once', '--config', at.config];
    const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect(status).not.toBeNull();
    expect(`${stdout}${stderr}`).toContain('owned');
    expect(`${stdout}${stderr}`).not.toMatch(RAW);
  });

  it('is not printed raw by init, whatever the mail server and its log say', async () => {
    const etc = at.path('etc');
    mkdirSync(etc);
    writeFileSync(
      join(etc, 'main.cf'),
      `compatibility_level = 3.6\nmyhostname = mx${EVIL}.example.net\nmynetworks = 192.0.2.0/24 x${EVIL}\nmaillog_file = ${at.log}\nsmtpd_recipient_restrictions = x${EVIL}\n`,
    );
    writeFileSync(join(etc, 'master.cf'), 'smtp inet n - n - - smtpd\n');
    at.write(...logLines(LOGIN));
    for (const [index, form] of [[], ['--format', 'json']].entries()) {
      const output = at.path(`own${index}.yaml`);
      const argv = [
        'init',
        '--mta',
        'postfix',
        '--postfix-config',
        etc,
        '--output',
        output,
        ...form,
      ];
      let text = '';
      const add = (part: string) => {
        text += part;
      };
      await main(argv, escaped({ stdout: add, stderr: add }));
      expect(text).not.toBe('');
      expect(text).not.toMatch(RAW);
      expect(readFileSync(output, 'utf8')).not.toMatch(RAW);
    }
  });

  it('is not printed raw by watch', async () => {
    at.write('');
    const { runWatch } = await import('../../src/cli/watch.ts');
    for (const format of ['text', 'json'] as const) {
      let out = '';
      const stop = new AbortController();
      const io = {
        stdout: (text: string) => {
          out += text;
        },
        stderr: () => {},
      };
      const done = runWatch({ config: at.config, format }, escaped(io), stop.signal);
      await eventually(() => {
        at.write(...logLines(LOGIN));
        return out.includes('owned');
      });
      stop.abort();
      await done;
      expect(out).not.toMatch(RAW);
    }
  });

  it('is not in a table for other programs', async () => {
    const { parquetReadObjects } = await import('hyparquet');
    const chunks: Uint8Array[] = [];
    const file = new ParquetEvents((bytes) => void chunks.push(bytes));
    const submitter = { type: 'user', id: LOGIN } as const;
    file.add(event({ submitter, sender: EVIL, recipient: EVIL, reply: EVIL }));
    file.finish();
    const bytes = Buffer.concat(chunks);
    const rows = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
    expect(rows).toMatchObject([{ submitter: escapeControls(LOGIN), reply: escapeControls(EVIL) }]);
    for (const row of rows) {
      for (const value of Object.values(row)) expect(String(value)).not.toMatch(RAW);
    }
  });

  it('is not in the labels of metrics', async () => {
    const read = () => [{ labels: { log: `/${EVIL}` }, value: 1 }];
    const family: Family = { name: 'x', help: 'x', type: 'gauge', labels: ['log'], read };
    const text = await buildExposition([family]).render();
    expect(text).toContain('owned');
    expect(text).not.toMatch(RAW);
  });

  it('a failure does not print it raw', () => {
    expect(escapeControls(new PosternError('usage', EVIL).message)).not.toMatch(RAW);
  });
});
