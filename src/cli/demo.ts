/**
 * `postern demo`: the service itself, following a bundled log that grows, in a scratch folder.
 * Does not change a mail server and sends no mail: the block file and the notice stay in the folder.
 */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { packagePath } from '../base/package.ts';
import { formatTime, systemClock } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import { loadConfig, SHIPPED_RULES } from '../config/load.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { loadRules } from '../judge/rule.ts';
import { formatIdentity } from '../model/identity.ts';
import { folderNotifier } from '../notify/mail.ts';
import { gatherReport } from '../report/period.ts';
import { reportToText } from '../report/text.ts';
import { Store } from '../store/store.ts';
import type { Io } from './io.ts';
import { version } from './version.ts';

const DEMO_LOG = packagePath('demo/mail.log');
/** In so many parts the log grows. */
const STEPS = 8;
/** How long to wait for the notice, ms. */
const PATIENCE = 30_000;

/** Exit status 1 when the stolen account was not detected. */
export async function runDemo(options: { readonly keep?: boolean }, io: Io): Promise<ExitStatus> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-demo-'));
  const config = writeConfig(folder);
  const lines = freshLines(readFileSync(DEMO_LOG, 'utf8'), systemClock.now());
  io.stdout(
    `A Postfix log of ${lines.length} lines grows in ${folder}/mail.log; Postern follows it.\n`,
  );
  const controller = new AbortController();
  const notifier = folderNotifier(join(folder, 'outbox'), 'postern@mx1.example.net');
  const { signal } = controller;
  const daemon = runDaemon({
    config: loadConfig(config),
    clock: systemClock,
    log: silentLog,
    version: version(),
    signal,
    notifier,
  });
  const ended = grow(folder, lines).then(() => controller.abort());
  await Promise.all([daemon, ended.catch(() => controller.abort())]);
  const found = printResult(folder, io);
  if (options.keep === false) {
    rmSync(folder, { recursive: true, force: true });
    io.stdout(
      '\nThe folder is deleted. Without --no-keep it is kept, so that you can look closer.\n',
    );
  } else io.stdout(lookCloser(folder, config));
  return found ? EXIT.done : EXIT.failed;
}

/** A configuration with maps that need no mail server. */
function writeConfig(folder: string): string {
  const file = join(folder, 'postern.yaml');
  for (const name of ['outbox', 'postfix']) mkdirSync(join(folder, name));
  writeFileSync(
    file,
    [
      'mta: postfix',
      'logs: [ mail.log ]',
      'database: postern.db',
      'targets:',
      '  postfix:',
      '    user: { file: postfix/sasl_access, type: texthash, action: HOLD }',
      '    client: { file: postfix/client_access, type: cidr, action: HOLD }',
      '    sender: false',
      '    uid: false',
      '    reload: []',
      'queue: { hold: false }',
      'notify: { to: abuse@example.net, from: postern@mx1.example.net, digest: 1s }',
      '',
    ].join('\n'),
  );
  return file;
}

/** The bundled lines with their times moved so that the last one is now: old events do not lead to blocks. */
function freshLines(text: string, now: number): string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  const stampOf = (line: string) => Date.parse(line.slice(0, line.indexOf(' ')));
  const shift = now - stampOf(lines.at(-1) ?? '');
  return lines.map(
    (line) => `${formatTime(stampOf(line) + shift)}${line.slice(line.indexOf(' '))}`,
  );
}

/** Appends the lines in steps, then waits for the notice about the block. */
async function grow(folder: string, lines: readonly string[]): Promise<void> {
  const step = Math.ceil(lines.length / STEPS);
  for (let at = 0; at < lines.length; at += step) {
    appendFileSync(join(folder, 'mail.log'), `${lines.slice(at, at + step).join('\n')}\n`);
    await waitOrAbort(100, undefined);
  }
  const until = systemClock.now() + PATIENCE;
  while (readdirSync(join(folder, 'outbox')).length === 0 && systemClock.now() < until)
    await waitOrAbort(50, undefined);
}

/** Prints what happened; true when the stolen account was detected. */
function printResult(folder: string, io: Io): boolean {
  const store = new Store(join(folder, 'postern.db'), { readonly: true });
  try {
    const now = systemClock.now();
    const blocks = store.blocks.allRunning();
    for (const { key, cause, verdict } of blocks) {
      const found = verdict === undefined ? undefined : store.verdicts.get(verdict)?.verdict;
      io.stdout(
        `\nBlocked: ${formatIdentity(key)} by rule ${cause}, with line ${found?.line} of the log.\n`,
      );
    }
    io.stdout(`\nThe access map that Postfix would read, ${folder}/postfix/sasl_access:\n\n`);
    io.stdout(indented(readFileSync(join(folder, 'postfix/sasl_access'), 'utf8')));
    io.stdout(
      `\n${reportToText(gatherReport(store, loadRules(SHIPPED_RULES), now - 86_400_000, now + 1))}`,
    );
    return blocks.length > 0 && readdirSync(join(folder, 'outbox')).length > 0;
  } finally {
    store.close();
  }
}

/** What the folder contains, and the commands that show it. */
function lookCloser(folder: string, config: string): string {
  const mail = readdirSync(join(folder, 'outbox'))[0] ?? '(none)';
  const self = ownCommand(process.argv[1] ?? '', process.cwd());
  const commands = [
    'blocks',
    'explain alice@example.net',
    'events --reason invalid --limit 5',
    'unblock alice@example.net',
  ].map((command) => `  ${self} ${command} --config ${config}\n`);
  return `\nLook closer:\n  the mail to the abuse address   ${folder}/outbox/${mail}\n${commands.join('')}`;
}

/** How to call this program again from the folder `cwd`: by its name if it is installed, else by its launcher. */
export function ownCommand(script: string, cwd: string): string {
  if (script.includes('/node_modules/')) return 'postern';
  return relative(cwd, join(dirname(script), '../../bin/postern'));
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}
