/**
 * `postern milter` in the place of scam-back, with a real Sendmail: its flags, its file, several instances, BackList. The
 * program itself, started as an operator would.
 */
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, runCommand } from '../../src/base/commands.ts';
import { CONNECT, END, HELO, mail, offer, openPeer, QUIT, rcpt } from '../milter/peer.ts';
import { type BackEnd, startBackEnd } from '../support/back-end.ts';
import { type Folder, until } from '../support/folder.ts';
import {
  hasSendmail,
  type SendmailServer,
  sendmailFolder,
  startSendmail,
} from '../support/sendmail.ts';
import { freePorts } from '../support/server.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { codes, type Hop, say, startHop } from './milter.ts';

const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests

function milter(...words: readonly string[]): Promise<CommandResult> {
  return runCommand([process.execPath, PROGRAM, 'milter', ...words], { timeout: 40_000 });
}

describe.runIf(hasSendmail())('in the place of scam-back', () => {
  let folder: Folder;
  let hop: Hop;
  let server: SendmailServer;
  let submission: number;
  const backEnds: BackEnd[] = [];
  const at = (name: string) => folder.at(name);

  beforeAll(async () => {
    hop = await startHop();
    folder = sendmailFolder();
    backEnds.push(await startBackEnd(), await startBackEnd());
    [submission] = (await freePorts(1)) as [number];
    server = await startSendmail(folder, {
      nextHopPort: hop.port,
      milter: 'local:{dir}/one.sock',
      mc: `INPUT_MAIL_FILTER(\`second', \`S=local:/mnt/instance/two.sock, F=T, T=C:5s;S:5s;R:10s;E:10s')
DAEMON_OPTIONS(\`Port=${submission}, Addr=127.0.0.1, Name=MSA')`,
    });
  });
  afterAll(async () => {
    await server?.stop();
    await Promise.all(backEnds.map((one) => one.stop()));
    await hop?.close();
  });
  afterEach(async () => {
    for (const name of ['one', 'two']) await stop(name);
  });

  const file = (at: number, domain: string, more = '') =>
    `BackSMTPServer:127.0.0.1\nBackAddrDomain:${domain}\nBackSMTPPort:${backEnds[at]?.port}\n${more}`;

  /** Starts an instance as a daemon: what the manual of scam-backscatter says, with other names. */
  async function start(name: string, text: string, ...flags: readonly string[]) {
    folder.write(`${name}.conf`, text);
    const result = await milter(
      ...['-p', `unix:${at(`${name}.sock`)}`, '-f', at(`${name}.conf`)],
      ...['-P', at(`${name}.pid`), ...flags, '-D'],
    );
    expect(result).toMatchObject({ status: 0, stdout: '', stderr: '' });
  }

  async function stop(name: string): Promise<void> {
    const pid = Number(folder.read(`${name}.pid`));
    if (pid === 0) return;
    process.kill(pid, 'SIGTERM');
    await until('its end', () => !existsSync(at(`${name}.pid`)) && !existsSync(at(`${name}.sock`)));
  }

  async function ask(recipients: readonly string[], port = server.port, from = '127.0.0.3') {
    const client = await SmtpClient.open({ port, localAddress: from });
    const lines = recipients.map((to) => `RCPT TO:<${to}>`);
    const [, ...replies] = await say(client, 'MAIL FROM:<x@out.example>', ...lines);
    client.close();
    return codes(replies);
  }

  it('two instances answer, each with its own file, socket, pid file and database', async () => {
    await start('one', file(0, 'example.net'));
    await start('two', file(1, 'example.org'));
    const to = ['good@example.net', 'bad@example.net', 'good@example.org', 'bad@example.org'];
    expect(await ask([...to, 'any@in.example'])).toEqual([250, 550, 250, 550, 250]);
    expect(backEnds.map(({ asked }) => asked.filter((one) => one.startsWith('bad@')))).toEqual([
      ['bad@example.net'],
      ['bad@example.org'],
    ]);
    expect(['one.db', 'two.db'].map((name) => existsSync(at(name)))).toEqual([true, true]);
    expect(statSync(at('one.db')).mode & 0o077).toBe(0);
  });

  it('reads BackList at the start, writes it at the end, and revives old answers', async () => {
    const list = folder.write(
      'list.txt',
      '0 listed@example.net\n1 good-in-fact@example.net\nbroken\n',
    );
    await start('one', file(0, 'example.net', `BackList:${list}\n`), '--database', at('list.db'));
    await start('two', file(1, 'example.org'));
    const asked = () => backEnds[0]?.asked.filter((one) => /listed|in-fact/.test(one));
    const to = ['listed@example.net', 'good-in-fact@example.net', 'bad-new@example.net'];
    expect(await ask(to)).toEqual([250, 550, 550]);
    expect(asked()).toEqual([]);
    await stop('one');
    const lines = ['1 bad-new@example.net', '1 good-in-fact@example.net', '0 listed@example.net'];
    expect(folder.read('list.txt')).toBe(`${lines.join('\n')}\n`);
    const [port] = (await freePorts(1)) as [number];
    const down = `BackSMTPServer:127.0.0.1\nBackAddrDomain:example.net\nBackSMTPPort:${port}\n`;
    const longer = `${down}BackValidAddrExp:8640000\nBackInvalidAddrExp:8640000\nBackErrorTempfail:Yes\n`;
    await start('one', longer, '-b', list);
    expect(await ask([...to, 'other@example.net'])).toEqual([250, 550, 550, 450]);
  });

  it('skips 127.0.0.1 always, and MSA only while no BackSkipDaemon is set', async () => {
    await start('two', file(1, 'example.org'));
    await start('one', file(0, 'example.net'));
    const bad = ['bad@example.net'];
    expect(await ask(bad, server.port, '127.0.0.1')).toEqual([250]);
    expect(await ask(bad, submission)).toEqual([250]);
    expect(await ask(bad)).toEqual([550]);
    await stop('one');
    await start('one', file(0, 'example.net', 'BackSkipDaemon:MTA\nBackSkipVerify:127.0.0.4\n'));
    expect(await ask(bad, submission)).toEqual([550]);
    expect(await ask(bad)).toEqual([250]);
    expect(await ask(bad, submission, '127.0.0.4')).toEqual([250]);
  });

  it('runs as another account, with a socket where only root may make one', async () => {
    mkdirSync(at('private'), { recursive: true });
    folder.write('three.conf', file(0, 'example.net'));
    mkdirSync(at('spool'), { recursive: true });
    chmodSync(at('spool'), 0o777);
    const [socket, pid] = [at('private/three.sock'), at('spool/three.pid')];
    const flags = ['-p', `unix:${socket}`, '-u', 'nobody', '-g', 'mail', '-f', at('three.conf')];
    const result = await milter(
      ...flags,
      '-P',
      pid,
      '-b',
      at('spool/three.txt'),
      '-T',
      '7210',
      '-D',
    );
    expect(result).toMatchObject({ status: 0, stderr: '' });
    const { uid } = statSync(pid);
    expect(uid).toBeGreaterThan(0);
    expect(statSync(at('spool/three.db')).uid).toBe(uid);
    expect(statSync(socket)).toMatchObject({ uid, gid: statSync(pid).gid });
    expect(statSync(socket).mode & 0o777).toBe(0o660);
    process.kill(Number(folder.read('spool/three.pid')), 'SIGTERM');
    await until('its end', () => !existsSync(pid));
    expect(folder.read('spool/three.txt')).toBe('');
    expect(existsSync(at('spool/three.txt'))).toBe(true);
  });

  it('takes -u from who is that account already, and from nobody else', async () => {
    folder.write('four.conf', file(0, 'example.net'));
    mkdirSync(at('own'), { recursive: true });
    chmodSync(at('own'), 0o777);
    const words = [
      '-p',
      `unix:${at('own/four.sock')}`,
      '-f',
      at('four.conf'),
      '-P',
      at('own/four.pid'),
    ];
    const as = (user: string) =>
      runCommand(
        [
          'setpriv',
          '--reuid=nobody',
          '--regid=nogroup',
          '--clear-groups',
          process.execPath,
          PROGRAM,
          'milter',
          ...words,
          '-u',
          user,
          '-D',
        ],
        { timeout: 40_000 },
      );
    expect(await as('nobody')).toMatchObject({ status: 0, stderr: '' });
    process.kill(Number(folder.read('own/four.pid')), 'SIGTERM');
    await until('its end', () => !existsSync(at('own/four.sock')));
    expect(await as('daemon')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/-u and -g are for root/),
    });
  });

  it('answers version 2 of the protocol, which Sendmail 8.12 speaks', async () => {
    await start('one', file(0, 'example.net'));
    const peer = await openPeer({ kind: 'unix', path: at('one.sock') });
    peer.write(offer(2, 0x3f, 0x7f) + CONNECT.replace('127.0.0.1', '192.0.2.1') + HELO + mail());
    peer.write(rcpt('<good@example.net>') + rcpt('<bad@example.net>') + END + QUIT);
    const replies = ['O', 'c', 'c', 'c', 'c', 'y 550 5.1.1 User unknown|', 'c'];
    await expect
      .poll(() => peer.replies().map((one) => one.replace(/^O .*/s, 'O')))
      .toEqual(replies);
  });

  it.each([
    ['-h', 0, /Features:[\s\S]*USEMAILERTABLE[\s\S]*usage: -p protocol:address/, /^$/],
    ['-f /none.conf -D', 2, /^$/, /\/none\.conf: cannot be read/],
    ['-x', 2, /^$/, /unknown flag: -x/],
    ['-p nowhere -f {one}', 2, /^$/, /-p nowhere: expected unix:\/PATH/],
    ['--listen inet:1@127.0.0.1', 2, /^$/, /--listen goes with --scam-conf/],
    ['--scam-conf {bad}', 2, /^$/, /bad\.conf:1: BackSmtp: expected a setting of scam\.conf/],
    ['--scam-conf {one} -u nobody-here -D', 2, /^$/, /there is no account nobody-here/],
    [
      '--scam-conf {one} -P {dir}/none/x.pid -p unix:{dir}/x.sock -D',
      1,
      /^$/,
      /it has ended \(1\)/,
    ],
  ])('%s', async (line, status, stdout, stderr) => {
    folder.write('bad.conf', 'BackSmtp:x\n');
    folder.write('one.conf', file(0, 'example.net'));
    const words = line.replace('{one}', at('one.conf')).replace('{bad}', at('bad.conf'));
    const result = await milter(...words.replaceAll('{dir}', folder.path).split(' '));
    expect(result).toEqual({
      status,
      stdout: expect.stringMatching(stdout),
      stderr: expect.stringMatching(stderr),
      timedOut: false,
    });
  });

  it('does not take the place of an instance that runs, and leaves its pid file', async () => {
    await start('one', file(0, 'example.net'));
    const pid = folder.read('one.pid');
    const words = ['-p', `unix:${at('one.sock')}`, '-f', at('one.conf'), '-P', at('one.pid')];
    const again = await runCommand([process.execPath, PROGRAM, 'milter', ...words], {
      timeout: 3000,
    });
    expect(again).toMatchObject({
      timedOut: true,
      stderr: expect.stringMatching(/another process listens there/),
    });
    expect(folder.read('one.pid')).toBe(pid);
    expect(existsSync(at('one.sock'))).toBe(true);
  });
});
