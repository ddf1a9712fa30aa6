/**
 * Blocks that a file lists and that do not work, because a line of the operator lets the same identity pass: an `OK` for
 * it, or for a network around it further up. Such a line is respected, and shown.
 */
import { type Block, listBlockedKeys } from '../model/block.ts';
import { readListed } from './table.ts';
import type { BlockTarget, LookedUp, Passed, TargetResult } from './target.ts';
import { readTargetFile } from './target-file.ts';

/**
 * The result of a run with what is passed. Asks as the mail server does, and only if there is a line by hand. A block
 * that has no line of its own does not count as written: when the line by hand is deleted, that means no unblock.
 * Throws the system error of the file.
 */
export async function addPassed(
  target: BlockTarget,
  result: TargetResult,
  blocks: readonly Block[],
): Promise<TargetResult> {
  // Every line of a list of accounts blocks.
  if (result.failure !== undefined || target.findUids !== undefined) return result;
  const listed = readListed(target, readTargetFile(target.file).content ?? '');
  if (listed.byHand.size === 0) return result;
  const written = new Set(result.written);
  const passed = await findPassed(
    target,
    blocks.filter(({ id }) => written.has(id)),
  );
  for (const { block } of passed) if (!listed.blocks.has(block)) written.delete(block);
  return { ...result, written: [...written], passed };
}

async function findPassed(target: BlockTarget, blocks: readonly Block[]): Promise<Passed[]> {
  const asked = blocks.flatMap((block) =>
    listBlockedKeys(block).map((key) => ({ block: block.id, key })),
  );
  const found = await target.lookUp(asked.map(({ key }) => key));
  if ('message' in found) return [];
  return asked.flatMap(({ block, key }, at) => {
    const answer = found[at];
    if (answer === undefined || answer.blocks || answer.block !== undefined) return [];
    const place = `${describeLine(answer)} of ${target.file}`;
    return [{ block, why: `${place} (written by hand) lets ${key.id} pass (${answer.text})` }];
  });
}

function describeLine({ line }: LookedUp): string {
  return line === undefined ? 'a line' : `line ${line}`;
}
