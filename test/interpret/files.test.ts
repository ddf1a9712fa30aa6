/** Files in any order become one stream of events, with each line once. */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEvents } from '../../src/interpret/files.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const REFUSED =
  '2026-11-01 09:05:07 H=(localhost) [192.0.2.7] F=<x@example.org> rejected RCPT <nobody@example.net>: no such user\n';
const BOUNCED = [
  '2026-11-01 09:04:00 1xUirY-00014N-13 <= alice@example.net H=pc.example.net [192.0.2.9] P=esmtpsa A=plain:alice S=900 for x@example.org\n',
  '2026-11-01 09:06:00 1xUirY-00014N-13 ** x@example.org R=out T=smtp H=mx.example.org [198.51.100.1]: SMTP error from remote mail server after RCPT TO:<x@example.org>: 550 5.1.1 User unknown\n',
].join('');

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

/** The kinds of the events, in their order. */
async function listKinds(...names: readonly string[]): Promise<string[]> {
  const kinds: string[] = [];
  const files = names.map((name) => folder.at(name));
  for await (const { events } of readEvents(files, { now: Date.now(), zone: '+00:00' })) {
    for (const { kind } of events) kinds.push(kind);
  }
  return kinds;
}

/** How many files of the folder this process has open. */
function countOpen(): number {
  const names = readdirSync('/proc/self/fd').map((name) => readLink(`/proc/self/fd/${name}`));
  return names.filter((name) => name.startsWith(folder.path)).length;
}

/** The descriptor that the folder was read by is closed by now. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** What rotation makes of `mainlog.9`: `mainlog.10`. */
function nextName(file: string): string {
  return file.replace(/\d+$/, (number) => String(Number(number) + 1));
}

