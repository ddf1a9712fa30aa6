/** `postern milter` as a process of its own: start, status, check, reload, end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CommandResult, runCommand } from '../../src/base/commands.ts';
import type { ListenAddress } from '../../src/base/listen-address.ts';
import { BEGIN, DATA, mail, openPeer, QUIT, rcpt } from '../milter/peer.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';

/** A message of which nobody wants the end. */
const ACCEPTED = mail() + rcpt() + DATA;
const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests

let folder: Folder;
let children: ChildProcess[];

beforeEach(() => {
  folder = scratchFolder();
  children = [];
  configure('milter');
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  folder.remove();
});

const unix = (name = 'milter'): ListenAddress => ({ kind: 'unix', path: folder.at(name) });

function configure(socket: string, more = ''): void {
  writeFileSync(
    folder.at('postern.yaml'),
    `database: none.db\nmilter: { listen: "unix:${folder.at(socket)}", state: state.json ${more}}\n`,
  );
}

function start() {
  const argv = [PROGRAM, 'milter', '--config', folder.at('postern.yaml')];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  const exit = new Promise<number | string | null>((done) =>
    child.on('exit', (status, signal) => done(status ?? signal)),
  );
  const logged = (text: string, times = 1) =>
    until(text, () => log.split(text).length > times, { evidence: () => log });
  return { child, exit, log: () => log, logged };
}

function postern(name: string, ...args: readonly string[]): Promise<CommandResult> {
  const argv = [process.execPath, PROGRAM, name, '--config', folder.at('postern.yaml'), ...args];
  return runCommand(argv, { timeout: 30_000 });
}

describe('postern milter', () => {
  it('accepts everything while nothing is switched on, and counts it', async () => {
    const { child, exit, logged } = start();
    await logged('"listen":"unix:');
    const peer = await openPeer(unix());
    peer.write(BEGIN + ACCEPTED + ACCEPTED);
    await expect.poll(peer.replies).toEqual(['O', 'c', 'c', 'a', 'c', 'a']);
    const status = await until('the figures', async () => {
      const { stdout } = await postern('status');
      return stdout.includes('messages: 2') && stdout;
    });
    expect(status).toContain(`process ${child.pid}`);
    expect(status).toContain('nothing is switched on, everything is accepted');
    expect(status).toContain('milter sessions: 1, 1 open   messages: 2   recipients: 2');
    expect(status).toContain('no problems');
    const json = JSON.parse((await postern('status', '--format', 'json')).stdout);
    expect(json.milter).toMatchObject({ running: true, counters: { messages: 2 } });
    peer.write(QUIT);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(readdirSync(folder.path)).toEqual(['postern.yaml']);
    const { stdout, status: code } = await postern('status');
    expect(stdout).toContain('milter: NOT running');
    expect(code).toBe(1);
  });

  it('needs its section', async () => {
    writeFileSync(folder.at('postern.yaml'), 'database: none.db\n');
    const { status, stderr } = await postern('milter');
    expect(status).toBe(2);
    expect(stderr).toMatch(/milter: expected a section/);
  });

  it.each([
    ['listen: "inet:mail.example:8900"', /milter\.listen.*expected unix:PATH/],
    ['listen: []', /milter\.listen.*at least one address/],
    ['permissions: 0660', /milter\.permissions: expected octal permissions in quotes/],
    ['group: "a b"', /milter\.group: expected a group/],
    ['grupp: x', /milter\.grupp: expected a known key/],
  ])('refuses %s', async (option, message) => {
    writeFileSync(folder.at('postern.yaml'), `milter:\n  ${option}\n`);
    const { status, stderr } = await postern('milter');
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr).toMatch(/postern\.yaml:2/);
  });

  it('takes a new configuration at SIGHUP, and keeps the old one if it is wrong', async () => {
    const { child, logged } = start();
    await logged('"listen":"unix:');
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail() + rcpt());
    await expect.poll(peer.replies).toHaveLength(3);
    writeFileSync(folder.at('postern.yaml'), 'milter: { listen: here }\n');
    child.kill('SIGHUP');
    await logged('new configuration refused');
    configure('other');
    child.kill('SIGHUP');
    await logged('/other"');
    await expect.poll(() => readdirSync(folder.path)).not.toContain('milter');
    peer.write(rcpt());
    await expect.poll(peer.replies).toHaveLength(4);
    const other = await openPeer(unix('other'));
    other.write(BEGIN);
    await expect.poll(other.replies).toHaveLength(2);
  });

  it('finishes open sessions at SIGTERM, while another one listens', async () => {
    const first = start();
    await first.logged('"listen":"unix:');
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail() + rcpt());
    await expect.poll(peer.replies).toHaveLength(3);
    first.child.kill('SIGTERM');
    await first.logged('listens no more');
    first.child.kill('SIGHUP');
    const second = start();
    await second.logged('"listen":"unix:');
    const other = await openPeer(unix());
    other.write(BEGIN + ACCEPTED);
    await expect.poll(other.replies).toHaveLength(4);
    peer.write(rcpt() + ACCEPTED + QUIT);
    await expect.poll(peer.replies).toHaveLength(6);
    expect(await first.exit).toBe(0);
    const { stdout } = await postern('status');
    expect(stdout).toContain(`process ${second.child.pid}`);
    expect(stdout).toContain('no problems');
  });

  it('ends at once at the second SIGTERM', async () => {
    const { child, exit, logged } = start();
    await logged('"listen":"unix:');
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail() + rcpt());
    await expect.poll(peer.replies).toHaveLength(3);
    child.kill('SIGTERM');
    await logged('listens no more');
    child.kill('SIGTERM');
    expect(await exit).toBe('SIGTERM');
  });

  it('waits for its place', async () => {
    configure('later/milter');
    const { logged } = start();
    await logged('is missing');
    await until('the state', async () =>
      /no milter at unix:.*is missing/.test((await postern('status')).stdout),
    );
    folder.write('later/x', '');
    await logged('"listen":"unix:');
    expect((await postern('check', '--milter')).stdout).toMatch(/ok +milter: .* answers/);
  });
});

