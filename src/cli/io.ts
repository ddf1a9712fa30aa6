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
  /** results */
  stdout(text: string): void;
  /** failures and progress */
  stderr(text: string): void;
  /** Prints a question and waits for a line. Undefined: nobody is there to answer. Absent: the same. */
  ask?(question: string): string | undefined;
}

/** The streams of this process. Written synchronously: everything is out before the process ends. */
export const processIo: Io = {
  stdout: writeOutput,
  stderr(text) {
    try {
      writeAll(2, text);
    } catch {
      // There is no place left to say it; the exit status does.
    }
  },
  ask: askTerminal,
};

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
function writeOutput(text: string): void {
  try {
    writeAll(1, text);
  } catch (error) {
    throw new PosternError('environment', `cannot write the output: ${getMessage(error)}`, {
      code: 'output',
      cause: error,
    });
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
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
    stdout: (text) => io.stdout(escapeOutput(text)),
    stderr: (text) => io.stderr(escapeOutput(text)),
    ask: (question) => io.ask?.(escapeOutput(question)),
  };
}

/** A value as one line of JSON. Characters that are not visible are `\uXXXX` in it. */
export function jsonLine(value: unknown): string {
  return `${escapeOutput(JSON.stringify(value))}\n`;
}
