/**
 * The files of one log: the live one and its rotated siblings in order of age. Knows the names that logrotate (numbers,
 * dateext, with or without `extension`), exicyclog and Exim's `%D` give them, gzip'd or not.
 * Changes nothing, and leaves out what cannot be read.
 */
import {
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { gunzipSync, constants as zlib } from 'node:zlib';
import { getErrno } from '../base/errors.ts';
import { isGzip } from './gzip.ts';

/** `code` of the error for a log that is no file. */
export const NO_FILE = 'NO_FILE';

/** One physical file as it was when it was examined. */
export interface LogFile {
  readonly path: string;
  readonly device: string;
  readonly inode: string;
  /** bytes as stored */
  readonly size: number;
  /** ms since the epoch */
  readonly modified: number;
  /** what it is instead of a regular file, `a FIFO`; undefined for a regular file */
  readonly instead?: string;
  /** named as a gzip'd file */
  readonly packed: boolean;
}

/** The files of a log: rotated ones oldest first; no live one while the log is missing. */
export interface LogFamily {
  readonly live: LogFile | undefined;
  readonly rotated: readonly LogFile[];
}

/** Opening a FIFO or a device must not block; a folder gives EISDIR when it is read. */
export const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** The file at `path`, through symbolic links; undefined if there is none. Throws other system errors (EACCES, ELOOP). */
export function lookAt(path: string): LogFile | undefined {
  let stat: ReturnType<typeof bigStat>;
  try {
    stat = bigStat(path);
  } catch (error) {
    if (getErrno(error) === 'ENOTDIR') return undefined;
    throw error;
  }
  if (stat === undefined) return undefined;
  return {
    path,
    device: String(stat.dev),
    inode: String(stat.ino),
    size: Number(stat.size),
    modified: Number(stat.mtimeNs) / 1e6,
    packed: path.endsWith('.gz'),
    ...(stat.isFile() ? {} : { instead: nameKind(stat) }),
  };
}

function nameKind(stat: NonNullable<ReturnType<typeof bigStat>>): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a FIFO';
  return stat.isSocket() ? 'a socket' : 'a device';
}

/** Throws an error for what is not a regular file: reading it would wait, never end, or take the bytes from others. */
export function assertFile({ instead }: LogFile): void {
  if (instead === undefined) return;
  throw Object.assign(new Error(`it is ${instead}, not a file`), { code: NO_FILE });
}

export function isSameFile(
  one: { readonly device: string; readonly inode: string },
  other: { readonly device: string; readonly inode: string },
): boolean {
  return one.inode === other.inode && one.device === other.device;
}

/**
 * The live file and its rotated siblings. Rotation renames one file after the other, so this looks until two looks in a
 * row agree. If rotations follow each other too fast for that, the fifth look counts.
 */
export function findFamily(path: string): LogFamily {
  let family = lookAround(path);
  for (let tries = 0; tries < 4; tries++) {
    const again = lookAround(path);
    if (isSameFamily(family, again)) return again;
    family = again;
  }
  return family;
}

/** The first `bytes` bytes (unpacked); fewer if the file is shorter, none if it cannot be read. Throws errors that may pass, such as EMFILE. */
export function readHead(path: string, bytes: number): Buffer {
  try {
    const raw = readStart(path, Math.max(bytes, PACKED_HEAD));
    if (!isGzip(raw)) return raw.subarray(0, bytes);
    return gunzipSync(raw, { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, bytes);
  } catch (error) {
    if (isPassing(error)) throw error;
    return Buffer.alloc(0);
  }
}

/** The real path, or the path itself while it cannot be determined. */
export function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

/** No file descriptors or memory left: a file that is not found for such a reason must not count as lost. */
function isPassing(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EINTR'].includes(getErrno(error) ?? '');
}

/** Packed bytes that always give 1 KiB unpacked, and never more than 8 MiB. */
const PACKED_HEAD = 8192;

function bigStat(path: string) {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function readStart(path: string, bytes: number): Buffer {
  const fd = openSync(path, OPEN_FLAGS);
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.subarray(0, readSync(fd, buffer, 0, bytes, 0));
  } finally {
    closeSync(fd);
  }
}

function lookAround(path: string): LogFamily {
  let live: LogFile | undefined;
  try {
    live = lookAt(path);
  } catch {}
  const real = realPath(path);
  const names = real === path ? [path] : [path, real];
  const files = new Map<string, Sibling>();
  for (const sibling of names.flatMap(findSiblings)) {
    if (live === undefined || !isSameFile(sibling.file, live)) {
      files.set(`${sibling.file.device}:${sibling.file.inode}`, sibling);
    }
  }
  return { live, rotated: byAge([...files.values()]) };
}

interface Sibling {
  readonly file: LogFile;
  /** rotated names count up with age (`.1`, `.2`) or hold a date */
  readonly scheme: 'number' | 'date';
  readonly rank: string;
}

function findSiblings(path: string): Sibling[] {
  const folder = dirname(path);
  const names = new Set(listEntries(folder));
  const siblings: Sibling[] = [];
  for (const name of names) {
    const order = readOrder(basename(path), name);
    // gzip removes the plain file only once the packed one is complete.
    if (order === undefined || (name.endsWith('.gz') && names.has(name.slice(0, -3)))) continue;
    try {
      const file = lookAt(join(folder, name));
      if (file !== undefined && file.instead === undefined) siblings.push({ file, ...order });
    } catch {}
  }
  return siblings;
}

function listEntries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isPassing(error)) throw error;
    return []; // a log may be readable in a folder that is not
  }
}

/** How `name` was rotated: `mail.log.1`, `mail.log-20261110.gz`, `mail-20261110.log`; undefined for a file of another log. */
function readOrder(log: string, name: string): Omit<Sibling, 'file'> | undefined {
  const plain = name.endsWith('.gz') ? name.slice(0, -3) : name;
  const extension = extname(log);
  const stem = log.slice(0, log.length - extension.length);
  let suffix: string | undefined;
  if (plain.startsWith(log)) suffix = plain.slice(log.length);
  else if (extension !== '' && plain.startsWith(stem) && plain.endsWith(extension)) {
    suffix = plain.slice(stem.length, -extension.length);
  }
  if (suffix === undefined) return undefined;
  const number = /^[.-](\d{1,5})$/.exec(suffix)?.[1];
  if (number !== undefined) return { scheme: 'number', rank: number.padStart(5, '0') };
  if (!/^[._-]?\d[\d.T_-]{5,30}$/.test(suffix)) return undefined;
  return { scheme: 'date', rank: suffix.replace(/\D/g, '') };
}

/** Oldest first. If an operator changed the scheme, the one that was written to last is the younger. */
function byAge(siblings: readonly Sibling[]): LogFile[] {
  const ranked = (scheme: Sibling['scheme']) =>
    siblings
      .filter((sibling) => sibling.scheme === scheme)
      .sort((a, b) =>
        a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.file.modified - b.file.modified,
      )
      .map((sibling) => sibling.file);
  const numbered = ranked('number').reverse();
  const dated = ranked('date');
  const newest = (files: readonly LogFile[]) =>
    files.reduce((latest, file) => Math.max(latest, file.modified), 0);
  return newest(numbered) > newest(dated) ? [...dated, ...numbered] : [...numbered, ...dated];
}

function isSameFamily(one: LogFamily, other: LogFamily): boolean {
  return buildKey(one) === buildKey(other);
}

function buildKey(family: LogFamily): string {
  const files = [...family.rotated, ...(family.live === undefined ? [] : [family.live])];
  return files.map((file) => `${file.device}:${file.inode}:${file.path}`).join('\n');
}
