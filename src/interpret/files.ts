/**
 * Given log files to events, in the order of time: rotated files named in any order, main and reject log side by
 * side. Nothing is stored. A file that cannot be read is a PosternError: at once when nothing of it can be, and when
 * it breaks off, after the lines of all files that could be. So are lines of which not one is a mail server's.
 */
import { statSync } from 'node:fs';
import { EXIT, getErrno, PosternError } from '../base/errors.ts';
import { readLines } from '../follow/given-file.ts';
import type { MailEvent } from '../model/event.ts';
import { decodeText, type Line, type LoggedLine } from '../model/line.ts';
import type { Envelope } from '../parse/envelope/envelope.ts';
import { Interpreter, type InterpreterOptions } from './interpreter.ts';

/** What one step over the files yields: the events of some lines, and how many lines they were. */
interface OfflineBatch {
  readonly lines: number;
  readonly events: readonly MailEvent[];
}

/** Reads `files` (`-` is standard input) and yields their events; `now` (ms) dates what has no date. */
export async function* readEvents(
  files: readonly string[],
  options: InterpreterOptions & { readonly now: number },
): AsyncGenerator<OfflineBatch> {
  const interpreter = new Interpreter({ ...options, sole: files.length === 1 });
  const streams = files.map((file) => new LogStream(file, interpreter, options.now));
  if (streams.length === 1) yield* single(streams[0] as LogStream, interpreter);
  else yield* several(streams, interpreter);
  if (!interpreter.understood) throwForeign(streams);
}

async function* several(
  streams: readonly LogStream[],
  interpreter: Interpreter,
): AsyncGenerator<OfflineBatch> {
  await Promise.all(streams.map((stream) => stream.fill()));
  for (;;) {
    const next = earliest(streams);
    if (next === undefined) break;
    const events: MailEvent[] = [];
    const others = streams.filter((stream) => stream !== next);
    const limit = Math.min(...others.map((other) => other.time));
    const lines = next.take(limit, interpreter, events);
    yield { lines, events };
    if (next.isEmpty) await next.fill();
  }
  const damaged = streams.find((stream) => stream.damage !== undefined);
  if (damaged !== undefined) throw damaged.damage;
}

async function* single(stream: LogStream, interpreter: Interpreter): AsyncGenerator<OfflineBatch> {
  for await (const lines of stream.source) {
    const events: MailEvent[] = [];
    stream.sawFirst(lines);
    interpreter.feedLines(stream.envelope, lines, events);
    yield { lines: lines.length, events };
  }
}

/** Of a line that nobody understands, as much as tells what it is. */
const SHOWN = 160;

/** Nothing that was read is a mail server's: a log of another program, or a form that is not known. */
function throwForeign(streams: readonly LogStream[]): void {
  const line = streams.find(({ first }) => first !== undefined)?.first;
  if (line === undefined) return;
  // A terminal must not obey what a file of anybody's holds.
  const text = decodeText(line.bytes.slice(0, SHOWN)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
  throw new PosternError(
    'not-understood',
    `${line.source}:${line.line}: no line is of a mail server that Postern knows, the first one reads: ${text}`,
    { exitStatus: EXIT.failed, place: { file: line.source, line: line.line } },
  );
}

function earliest(streams: readonly LogStream[]): LogStream | undefined {
  let found: LogStream | undefined;
  for (const stream of streams) {
    if (stream.isOver) continue;
    if (found === undefined || stream.time < found.time) found = stream;
  }
  return found;
}

/** One file as lines with times, read a batch at a time. */
class LogStream {
  readonly envelope: Envelope;
  readonly source: AsyncGenerator<readonly Line[]>;
  /** why the file breaks off */
  damage: PosternError | undefined;
  /** the first line that is not empty */
  first: Line | undefined;
  #lines: { readonly logged: LoggedLine | undefined }[] = [];
  #next = 0;
  #over = false;

  constructor(file: string, interpreter: Interpreter, now: number) {
    this.envelope = interpreter.envelope(file, readFileTime(file, now));
    this.source = readLines(file);
  }

  get isOver(): boolean {
    return this.#over && this.isEmpty;
  }

  get isEmpty(): boolean {
    return this.#next >= this.#lines.length;
  }

  /** Time of the next line, ms; a line without one comes at once, after the last nothing does. */
  get time(): number {
    if (this.isEmpty) return this.#over ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    return this.#lines[this.#next]?.logged?.time ?? Number.NEGATIVE_INFINITY;
  }

  async fill(): Promise<void> {
    const lines = await this.#nextLines();
    this.#over = lines === undefined;
    this.#next = 0;
    this.sawFirst(lines ?? []);
    this.#lines = (lines ?? []).map((line) => ({ logged: this.envelope.read(line) }));
  }

  sawFirst(lines: readonly Line[]): void {
    this.first ??= lines.find(({ bytes }) => bytes.trim() !== '');
  }

  async #nextLines(): Promise<readonly Line[] | undefined> {
    try {
      return (await this.source.next()).value ?? undefined;
    } catch (error) {
      if (!(error instanceof PosternError) || !isDamage(error)) throw error;
      this.damage = error;
      return undefined;
    }
  }

  /** Feeds lines up to `limit` (ms, inclusive) of what is read; gives their number. */
  take(limit: number, interpreter: Interpreter, events: MailEvent[]): number {
    const first = this.#next;
    do {
      const logged = this.#lines[this.#next++]?.logged;
      if (logged !== undefined) interpreter.feed(logged, events);
    } while (!this.isEmpty && this.time <= limit);
    interpreter.correlator.settle();
    return this.#next - first;
  }
}

/** What zlib says of bytes that it cannot unpack (Z_DATA_ERROR, Z_BUF_ERROR); a file that does not open is no such case. */
function isDamage({ cause }: PosternError): boolean {
  return getErrno(cause)?.startsWith('Z_') === true;
}

/** When the file was written last: its stamps without a year lie before that. */
function readFileTime(file: string, now: number): number {
  if (file === '-') return now;
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now;
}
