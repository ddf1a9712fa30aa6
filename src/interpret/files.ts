/**
 * Named log files to events, in the order of time: rotated files in any order, a main and a reject log side by side.
 * Stores nothing. A file that cannot be read is a PosternError: at once if it cannot be opened, and after the lines of
 * all other files if it is damaged. It is also a PosternError if not a single line is from a mail server.
 */
import { PosternError } from '../base/errors.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import { decodeText } from '../model/line.ts';
import { Interpreter, type InterpreterOptions } from './interpreter.ts';
import { type FileOptions, LogFile } from './log-file.ts';
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
 * PosternError, see above.
 */
export async function* readEvents(
  files: readonly string[],
  options: InterpreterOptions & FileOptions,
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
  const { source, batches } = log.open();
  for await (const lines of batches) {
    const events: MailEvent[] = [];
    log.noteFirst(lines);
    interpreter.feed(source, lines, events);
    yield { lines: lines.length, events, ...countLeft(interpreter) };
  }
}

async function* readSeveral(
  files: readonly LogFile[],
  interpreter: Interpreter,
): AsyncGenerator<OfflineBatch> {
  try {
    yield* readInOrder(files, interpreter);
  } finally {
    for (const file of files) file.close();
  }
  const damaged = files.find((file) => file.damage !== undefined);
  if (damaged !== undefined) throw damaged.damage;
}

/**
 * In the order of their times; yields whenever one of the logs needs its next batch. Of lines with the same time, those of
 * the log that began first come first: a rotated file ends in the second in which the next one begins.
 */
async function* readInOrder(
  files: readonly LogFile[],
  interpreter: Interpreter,
): AsyncGenerator<OfflineBatch> {
  let lines = 0;
  for (const file of files) lines += await file.findBeginning();
  let logs = files.filter(({ isOver }) => !isOver).sort((one, other) => one.began - other.began);
  let events: MailEvent[] = [];
  for (;;) {
    const [next, until] = findEarliest(logs);
    if (next === undefined) break;
    if (next.isWaiting) interpreter.feedNext(next.source, until, events);
    if (next.isWaiting) continue;
    interpreter.endBatch();
    yield { lines, events, ...countLeft(interpreter) };
    events = [];
    lines = await next.fill();
    // What is over frees its memory: there may be a file for each day of a year.
    logs = logs.filter(({ isOver }) => !isOver);
  }
  yield { lines, events, ...countLeft(interpreter) };
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
    const { turn } = log;
    if (found === undefined || turn < found.turn) {
      if (found !== undefined) until = found.turn;
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
