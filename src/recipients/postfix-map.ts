/**
 * A Postfix lookup table of any type, asked through `postmap -q -`: LDAP and SQL too. postmap prints nothing before its
 * input ends, so a process is started for a short batch of questions. It prints `key TAB value` for what it finds and
 * nothing for the rest; a look-up that fails ends it with an error, and then nothing was found out.
 */

import { runCommand } from '../base/commands.ts';
import { lowerAscii } from '../base/text.ts';
import { isInternational, type Recipient } from './address.ts';
import { buildKeys } from './address-list.ts';
import { type Answer, unknown } from './verdict.ts';

/** How long the first question waits for others, ms. */
const GATHER = 5;
/** Questions of one process. */
const MOST_IN_BATCH = 500;
/** Processes at a time for one map. */
const MOST_PROCESSES = 2;
/** Questions that may wait. */
const MOST_WAITING = 5000;
const LONGEST_OUTPUT = 200;
/** Beyond this, base/commands.ts may have cut the output, and what is missing would seem invalid. Characters. */
const MOST_OUTPUT = 1_000_000;

interface Question {
  readonly recipient: Recipient;
  readonly answer: (answer: Answer) => void;
}

export interface MapOptions {
  /** argument vector, to which `-q - TYPE:NAME` is added */
  readonly postmap: readonly string[];
  /** `TYPE:NAME` */
  readonly map: string;
  readonly extension: string;
  /** ms for one batch */
  readonly timeout: number;
  /** as which account, if not this one */
  readonly account?: { readonly uid: number; readonly gid: number };
}

export class PostfixMap {
  readonly #options: MapOptions;
  #waiting: Question[] = [];
  #running = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MapOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  ask(recipient: Recipient): Promise<Answer> {
    if (this.#waiting.length >= MOST_WAITING)
      return Promise.resolve(unknown('lookup', 'too many questions to the map'));
    return new Promise((answer) => {
      this.#waiting.push({ recipient, answer });
      this.#timer ??= setTimeout(() => this.#begin(), GATHER);
    });
  }

  #begin(): void {
    this.#timer = undefined;
    while (this.#running < MOST_PROCESSES && this.#waiting.length > 0) {
      this.#running++;
      void this.#answer(this.#waiting.splice(0, MOST_IN_BATCH));
    }
  }

  async #answer(batch: readonly Question[]): Promise<void> {
    const found = await queryMap(
      this.#options,
      batch.map(({ recipient }) => recipient),
    );
    for (const { recipient, answer } of batch) answer(this.#judge(found, recipient));
    this.#running--;
    this.#begin();
  }

  #judge(found: ReadonlySet<string> | string, recipient: Recipient): Answer {
    if (typeof found === 'string') return unknown('lookup', found);
    const keys = buildKeys(recipient, this.#options.extension);
    return { kind: keys.some((key) => found.has(lowerAscii(key))) ? 'valid' : 'invalid' };
  }
}

/** The keys (lower case) of these recipients that the map has; or why it cannot be asked. Never rejects. */
export async function queryMap(
  options: MapOptions,
  recipients: readonly Recipient[],
): Promise<ReadonlySet<string> | string> {
  const keys = new Set(recipients.flatMap((one) => buildKeys(one, options.extension)));
  const lines = [...keys].map((key) => toUtf8(key));
  const { postmap, map, timeout, account } = options;
  const argv = [...postmap, '-q', '-', map];
  const input = `${lines.join('\n')}\n`;
  const result = await runCommand(argv, {
    timeout,
    input,
    ...(account === undefined ? {} : { account }),
  });
  if (result.failure !== undefined) return `${argv[0]} cannot be started: ${result.failure}`;
  if (result.timedOut) return `${map}: no answer within ${timeout / 1000} s`;
  const failure = findFailure(result.status, result.stderr);
  if (failure !== undefined) return `${map}: ${failure}`;
  if (result.stdout.length >= MOST_OUTPUT) return `${map}: printed more than can be read`;
  return readKeys(result.stdout, keys);
}

/**
 * postmap ends with 1 and without a word if it finds nothing, and with `fatal:` if a look-up fails. Warnings are about
 * its configuration, or about one odd key, which must not spoil the others.
 */
function findFailure(status: number | null, stderr: string): string | undefined {
  if (status === 0) return undefined;
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const said = lines.findLast((line) => !/: warning: /.test(line));
  if (status === 1 && said === undefined) return undefined;
  return said?.slice(0, LONGEST_OUTPUT) ?? `ended with status ${status ?? 'unknown (killed)'}`;
}

/** A value may hold anything, so a line counts only if it begins with a key that was asked. */
function readKeys(output: string, asked: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const line of output.split('\n')) {
    const tab = line.indexOf('\t');
    const key = Buffer.from(line.slice(0, Math.max(0, tab)), 'utf8').toString('latin1');
    if (asked.has(key)) found.add(lowerAscii(key));
  }
  return found;
}

/** runCommand writes UTF-8, and our addresses are bytes. */
function toUtf8(key: string): string {
  return isInternational(key) ? Buffer.from(key, 'latin1').toString('utf8') : key;
}
