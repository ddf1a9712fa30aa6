/**
 * Indexes of Postfix tables: `postmap TYPE:FILE`, so that the mail server never reads a half-written one.
 *
 * Berkeley DB files are overwritten in place by postmap, and a failure in the middle leaves no table at all
 * (DATABASE_README, "Updating Berkeley DB files safely"): they are built under another name and renamed. lmdb is
 * written in one transaction and cdb renames by itself; dbm has two files and no safe way.
 * Postfix notices a new index by itself ("table has changed -- restarting").
 */
import { lchownSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { getMessage } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { runMtaCommand } from './command.ts';
import type { Failure } from './target.ts';
import { readTargetFile } from './target-file.ts';

export const INDEXED = {
  hash: '.db',
  btree: '.db',
  lmdb: '.lmdb',
  cdb: '.cdb',
  dbm: '.pag',
  sdbm: '.pag',
} as const;
export type IndexedType = keyof typeof INDEXED;

interface PostmapOptions {
  readonly type: IndexedType;
  readonly file: string;
  /** argument vector to which `TYPE:FILE` is added, for instance `postmap -c DIR` */
  readonly postmap: readonly string[];
  /** ms */
  readonly timeout: number;
}

const ATTEMPTS = 3;
const PERMISSIONS = 0o7777;

/**
 * Whether the index exists and is not older than the text. Compares change times: nobody can set them, and a rename
 * counts.
 */
export function isIndexed({ type, file }: Pick<PostmapOptions, 'type' | 'file'>): boolean {
  const index = statSync(file + INDEXED[type], { throwIfNoEntry: false });
  const text = statSync(file, { throwIfNoEntry: false });
  return index !== undefined && text !== undefined && index.ctimeMs >= text.ctimeMs;
}

/** Builds the index, again if an operator's editor was faster. Never throws. */
export async function buildIndex(options: PostmapOptions): Promise<Failure | undefined> {
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = statSync(options.file);
      const failure = await buildOnce(options, before);
      if (failure !== undefined) return failure;
      if (before.ctimeMs === statSync(options.file).ctimeMs) return undefined;
    }
    return { message: `${options.file}: keeps changing while its index is built` };
  } catch (error) {
    return { message: `${options.file}: cannot build its index: ${getMessage(error)}` };
  }
}

async function buildOnce(options: PostmapOptions, text: Stats): Promise<Failure | undefined> {
  const { type, file } = options;
  if (INDEXED[type] !== '.db') return runPostmap(options, file);
  const copy = `${file}.postern-new`;
  const copyIndex = copy + INDEXED[type];
  try {
    rmSync(copyIndex, { force: true }); // of a run that was killed
    const { content = '' } = readTargetFile(file);
    replaceFile(copy, Buffer.from(content, 'latin1'), text.mode & PERMISSIONS);
    copyOwner(copy, text);
    const failure = await runPostmap(options, copy);
    if (failure === undefined) renameSync(copyIndex, file + INDEXED[type]);
    return failure;
  } finally {
    rmSync(copy, { force: true });
    rmSync(copyIndex, { force: true });
  }
}

/** postmap drops root for the owner of the text, and the index gets the same owner. */
function copyOwner(path: string, { uid, gid }: Stats): void {
  const own = statSync(path);
  if (own.uid !== uid || own.gid !== gid) lchownSync(path, uid, gid);
}

function runPostmap(
  { type, postmap, timeout }: PostmapOptions,
  path: string,
): Promise<Failure | undefined> {
  return runMtaCommand([...postmap, `${type}:${path}`], { timeout });
}
