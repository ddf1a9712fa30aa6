/**
 * The recipes of docs/containers.md, as far as they go without an engine: each configuration, the log as its project
 * writes it, and a program in place of docker that notes what it was told. Then the image, without the image.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { Follower } from '../../src/follow/follower.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { type EntryFields, hasJournal, writeJournal } from '../support/journal.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/containers.md'), 'utf8');
const PROGRAM = join(ROOT, 'dist/cli/main.js');
const ID = '4f5d6a7b8c9d'.padEnd(64, '0');
const RECIPIENTS = 120;

let folder: Folder;
let service: ChildProcess | undefined;

beforeEach(() => {
  folder = scratchFolder();
  mkdirSync(folder.at('tables'));
  mkdirSync(folder.at('journal'));
});
afterEach(async () => {
  const ended = new Promise((done) => service?.once('exit', done) ?? done(0));
  service?.kill('SIGTERM');
  await ended;
  service = undefined;
  folder.remove();
});

/** The configuration under a heading of the page. */
function recipe(heading: string): string {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return /```yaml\n(mta: postfix\n[^`]*)```/.exec(section)?.[1] ?? '';
}

/** What Postfix logs of one message by a stolen account, to people who do not exist: daemon and text. */
function spamRun(options: { smtpd: string; sasl?: string; amavis?: boolean }): [string, string][] {
  const { smtpd, sasl = 'LOGIN', amavis = false } = options;
  const [first, last] = amavis ? ['4cY3kL0xTTz1', '4cY3kL2b9Nz2'] : ['9A3F41C02D', '9A3F41C02D'];
  const start = (id: string, daemon: string, client: string): [string, string][] => [
    [daemon, `${id}: client=${client}`],
    ['cleanup', `${id}: message-id=<1@pc.example.net>`],
    ['qmgr', `${id}: from=<eve@example.net>, size=900, nrcpt=${RECIPIENTS} (queue active)`],
  ];
  const people = Array.from({ length: RECIPIENTS }, (_, index) => `nobody${index}@example.com`);
  const user = `unknown[203.0.113.9], sasl_method=${sasl}, sasl_username=eve@example.net`;
  return [
    ...start(first, smtpd, user),
    ...(amavis ? start(last, '10025/smtpd', 'localhost[127.0.0.1]') : []),
    ...(amavis
      ? people.map((to): [string, string] => [
          'amavis/smtp',
          `${first}: to=<${to}>, relay=127.0.0.1[127.0.0.1]:10026, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as ${last})`,
        ])
      : []),
    ...people.map((to): [string, string] => [
      'smtp',
      `${last}: to=<${to}>, relay=mx.example.com[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.25] said: 550 5.1.1 <${to}>: Recipient address rejected: User unknown (in reply to RCPT TO command))`,
    ]),
    ['qmgr', `${last}: removed`],
  ];
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** RFC 3164, as syslog-ng and postlogd write it. */
function shortStamp(time: Date): string {
  const day = `${time.getDate()}`.padStart(2);
  return `${MONTHS[time.getMonth()]} ${day} ${time.toTimeString().slice(0, 8)}`;
}

function shortLine(host: string, [daemon, text]: [string, string]): string {
  return `${shortStamp(new Date())} ${host} postfix/${daemon}[355]: ${text}`;
}

/** As dockerd writes a line of a container's output. */
function containerEntry(name: string, tag: string, message: string, index: number): EntryFields {
  return {
    __REALTIME_TIMESTAMP: `${Date.now()}${String(index).padStart(3, '0')}`,
    __MONOTONIC_TIMESTAMP: `${index + 1}000`,
    _BOOT_ID: '0123456789abcdef0123456789abcdef',
    _TRANSPORT: 'journal',
    _UID: '0',
    _HOSTNAME: 'host1',
    _SYSTEMD_UNIT: 'docker.service',
    SYSLOG_IDENTIFIER: tag,
    CONTAINER_NAME: name,
    CONTAINER_ID: ID.slice(0, 12),
    CONTAINER_ID_FULL: ID,
    MESSAGE: message,
  };
}

const RUNS: Readonly<Record<string, () => void>> = {
  mailcow: () => {
    const host = ID.slice(0, 12);
    const lines = spamRun({ smtpd: 'smtps/smtpd' }).map((line) => shortLine(host, line));
    const name = 'mailcowdockerized-postfix-mailcow-1';
    const entries = lines.map((line, index) => containerEntry(name, host, line, index));
    writeJournal(folder.at('journal/system.journal'), entries);
  },
  Mailu: () => {
    const lines = spamRun({ smtpd: 'smtpd', sasl: 'XCLIENT' }).map((line) =>
      shortLine('mail', line),
    );
    const entries = lines.map((line, index) =>
      containerEntry('mailu-smtp-1', 'mailu-smtp', line, index),
    );
    writeJournal(folder.at('journal/system.journal'), entries);
  },
  'docker-mailserver': () => {
    const stamp = () => new Date().toISOString().replace('Z', '123+00:00');
    const lines = spamRun({ smtpd: 'submissions/smtpd' });
    const text = lines.map(
      ([daemon, message]) => `${stamp()} mail postfix/${daemon}[355]: ${message}\n`,
    );
    folder.write('mail.log', text.join(''));
  },
  iRedMail: () => {
    const lines = spamRun({ smtpd: 'submission/smtpd', amavis: true });
    folder.write('mail.log', lines.map((line) => `${shortLine('mail', line)}\n`).join(''));
  },
};

/** The recipe with its folders in the scratch folder; where it has no container, with commands as if it had one. */
function placed(heading: string): string {
  const config = parse(recipe(heading));
  const { postfix } = config.targets;
  for (const name of ['user', 'sender', 'client'])
    postfix[name] = { ...postfix[name], file: folder.at(`tables/${name}`) };
  postfix.uid = false;
  config.database = folder.at('postern.db');
  config.logs = config.logs.map((log: string | { journal: object }) =>
    typeof log === 'string'
      ? folder.at('mail.log')
      : { journal: { ...log.journal, directory: folder.at('journal') } },
  );
  if (config.commands === undefined) {
    const command = (name: string) => ['docker', 'exec', 'none', name];
    postfix.reload = ['docker', 'exec', 'none', 'postfix', 'reload'];
    config.commands = Object.fromEntries(
      ['postsuper', 'postqueue', 'postcat', 'postconf'].map((name) => [name, command(name)]),
    );
  }
  return stringify(config);
}

describe.runIf(hasJournal())('the recipe for', () => {
  it.each(Object.keys(RUNS))('%s blocks a stolen account', { timeout: 30_000 }, async (heading) => {
    const config = folder.write('postern.yaml', placed(heading));
    const said = folder.at('docker.log');
    folder.write('bin/docker', `#!/bin/sh\necho "$*" >> ${said}\n`, 0o755);
    RUNS[heading]?.();
    service = spawn(process.execPath, [PROGRAM, 'run', '--config', config], {
      stdio: 'ignore',
      env: { ...process.env, PATH: `${folder.at('bin')}:${process.env.PATH}` },
    });
    await until('the block', () => folder.read('tables/user').includes('eve@example.net'), {
      timeout: 30_000,
      evidence: () => folder.read('tables/user'),
    });
    const reload = `${parse(placed(heading)).targets.postfix.reload.slice(1).join(' ')}\n`;
    await until('a reload', () => existsSync(said) && readFileSync(said, 'utf8').includes(reload));
    expect(folder.read('tables/user')).toMatch(/^eve@example\.net\s+HOLD/m);
    expect(folder.read('tables/client')).not.toContain('203.0.113.9');
    const argv = [process.execPath, PROGRAM, 'explain', 'eve@example.net', '--config', config];
    const { stdout } = spawnSync(argv[0] as string, argv.slice(1), { encoding: 'utf8' });
    expect(stdout).toMatch(/smtp\[355\]: \w+: to=<nobody\d+@example\.com>, .*status=bounced/);
  });

  it.each(['mailcow', 'docker-mailserver', 'Mailu', 'iRedMail', 'Postern in a container'])(
    '%s is a valid configuration as it is printed',
    (heading) => {
      expect(parseConfig(recipe(heading), '/etc/postern/postern.yaml').mta).toBe('postfix');
    },
  );
});

