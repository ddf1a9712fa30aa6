/**
 * Trying Exim: whether it takes a message, with its own configuration but a spool, a log and block files in a scratch
 * folder. Nothing is sent, and nothing is written outside this folder, which is removed at the end.
 *
 * A message is handed in on standard input, with the address or the account that it is to come from; only root and
 * Exim's own user may say these, so nobody else can try.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { getMessage } from '../../base/errors.ts';
import { systemClock } from '../../base/time.ts';
import { findUids } from '../../enforce/accounts.ts';
import { ask } from '../programs.ts';
import { CUTTHROUGH, TRIAL_MECHANISM, trialConfiguration } from './trial-config.ts';

/** Where a message comes from. */
export interface Origin {
  /** the client's IP address; none for a local program */
  readonly client?: string;
  /** port of the daemon to which it connects */
  readonly port?: number;
  /** logs in as this user */
  readonly login?: string;
  /** the local account, as login name */
  readonly account?: string;
  /** SMTP (for a local program: `sendmail -bs`), or a message for `sendmail` without a dialogue */
  readonly smtp: boolean;
  readonly sender: string;
}

/** What Exim does with a message for several recipients. */
export interface Outcome {
  /** those to whom Exim would deliver it */
  readonly passed: readonly string[];
  /** Exim's answer that refuses it; undefined if the message is frozen, or dropped without a word */
  readonly answer?: string;
}

export interface Trial {
  /** Writes the copies of the block files, one line in each that is named; the others are empty. */
  list(lines: ReadonlyMap<string, string>): void;
  /** Hands in one message. */
  send(origin: Origin, recipients: readonly string[]): Promise<Outcome>;
}

interface TrialOptions {
  readonly exim: string;
  /** what `exim -bP config` prints */
  readonly printed: string;
  readonly spool: string;
  /** `exim_user` as Exim prints it */
  readonly user: string;
  /** the files that list blocks */
  readonly files: readonly string[];
}

/** Calls `use` with a trial; returns why it cannot be tried, the end of a sentence. */
export async function withTrial<T>(
  options: TrialOptions,
  use: (trial: Trial) => Promise<T>,
): Promise<T | string> {
  const uid = await findUid(options.user);
  const own = process.geteuid?.();
  if (uid === undefined) return `Exim's user ${options.user} is not known`;
  if (own !== 0 && own !== uid) return `only root and ${options.user} can try it`;
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'postern-check-'));
    return await use(prepareTrial(folder, uid, options));
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return getMessage(error);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function findUid(user: string): Promise<number | undefined> {
  const found = /^\d+$/.test(user) ? user : (await findUids([user])).get(user.toLowerCase());
  return found === undefined ? undefined : Number(found);
}

/** Exim's user may enter the folder, but not list it or read the configuration, which may hold passwords. */
function prepareTrial(folder: string, uid: number, options: TrialOptions): Trial {
  chmodSync(folder, 0o711);
  for (const name of ['spool', 'log']) {
    mkdirSync(join(folder, name), { mode: 0o750 });
    if (process.geteuid?.() === 0) chownSync(join(folder, name), uid, 0);
  }
  const copies = new Map(
    options.files.map((file, index) => [file, join(folder, `${index}-${basename(file)}`)]),
  );
  const copyOf = (path: string) => findCopy(path, copies);
  const text = trialConfiguration(options.printed, { spool: options.spool, folder, copyOf });
  const configuration = join(folder, 'exim.conf');
  writeFileSync(configuration, text, { mode: 0o600 });
  const argv = [options.exim, '-C', configuration];
  let serial = 0;
  return {
    list(lines) {
      for (const [file, copy] of copies) {
        writeFileSync(copy, `${lines.get(file) ?? 'postern-check-nobody'}\n`, { mode: 0o644 });
        chmodSync(copy, 0o644); // whatever the umask
      }
    },
    send: async (origin, recipients) => {
      const mark = `postern check ${++serial}`;
      return await send(argv, join(folder, 'spool/input'), { origin, recipients, mark });
    },
  };
}

