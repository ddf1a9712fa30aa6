/**
 * A scratch folder for one test, and a way to wait for something that another process does.
 * Not for unit tests that depend on time: those pass a clock.
 */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Folder {
  readonly path: string;
  /** Absolute path of something in the folder. */
  at(name: string): string;
  /** Writes a file, with its parent folders; returns its absolute path. A `.cf` of Postfix is made old (`makeOld`). */
  write(name: string, content: string, mode?: number): string;
  /** Content of a file, empty if there is none. */
  read(name: string): string;
  remove(): void;
}

/** Makes a new folder that every local account may enter, because mail servers run as several accounts. */
export function scratchFolder(prefix = 'postern-test-'): Folder {
  const path = mkdtempSync(join(tmpdir(), prefix));
  chmodSync(path, 0o755);
  const at = (name: string) => join(path, name);
  return {
    path,
    at,
    write(name, content, mode = 0o644) {
      mkdirSync(dirname(at(name)), { recursive: true, mode: 0o755 });
      writeFileSync(at(name), content);
      chmodSync(at(name), mode);
      if (name.endsWith('.cf')) makeOld(at(name));
      return at(name);
    },
    read: (name) => readText(at(name)),
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/**
 * Makes a file look as if it were written a minute ago. Every program of Postfix that reads a main.cf or a text table of
 * the last second reads it again, with a second between, until it is older (dict_load_file_xt, dict_thash_open).
 */
export function makeOld(path: string): void {
  const then = Date.now() / 1000 - 60;
  utimesSync(path, then, then);
}

/** Content of a file as byte string (latin1, see src/model/line.ts), empty if there is none. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** How long a test waits at most, in ms: on a busy machine too. */
const PATIENCE = 40_000;

/**
 * Asks again and again until the answer is neither undefined nor false; returns the last answer. Between two questions
 * it waits as long as the question took, and an eighth of the time so far (25 to 250 ms), so that the processes that are
 * waited for get the processor.
 */
export async function poll<T>(
  question: () => T | undefined | false | Promise<T | undefined | false>,
  patience = PATIENCE,
): Promise<T | undefined | false> {
  const begin = performance.now();
  for (;;) {
    const asked = performance.now();
    const answer = await question();
    const now = performance.now();
    if ((answer !== undefined && answer !== false) || now - begin > patience) return answer;
    const pause = Math.min(250, Math.max(25, now - asked, (now - begin) / 8));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * Polls until there is an answer; returns it. Throws after `timeout` ms, with `what` and, when given, the `evidence`
 * (the server's log).
 */
export async function until<T>(
  what: string,
  question: () => T | undefined | false | Promise<T | undefined | false>,
  { timeout, evidence }: { timeout?: number; evidence?: () => string } = {},
): Promise<T> {
  const answer = await poll(question, timeout);
  if (answer !== undefined && answer !== false) return answer;
  throw new Error(`timed out waiting for ${what}\n${evidence?.() ?? ''}`);
}

/** Waits until a line of a log matches `pattern`; returns that line. */
export function logged(log: () => string, pattern: RegExp): Promise<string> {
  const find = () =>
    log()
      .split('\n')
      .find((line) => pattern.test(line));
  return until(`a line ${pattern}`, find, { evidence: log });
}