describe('the json-file driver of docker', () => {
  /** daemon/logger/copier.go: pieces of 16 KiB; only the last ends with the line feed. */
  function jsonLines(line: string): string[] {
    const pieces = `${line}\n`.match(/[\s\S]{1,16384}/g) ?? [];
    const time = '2026-11-01T09:05:07.123456789Z';
    return pieces.map((log) => `${JSON.stringify({ log, stream: 'stdout', time })}\n`);
  }

  it('has long lines in one piece, over its rotations', async () => {
    const path = folder.at(`${ID}-json.log`);
    const text = (number: number, length: number) => `${number} ${'x'.repeat(length)}`;
    const texts = [100, 20_000, 16_384 - 48, 40_000, 10].map((length, number) =>
      text(number, length),
    );
    const lines = texts.flatMap((value) =>
      jsonLines(`Nov  1 09:05:07 mail postfix/smtpd[355]: ${value}`),
    );
    const controller = new AbortController();
    const follower = new Follower({ path, signal: controller.signal, watch: false, grace: 0 });
    const envelope = new Envelope({ reference: Date.parse('2026-11-02'), zone: 'UTC' });
    const read: string[] = [];
    const poll = async () => {
      for (let batch = await follower.poll(); batch !== undefined; batch = await follower.poll())
        for (const line of batch.lines) read.push(envelope.read(line)?.text ?? '');
    };
    for (const [index, line] of lines.entries()) {
      if (index % 3 === 2) {
        if (existsSync(`${path}.1`)) renameSync(`${path}.1`, `${path}.2`);
        renameSync(path, `${path}.1`);
      }
      appendFileSync(path, line);
      await poll();
    }
    await follower.close();
    expect(read.filter((value) => value !== '')).toEqual(texts);
  });

  it.each(['docker', 'podman'])('and the journald driver of %s have them, too', (engine) => {
    const envelope = new Envelope({ reference: 0, zone: 'UTC' });
    const line = `Nov  1 09:05:07 mail postfix/smtpd[355]: ${'y'.repeat(40_000)}`;
    const pieces = line.match(/[\s\S]{1,16384}/g) ?? [];
    const read = pieces.map((message, index) => {
      const isLast = index === pieces.length - 1;
      const marks = {
        ...(isLast ? {} : { CONTAINER_PARTIAL_MESSAGE: 'true' }),
        ...(engine === 'docker'
          ? { CONTAINER_PARTIAL_ID: 'a1', CONTAINER_PARTIAL_LAST: `${isLast}` }
          : {}),
      };
      const bytes = JSON.stringify({ ...containerEntry('mail', 'mail', message, index), ...marks });
      return envelope.read({ source: 'journal', line: index, offset: index, bytes });
    });
    expect(read.slice(0, -1)).toEqual([undefined, undefined]);
    expect(read.at(-1)).toMatchObject({ host: 'mail', program: 'smtpd', text: 'y'.repeat(40_000) });
  });
});

