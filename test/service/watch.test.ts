/** `postern watch` as a real process, over a log that another process writes and rotates: every event, once, in order. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';

const PROGRAM = process.env.POSTERN_PROGRAM ?? resolve('dist/cli/main.js');
const WRITER = new URL('./watched-writer.mjs', import.meta.url).pathname;
const ROTATIONS = 25;
const LINES = 100;

let folder: Folder;
let watch: ChildProcess;
let out = '';
let err = '';

beforeEach(async () => {
  folder = scratchFolder();
  folder.write('mail.log', '');
  const config = folder.write(
    'postern.yaml',
    'mta: postfix\nlogs: [ mail.log ]\ndatabase: postern.db\n',
  );
  out = '';
  err = '';
  const argv = [PROGRAM, 'watch', '--format', 'json', '--config', config];
  watch = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  watch.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  watch.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  await until('the first event', () => {
    appendFileSync(folder.at('mail.log'), probe());
    return out !== '';
  });
});
afterEach(async () => {
  const ended = new Promise((done) => watch.once('exit', done));
  watch.kill('SIGTERM');
  expect(await ended).toBe(0);
  folder.remove();
});

function probe(): string {
  const stamp = new Date().toISOString();
  return `${stamp} mx1 postfix/smtpd[8]: NOQUEUE: reject: RCPT from unknown[203.0.113.8]: 550 5.1.1 <probe@example.com>: Recipient address rejected: User unknown in local recipient table; from=<s@example.org> to=<probe@example.com> proto=ESMTP helo=<h>\n`;
}

/** What was printed about the writer's lines, in order. */
function printed(): string[] {
  return out
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line).recipient as string)
    .filter((recipient) => recipient !== 'probe@example.com');
}

it.each(['rename', 'reopen-late', 'copytruncate'])(
  'prints every event once while the log is rotated by %s',
  async (how) => {
    const argv = [process.execPath, WRITER, folder.at('mail.log'), how, `${ROTATIONS}`, `${LINES}`];
    const { stdout, stderr } = await runCommand(argv, { timeout: 60_000 });
    expect(stderr).toBe('');
    const written = Number(stdout);
    expect(written).toBeGreaterThan(ROTATIONS * LINES);
    const last = `r${written}@example.com`;
    await until('the last event', () => out.includes(last), {
      timeout: 60_000,
      evidence: () => `${printed().length} of ${written}; ${err}`,
    });
    const expected = Array.from({ length: written }, (_, n) => `r${n + 1}@example.com`);
    expect(printed()).toEqual(expected);
    expect(err).toBe('');
  },
);
