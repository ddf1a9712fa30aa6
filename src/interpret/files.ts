/**
 * Named log files to events, in the order of time: rotated files in any order, a main and a reject log side by side.
 * Stores nothing. A file that cannot be read is a PosternError: at once if it cannot be opened, and after the lines of
 * all other files if it is damaged. It is also a PosternError if not a single line is from a mail server.
 */
import { statSync } from 'node:fs';
import { getErrno, PosternError } from '../base/errors.ts';
import { readLines } from '../follow/given-file.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import { decodeText, type Line, type LoggedLine } from '../model/line.ts';
import { Lines } from '../model/lines.ts';
import type { Envelope } from '../parse/envelope/envelope.ts';
import { Interpreter, type InterpreterOptions } from './interpreter.ts';
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
  for await (const lines of log.source) {
    const events: MailEvent[] = [];
    log.noteFirst(lines);
    interpreter.feedLines(log.envelope, lines, events);
    yield { lines: lines.length, events, ...countLeft(interpreter) };
  }
}

async function* readSeveral(
  logs: readonly LogFile[],
  interpreter: Interpreter,
): AsyncGenerator<OfflineBatch> {
  await Promise.all(logs.map((log) => log.fill()));
  for (;;) {
    const next = findEarliest(logs);
    if (next === undefined) break;
    const events: MailEvent[] = [];
    const others = logs.filter((log) => log !== next);
    const limit = Math.min(...others.map((other) => other.time));
    const lines = next.take(limit, interpreter, events);
    yield { lines, events, ...countLeft(interpreter) };
    if (next.isEmpty) await next.fill();
  }
  const damaged = logs.find((log) => log.damage !== undefined);
  if (damaged !== undefined) throw damaged.damage;
}

function countLeft({ correlator }: Interpreter) {
  const { leftOut, ambiguousLogins } = correlator;
  return { leftOut, ambiguousLogins };
}

function findEarliest(logs: readonly LogFile[]): LogFile | undefined {
  let found: LogFile | undefined;
  for (const log of logs) {
    if (log.isOver) continue;
    if (found === undefined || log.time < found.time) found = log;
  }
  return found;
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

const NO_LINES = new Lines([]);

/** One file as lines with times, read one batch at a time. */
class LogFile {
  readonly envelope: Envelope;
  readonly source: AsyncGenerator<Lines>;
  /** the error if the file breaks off */
  damage: PosternError | undefined;
  /** the first line that is not empty */
  first: Line | undefined;
  #lines: { readonly logged: LoggedLine | undefined }[] = [];
  #next = 0;
  #over = false;

  constructor(
    file: string,
    interpreter: Interpreter,
    {
      now,
      onBytes,
    }: { readonly now: number; readonly onBytes?: ((count: number) => void) | undefined },
  ) {
    this.envelope = interpreter.envelope(file, readFileTime(file, now));
    this.source = readLines(file, onBytes === undefined ? {} : { onBytes });
  }

  /** All lines of the file were taken. */
  get isOver(): boolean {
    return this.#over && this.isEmpty;
  }

  /** All lines of the current batch were taken. */
  get isEmpty(): boolean {
    return this.#next >= this.#lines.length;
  }

  /** Time of the next line, ms. A line without a time comes first; the end of the file comes last. */
  get time(): number {
    if (this.isEmpty) return this.#over ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return this.#lines[this.#next]?.logged?.time ?? Number.NEGATIVE_INFINITY;
  }

  /** Reads the next batch. */
  async fill(): Promise<void> {
    const lines = await this.#readBatch();
    this.#over = lines === undefined;
    this.#next = 0;
    this.noteFirst(lines ?? NO_LINES);
    this.#lines = (lines ?? NO_LINES).map((line) => ({ logged: this.envelope.read(line) }));
  }

  noteFirst(lines: Lines): void {
    if (this.first === undefined) this.first = lines.find(({ bytes }) => bytes.trim() !== '');
  }

  /** Interprets lines of the current batch up to the time `limit` (ms, inclusive) and returns their number. */
  take(limit: number, interpreter: Interpreter, events: MailEvent[]): number {
    const first = this.#next;
    do {
      const logged = this.#lines[this.#next++]?.logged;
      if (logged !== undefined) interpreter.feed(logged, events);
    } while (!this.isEmpty && this.time <= limit);
    interpreter.endBatch();
    return this.#next - first;
  }

  async #readBatch(): Promise<Lines | undefined> {
    try {
      return (await this.source.next()).value ?? undefined;
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
