/**
 * Opens the database for the service, and makes a new one when it is damaged or gone: the old file is set aside, the
 * running blocks are taken from Postern's own lines in the block files, the logs are read again as far back as any
 * rule looks, and the abuse address is told. What neither tells is lost: ended blocks, unblocks, notes.
 * Throws what opening throws for anything but damage, a newer version for instance; the file is then untouched.
 */

import { existsSync, readFileSync, renameSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import type { Log } from '../base/log.ts';
import { type Clock, DAY, formatTime } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { type OwnEntry, ownEntries } from '../enforce/table.ts';
import type { BlockTarget } from '../enforce/target.ts';
import { type FollowPosition, takeFingerprint } from '../follow/position.ts';
import { canonicalIp } from '../model/address.ts';
import type { Block, BlockableType } from '../model/block.ts';
import { addressMails, plainHtml } from '../notify/compose.ts';
import { BesideFile } from '../store/beside.ts';
import { asideName } from '../store/database.ts';
import type { Process } from '../store/saved-state.ts';
import { Store } from '../store/store.ts';
import { buildTargets } from './assemble.ts';

interface RecoveryOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** how far back the logs are read again, ms */
  readonly reach: number;
  /** whether the service that describes itself so runs */
  isAlive(daemon: Process | undefined): boolean;
}

type Key = Block['key'];

interface Damage {
  readonly reason: string;
  /** where the damaged file is now */
  readonly aside?: string;
}

interface Salvage {
  readonly blocks: readonly Block[];
  /** what could not be read, one sentence each */
  readonly problems: readonly string[];
}

/** The database, whole; a new one when the old one is not. */
export async function openWhole(options: RecoveryOptions): Promise<Store> {
  const { database } = options.config;
  const { store, reason } = tryOpen(database);
  if (store !== undefined && reason === undefined) {
    if (isFresh(store))
      await afterLoss(store, { reason: 'there was none, or it was empty' }, options);
    return store;
  }
  store?.close();
  const other = new BesideFile(database).read().daemon;
  if (other?.pid !== process.pid && options.isAlive(other)) {
    const message = `${database}: the database is damaged; postern runs with it as process ${other?.pid}: restart that`;
    throw new PosternError('already-running', message, { exitStatus: 1 });
  }
  const aside = setAside(database, options.clock);
  options.log.error({ database, reason, aside }, 'the database is damaged, beginning a new one');
  const anew = new Store(database);
  anew.beside.change({ suspect: undefined });
  await afterLoss(anew, { reason: reason ?? '', aside }, options);
  return anew;
}

function tryOpen(database: string): { store?: Store; reason?: string } {
  let store: Store | undefined;
  try {
    store = new Store(database);
    const suspect = store.beside.read().suspect;
    const reason = store.damage({ thorough: suspect !== undefined });
    if (suspect !== undefined && reason === undefined) store.beside.change({ suspect: undefined });
    return dropUndefined({ store, reason });
  } catch (error) {
    store?.close();
    if (error instanceof PosternError && error.code === 'database-corrupt') {
      return { reason: getMessage(error.cause ?? error) };
    }
    throw error;
  }
}

/** Nothing was ever stored in it, and no service began to. */
function isFresh({ state, blocks }: Store): boolean {
  const isUnused = state.read('daemon') === undefined && state.positions().size === 0;
  return isUnused && blocks.history(1).length === 0;
}

/** The files keep their names behind the new one, so that `sqlite3 FILE .recover` finds all of them. */
function setAside(database: string, clock: Clock): string {
  const aside = asideName(database, clock.now());
  for (const part of ['-wal', '-shm', '']) {
    try {
      renameSync(database + part, aside + part);
    } catch (error) {
      if (getErrno(error) !== 'ENOENT') throw error;
    }
  }
  return aside;
}

/** Fills the new database with what is known; all or nothing, so that a kill in between begins again. */
async function afterLoss(store: Store, damage: Damage, options: RecoveryOptions): Promise<void> {
  const { config, clock, log, reach } = options;
  const { blocks, problems } = await salvage(config);
  const wasServed = store.beside.read().daemon !== undefined;
  if (damage.aside === undefined && blocks.length === 0 && !wasServed) return; // a first start
  const now = clock.now();
  store.commit(() => {
    const note = `taken from its line in the block file on ${formatTime(now)}`;
    for (const block of blocks) store.blocks.restore(block, note);
    for (const path of config.logs)
      store.state.savePosition(path, positionSince(path, now - reach));
    tell(store, damage, { blocks, problems }, options);
  });
  log.warn(
    { reason: damage.reason, blocks: blocks.length, problems },
    'database rebuilt from block files and logs',
  );
}

