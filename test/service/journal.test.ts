/** The service over a journal: killed at any moment, it has each event once. And `check`, `status` and `watch`. */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { type EntryFields, hasJournal, smtpdEntry, writeJournal } from '../support/journal.ts';

const PROGRAM = resolve('dist/cli/main.js');

let folder: Folder;
let written: number;

beforeEach(() => {
  folder = scratchFolder();
  mkdirSync(folder.at('journal'));
  written = 0;
  configure({});
});
afterEach(() => folder.remove());

function configure({ journalctl = '/usr/bin/journalctl' }): void {
  folder.write(
    'postern.yaml',
    `logs: [ journal: { directory: journal } ]
database: postern.db
mode: observe
commands: { journalctl: [ ${journalctl} ] }
`,
  );
}

/** A recipient is refused in each; the text has a forged line inside, and any bytes. */
function write(count: number, fields: EntryFields = {}): void {
  const entries = Array.from({ length: count }, () => {
    const to = `r${++written}@example.com`;
    const message = `NOQUEUE: reject: RCPT from unknown[203.0.113.8]: 550 5.1.1 <${to}>: Recipient address rejected: User unknown in local recipient table; from=<s\xe4\n__CURSOR=x@example.org> to=<${to}> proto=ESMTP helo=<h>`;
    return smtpdEntry(written, { MESSAGE: message, ...fields });
  });
  writeJournal(folder.at('journal/remote.journal'), entries);
}

function postern(...args: string[]) {
  const [name = '', ...rest] = args;
  const argv = [process.execPath, PROGRAM, name, '--config', folder.at('postern.yaml'), ...rest];
  return runCommand(argv, { timeout: 30_000 });
}

function run() {
  const argv = [PROGRAM, 'run', '--config', folder.at('postern.yaml')];
  return spawn(process.execPath, argv, { stdio: 'ignore' });
}

async function recipients(): Promise<string[]> {
  const { stdout } = await postern('events', '--format', 'json');
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line).recipient);
}

describe.runIf(hasJournal())('the service', () => {
  it('has every event once, however often it is killed', { timeout: 60_000 }, async () => {
    for (const pause of [150, 300, 450, 600]) {
      write(400);
      const service = run();
      await new Promise((done) => setTimeout(done, pause));
      const ended = new Promise((done) => service.once('exit', done));
      service.kill('SIGKILL');
      await ended;
    }
    const service = run();
    const all = Array.from({ length: written }, (_, index) => `r${index + 1}@example.com`);
    await until('all events', async () => (await recipients()).length >= all.length, {
      timeout: 30_000,
    });
    service.kill('SIGTERM');
    expect((await recipients()).sort()).toEqual(all.sort());
  });

  it('does not believe a user who logs as smtpd', async () => {
    write(1, { _SYSTEMD_UNIT: 'session-3.scope', _UID: '1000' });
    write(1, { _UID: '1000' });
    write(1);
    const service = run();
    await until('an event', async () => (await recipients()).length > 0);
    service.kill('SIGTERM');
    expect(await recipients()).toEqual(['r3@example.com']);
  });

  it('says that lines of a container were lost', async () => {
    folder.write(
      'postern.yaml',
      `logs: [ journal: { directory: journal, containers: [ mx ] } ]\ndatabase: postern.db\nmode: observe\n`,
    );
    write(1, {
      CONTAINER_NAME: 'mx',
      CONTAINER_ID: '4f5d6a7b8c9d',
      _SYSTEMD_UNIT: 'docker.service',
    });
    const journald = {
      _TRANSPORT: 'driver',
      MESSAGE_ID: 'a596d6fe7bfa4994828e72309e95d61e',
      SYSLOG_IDENTIFIER: 'systemd-journald',
      _SYSTEMD_UNIT: undefined,
    };
    write(1, { ...journald, MESSAGE: 'Suppressed 12 messages from cron.service' });
    write(1, { ...journald, MESSAGE: 'Suppressed 34 messages from docker.service' });
    write(1, {
      ...journald,
      _TRANSPORT: 'syslog',
      MESSAGE: 'Suppressed 9 messages from docker.service',
    });
    const service = run();
    const status = async () => (await postern('status')).stdout;
    await until('the problem', async () => (await status()).includes('lost lines 1 time'));
    service.kill('SIGTERM');
  });

  it('says what is wrong, and reads on when it is mended', { timeout: 30_000 }, async () => {
    write(1);
    configure({ journalctl: folder.at('journalctl') });
    const service = run();
    const status = async () => (await postern('status')).stdout;
    const reason = `journal:${folder.at('journal')}: cannot be read (${folder.at('journalctl')} cannot be started: ENOENT)`;
    await until('the problem', async () => (await status()).includes(reason));
    folder.write('journalctl', '#!/bin/sh\nexec /usr/bin/journalctl "$@"\n', 0o755);
    await until('the event', async () => (await recipients()).length === 1);
    rmSync(folder.at('journal'), { recursive: true });
    const gone = `journal:${folder.at('journal')}: there is no such log`;
    service.kill('SIGTERM');
    await new Promise((done) => service.once('exit', done));
    const again = run();
    await until('the problem', async () => (await status()).includes(gone));
    again.kill('SIGTERM');
  });
});

describe.runIf(hasJournal())('postern check', () => {
  const journalLine = async () => {
    const { stdout } = await postern('check');
    return stdout.split('\n').find((line) => line.includes('journal')) ?? '';
  };

  it('reads the journal as the service will', async () => {
    write(1);
    expect(await journalLine()).toMatch(/ok.*logs: journal:\S+ is readable/);
  });

  it('misses entries of the units', async () => {
    write(1, { _SYSTEMD_UNIT: 'exim4.service', SYSLOG_FACILITY: '3' });
    expect(await journalLine()).toMatch(
      /has no entry of postfix\.service, postfix@\*\.service yet/,
    );
  });

  it('says when the account has no right to read it', async () => {
    write(1);
    chmodSync(folder.at('journal/remote.journal'), 0o600);
    const nobody = 'setpriv, --reuid=65534, --clear-groups, /usr/bin/journalctl';
    configure({ journalctl: nobody });
    const { stdout } = await postern('check');
    expect(stdout).toContain('this account may not read it; it needs the group systemd-journal');
    expect(stdout).toContain('add SupplementaryGroups=systemd-journal to the unit');
  });
});

it.runIf(hasJournal())('postern watch prints events as they are logged', async () => {
  const service = spawn(process.execPath, [
    PROGRAM,
    'watch',
    '--config',
    folder.at('postern.yaml'),
  ]);
  let out = '';
  service.stdout.on('data', (text) => {
    out += text;
  });
  const now = () => ({
    __REALTIME_TIMESTAMP: `${Date.now() + ++written}000`,
    __MONOTONIC_TIMESTAMP: `${written}000000`,
  });
  await until('an event', () => {
    write(1, now());
    return out.includes('@example.com');
  });
  service.kill('SIGTERM');
  expect(out).toContain('invalid-recipient');
});
