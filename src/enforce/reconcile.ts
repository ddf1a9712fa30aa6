/**
 * Makes each target equal to what should be: compare, replace in one step, activate once.
 *
 * Never throws for what the environment does: each target reports for itself, and a failure at one leaves the others
 * alone. Nothing is remembered between two runs; what the next one has to know comes back in the result (`written`,
 * `pending`) and is handed in again.
 */
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '../base/commands.ts';
import { getErrno, getMessage } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import type { Block } from '../model/block.ts';
import { commandFailure } from './postmap.ts';
import { listedIn } from './table.ts';
import type { BlockTarget, Failure } from './target.ts';

export interface ReconcileRequest {
  /** every block that should be in force now */
  readonly blocks: readonly Block[];
  /**
   * By target name: IDs of blocks that the last run reported as `written`, which replaces what was reported before.
   * Leave out a target whose `file` is another one than then: nobody deleted lines from that.
   */
  readonly written: ReadonlyMap<string, ReadonlySet<number>>;
  /**
   * Names of targets that the last run reported as `pending`. A process that starts hands in all: if the one before
   * it was killed between file and reload, one reload too many makes up for it.
   */
  readonly pending: ReadonlySet<string>;
  /** ms since the epoch, to be compared with file times */
  readonly now: number;
  /**
   * ms that a file must have been left alone before a missing line counts as deleted by hand, default 1000. As long is
   * waited and looked again where the clock does not tell: the file was written to in the future.
   */
  readonly settle?: number;
  /** ms that a reload may take, default 30 s */
  readonly timeout?: number;
}

export interface TargetResult {
  readonly name: string;
  readonly file: string;
  /** the file was replaced */
  readonly changed: boolean;
  /** IDs of blocks that the file lists, on a line of ours or of the operator; as handed in when nothing was done */
  readonly written: readonly number[];
  /** blocks whose line was deleted by hand: to be ended as unblocked by the operator */
  readonly released: readonly Block[];
  readonly inexpressible: readonly { readonly block: Block; readonly reason: string }[];
  /** the file is right, the MTA does not use it yet: hand in again, and retry */
  readonly pending: boolean;
  /** ms after which to run again: somebody is editing the file */
  readonly retryIn?: number;
  readonly failure?: Failure;
}

export interface Reconciliation {
  readonly targets: readonly TargetResult[];
  /** blocks of a type that no target takes */
  readonly unrouted: readonly Block[];
}

const SETTLE = 1000;
const TIMEOUT = 30_000;
const ATTEMPTS = 3;

/** Of a file that did not exist. A table that the MTA cannot read makes it refuse all mail for the time being. */
const NEW_MODE = 0o644;

/** Runs over all targets, then over their reload commands: each distinct one once, if anything needs it. */
export async function reconcile(
  targets: readonly BlockTarget[],
  request: ReconcileRequest,
): Promise<Reconciliation> {
  const results = [];
  for (const target of targets) results.push(await reconcileTarget(target, request));
  const unrouted = request.blocks.filter(
    ({ key }) => !targets.some((target) => target.accepts.includes(key.type)),
  );
  const timeout = request.timeout ?? TIMEOUT;
  return { targets: await reloadAll(targets, results, timeout), unrouted };
}

async function reconcileTarget(
  target: BlockTarget,
  request: ReconcileRequest,
): Promise<TargetResult> {
  const blocks = request.blocks.filter(({ key }) => target.accepts.includes(key.type));
  const wasPending = request.pending.has(target.name);
  try {
    await target.prepare(blocks);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await writeOnce(target, blocks, request);
      if (result !== undefined) return await activated(target, result, wasPending);
    }
    return failed(target, request, 'keeps changing while it is written');
  } catch (error) {
    return failed(target, request, explain(error));
  }
}

/** Undefined when the operator was faster and the file has to be read again. */
async function writeOnce(
  target: BlockTarget,
  blocks: readonly Block[],
  request: ReconcileRequest,
): Promise<TargetResult | undefined> {
  const path = realPath(target.file);
  const before = readStat(path);
  const old = before === undefined ? undefined : readFileSync(path, 'latin1');
  const { lines, inexpressible } = entries(target, blocks);
  // A file that is gone as a whole was not edited: its lines are written again.
  const released = old === undefined ? [] : missing(target, lines, old, request.written);
  const age = before === undefined ? 0 : request.now - before.mtimeMs;
  const settle = request.settle ?? SETTLE;
  // Editors empty a file before they fill it: nothing is concluded from a file in the making.
  if (released.length > 0 && age < settle) {
    if (age >= 0)
      return { ...nothingDone(target, request), inexpressible, retryIn: Math.ceil(settle - age) };
    // The clock was set back, or a file server's is ahead: whether somebody writes is to be seen.
    await pause(settle);
    if (!isSame(before, readStat(path))) return undefined;
  }
  const kept = blocks.filter((block) => !released.includes(block));
  const content = target.render(kept, old ?? '');
  const changed = content !== old;
  if (changed && !replaced(path, content, before)) return undefined;
  const written = lines
    .filter(({ block }) => !released.includes(block))
    .map(({ block }) => block.id);
  return {
    ...nothingDone(target, request),
    changed,
    written,
    released,
    inexpressible,
    pending: false,
  };
}

