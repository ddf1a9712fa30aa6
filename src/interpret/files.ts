/**
 * Named log files to events, in the order of time: rotated files in any order, a main and a reject log side by side.
 * Stores nothing. A file that cannot be read is a PosternError: at once if it cannot be opened, and after the lines of
 * all other files if it is damaged. It is also a PosternError if not a single line is from a mail server.
 */
import { statSync } from 'node:fs';
import { getErrno, PosternError } from '../base/errors.ts';
import { readLines } from '../follow/given-file.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import { decodeText, type Line } from '../model/line.ts';
import type { Lines } from '../model/lines.ts';
import { Interpreter, type InterpreterOptions } from './interpreter.ts';
import type { LogSource } from './log-source.ts';
import { MTA_NAMES } from './mtas.ts';

/** The events of some lines, and the number of these lines. */
interface OfflineBatch {
  readonly lines: number;
  readonly events: readonly MailEvent[];
  /** events that were not made, of this batch and all before: `leavesOutRemovals` asks for it */
  readonly leftOut: number;
  /** messages that count for nobody, because their login is not certain, of this batch and all before */
  readonly ambiguousLogins: number;
}

/**
 * Reads `files` (`-` is standard input) and yields their events. `now` (ms) dates what has no date. Throws a
 * PosternError, see above. `onBytes` gets how many bytes of
 * the files were read since its last call.
 */
export async function* readEvents(
  files: readonly string[],
  options: InterpreterOptions & {
    readonly now: number;
    readonly onBytes?: ((count: number) => void) | undefined;
  },
): AsyncGenerator<OfflineBatch> {
  const interpreter = new Interpreter({ ...options, singleSource: files.length === 1 });
  const logs = files.map((file) => new LogFile(file, interpreter, options));
  if (logs.length === 1) yield* readOne(logs[0] as LogFile, interpreter);
  else yield* readSeveral(logs, interpreter);
  if (interpreter.understood) return;
  if (interpreter.otherMta !== undefined) throwOtherMta(logs, interpreter.otherMta);
  throwNotUnderstood(logs);
}

async function* readOne(log: LogFile, interpreter: Interpreter): AsyncGenerator<OfflineBatch> {
  for await (const lines of log.batches) {
    const events: MailEvent[] = [];
    log.noteFirst(lines);
    interpreter.feed(log.source, lines, events);
    yield { lines: lines.length, events, ...countLeft(interpreter) };
  }
}

/**
 * In the order of their times; yields whenever one of the logs needs its next batch. Of lines with the same time, those of
 * the log that began first come first: a rotated file ends in the second in which the next one begins.
 */
async function* readSeveral(
  given: readonly LogFile[],
  interpreter: Interpreter,
): AsyncGenerator<OfflineBatch> {
  let lines = 0;
  for (const log of given) lines += await log.fill();
  const logs = given.toSorted((one, other) => one.began - other.began);
  let events: MailEvent[] = [];
  for (;;) {
    const [next, until] = findEarliest(logs);
    if (next === undefined) break;
    interpreter.feedNext(next.source, until, events);
    if (next.source.waiting > 0) continue;
    interpreter.endBatch();
    yield { lines, events, ...countLeft(interpreter) };
    events = [];
    lines = await next.fill();
  }
  yield { lines, events, ...countLeft(interpreter) };
  const damaged = logs.find((log) => log.damage !== undefined);
  if (damaged !== undefined) throw damaged.damage;
}

function countLeft({ correlator }: Interpreter) {
  const { leftOut, ambiguousLogins } = correlator;
  return { leftOut, ambiguousLogins };
}

/** The log whose next line comes first, and until when (ms) its lines are before those of all others. */
function findEarliest(logs: readonly LogFile[]): [LogFile | undefined, number] {
  let found: LogFile | undefined;
  let until = Number.POSITIVE_INFINITY;
  for (const log of logs) {
    if (log.isOver) continue;
    const { turn } = log.source;
    if (found === undefined || turn < found.source.turn) {
      if (found !== undefined) until = found.source.turn;
      found = log;
    } else if (turn < until) until = turn;
  }
  return [found, until];
}

/** The lines are of the mail server that the options do not name. */
function throwOtherMta(logs: readonly LogFile[], mta: Mta): never {
  const file = logs.find(({ first }) => first !== undefined)?.first?.source ?? '';
  throw new PosternError(
    'environment',
    `${file}: the log is of ${MTA_NAMES[mta]}: use --mta ${mta}, or leave --mta out`,
    { code: 'not-understood', place: { file } },
  );
}

/** Bytes of a line that the message shows. */
const SHOWN = 160;

/** No line is from a mail server: these are logs of another program, or they have an unknown format. */
function throwNotUnderstood(logs: readonly LogFile[]): void {
  const line = logs.find(({ first }) => first !== undefined)?.first;
  if (line === undefined) return;
  // The file may hold anything: no control character of it may reach a terminal.
  const text = decodeText(line.bytes.slice(0, SHOWN)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  throw new PosternError(
    'environment',
    `${line.source}:${line.line}: no line is of a mail server that Postern knows, the first one reads: ${text}`,
    { code: 'not-understood', place: { file: line.source, line: line.line } },
  );
}

/** One file, read one batch at a time. */
class LogFile {
  readonly source: LogSource;
  readonly batches: AsyncGenerator<Lines>;
  /** the error if the file breaks off */
  damage: PosternError | undefined;
  /** the first line that is not empty */
  first: Line | undefined;
  /** all lines were taken */
  isOver = false;

  constructor(
    file: string,
    interpreter: Interpreter,
    {
      now,
      onBytes,
    }: { readonly now: number; readonly onBytes?: ((count: number) => void) | undefined },
  ) {
    this.source = interpreter.source(file, readFileTime(file, now));
    this.batches = readLines(file, onBytes === undefined ? {} : { onBytes });
  }

  /** Time of the first line, ms. */
  get began(): number {
    return this.source.began ?? Number.MAX_VALUE;
  }

  /** Reads batches until one has a line that counts, and returns the number of all their lines. */
  async fill(): Promise<number> {
    let count = 0;
    for (;;) {
      const lines = await this.#readBatch();
      if (lines === undefined) break;
      this.noteFirst(lines);
      count += lines.length;
      this.source.begin(lines);
      if (this.source.readOn()) return count;
    }
    this.isOver = true;
    return count;
  }

  noteFirst(lines: Lines): void {
    if (this.first === undefined) this.first = lines.find(({ bytes }) => bytes.trim() !== '');
  }

  async #readBatch(): Promise<Lines | undefined> {
    try {
      return (await this.batches.next()).value ?? undefined;
    } catch (error) {
      if (!(error instanceof PosternError) || !isDamage(error)) throw error;
      this.damage = error;
      return undefined;
    }
  }
}

/** Whether zlib could not unpack the file (Z_DATA_ERROR, Z_BUF_ERROR), in contrast to a file that cannot be opened. */
function isDamage({ cause }: PosternError): boolean {
  return getErrno(cause)?.startsWith('Z_') === true;
}

/** When the file was last written, ms: its time stamps without a year are older. */
function readFileTime(file: string, now: number): number {
  if (file === '-') return now;
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now;
}
