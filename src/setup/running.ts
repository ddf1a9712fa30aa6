/**
 * Whether the programs that run have read the configuration as it is now: what `postern check` finds is in effect only
 * then. Looks at modification times; a program that does not run, or whose start is not known, gives no finding.
 */
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { formatTime } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { isAlive } from '../daemon/instance.ts';
import { BesideFile } from '../store/beside.ts';
import { type Finding, wrong } from './finding.ts';

/** Something that was made of files: a process that has read them, or a file. */
export interface Made {
  readonly area: 'configuration' | 'mta';
  /** the beginning of a sentence: `Exim's daemon was started` */
  readonly what: string;
  /** ms; undefined if it is not there */
  readonly at: number | undefined;
  readonly from: readonly string[];
  /** how it is made anew */
  readonly command: string;
}

/** At most one finding: the newest file that was changed since. */
export function findChangedSince({ area, what, at, from, command }: Made): Finding[] {
  if (at === undefined) return [];
  const changed = from
    .map((file) => ({ file, time: changedAt(file) ?? 0 }))
    .filter(({ time }) => time > at)
    .sort((a, b) => b.time - a.time);
  const [newest] = changed;
  if (newest === undefined) return [];
  const text = `${what} before ${newest.file} was changed (${formatTime(newest.time)}), so the change is not in effect`;
  return [wrong(area, text, command)];
}

/** When a file was changed, ms; undefined if there is none. */
export function changedAt(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

/** A file; or a folder with all that is in it, because its own time tells what was removed. */
export function listTree(path: string): string[] {
  try {
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
    return [path, ...names.map((name) => join(path, name))];
  } catch {
    return [path];
  }
}

export interface RunningProcess {
  readonly pid: number;
  /** when it wrote the PID file, ms */
  readonly started: number;
}

/** The process named in a PID file; undefined if it does not run, or the file cannot be read. */
export function readPidFile(file: string): RunningProcess | undefined {
  try {
    const text = readFileSync(file, 'latin1').trim();
    if (!/^\d+$/.test(text) || !statSync(`/proc/${text}`).isDirectory()) return undefined;
    return { pid: Number(text), started: statSync(file).mtimeMs };
  } catch {
    return undefined;
  }
}

/** Bytes that are read at once; a line at the border of two pieces is in both. */
const PIECE = 1_048_576;
const LONGEST_LINE = 8192;

/** The last match in the files, oldest file first. Reads them from the end; none for what cannot be read. */
export function findLast(pattern: RegExp, files: readonly string[]): RegExpExecArray | undefined {
  for (const file of [...files].reverse()) {
    const found = findLastIn(pattern, file);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findLastIn(pattern: RegExp, file: string): RegExpExecArray | undefined {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  try {
    const fd = openSync(file, 'r');
    try {
      const all = new RegExp(pattern, `${pattern.flags}g`);
      for (let end = fstatSync(fd).size; end > 0; end -= PIECE) {
        const start = Math.max(0, end - PIECE - LONGEST_LINE);
        const bytes = Buffer.alloc(end - start);
        readSync(fd, bytes, 0, bytes.length, start);
        const last = [...bytes.toString('latin1').matchAll(all)].at(-1);
        if (last !== undefined) return last;
      }
      return undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Postern itself, its configuration and its rules. */
export function checkOwnService(config: Config): Finding[] {
  const { daemon } = new BesideFile(config.database).read();
  return findChangedSince({
    area: 'configuration',
    what: 'Postern has read its configuration',
    at: isAlive(daemon) ? daemon?.started : undefined,
    from: [config.file, ...listTree(config.rules)],
    command: 'restart Postern, or reload it (SIGHUP)',
  });
}