/** The copy of the same file, also when the configuration names it by way of a symbolic link. */
function findCopy(path: string, copies: ReadonlyMap<string, string>): string | undefined {
  const copy = copies.get(path);
  if (copy !== undefined) return copy;
  for (const [file, other] of copies)
    if (basename(path) === basename(file) && isSameFolder(path, file)) return other;
  return undefined;
}

function isSameFolder(path: string, file: string): boolean {
  const [one, other] = [path, file].map((name) =>
    statSync(join(name, '..'), { throwIfNoEntry: false }),
  );
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

/** A name that no ACL takes for this host or for a mistake. */
const HELO = 'postern-check.example.org';

interface Message {
  readonly origin: Origin;
  readonly recipients: readonly string[];
  /** by which the message is found in the spool */
  readonly mark: string;
}

async function send(argv: readonly string[], input: string, message: Message): Promise<Outcome> {
  const { origin, recipients, mark } = message;
  const result = await ask([...argv, ...originArguments(origin, recipients)], inputOf(message));
  const queued = readQueued(input, mark);
  if (queued !== undefined) {
    const isHeld = /^-frozen\b/m.test(queued) && !queued.includes(CUTTHROUGH);
    return { passed: isHeld ? [] : recipients.filter((to) => isFor(queued, to)) };
  }
  const said = `${result.stdout}\n${result.stderr}`.split(/\r?\n/);
  const refusal = said.find((line) => /^[45]\d\d /.test(line)) ?? firstWords(result.stderr);
  const answer = result.timedOut ? 'no answer within 20 s' : (refusal ?? result.failure);
  return { passed: [], ...(answer === undefined ? {} : { answer }) };
}

function firstWords(text: string): string | undefined {
  return text.split('\n').find((line) => line.trim() !== '');
}

/** For a local program without AUTH, Exim takes the login name of the account for `$authenticated_id`, too. */
function originArguments(origin: Origin, recipients: readonly string[]): string[] {
  const { client, port = 25, account, smtp, sender } = origin;
  const from = client === undefined ? [] : ['-oMa', bracketed(client, 40_000)];
  const to = client === undefined ? [] : ['-oMi', bracketed('127.0.0.1', port)];
  const who = account === undefined ? [] : ['-oMt', account, '-oMai', account];
  const options = [...from, ...to, ...who, '-odq'];
  // -oep: a message that is refused is reported on standard error, not by a mail.
  return smtp ? [...options, '-bs'] : [...options, '-oep', '-oi', '-f', sender, ...recipients];
}

function bracketed(address: string, port: number): string {
  return `[${address}]:${port}`;
}

function inputOf({ origin: { smtp, login, sender }, recipients, mark }: Message): string {
  const text = [
    `From: <${sender}>`,
    `To: <${recipients[0]}>`,
    `Subject: ${mark}`,
    `Date: ${new Date(systemClock.now()).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${mark.replaceAll(' ', '.')}@${HELO}>`,
    '',
    'A trial of postern check.',
  ];
  if (!smtp) return `${text.join('\n')}\n`;
  const auth = login === undefined ? [] : [`AUTH ${TRIAL_MECHANISM} ${base64(login)}`];
  const envelope = [`MAIL FROM:<${sender}>`, ...recipients.map((to) => `RCPT TO:<${to}>`)];
  const lines = [`EHLO ${HELO}`, ...auth, ...envelope, 'DATA', ...text, '.', 'QUIT'];
  return lines.map((line) => `${line}\r\n`).join('');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The header file of the message with this subject, in the spool (also in a split one); undefined if there is none. */
function readQueued(input: string, mark: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(input, { recursive: true, encoding: 'utf8' });
  } catch {
    return undefined; // no message has come so far
  }
  return names
    .filter((name) => name.endsWith('-H'))
    .map((name) => readFileSync(join(input, name), 'latin1'))
    .find((text) => text.includes(`Subject: ${mark}\n`));
}

/** Recipients are one a line in the part before the headers; some have more words behind them. */
function isFor(headerFile: string, recipient: string): boolean {
  return headerFile.split('\n').some((line) => line.split(' ')[0] === recipient);
}
