/** `postern restore`: a backup in the place of the database, while no service runs. */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomHex } from '../base/digest.ts';
import { EXIT, type ExitStatus, getCause, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { systemClock } from '../base/time.ts';
import { loadConfig } from '../config/load.ts';
import { restoreDatabase } from '../daemon/restore.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { pump, watchLong } from './pump.ts';
import { version } from './version.ts';

/** `file`: the backup; `-` is standard input. */
export async function runRestore(
  file: string,
  options: CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const { database } = config;
  const copy = join(dirname(database), `.${basename(database)}.${randomHex(6)}`);
  try {
    copyIn(file, copy, io);
    const { size } = statSync(copy);
    const name = file === '-' ? 'standard input' : file;
    const times = { clock: systemClock, version: version(), name };
    const { aside, blocks, problems } = await watchLong(io, size, 'checking', () =>
      restoreDatabase(copy, config, times),
    );
    for (const problem of problems) io.stderr(`postern: ${escapeControls(problem)}\n`);
    if (options.format === 'json') io.stdout(jsonLine({ database, aside, blocks, problems }));
    else {
      io.stdout(`${database} is restored, with ${counted(blocks, 'running block')}.\n`);
      if (aside !== undefined)
        io.stdout(`The database before is ${aside}: delete it when all is well.\n`);
      io.stdout('Start the service: it reads the log on from where the backup was.\n');
    }
    return EXIT.done;
  } finally {
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(copy + end, { force: true });
  }
}

/** Throws a PosternError (exit status 1) if it cannot be opened. */
function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new PosternError('environment', `${file}: cannot be read: ${getCause(error)}`, {
      place: { file },
      cause: error,
    });
  }
}

function copyIn(file: string, copy: string, io: Io): void {
  const from = file === '-' ? 0 : open(file);
  try {
    const fd = openSync(copy, 'wx', 0o600);
    try {
      pump(from, io, (chunk) => writeSync(fd, chunk));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    if (from !== 0) closeSync(from);
  }
}
