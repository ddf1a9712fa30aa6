/**
 * Puts a backup in the place of the database while no service runs. Blocks do not go back in time: they, what the block
 * files list, and the mails are taken from the database that was in use, or from the block files if that is lost. The log
 * is read on from where the backup was, so events that are still in the log come back. A kill at any moment leaves either
 * the old or the new database in place.
 */
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { PosternError } from '../base/errors.ts';
import { type Clock, formatTime } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { checkCopy } from '../store/backup.ts';
import { BesideFile } from '../store/beside.ts';
import type { Process } from '../store/saved-state.ts';
import { Store } from '../store/store.ts';
import { findRunning, isAlive, takeOver } from './instance.ts';
import { salvageBlocks } from './recovery.ts';

interface Restored {
  /** where the database that was in use is now */
  readonly aside?: string;
  /** number of running blocks */
  readonly blocks: number;
  /** what could not be taken over, one sentence each */
  readonly problems: readonly string[];
}

interface Circumstances {
  readonly clock: Clock;
  readonly version: string;
  /** of the backup, for messages; default: that of the copy */
  readonly name?: string;
}

/**
 * `copy`: a file in the folder of the database, which is used up. Throws a PosternError if a service runs, or if the copy
 * cannot be used; then nothing has changed.
 */
export async function restoreDatabase(
  copy: string,
  config: Config,
  { clock, version, name }: Circumstances,
): Promise<Restored> {
  const { database } = config;
  checkCopy(copy, name);
  assertStopped(database);
  const current = openCurrent(database);
  // Until this process has ended, no service starts with the database.
  if (current !== undefined) takeOver(current, { clock, version });
  try {
    current?.closeAsOneFile();
    if (current !== undefined) assertAlone(database);
    const restored = await prepare(
      copy,
      current === undefined ? undefined : database,
      config,
      clock,
    );
    const aside = replace(copy, database, clock);
    new BesideFile(database).change({ daemon: undefined, suspect: undefined });
    return { ...restored, ...(aside === undefined ? {} : { aside }) };
  } catch (error) {
    if (current !== undefined) signOff(database);
    throw error;
  }
}

function assertStopped(database: string): void {
  const beside = new BesideFile(database).read().daemon as Process | undefined;
  if (beside !== undefined && beside.pid !== process.pid && isAlive(beside)) throw running(beside);
}

function running({ pid }: Process): PosternError {
  const message = `postern runs as process ${pid}: stop it first (systemctl stop postern), restore, and start it again; nothing was changed`;
  return new PosternError('environment', message, { code: 'already-running' });
}

/** The database that is in use; undefined if it is lost or damaged. */
function openCurrent(database: string): Store | undefined {
  if (!existsSync(database)) return undefined;
  let store: Store | undefined;
  try {
    store = new Store(database);
    for (const role of ['daemon', 'enforcer'] as const) {
      const other = findRunning(store, role);
      if (other !== undefined && other.pid !== process.pid) throw running(other);
    }
    if (store.damage() === undefined) return store;
    store.close();
    return undefined;
  } catch (error) {
    store?.close();
    if (error instanceof PosternError && error.code === 'database-corrupt') return undefined;
    throw error;
  }
}

/** A write-ahead log that is left belongs to a process that still has the database open. */
function assertAlone(database: string): void {
  if (!existsSync(`${database}-wal`)) return;
  throw new PosternError(
    'environment',
    `${database}: another process has it open; end that, and try again; nothing was changed`,
    { code: 'database-busy' },
  );
}

/** Brings the copy up to date. `newer`: the database that was in use, if it is sound. */
async function prepare(
  copy: string,
  newer: string | undefined,
  config: Config,
  clock: Clock,
): Promise<Omit<Restored, 'aside'>> {
  const store = new Store(copy);
  try {
    const problems = newer === undefined ? await addSalvaged(store, config, clock) : [];
    if (newer !== undefined) store.carryOver(newer);
    store.state.write('daemon', null);
    store.state.write('enforcer', null);
    const blocks = store.blocks.allRunning().length;
    store.closeAsOneFile();
    return { blocks, problems };
  } catch (error) {
    store.close();
    throw error;
  } finally {
    for (const end of ['.state', '-bell']) rmSync(copy + end, { force: true });
  }
}

/** Blocks from the block files that the backup does not have. Those that are gone from the files end by themselves. */
async function addSalvaged(store: Store, config: Config, clock: Clock): Promise<string[]> {
  const { blocks, problems } = await salvageBlocks(config);
  const now = clock.now();
  store.commit(() => {
    const note = `taken from its line in the block file on ${formatTime(now)}`;
    for (const block of blocks) store.blocks.restore(block, note);
  });
  const dropped = store.dropWaiting();
  const lost =
    dropped === 0
      ? []
      : [`${dropped} mails that waited in the backup are dropped: they may have been sent`];
  return [...problems, ...lost];
}

/** Renames the copy to the database, which gets another name first; that name, if there was a database. */
function replace(copy: string, database: string, clock: Clock): string | undefined {
  const aside = findFreeName(database, clock);
  const isThere = existsSync(database);
  if (isThere) linkSync(database, aside);
  for (const end of ['-wal', '-shm']) {
    if (existsSync(database + end)) renameSync(database + end, aside + end);
  }
  renameSync(copy, database);
  return isThere ? aside : undefined;
}

/** With the time, and a number if there was another restore in this second. */
function findFreeName(database: string, clock: Clock): string {
  const time = formatTime(clock.now()).slice(0, 19).replaceAll(':', '');
  const name = `${database}.before-restore-${time}Z`;
  let free = name;
  for (let number = 2; existsSync(free); number++) free = `${name}-${number}`;
  return free;
}

/** After a failure the database is free again. */
function signOff(database: string): void {
  try {
    const store = new Store(database);
    store.state.write('daemon', null);
    store.close();
    store.beside.change({ daemon: undefined });
  } catch {
    // The next service finds that this process is gone.
  }
}
