/**
 * The spool of Exim, read as files: exim -bp does not say who handed a message in. A message that is delivered while
 * the spool is read is left out.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dropUndefined } from '../../base/defined.ts';
import { getErrno } from '../../base/errors.ts';
import { formatTime } from '../../base/time.ts';
import type { Failure } from '../target.ts';
import { type EximEnvelope, parseEximHeader } from './exim-header.ts';
import { isEximMessageId } from './ids.ts';
import type { QueuedMessage } from './message.ts';

/** Where a message is: its ID and the subfolder of `input`, empty if the spool is not split. */
export interface SpoolPlace {
  readonly id: string;
  readonly folder: string;
}

/** Bytes of a header file that are read at once, and at most: an envelope of 16,384 recipients (spool_in.c). */
const FIRST_BYTES = 16 * 1024;
const MOST_BYTES = 32 * 1024 * 1024;
const FIRST = Buffer.alloc(FIRST_BYTES);
/** Bytes of the end of a message log: its last lines. */
const LOG_BYTES = 8192;

/** All messages of the spool, newest first. Returns why if it cannot be read. */
export async function listSpool(
  spool: string,
): Promise<{ readonly places: SpoolPlace[]; readonly failure?: Failure }> {
  const input = join(spool, 'input');
  const places: SpoolPlace[] = [];
  try {
    for (const entry of await readdir(input, { withFileTypes: true })) {
      if (entry.isFile()) addPlace(places, entry.name, '');
      // split_spool_directory: folders of one letter or digit.
      else if (entry.isDirectory() && /^[0-9A-Za-z]$/.test(entry.name))
        for (const name of await readdir(join(input, entry.name)))
          addPlace(places, name, entry.name);
    }
  } catch (error) {
    const failure = { message: `${input}: cannot be read: ${getErrno(error)}` };
    return { places, failure };
  }
  return { places: places.sort((a, b) => (a.id < b.id ? 1 : -1)) };
}

function addPlace(places: SpoolPlace[], name: string, folder: string): void {
  const id = name.endsWith('-H') ? name.slice(0, -2) : '';
  if (isEximMessageId(id)) places.push({ id, folder });
}

/**
 * What the header file says; undefined if the message is gone or its file is damaged. Throws other system errors.
 * Without a promise: a spool holds a hundred thousand small files, and each promise takes as long as reading ten.
 */
export function readMessage(spool: string, { id, folder }: SpoolPlace): QueuedMessage | undefined {
  const envelope = readEnvelope(join(spool, 'input', folder, `${id}-H`), id, FIRST_BYTES);
  if (envelope === undefined) return undefined;
  const { sender, time, submitter, uid, frozen, thawed, recipients, headerSize = 0 } = envelope;
  return dropUndefined({
    queueId: id,
    time,
    size: headerSize,
    sender,
    recipients: recipients.map((address) => ({ address })),
    state: frozen === undefined ? 'queued' : 'frozen',
    held: frozen !== undefined,
    reason: frozen === undefined ? undefined : `frozen since ${formatTime(frozen)}`,
    submitter,
    uid,
    released: thawed ? true : undefined,
  });
}

/** Reads more of a file whose envelope is longer. */
function readEnvelope(path: string, id: string, most: number): EximEnvelope | undefined {
  const bytes = readStart(path, most);
  const envelope = bytes === undefined ? undefined : parseEximHeader(bytes, id);
  const isCut = bytes?.length === most && most < MOST_BYTES;
  if (isCut && envelope?.headerSize === undefined) return readEnvelope(path, id, most * 8);
  return envelope;
}

/** In latin1; undefined if there is no such file. */
function readStart(path: string, most: number): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (getErrno(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const buffer = most === FIRST_BYTES ? FIRST : Buffer.allocUnsafe(most);
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, most, 0));
  } finally {
    closeSync(fd);
  }
}

/** Adds what other files of the message say: its size, who has it already, and why it is still here. */
export async function completeMessage(
  spool: string,
  { id, folder }: SpoolPlace,
  message: QueuedMessage,
): Promise<QueuedMessage> {
  const base = join(spool, 'input', folder, id);
  const [data, journal, log] = await Promise.all([
    stat(`${base}-D`).catch(() => undefined),
    readFile(`${base}-J`, 'utf8').catch(() => ''),
    readEnd(join(spool, 'msglog', folder, id)),
  ]);
  const delivered = new Set(journal.split('\n'));
  const isLeft = ({ address }: { readonly address: string }) => !delivered.has(address);
  // The data file begins with its own name; the empty line before the body counts (queue_list() in queue.c).
  const body = data === undefined ? 0 : data.size - `${id}-D\n`.length + 1;
  const reasons = [message.reason, findReason(log)].filter((text) => text !== undefined);
  return dropUndefined({
    ...message,
    size: message.size + body,
    recipients: message.recipients.filter(isLeft),
    reason: reasons.length === 0 ? undefined : reasons.join('; '),
  });
}

async function readEnd(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.min(size, LOG_BYTES));
      await file.read(buffer, 0, buffer.length, Math.max(0, size - LOG_BYTES));
      return buffer.toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return ''; // message_logs = false
  }
}

/** The last line of a message log behind its time. The first one is about the arrival. */
function findReason(log: string): string | undefined {
  const last = log.split('\n').findLast((line) => line !== '');
  const text = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})? (.*)$/.exec(
    last ?? '',
  )?.[1];
  return text === undefined || text.startsWith('Received from ') ? undefined : text;
}