/** Before everything in the log and in those of its rotated files that were written to since then. */
function positionSince(path: string, since: number): FollowPosition {
  const fingerprint = takeFingerprint(new Uint8Array());
  const mark = { device: '', inode: '', fingerprint };
  return { version: 1, path, ...mark, offset: 0, line: 0, modified: since, before: null };
}

/** The blocks that the block files tell by our own lines. */
async function salvage(config: Config): Promise<Salvage> {
  const blocks = new Map<number, Block>();
  const problems: string[] = [];
  for (const target of config.mode === 'enforce' ? buildTargets(config) : []) {
    let content: string;
    try {
      content = existsSync(target.file) ? readFileSync(target.file, 'latin1') : '';
    } catch (error) {
      problems.push(`${target.file} cannot be read: ${getMessage(error)}`);
      continue;
    }
    for (const { key, ...about } of await identified(target, ownEntries(target, content))) {
      if (typeof key === 'object') blocks.set(about.id, { ...about, key });
      else
        problems.push(`${target.file}: block ${about.id}: not understood: ${escapeControls(key)}`);
    }
  }
  return { blocks: [...blocks.values()].sort((a, b) => a.id - b.id), problems };
}

type Identified = Omit<Block, 'key'> & { readonly key: Block['key'] | string };

/** Our lines with whom they mean, in the words of the log; one that is not understood keeps its own. */
async function identified(
  target: BlockTarget,
  entries: readonly OwnEntry[],
): Promise<readonly Identified[]> {
  const named = entries.map((entry) => ({ ...entry, name: getFileIdentity(target, entry.key) }));
  const uids = (await target.uidsOf?.(named.map(({ name }) => name.id))) ?? new Map();
  const numbered = named.map(({ name, ...entry }) => {
    const uid = uids.get(name.id);
    return { ...entry, keys: uid === undefined ? [name] : [{ ...name, id: uid }, name] };
  });
  await target.prepare(numbered.map(({ keys, ...entry }) => ({ ...entry, key: keys[0] as Key })));
  return numbered.map(({ keys, ...entry }) => {
    const key = keys.find((one) => means(target, one, entry.key));
    return key === undefined ? entry : { ...entry, key };
  });
}

/** Whether the target writes this identity as that line. */
function means(target: BlockTarget, key: Key, line: string): boolean {
  const entry = target.entry(key);
  return 'key' in entry && entry.key === line;
}

/** Whom a line of this target names. A file for several kinds of identity does not tell users from local accounts. */
function getFileIdentity(target: BlockTarget, key: string): Block['key'] {
  const literal = /^\/\^.*\$\/$/.test(key) ? key.slice(2, -2).replace(/\\(.)/g, '$1') : key;
  const id = Buffer.from(literal, 'latin1').toString('utf8');
  const ip = canonicalIp(id);
  if (ip !== undefined && target.accepts.includes('client')) return { type: 'client', id: ip };
  return { type: target.accepts[0] as BlockableType, id };
}

function tell(store: Store, damage: Damage, found: Salvage, { config, clock }: RecoveryOptions) {
  const { notify, database } = config;
  if (notify === undefined) return;
  const text = noticeText(database, damage, found);
  const created = clock.now();
  const subject = `Postern: the database was ${damage.aside === undefined ? 'lost' : 'damaged'} and is rebuilt`;
  const notice = { subject, text, html: plainHtml(text) };
  store.outbox.compose(addressMails(notice, { ...notify, created }), []);
}

function noticeText(database: string, damage: Damage, { blocks, problems }: Salvage): string {
  const { reason, aside } = damage;
  return [
    `Database ${database}: ${escapeControls(reason)}.`,
    ...(aside === undefined
      ? []
      : [`It was set aside as ${aside}. Delete that file when you no longer need it.`]),
    '',
    `Postern goes on with a new one. ${blocks.length} running blocks were taken from the block files:`,
    ...blocks.map(
      ({ id, key, cause }) =>
        `  block ${id}: ${key.type} ${escapeControls(key.id)} (${escapeControls(cause)})`,
    ),
    '',
    'The logs are being read again. Lost are ended blocks, unblocks, notes of operators, and events of logs that',
    'are gone. Someone who was unblocked within the last hour may be blocked again.',
    ...(problems.length === 0
      ? []
      : ['', 'Not understood:', ...problems.map((text) => `  ${text}`)]),
    '',
  ].join('\n');
}

/** How far back the logs are read again at least, ms. */
export const SHORTEST_REACH = DAY;
