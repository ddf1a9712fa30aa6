/**
 * The folder through which `postern complaint` hands claims to the service. The command runs with the rights of a mail
 * alias (nobody), so it may do no more than add a file. The service deletes each file when it has dealt with it. It
 * believes nothing about the folder: whatever is not a small regular file of its own is deleted unread.
 */
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { HOUR } from '../base/time.ts';
import { type Claim, LONGEST_FILE, parseClaim } from './claim.ts';

/** Where the command and the service look, unless told otherwise. */
export const DEFAULT_FOLDER = '/var/spool/postern/complaints';
/** Files that are looked at in one round. */
const MOST_FILES = 200;
const ENDING = '.json';

/** Adds a file with the claim, at once as a whole. Throws an errno error if the folder cannot be written. */
export function addClaim(folder: string, claim: Claim): void {
  const name = randomUUID();
  const temporary = join(folder, `.${name}`);
  try {
    // Readable for the service, which has another account. Nobody else can list the folder or guess the name.
    // A mail server may have set a umask that leaves no right to others.
    writeFileSync(temporary, JSON.stringify(claim), { flag: 'wx', mode: 0o600 });
    chmodSync(temporary, 0o644);
    renameSync(temporary, join(folder, `${name}${ENDING}`));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A claim and the file that holds it. */
export interface FoundClaim {
  readonly file: string;
  readonly claim: Claim;
}

/** The claims that wait, with their files. Deletes what is none. `now` in ms. Throws if the folder cannot be read. */
export function listClaims(folder: string, now: number): FoundClaim[] {
  const found: FoundClaim[] = [];
  for (const name of listNames(folder)) {
    const file = join(folder, name);
    if (!name.endsWith(ENDING)) {
      if (isOlder(file, now - HOUR)) removeFile(file);
      continue;
    }
    const claim = readClaim(file);
    if (claim === undefined) removeFile(file);
    else found.push({ file, claim });
  }
  return found;
}

/** Removes a file or an empty folder, and nothing recursively, since strangers may have made it. False if it stays. */
export function removeFile(file: string): boolean {
  try {
    if (lstatSync(file).isDirectory()) rmdirSync(file);
    else unlinkSync(file);
    return true;
  } catch {
    return false; // a folder with something in it, or one that belongs to somebody else
  }
}

function listNames(folder: string): string[] {
  const names: string[] = [];
  const open = opendirSync(folder);
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      names.push(entry.name);
      if (names.length >= MOST_FILES) break;
    }
  } finally {
    open.closeSync();
  }
  return names;
}

/** A file that was begun and never ended. */
function isOlder(file: string, time: number): boolean {
  return (lstatSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < time;
}

/** Follows no link, waits for no pipe. */
function readClaim(file: string): Claim | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const { size, nlink } = fstatSync(fd);
    if (!fstatSync(fd).isFile() || nlink !== 1 || size > LONGEST_FILE) return undefined;
    return parseClaim(readFileSync(fd, 'utf8').slice(0, LONGEST_FILE));
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
