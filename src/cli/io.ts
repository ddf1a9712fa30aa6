/** Where commands write: standard output and error, so that tests can listen. */
import { writeSync } from 'node:fs';

export interface Io {
  /** results */
  stdout(text: string): void;
  /** complaints and progress */
  stderr(text: string): void;
}

/** The process's own streams. Written synchronously: what was printed is out before the process ends. */
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
      if (code === 'EAGAIN') continue; // a full pipe of a slow reader
      if (code === 'EPIPE') return; // `postern events | head`: the reader has seen enough
      throw error;
    }
  }
}

/** A value as one line of JSON. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
