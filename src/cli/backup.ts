/** `postern backup`: a copy of the database, made while the service runs, and checked. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomHex } from '../base/digest.ts';
import { EXIT, type ExitStatus, getErrno, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { loadConfig } from '../config/load.ts';
import { explainFileError } from '../enforce/target-file.ts';
import { type CopyFacts, checkCopy } from '../store/backup.ts';
import { isForeign } from '../store/header.ts';
import { withStore } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { pump, watchLong } from './pump.ts';

/** `file`: replaced if it is an earlier backup; `-` is standard output. */
export async function runBackup(file: string, options: CommonOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const toOutput = file === '-';
  if (toOutput && io.bytes === undefined) throw new PosternError('usage', NOT_TO_TERMINAL);
  const place = toOutput ? config.database : file;
  if (!toOutput && isForeign(file)) {
    throw new PosternError('usage', `${file}: the database of another program; name another file`);
  }
  const temporary = join(dirname(place), `.${basename(place)}.${randomHex(6)}`);
  return await withStore(config, async (store) => {
    try {
      make(temporary, place);
      const size = statSync(config.database).size;
      watchLong(io, size, 'copying', () => store.copyTo(temporary));
      const facts = watchLong(io, size, 'checking', () => checkCopy(temporary));
      if (toOutput) send(temporary, io);
      else keep(temporary, file);
      if (!toOutput) io.stdout(report(file, facts, options));
      return EXIT.done;
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

const NOT_TO_TERMINAL = 'a backup cannot be printed on a terminal: postern backup - > FILE';

/** Only the owner may read it, as the database. */
function make(temporary: string, file: string): void {
  try {
    closeSync(openSync(temporary, 'wx', 0o600));
  } catch (error) {
    const denied = ['EACCES', 'EPERM', 'EROFS'].includes(getErrno(error) ?? '');
    const hint = denied
      ? ' (the account of the database cannot write there: postern backup - > FILE)'
      : '';
    throw new PosternError('environment', `${file}: ${explainFileError(error)}${hint}`, {
      code: 'backup',
      cause: error,
    });
  }
}

function keep(temporary: string, file: string): void {
  const fd = openSync(temporary, 'r');
  fsyncSync(fd);
  closeSync(fd);
  renameSync(temporary, file);
}

function send(file: string, io: Io): void {
  const fd = openSync(file, 'r');
  try {
    pump(fd, io, (chunk) => io.bytes?.(chunk));
  } finally {
    closeSync(fd);
  }
}

function report(file: string, { version, blocks }: CopyFacts, { format }: CommonOptions): string {
  if (format === 'json') return jsonLine({ file, version, blocks });
  return `${file}: sound, with ${counted(blocks, 'running block')}.\n`;
}