function entries(target: BlockTarget, blocks: readonly Block[]) {
  const lines: { block: Block; key: string }[] = [];
  const inexpressible: { block: Block; reason: string }[] = [];
  for (const block of blocks) {
    const entry = target.entry(block.key);
    if ('reason' in entry) inexpressible.push({ block, reason: entry.reason });
    else lines.push({ block, key: entry.key });
  }
  return { lines, inexpressible };
}

/** Blocks whose line stood in the file before and is gone, in this or any other format that the file had. */
function missing(
  target: BlockTarget,
  lines: readonly { block: Block; key: string }[],
  old: string,
  written: ReconcileRequest['written'],
): Block[] {
  const before = written.get(target.name);
  if (before === undefined || before.size === 0) return [];
  const { own, byHand, blocks } = listedIn(target, old);
  return lines
    .filter(
      ({ block, key }) =>
        before.has(block.id) && !blocks.has(block.id) && !own.has(key) && !byHand.has(key),
    )
    .map(({ block }) => block);
}

class FileChanged extends Error {}

/** False when the file is no longer the one that was read; looked at in the last moment before the rename. */
function replaced(path: string, content: string, before: Stats | undefined): boolean {
  const check = () => {
    if (!isSame(before, readStat(path))) throw new FileChanged();
  };
  try {
    replaceFile(path, Buffer.from(content, 'latin1'), NEW_MODE, check);
    return true;
  } catch (error) {
    if (error instanceof FileChanged) return false;
    throw error;
  }
}

function isSame(before: Stats | undefined, now: Stats | undefined): boolean {
  if (before === undefined || now === undefined) return before === now;
  return (
    before.ino === now.ino &&
    before.dev === now.dev &&
    before.size === now.size &&
    before.mtimeMs === now.mtimeMs &&
    before.ctimeMs === now.ctimeMs
  );
}

async function activated(
  target: BlockTarget,
  result: TargetResult,
  wasPending: boolean,
): Promise<TargetResult> {
  if (result.retryIn !== undefined) return result;
  // A release counts: the operator may have left the file just as we would have written it.
  const isNews = result.changed || result.released.length > 0;
  const pending = target.reload.length > 0 && (isNews || wasPending);
  // File times are a few ms coarse: after a failure an index may look as new as the text that it lacks.
  if (!result.changed && !wasPending && target.isIndexed()) return { ...result, pending };
  const failure = await target.activate();
  return failure === undefined ? { ...result, pending } : { ...result, pending: true, failure };
}

async function reloadAll(
  targets: readonly BlockTarget[],
  results: readonly TargetResult[],
  timeout: number,
): Promise<TargetResult[]> {
  const outcomes = new Map<string, Failure | undefined>();
  const commands = targets.map(({ reload }) => JSON.stringify(reload));
  const reloaded: TargetResult[] = [];
  for (const [index, result] of results.entries()) {
    const argv = targets[index]?.reload ?? [];
    const command = commands[index] as string;
    if (argv.length === 0 || !result.pending || result.failure || result.retryIn !== undefined) {
      reloaded.push(result);
      continue;
    }
    if (!outcomes.has(command)) {
      outcomes.set(command, commandFailure(argv, await runCommand(argv, { timeout }), timeout));
    }
    const failure = outcomes.get(command);
    reloaded.push(failure === undefined ? { ...result, pending: false } : { ...result, failure });
  }
  return reloaded;
}

function nothingDone({ name, file }: BlockTarget, request: ReconcileRequest): TargetResult {
  return {
    name,
    file,
    changed: false,
    written: [...(request.written.get(name) ?? [])],
    released: [],
    inexpressible: [],
    pending: request.pending.has(name),
  };
}

function failed(target: BlockTarget, request: ReconcileRequest, text: string): TargetResult {
  const failure = { message: `${target.file}: ${text}` };
  return { ...nothingDone(target, request), failure };
}

/** A link is kept, and the file it points to replaced. */
function realPath(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? realpathSync(path) : path;
}

function readStat(path: string): Stats | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile()) throw new Error('is no regular file');
  return stats;
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: 'the folder does not exist',
  ENOTDIR: 'a part of the path is no folder',
  EACCES: 'not permitted; Postern needs to write to the folder, too',
  EPERM: 'not permitted; Postern needs to write to the folder, too',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file size limit is reached',
};

function explain(error: unknown): string {
  const code = getErrno(error);
  const cause = code === undefined ? undefined : CAUSES[code];
  return cause === undefined ? getMessage(error) : `cannot write: ${cause} (${code})`;
}
