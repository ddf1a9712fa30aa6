/**
 * Opens the database for the service, and makes a new one if it is damaged or gone: the old file is set aside, the
 * running blocks are taken from Postern's own lines in the block files, the logs are read again as far back as any
 * rule looks, and the abuse address is notified. What neither contains is lost: ended blocks, unblocks, notes.
 * Throws the error of opening for anything but damage, a newer version for instance; the file is then untouched.
 */

import { renameSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import type { Log } from '../base/log.ts';
import { type Clock, formatTime } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { type OwnEntry, readOwnEntries } from '../enforce/table.ts';
import type { BlockTarget } from '../enforce/target.ts';
import { readTargetFile } from '../enforce/target-file.ts';
import { beginJournal } from '../follow/journal/position.ts';
import { type FollowPosition, takeFingerprint } from '../follow/position.ts';
import { canonicalIp } from '../model/address.ts';
import type { Block, BlockableType } from '../model/block.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import { addressMails, plainHtml } from '../notify/compose.ts';
import { BesideFile } from '../store/beside.ts';
import { asideName } from '../store/database.ts';
import type { Process } from '../store/saved-state.ts';
import { Store } from '../store/store.ts';
import { buildTargets } from './mta-control.ts';

interface RecoveryOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** how far back the logs are read again, ms */
  readonly reach: number;
  /** whether that process still runs */
  isAlive(daemon: Process | undefined): boolean;
}

interface Damage {
  readonly reason: string;
  /** where the damaged file is now */
  readonly aside?: string;
}

export interface Salvage {
  /** by number */
  readonly blocks: readonly Block[];
  /** what could not be read, one sentence each */
  readonly problems: readonly string[];
}

type Key = Block['key'];

/** The database, or a new one if it is damaged. Throws a PosternError if another process runs with the damaged one. */
export async function openOrRebuild(options: RecoveryOptions): Promise<Store> {
  const { database } = options.config;
  const { store, reason } = tryOpen(database);
  if (store !== undefined && reason === undefined) {
    if (isFresh(store)) {
      await refill(store, { reason: 'there was none, or it was empty' }, options);
    }
    return store;
  }
  store?.close();
  assertUnused(database, options);
  const aside = setAside(database, options.clock);
  options.log.error({ database, reason, aside }, 'the database is damaged, beginning a new one');
  const fresh = new Store(database);
  fresh.beside.change({ suspect: undefined });
  await refill(fresh, { reason: reason ?? '', aside }, options);
  return fresh;
}