describe('the Containerfile', () => {
  const instructions = readFileSync(join(ROOT, 'Containerfile'), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n');

  it('copies files that exist, and ends as an ordinary account', () => {
    const sources = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(instructions.findLast((line) => line.startsWith('USER'))).toBe('USER 1200:1200');
  });

  it.runIf(process.getuid?.() === 0)(
    'has a service that runs so, on a read-only root',
    async () => {
      const data = folder.at('data');
      mkdirSync(join(data, 'tables'), { recursive: true });
      spawnSync('chown', ['-R', '1200:1200', data]);
      const text = recipe('Postern in a container')
        .replaceAll('/var/lib/postern', data)
        .replaceAll('/run/postern', data)
        .replaceAll('/var/log/mail/mail.log', folder.at('mail.log'));
      const config = folder.write('postern.yaml', text);
      RUNS['docker-mailserver']?.();
      const script = `mount --bind ${data} ${data} && mount -o remount,bind,ro / &&
      exec setpriv --reuid=1200 --regid=1200 --clear-groups --bounding-set=-all --no-new-privs \
        ${process.execPath} ${PROGRAM} run --config ${config} > ${data}/out 2>&1`;
      writeFileSync(join(data, 'out'), '');
      service = spawn('unshare', ['--mount', 'sh', '-c', script], { stdio: 'ignore' });
      const out = () => readFileSync(join(data, 'out'), 'utf8');
      await until('the block', () => folder.read('data/tables/sasl_access').includes('eve@'), {
        evidence: out,
      });
      expect(existsSync(join(data, 'policy'))).toBe(true);
    },
  );
});
