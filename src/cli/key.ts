/** `postern key`: the keys of signed return paths. No output holds a secret. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { DAY, formatTime, formatTimes, systemClock } from '../base/time.ts';
import { hasKeyFile, readKeyFile, writeKeyFile } from '../sign/key-file.ts';
import { addKey, endOfKey, endOfSigning, findSigning, retireKey } from '../sign/keys.ts';
import type { Key } from '../sign/scheme.ts';
import { type Io, jsonLine } from './io.ts';
import { findKeyFile, type KeyOptions } from './return-path-keys.ts';

/** Runs one action. Throws a PosternError for a wrong digit, a file that others can read, and where it cannot write. */
export async function runKey(
  action: 'add' | 'list' | 'retire',
  number: string | undefined,
  options: KeyOptions,
  io: Io,
): Promise<ExitStatus> {
  const file = await findKeyFile(options);
  if ((action === 'retire') !== (number !== undefined)) {
    throw new PosternError('usage', 'key: expected add, list, or retire DIGIT');
  }
  if (action === 'list') return list(readKeyFile(file), options, io);
  return action === 'add' ? add(file, options, io) : retire(file, number as string, options, io);
}

function add(file: string, options: KeyOptions, io: Io): ExitStatus {
  const exists = hasKeyFile(file);
  const keys = addKey(exists ? readKeyFile(file) : [], systemClock.now());
  const key = keys?.at(-1);
  if (keys === undefined || key === undefined) {
    throw new PosternError('environment', `${file}: all ten numbers are in use; retire one first`);
  }
  writeKeyFile(file, keys);
  if (options.format === 'json') io.stdout(jsonLine({ file, number: key.number }));
  else {
    io.stdout(`Key ${key.number} is in ${file} and signs from now on.\n`);
    if (!exists)
      io.stdout(`Let the milter read it: chgrp postern-milter ${file} && chmod 640 ${file}\n`);
    io.stdout('Copy the file to the other servers that send or receive for your domains.\n');
  }
  return EXIT.done;
}

function retire(file: string, number: string, options: KeyOptions, io: Io): ExitStatus {
  const keys = retireKey(readKeyFile(file), number, systemClock.now());
  const key = keys.find((one) => one.number === number);
  if (key?.retired === undefined) {
    throw new PosternError('usage', `key retire ${number}: ${file} has no key with this number`);
  }
  const signing = findSigning(keys);
  if (signing === undefined) {
    throw new PosternError(
      'environment',
      `key ${number} is the only one that signs; run postern key add first`,
    );
  }
  writeKeyFile(file, keys);
  const until = endOfKey(key.retired);
  if (options.format === 'json') io.stdout(jsonLine({ file, ...describe(key, signing) }));
  else {
    io.stdout(`Key ${number} no longer signs; key ${signing.number} does.\n`);
    io.stdout(`It verifies until ${formatTime(until)}, when its last bounce must have come.\n`);
  }
  return EXIT.done;
}

function list(keys: readonly Key[], options: KeyOptions, io: Io): ExitStatus {
  const signing = findSigning(keys);
  if (options.format === 'json') io.stdout(jsonLine(keys.map((key) => describe(key, signing))));
  else io.stdout(keys.map((key) => `${key.number}  ${describeText(key, signing)}\n`).join(''));
  return EXIT.done;
}

function describe(key: Key, signing: Key | undefined): Record<string, unknown> {
  const { number, added, retired } = key;
  const verifiesUntil = retired === undefined ? undefined : endOfKey(retired);
  const times = formatTimes(
    { number, added, retired, verifiesUntil },
    'added',
    'retired',
    'verifiesUntil',
  );
  return { ...times, signs: key === signing };
}

function describeText(key: Key, signing: Key | undefined): string {
  const since = key.added === undefined ? '' : `, added ${formatTime(key.added).slice(0, 10)}`;
  if (key.retired === undefined) {
    return `${key === signing ? 'signs and verifies' : 'verifies'}${since}${adviseRotation(key)}`;
  }
  const end = endOfKey(key.retired);
  return systemClock.now() < end
    ? `retired, verifies until ${formatTime(end)}${since}`
    : `retired, verifies no more${since}`;
}

function adviseRotation(key: Key): string {
  const end = endOfSigning(key);
  if (end === undefined || systemClock.now() < end - 30 * DAY) return '';
  return `; replace it before ${formatTime(end).slice(0, 10)}, because its first addresses become valid again`;
}
