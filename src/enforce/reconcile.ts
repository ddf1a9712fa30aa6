/**
 * Makes each target equal to what it should be: compare, replace in one step, activate once.
 *
 * Never throws for a failure of the environment: each target has its own result, and a failure of one leaves the
 * others alone. Nothing is remembered between two runs. What the next run has to know is in the result (`written`,
 * `pending`) and is passed in again.
 */
import { type Block, listBlockedKeys } from '../model/block.ts';
import { runMtaCommand } from './command.ts';
import { addPassed } from './passed.ts';
import { listEntries, readListed } from './table.ts';
import { type BlockTarget, type Failure, getTargetKind, type TargetResult } from './target.ts';
import {
  explainFileError,
  type FileState,
  isUnchangedAfter,
  readTargetFile,
  replaceTargetFile,
} from './target-file.ts';

export interface ReconcileRequest {
  /** every block that should be in force now */
  readonly blocks: readonly Block[];
  /**
   * By target name: IDs of blocks that the last run returned as `written`, which replaces what was returned before.
   * Leave out a target whose `file` has another name than then: nobody deleted lines from the new one.
   */
  readonly written: ReadonlyMap<string, ReadonlySet<number>>;
  /**
   * Names of targets that the last run returned as `pending`. A process that starts passes all: its predecessor may
   * have been killed between file and reload, and one reload too many does no harm.
   */
  readonly pending: ReadonlySet<string>;
  /** ms since the epoch, to be compared with file times */
  readonly now: number;
  /**
   * ms that a file must have been left alone before a missing line counts as deleted by hand, default 1000. If the
   * file's time is in the future, `reconcile` waits this long and looks again.
   */
  readonly settle?: number;
  /** ms that a reload may take, default 30 s */
  readonly timeout?: number;
}

export interface Reconciliation {
  readonly targets: readonly TargetResult[];
  /** blocks of a type that no target takes */
  readonly unrouted: readonly Block[];
}

const SETTLE = 1000;
const TIMEOUT = 30_000;
const ATTEMPTS = 3;

/** Updates all targets, then runs their reload commands: each distinct one once, if any target needs it. */
export async function reconcile(
  targets: readonly BlockTarget[],
  request: ReconcileRequest,
): Promise<Reconciliation> {
  const results = [];
  for (const target of targets) results.push(await reconcileTarget(target, request));
  const unrouted = request.blocks.filter(
    ({ key }) => !targets.some((target) => target.accepts.includes(getTargetKind(key))),
  );
  return { targets: await reloadAll(targets, results, request.timeout ?? TIMEOUT), unrouted };
}

async function reconcileTarget(
  target: BlockTarget,
  request: ReconcileRequest,
): Promise<TargetResult> {
  const blocks = request.blocks.flatMap((block) => takeFor(target, block) ?? []);
  try {
    await target.prepare(blocks);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const result = await writeOnce(target, blocks, request);
      if (result !== undefined)
        return await addPassed(target, await activate(target, result, request), blocks);
    }
    return reportFailure(target, request, 'keeps changing while it is written');
  } catch (error) {
    return reportFailure(target, request, explainFileError(error));
  }
}

/**
 * The part of a block that a target lists. A person's addresses go where clients are blocked: beside the logins, or in a
 * table of their own.
 */
function takeFor({ accepts }: BlockTarget, block: Block): Block | undefined {
  const { addresses = [], ...rest } = block;
  const [id, ...spellings] = addresses;
  if (accepts.includes(getTargetKind(block.key))) return accepts.includes('client') ? block : rest;
  if (id === undefined || !accepts.includes('client')) return undefined;
  return { ...rest, key: { type: 'client', id }, spellings };
}

/** Undefined if the operator was faster and the file has to be read again. */
async function writeOnce(
  target: BlockTarget,
  blocks: readonly Block[],
  request: ReconcileRequest,
): Promise<TargetResult | undefined> {
  const file = readTargetFile(target.file);
  const { lines, inexpressible } = renderEntries(target, blocks);
  // A file that is gone as a whole was not edited: its lines are written again.
  const released =
    file.content === undefined ? [] : findDeleted(target, lines, file.content, request.written);
  if (released.length > 0) {
    const state = await checkSettled(file, request);
    if (state === 'changed') return undefined;
    if (state !== 'settled') {
      return { ...reportUnchanged(target, request), inexpressible, ...state };
    }
  }
  const kept = blocks.filter((block) => !released.includes(block));
  const content = target.render(kept, file.content ?? '');
  const changed = content !== file.content;
  if (changed && !replaceTargetFile(file, content)) return undefined;
  const written = lines.map(({ block }) => block).filter((block) => !released.includes(block));
  return {
    ...reportUnchanged(target, request),
    changed,
    written: written.map(({ id }) => id),
    released,
    inexpressible,
    pending: false,
  };
}