describe('postern check', () => {
  const SENDMAIL = 'O InputMailFilters=other, postern\nXother, S=local:/run/other, F=T\n';
  const filter = (socket: string, more = ', F=T, T=C:5s;S:5s;R:60s;E:5m') =>
    `${SENDMAIL}Xpostern, S=${socket}${more}\n`;

  it.each<[string, () => string, RegExp]>([
    ['asks', () => filter(`local:${folder.at('milter')}`), /ok +milter: Sendmail asks local:/],
    ['asks, old form', () => filter(`unix:${folder.at('milter')}`), /ok +milter: Sendmail asks/],
    ['does not ask', () => SENDMAIL, /wrong +milter: .* does not name the milter/],
    [
      'does not use it',
      () => `Xpostern, S=local:${folder.at('milter')}, F=T\n`,
      /defines postern, which InputMailFilters does not list/,
    ],
    ['lets mail pass', () => filter(`local:${folder.at('milter')}`, ''), /warning .*has no F=/],
  ])('tells whether Sendmail %s', async (_, text, expected) => {
    folder.write('sendmail.cf', text());
    const { stdout } = await postern(
      'check',
      '--milter',
      '--sendmail-config',
      folder.at('sendmail.cf'),
    );
    expect(stdout).toMatch(expected);
  });

  it('warns of a socket that Sendmail cannot reach, and of one that everybody can', async () => {
    writeFileSync(
      folder.at('postern.yaml'),
      'milter: { listen: ["inet:18901@127.0.0.1", "inet:0.0.0.0:18902"], state: state.json }\n',
    );
    folder.write('sendmail.cf', filter('inet:18901@[127.0.0.1]'));
    const { stdout } = await postern(
      'check',
      '--milter',
      '--sendmail-config',
      folder.at('sendmail.cf'),
    );
    expect(stdout).toMatch(/wrong .*cannot connect to inet:18901@\[127\.0\.0\.1\]/);
    expect(stdout).toMatch(/write the address without brackets: S=inet:18901@127\.0\.0\.1/);
    expect(stdout).toMatch(/warning .*0\.0\.0\.0:18902 can be used by every machine/);
  });

  it('says how to make the folder, and how to start it', async () => {
    configure('gone/milter');
    const missing = await postern('check', '--milter', '--sendmail-config', '/dev/null');
    expect(missing.stdout).toMatch(/install -d -o postern-milter -g postfix -m 2750 \S+gone/);
    configure('milter');
    const stopped = await postern('check', '--milter', '--sendmail-config', '/dev/null');
    expect(stopped.stdout).toMatch(/systemctl enable --now postern-milter/);
  });
});