function assertUnused(database: string, { isAlive }: RecoveryOptions): void {
  const other = new BesideFile(database).read().daemon as Process | undefined;
  if (other?.pid === process.pid || !isAlive(other)) return;
  const message = `${database}: the database is damaged; postern runs with it as process ${other?.pid}: restart that`;
  throw new PosternError('environment', message, { code: 'already-running' });
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

/** Whether nothing was ever stored in it, and no service has begun to. */
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

/** Fills the new database with what is known, all or nothing, so that after a kill the next start does it again. */
async function refill(store: Store, damage: Damage, options: RecoveryOptions): Promise<void> {
  const { config, clock, log, reach } = options;
  const salvage = await salvageBlocks(config);
  const { blocks, problems } = salvage;
  const wasServed = store.beside.read().daemon !== undefined;
  if (damage.aside === undefined && blocks.length === 0 && !wasServed) return; // a first start
  const now = clock.now();
  store.commit(() => {
    const note = `taken from its line in the block file on ${formatTime(now)}`;
    for (const block of blocks) {
      store.blocks.restore(block, note);
      for (const login of block.spellings ?? []) store.logins.add(block.key.id, login, now);
    }
    for (const path of config.logs) {
      store.state.savePosition(path, buildPosition(path, now - reach));
    }
    for (const { name } of config.journals) {
      store.state.savePosition(name, beginJournal(now - reach));
    }
    addNotice(store, damage, salvage, options);
  });
  log.warn(
    { reason: damage.reason, blocks: blocks.length, problems },
    'database rebuilt from block files and logs',
  );
}

/** Reads the block files of the configuration; in observe mode they are not Postern's to read. Never throws. */
export async function salvageBlocks(config: Config): Promise<Salvage> {
  const blocks = new Map<number, Block>();
  const problems: string[] = [];
  for (const target of config.mode === 'enforce' ? buildTargets(config) : []) {
    let content: string;
    try {
      content = readTargetFile(target.file).content ?? '';
    } catch (error) {
      problems.push(`${target.file} cannot be read: ${getMessage(error)}`);
      continue;
    }
    for (const { key, ...about } of await identify(target, readOwnEntries(target, content))) {
      if (typeof key === 'object') addLine(blocks, { ...about, key }, config);
      else
        problems.push(
          `${target.file}: block ${about.id}: cannot be read back: ${escapeControls(key)}`,
        );
    }
  }
  return { blocks: [...blocks.values()].sort((a, b) => a.id - b.id), problems };
}

/** A line of a block; a person has one for each spelling of the login, and its first line makes the block. */
function addLine(blocks: Map<number, Block>, block: Block, { logins }: Config): void {
  const { id, key } = block;
  const before = blocks.get(id);
  if (key.type !== 'user') {
    // An address of a person whose logins are read already: the block is on the person.
    if (before?.key.type !== 'user') blocks.set(id, block);
    return;
  }
  const person = buildCanonicalLogin(logins)?.(key.id) ?? key.id;
  const known = before?.key.type === 'user' ? before : { ...block, key: { ...key, id: person } };
  blocks.set(id, { ...known, spellings: [...(known.spellings ?? []), key.id] });
}

type Identified = Omit<Block, 'key'> & { readonly key: Key | string };

/** Our lines with the identities that they block, as the log names them. An unknown one keeps its key in the file. */
async function identify(
  target: BlockTarget,
  entries: readonly OwnEntry[],
): Promise<readonly Identified[]> {
  const named = entries.map((entry) => ({ ...entry, name: guessIdentity(target, entry.key) }));
  const uids = (await target.findUids?.(named.map(({ name }) => name.id))) ?? new Map();
  const numbered = named.map(({ name, ...entry }) => {
    const uid = uids.get(name.id);
    return { ...entry, keys: uid === undefined ? [name] : [{ ...name, id: uid }, name] };
  });
  await target.prepare(numbered.map(({ keys, ...entry }) => ({ ...entry, key: keys[0] as Key })));
  return numbered.map(({ keys, ...entry }) => {
    const key = keys.find((one) => isWrittenAs(target, one, entry.key));
    return key === undefined ? entry : { ...entry, key };
  });
}

function isWrittenAs(target: BlockTarget, key: Key, line: string): boolean {
  const entry = target.renderEntry(key);
  return 'key' in entry && entry.key === line;
}

/** The identity that a line of this target blocks. Exim's one file does not distinguish users from local accounts. */
function guessIdentity(target: BlockTarget, key: string): Key {
  const literal = /^\/\^.*\$\/$/.test(key) ? key.slice(2, -2).replace(/\\(.)/g, '$1') : key;
  const id = Buffer.from(literal, 'latin1').toString('utf8');
  const ip = canonicalIp(id);
  if (ip !== undefined && target.accepts.includes('client')) return { type: 'client', id: ip };
  const [kind] = target.accepts;
  return { type: kind === 'network' ? 'client' : (kind as BlockableType), id };
}

/** Before everything in the log and in those of its rotated files that were written to since then. */
function buildPosition(path: string, since: number): FollowPosition {
  const fingerprint = takeFingerprint(new Uint8Array());
  const mark = { device: '', inode: '', fingerprint };
  return { version: 1, path, ...mark, offset: 0, line: 0, modified: since, before: null };
}

function addNotice(
  store: Store,
  damage: Damage,
  salvage: Salvage,
  { config, clock }: RecoveryOptions,
): void {
  const { notify, database } = config;
  if (notify === undefined) return;
  const text = renderNotice(database, damage, salvage);
  const created = clock.now();
  const what = damage.aside === undefined ? 'lost' : 'damaged';
  const subject = `Postern: the database was ${what} and has been rebuilt`;
  const notice = { subject, text, html: plainHtml(text) };
  store.outbox.compose(addressMails(notice, { ...notify, created }), []);
}

function renderNotice(database: string, damage: Damage, { blocks, problems }: Salvage): string {
  const { reason, aside } = damage;
  return [
    `Database ${database}: ${escapeControls(reason)}.`,
    ...(aside === undefined
      ? []
      : [`It was set aside as ${aside}. Delete that file when you no longer need it.`]),
    '',
    `Postern continues with a new one. ${blocks.length} running blocks were taken from the block files:`,
    ...blocks.map(
      ({ id, key, cause }) =>
        `  block ${id}: ${key.type} ${escapeControls(key.id)} (${escapeControls(cause)})`,
    ),
    '',
    'The logs are being read again. Ended blocks, unblocks, notes of operators, and the events of logs that no',
    'longer exist are lost. Someone who was unblocked within the last hour may be blocked again.',
    ...(problems.length === 0
      ? []
      : ['', 'Could not be read:', ...problems.map((text) => `  ${text}`)]),
    '',
  ].join('\n');
}
