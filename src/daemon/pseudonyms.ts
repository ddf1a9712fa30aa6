/**
 * Recipients of old events as pseudonyms: one text for one address, which nobody can turn back without the key. Counts of
 * different recipients stay right, and the domain stays, because reports are by domain. Beside the service, in steps.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { lowerAscii } from '../base/text.ts';
import { type Clock, HOUR } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { Store } from '../store/store.ts';

interface PseudonymOptions {
  readonly store: Store;
  /** how old events get, ms */
  readonly age: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Begins a pseudonym, in front of 24 hexadecimal digits. */
const START = 'pseudonym-';
const PSEUDONYM = /^pseudonym-[0-9a-f]{24}@/;
/** Between two steps, ms. */
const STEP_PAUSE = 50;

/** Every hour until aborted; what the database refuses for now is tried again. */
export async function keepPseudonyms(options: PseudonymOptions): Promise<void> {
  const { store, log, signal } = options;
  const rename = buildPseudonyms(readKey(store.path) ?? makeKey(store.path));
  while (!signal.aborted) {
    try {
      await renameOld(options, rename);
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      log.warn({ error: getMessage(error) }, 'pseudonyms not made, will try again');
    }
    await waitOrAbort(HOUR, signal);
  }
}

async function renameOld(
  { store, age, clock, signal }: PseudonymOptions,
  rename: (address: string) => string,
): Promise<void> {
  // The clock alone may have been set years ahead.
  const before = Math.min(clock.now(), store.events.newestTime()) - age;
  let more = true;
  while (more && !signal.aborted) {
    more = store.commit(() => {
      if (store.events.hasOldRows) return false; // until they are pages
      const next = store.erasure.rename(store.state.read('pseudonyms') ?? 0, before, rename);
      if (next !== undefined) store.state.write('pseudonyms', next);
      return next !== undefined;
    });
    await waitOrAbort(STEP_PAUSE, signal);
  }
  if (!signal.aborted) store.outbox.prune(before);
}

/** Makes the pseudonym of an address; of a pseudonym, and of what has no domain, the same text. */
export function buildPseudonyms(key: Buffer): (address: string) => string {
  return (address) => {
    const at = address.lastIndexOf('@');
    if (at <= 0 || PSEUDONYM.test(address)) return address;
    const name = createHmac('sha256', key).update(lowerAscii(address)).digest('hex').slice(0, 24);
    return `${START}${name}${lowerAscii(address.slice(at))}`;
  };
}

/** Beside the database, so that a copy of the database alone does not say who is who. */
function nameKeyFile(database: string): string {
  return `${database}.pseudonyms`;
}

/** The key of the pseudonyms in this database; undefined if none was ever made. */
export function readKey(database: string): Buffer | undefined {
  const file = nameKeyFile(database);
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (error) {
    if (getErrno(error) === 'ENOENT') return undefined;
    throw unusable(file, getMessage(error), error);
  }
  if (!/^[0-9a-f]{64}\n?$/.test(text)) throw unusable(file, 'expected 64 hexadecimal digits');
  return Buffer.from(text.trim(), 'hex');
}

function makeKey(database: string): Buffer {
  const file = nameKeyFile(database);
  const key = randomBytes(32);
  try {
    const fd = openSync(file, 'wx', 0o600);
    writeSync(fd, `${key.toString('hex')}\n`);
    fsyncSync(fd);
    closeSync(fd);
    return key;
  } catch (error) {
    throw unusable(file, getMessage(error), error);
  }
}

function unusable(file: string, why: string, cause?: unknown): PosternError {
  return new PosternError('environment', `${file}: cannot use the key of pseudonyms: ${why}`, {
    code: 'pseudonym-key',
    place: { file },
    cause,
  });
}