describe('files', () => {
  it('count a refusal once that Exim wrote to its main log and its reject log', async () => {
    folder.write('mainlog', REFUSED);
    folder.write('rejectlog', REFUSED);
    expect(await listKinds('mainlog', 'rejectlog')).toEqual(['rejected']);
    expect(await listKinds('rejectlog', 'mainlog')).toEqual(['rejected']);
  });

  it('count messages that left the queue without events of them, if that is asked for', async () => {
    folder.write('mainlog', `${BOUNCED}2026-11-01 09:06:01 1xUirY-00014N-13 Completed\n`);
    const options = { now: Date.now(), zone: '+00:00', leavesOutRemovals: true };
    const kinds: string[] = [];
    let left = 0;
    for await (const { events, leftOut } of readEvents([folder.at('mainlog')], options)) {
      kinds.push(...events.map(({ kind }) => kind));
      left = leftOut;
    }
    expect([...kinds, left]).toEqual(['accepted', 'bounced', 1]);
    expect(await listKinds('mainlog')).toEqual(['accepted', 'bounced', 'removed']);
  });

  it('of another mail server than the one that was named are an error', async () => {
    folder.write('mainlog', BOUNCED);
    folder.write(
      'mail.log',
      'Nov  1 09:05:07 mx1 postfix/qmgr[1]: 9BE7E21449E: from=<a@example.net>, size=1, nrcpt=1 (queue active)\n',
    );
    const readAs = async (mta: 'postfix' | 'exim', name: string) => {
      for await (const _ of readEvents([folder.at(name)], { now: Date.now(), mta }));
    };
    await expect(readAs('exim', 'mail.log')).rejects.toThrow(
      /mail\.log: the log is of Postfix: use --mta postfix, or leave --mta out$/,
    );
    await expect(readAs('postfix', 'mainlog')).rejects.toThrow(/mainlog: the log is of Exim: use/);
    await readAs('exim', 'mainlog');
    await readAs('postfix', 'mail.log');
  });

  it('count two refusals of one file within one second as two', async () => {
    folder.write('mainlog', REFUSED + REFUSED);
    expect(await listKinds('mainlog')).toEqual(['rejected', 'rejected']);
  });

  it('count two refusals within one second as two, although both logs have them', async () => {
    folder.write('mainlog', REFUSED + REFUSED);
    folder.write('rejectlog', REFUSED + REFUSED);
    expect(await listKinds('mainlog', 'rejectlog')).toEqual(['rejected', 'rejected']);
  });

  it('are read in the order of time, in whatever order they are given', async () => {
    const [accepted = '', bounced = ''] = BOUNCED.split(/(?<=\n)/);
    folder.write('mainlog', bounced);
    folder.write('mainlog.1', accepted);
    const expected = ['accepted', 'bounced'];
    expect(await listKinds('mainlog', 'mainlog.1')).toEqual(expected);
    expect(await listKinds('mainlog.1', 'mainlog')).toEqual(expected);
  });

  it('go on in the second in which the one before ends, in whatever order they are given', async () => {
    const [accepted = '', bounced = ''] = BOUNCED.replace('09:04:00', '09:06:00').split(/(?<=\n)/);
    folder.write('mainlog', bounced);
    folder.write('mainlog.1', REFUSED.replace('09:05:07', '09:04:59') + accepted);
    const expected = ['rejected', 'accepted', 'bounced'];
    expect(await listKinds('mainlog', 'mainlog.1')).toEqual(expected);
    expect(await listKinds('mainlog.1', 'mainlog')).toEqual(expected);
  });

  it('are those of the beginning, although they are rotated meanwhile, and closed in the end', async () => {
    const files = Array.from({ length: 30 }, (_, index) => {
      const day = String(30 - index).padStart(2, '0');
      return folder.write(
        `mainlog.${index + 1}`,
        BOUNCED.replaceAll('2026-11-01', `2026-11-${day}`),
      );
    });
    const times: number[] = [];
    let open = 0;
    for await (const { events } of readEvents(files, { now: Date.now(), zone: '+00:00' })) {
      if (open === 0) for (const file of files.toReversed()) renameSync(file, nextName(file));
      open = Math.max(open, countOpen());
      times.push(...events.map(({ time }) => time));
    }
    expect([times.length, open, countOpen()]).toEqual([60, 30, 0]);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('may be pipes, which are read only once', async () => {
    const [accepted = '', bounced = ''] = BOUNCED.split(/(?<=\n)/);
    execFileSync('mkfifo', [folder.at('older'), folder.at('newer')]);
    const writer = spawn(
      'sh',
      ['-c', 'printf %s "$1" > older & printf %s "$2" > newer', 'sh', accepted, bounced],
      {
        cwd: folder.path,
        stdio: 'ignore',
      },
    );
    try {
      expect(await listKinds('newer', 'older')).toEqual(['accepted', 'bounced']);
    } finally {
      writer.kill();
    }
  });

  it('may be pipes without a line that counts, which are not opened again', async () => {
    execFileSync('mkfifo', [folder.at('pipe')]);
    folder.write('empty', '');
    const writer = spawn('sh', ['-c', 'echo nothing > pipe'], {
      cwd: folder.path,
      stdio: 'ignore',
    });
    try {
      await expect(listKinds('pipe', 'empty')).rejects.toThrow(
        /pipe:1: no line is of a mail server/,
      );
    } finally {
      writer.kill();
    }
  });

  it('are read although one of them is damaged, which is an error after all of them', async () => {
    const [accepted = '', bounced = ''] = BOUNCED.split(/(?<=\n)/);
    writeFileSync(folder.at('mainlog.2.gz'), gzipSync(REFUSED).subarray(0, 12));
    folder.write('mainlog.1', accepted);
    folder.write('mainlog', bounced);
    const kinds: string[] = [];
    const names = ['mainlog', 'mainlog.2.gz', 'mainlog.1'];
    const files = names.map((name) => folder.at(name));
    const reading = (async () => {
      for await (const { events } of readEvents(files, { now: Date.now(), zone: '+00:00' })) {
        for (const { kind } of events) kinds.push(kind);
      }
    })();
    await expect(reading).rejects.toThrow(`${files[1]}: cannot be read: unexpected end of file`);
    expect(kinds).toEqual(['accepted', 'bounced']);
  });

  it.each([
    [
      'a log of another program',
      'Nov  1 09:05:07 mx1 cron[7]: job\n',
      ':1: no line is of a mail server',
    ],
    ['an unknown format', '\n1572599107 [mx1] postfix/smtpd[811]: x\x1b[2J\n', ':2: no line'],
    ['text in the format of Exim’s log', '2026-11-01 09:05:07 nothing of mail\n', ':1: no line'],
  ])('of which no line is understood are an error: %s', async (_name, content, message) => {
    folder.write('log', content);
    folder.write('empty', '');
    const failure = { exitStatus: 1, message: expect.stringContaining(`log${message}`) };
    await expect(listKinds('log')).rejects.toMatchObject(failure);
    await expect(listKinds('empty', 'log')).rejects.toMatchObject(failure);
    await expect(listKinds('log')).rejects.not.toThrow('\x1b');
  });

  it.each([
    ['', 'an empty file'],
    ['\n\n', 'empty lines'],
    [
      'Nov  1 09:05:07 mx1 postfix/anvil[7]: statistics: max cache size 1 at Nov  1 09:05:07\n',
      'an idle Postfix',
    ],
    ['2026-11-01 09:05:07 Start queue run: pid=7\n', 'an idle Exim'],
    ['Nov  1 09:05:07 mx1 exim[7]: End queue run: pid=7\n', 'an idle Exim, in syslog'],
    [`x\n${REFUSED}`, 'one line among others'],
  ])('%j are not an error: %s', async (content, _name) => {
    folder.write('log', content);
    await expect(listKinds('log')).resolves.toBeDefined();
  });
});