/**
 * Whether nobody is writing to the file: editors empty a file before they fill it, so a file that was just changed
 * says nothing about deleted lines.
 */
async function checkSettled(
  file: FileState,
  { now, settle = SETTLE }: ReconcileRequest,
): Promise<'settled' | 'changed' | { readonly retryIn: number }> {
  const age = file.stats === undefined ? settle : now - file.stats.mtimeMs;
  if (age >= settle) return 'settled';
  if (age >= 0) return { retryIn: Math.ceil(settle - age) };
  // Our clock was set back, or a file server's clock is ahead: only waiting shows whether somebody is writing.
  return (await isUnchangedAfter(file, settle)) ? 'settled' : 'changed';
}

interface BlockLines {
  readonly block: Block;
  /** of its lines, at least one */
  readonly keys: readonly string[];
}

function renderEntries(target: BlockTarget, blocks: readonly Block[]) {
  const lines: BlockLines[] = [];
  const inexpressible: { block: Block; reason: string }[] = [];
  for (const block of blocks) {
    const keys = listEntries(target, block).map(({ key }) => key);
    if (keys.length > 0) lines.push({ block, keys });
    for (const key of listBlockedKeys(block)) {
      const entry = target.renderEntry(key);
      if ('reason' in entry) inexpressible.push({ block: { ...block, key }, reason: entry.reason });
    }
  }
  return { lines, inexpressible };
}

/**
 * Blocks that were listed in the file and are not any longer, in this or any other format that the file had. A person's
 * logins are one block: whoever deletes one of their lines unblocks the person.
 */
function findDeleted(
  target: BlockTarget,
  lines: readonly BlockLines[],
  content: string,
  written: ReconcileRequest['written'],
): Block[] {
  const before = written.get(target.name);
  if (before === undefined || before.size === 0) return [];
  const { own, byHand, blocks } = readListed(target, content);
  const isListed = ({ block, keys }: BlockLines) => {
    const { found, of } = blocks.get(block.id) ?? { found: 0, of: 1 };
    return Math.max(found, keys.filter((key) => own.has(key) || byHand.has(key)).length) >= of;
  };
  return lines
    .filter((line) => before.has(line.block.id) && !isListed(line))
    .map(({ block }) => block);
}

async function activate(
  target: BlockTarget,
  result: TargetResult,
  request: ReconcileRequest,
): Promise<TargetResult> {
  if (result.retryIn !== undefined) return result;
  const wasPending = request.pending.has(target.name);
  // A release counts: the operator may have left the file just as we would have written it.
  const isNews = result.changed || result.released.length > 0;
  const pending = target.reload.length > 0 && (isNews || wasPending);
  // File times are a few ms coarse: after a failure an index may look as new as a text that it does not contain.
  if (!result.changed && !wasPending && target.isIndexed()) return { ...result, pending };
  const failure = await target.buildIndex();
  return failure === undefined ? { ...result, pending } : { ...result, pending: true, failure };
}

/**
 * Runs the reload command of each pending target, the same command only once; `results` has the order of `targets`.
 * `timeout` in ms for each command.
 */
async function reloadAll(
  targets: readonly BlockTarget[],
  results: readonly TargetResult[],
  timeout: number,
): Promise<TargetResult[]> {
  const outcomes = new Map<string, Failure | undefined>();
  const reloaded: TargetResult[] = [];
  for (const [index, result] of results.entries()) {
    const argv = targets[index]?.reload ?? [];
    if (argv.length === 0 || !isReloadDue(result)) {
      reloaded.push(result);
      continue;
    }
    const command = JSON.stringify(argv);
    if (!outcomes.has(command)) outcomes.set(command, await runMtaCommand(argv, { timeout }));
    const failure = outcomes.get(command);
    reloaded.push(failure === undefined ? { ...result, pending: false } : { ...result, failure });
  }
  return reloaded;
}

function isReloadDue({ pending, failure, retryIn }: TargetResult): boolean {
  return pending && failure === undefined && retryIn === undefined;
}

/** The result if nothing was done. */
function reportUnchanged({ name, file }: BlockTarget, request: ReconcileRequest): TargetResult {
  return {
    name,
    file,
    changed: false,
    written: [...(request.written.get(name) ?? [])],
    released: [],
    inexpressible: [],
    passed: [],
    pending: request.pending.has(name),
  };
}

function reportFailure(target: BlockTarget, request: ReconcileRequest, text: string): TargetResult {
  const failure = { message: `${target.file}: ${text}` };
  return { ...reportUnchanged(target, request), failure };
}
