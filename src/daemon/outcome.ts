/** What a judge is told of its verdicts: their outcomes, and that blocks have ended. The same before and after a restart. */
import { HOUR } from '../base/time.ts';
import type { Decision } from '../enforce/decide.ts';
import type { Judge } from '../judge/judge.ts';
import type { Block, VerdictOutcome } from '../model/block.ts';
import type { StoredBlock } from '../store/stored-block.ts';

/** Outcomes that blocked nobody, and are not worth another verdict at each further event. */
const WITHOUT_BLOCK: ReadonlySet<VerdictOutcome> = new Set([
  'capped',
  'mode-observe',
  'allowed',
  'unblockable',
]);

/** What was decided on a verdict that blocks, with the block that it began. */
export type Outcome = Pick<Decision, 'verdict' | 'outcome'> & {
  readonly block?: Pick<Block, 'key' | 'end' | 'at'> | undefined;
};

/**
 * Tells a judge what it cannot know of a verdict: whether it blocked anybody, and until when. Where nobody is blocked, it
 * judges the key again an hour later; after a stale verdict at once. `isOwn`: that judge has given the verdict.
 */
export function tellOutcome(
  judge: Judge,
  { verdict, outcome, block }: Outcome,
  isOwn: boolean,
): void {
  if (verdict.action !== 'block' || outcome === 'stale') return;
  if (outcome !== 'blocked' && isOwn) judge.takeBackOffence(verdict);
  if (WITHOUT_BLOCK.has(outcome)) judge.hold(verdict.key, verdict.time + HOUR);
  if (block !== undefined) judge.hold(block.key, block.end, block.at);
}

/** Tells a judge that a block has ended. */
export function applyRelease(judge: Judge, block: StoredBlock | undefined): void {
  if (block?.released === undefined) return;
  if (block.releasedBy === 'guard' || block.releasedBy === 'expiry') judge.unhold(block.key);
  else judge.release(block.key, block.released);
}
