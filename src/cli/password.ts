/** Reads a password from the terminal, which does not show it, or from standard input. Never from an argument. */
import { readFileSync } from 'node:fs';
import { PosternError } from '../base/errors.ts';
import type { Io } from './io.ts';

const ENTER = /[\r\n]/;
const INTERRUPT = '\u0003';
const ERASE = /[\u007f\b]/;

/** The first line. Throws a PosternError (exit status 1) when it is given up with Ctrl-C. */
export async function readPassword(question: string, io: Io): Promise<string> {
  const { stdin } = process;
  if (!stdin.isTTY) return (readFileSync(0, 'utf8').split('\n')[0] ?? '').replace(/\r$/, '');
  io.stderr(question);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  try {
    return await readKeys(stdin as unknown as AsyncIterable<string>);
  } finally {
    stdin.setRawMode(false);
    io.stderr('\n');
  }
}

async function readKeys(keys: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const typed of keys) {
    for (const key of typed) {
      if (ENTER.test(key)) return text;
      if (key === INTERRUPT) throw new PosternError('environment', 'no password was set');
      text = ERASE.test(key) ? [...text].slice(0, -1).join('') : text + key;
    }
  }
  return text;
}
