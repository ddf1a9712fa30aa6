/** What goes into a command and comes out of it: common options, standard output and error. Tests pass their own. */
import { readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import { escapeOutput } from '../base/escape.ts';
import type { ConfigChoice } from '../config/load.ts';

/** The options that nearly every command has. */
export interface CommonOptions {
  /** configuration file, and which of its instances */
  readonly config?: ConfigChoice;
  /** default text */
  readonly format?: 'text' | 'json';
}

export interface Io {
  /** who asked for the command, if that is not who runs the process */
  readonly operator?: string;
  /** results */
  stdout(text: string): void;
  /** failures and progress */
  stderr(text: string): void;
  /** Standard output without any escaping: only for colours. */
  raw?(text: string): void;
  /** Bytes as they are, for files. Absent: standard output is a terminal. */
  bytes?(chunk: Uint8Array): void;
  /** what standard output is shown on; absent: not on a terminal */
  readonly screen?: Screen;
  /** Text with colours; absent: `stdout` without them. */
  paint?(spans: readonly Span[]): void;
  /** Shows how far the work is, in place of what was shown before; empty: nothing. Absent: nobody watches. */
  progress?(line: string): void;
  /** Notes what was done in place of the command: the page for operators names its visitor. */
  noteDeed?(deed: { readonly what: string; readonly done: boolean }): void;
  /** Prints a question and waits for a line. Undefined: nobody is there to answer. Absent: the same. */
  ask?(question: string): string | undefined;
}

/** A terminal. */
export interface Screen {
  /** characters of a line */
  readonly columns: number;
}

export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** A text, or one in a colour. */
export type Span = string | { readonly text: string; readonly colour: Colour };

/** Prints text with colours where there are any. */
export function print(io: Io, spans: readonly Span[]): void {
  if (io.paint !== undefined) io.paint(spans);
  else io.stdout(spans.map((span) => (typeof span === 'string' ? span : span.text)).join(''));
}

/** Nothing is readable on fewer columns. */
const LEAST_COLUMNS = 20;

class OutputScreen implements Screen {
  /** looked up when it is needed, because a terminal takes some ms to open */
  get columns(): number {
    return Math.max(LEAST_COLUMNS, process.stdout.columns || Number(process.env.COLUMNS) || 80);
  }
}

/** The streams of this process. Written synchronously: everything is out before the process ends. */
export const processIo: Io = {
  stdout: writeOutput,
  raw: writeOutput,
  stderr(text) {
    try {
      writeAll(2, text);
    } catch {
      // There is no place left to say it; the exit status does.
    }
  },
  ask: askTerminal,
  ...(isatty(1) ? { screen: new OutputScreen() } : { bytes: writeOutput }),
  ...(isatty(2) && process.env.TERM !== 'dumb' ? { progress: showProgress } : {}),
};

/** The streams with colours, if they are wanted: `auto` is on a terminal, unless NO_COLOR is set (no-color.org). */
export function withColour(io: Io, wish: 'auto' | 'always' | 'never' = 'auto'): Io {
  const { NO_COLOR = '', TERM } = process.env;
  const isMeant = io.screen !== undefined && NO_COLOR === '' && TERM !== 'dumb';
  if (wish === 'never' || (wish === 'auto' && !isMeant) || io.raw === undefined) return io;
  const { raw } = io;
  const paint = (spans: readonly Span[]) =>
    raw(
      spans
        .map((span) =>
          typeof span === 'string'
            ? escapeOutput(span)
            : `\x1b[${CODES[span.colour]}m${escapeOutput(span.text)}\x1b[0m`,
        )
        .join(''),
    );
  return { ...io, paint };
}

/** ECMA-48 8.3.117, SGR. */
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** Writes over the line that was shown before. */
function showProgress(line: string): void {
  try {
    writeAll(2, `\r\x1b[K${line}`);
  } catch {
    // Nobody sees it then.
  }
}

const LINE_FEED = 0x0a;

function askTerminal(question: string): string | undefined {
  if (!isatty(0)) return undefined;
  writeAll(2, question);
  const bytes: number[] = [];
  const byte = Buffer.alloc(1);
  while (readSync(0, byte) === 1 && byte[0] !== LINE_FEED) bytes.push(byte[0] as number);
  return Buffer.from(bytes).toString('utf8');
}

/** Throws a PosternError (exit status 1) if not all of it can be written: a full disk. */
function writeOutput(content: string | Uint8Array): void {
  try {
    writeAll(1, content);
  } catch (error) {
    throw new PosternError('environment', `cannot write the output: ${getMessage(error)}`, {
      code: 'output',
      cause: error,
    });
  }
}

function writeAll(fd: number, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = getErrno(error);
      if (code === 'EAGAIN') continue; // a full pipe with a slow reader
      if (code === 'EPIPE') return; // `postern events | head`: the reader has ended
      throw error;
    }
  }
}

/** The same streams, to which no character that controls a terminal or hides text gets. Commands escape fields before. */
export function escaped(io: Io): Io {
  return {
    ...io,
    ...(io.progress && { progress: (line: string) => io.progress?.(escapeOutput(line)) }),
    stdout: (text) => io.stdout(escapeOutput(text)),
    stderr: (text) => io.stderr(escapeOutput(text)),
    ask: (question) => io.ask?.(escapeOutput(question)),
  };
}

/** A value as one line of JSON. Characters that are not visible are `\uXXXX` in it. */
export function jsonLine(value: unknown): string {
  return `${escapeOutput(JSON.stringify(value))}\n`;
}
