/** Whether a block is in force, and what was done about it: for lists of blocks, mails and `postern explain`. */

import { dropUndefined } from '../base/defined.ts';
import { counted } from '../base/text.ts';
import { formatTime } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { Block, BlockableType } from '../model/block.ts';
import type { Measures } from '../model/evidence.ts';
import { describeRelease } from '../report/block.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { TargetState } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import { countHeld, listUnheld } from './held-queue.ts';
import { buildTargets } from './mta-control.ts';

/** `why`: what prevents it from coming into force, as the end of a sentence; undefined: it will be in force soon. */
export type InForce =
  | { readonly inForce: true }
  | { readonly inForce: false; readonly why?: string };

/**
 * A function that says whether a block is in force. It goes by what the files of the configured targets list now, in
 * observe mode too, because that leaves the files as they are. The files' state is read once, for all blocks.
 */
export function loadInForce(store: Store, config: Config): (block: Block) => InForce {
  const listed = readListedBlocks(store, config);
  return ({ id, key }) => {
    if (listed.has(id)) return { inForce: true };
    const observing = config.mode === 'observe' ? 'observe mode' : undefined;
    const why = findMissingTarget(config, key.type) ?? observing;
    return dropUndefined({ inForce: false, why });
  };
}

/** Why no block of this kind can take effect with this configuration; undefined if it can. */
export function findMissingTarget(config: Config, type: BlockableType): string | undefined {
  if (buildTargets(config).some(({ accepts }) => accepts.includes(type))) return undefined;
  return `no target for ${type} (targets.${config.mta}.${type} is false)`;
}

/** Numbers of the blocks in files that the mail server uses. */
function readListedBlocks(store: Store, config: Config): ReadonlySet<number> {
  const enforced = store.state.enforced();
  const used = buildTargets(config).filter(({ name }) => {
    const state = store.state.target(name);
    return state?.pending !== true;
  });
  return new Set(used.flatMap(({ name }) => [...(enforced.get(name) ?? [])]));
}

/** What was done about a block, in sentences; what is not done yet is mentioned as well. */
export function describeMeasures(store: Store, block: StoredBlock | undefined): Measures {
  if (block === undefined) return ['Nothing was changed: Postern only observes here.'];
  if (block.released !== undefined)
    return [`Ended ${formatTime(block.released)}: ${describeRelease(block)}.`];
  const measures = [...describeTargets(store, block.id), ...describeQueue(store, block.id)];
  return measures.length === 0 ? ['NOT in force: see postern status.'] : measures;
}

function describeTargets(store: Store, block: number): string[] {
  const listed = store.state.enforced();
  return store.state.targets().flatMap(({ name, state }) => {
    const { file, failure, pending } = state as TargetState;
    if (listed.get(name)?.has(block) !== true) {
      return failure === undefined ? [] : [`NOT in force yet: ${failure}`];
    }
    return pending
      ? [`Listed in ${file}; the mail server has not read it yet.`]
      : [`Listed in ${file}.`];
  });
}

function describeQueue(store: Store, block: number): string[] {
  const held = countHeld(store, block);
  const unheld = listUnheld(store).find((each) => each.block === block);
  return [
    ...(held > 0 ? [`Held in the queue: ${counted(held, 'message')}.`] : []),
    ...(unheld === undefined ? [] : [`Queued mail is NOT held yet: ${unheld.failure}`]),
  ];
}
