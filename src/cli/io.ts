/** What goes into a command and comes out of it: common options, standard output and error. Tests pass their own. */
import { writeSync } from 'node:fs';
import { escapeOutput } from '../base/escape.ts';

/** The options that nearly every command has. */
export interface CommonOptions {
  /** configuration file */
  readonly config?: string;
  /** default text */
  readonly format?: 'text' | 'json';
}

export interface Io {
  /** results */
  stdout(text: string): void;
  /** failures and progress */
  stderr(text: string): void;
}

/** The streams of this process. Written synchronously: everything is out before the process ends. */
export const processIo: Io = {
  stdout: (text) => writeAll(1, text),
  stderr: (text) => writeAll(2, text),
};

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
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
  };
}

/** A value as one line of JSON. Characters that are not visible are `\uXXXX` in it. */
export function jsonLine(value: unknown): string {
  return `${escapeOutput(JSON.stringify(value))}\n`;
}
