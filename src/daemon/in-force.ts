/** Whether the mail server knows of a block, and if it never will, why. */

import { dropUndefined } from '../base/defined.ts';
import type { Config } from '../config/load.ts';
import type { Block, BlockableType } from '../model/block.ts';
import type { Store } from '../store/store.ts';
import { buildTargets } from './assemble.ts';

/** `why`: what keeps it from coming into force by itself, as the end of a sentence; undefined: it is under way. */
export type Force = { readonly inForce: true } | { readonly inForce: false; readonly why?: string };

/**
 * What the files of the configured targets list now; in observe mode as well, because that leaves the files as they are.
 * Read once for all blocks that are asked about.
 */
export function loadForces(store: Store, config: Config): (block: Block) => Force {
  const listed = listedBlocks(store, config);
  return ({ id, key }) => {
    if (listed.has(id)) return { inForce: true };
    const why = withoutTarget(config, key.type) ?? withoutHands(config);
    return dropUndefined({ inForce: false, why });
  };
}

/** Why no block of this kind can take effect with this configuration; undefined when it can. */
export function withoutTarget({ mta, targets }: Config, type: BlockableType): string | undefined {
  if (mta === 'exim' || targets.postfix[type] !== undefined) return undefined;
  return `no target for ${type} (targets.postfix.${type} is false)`;
}

function withoutHands({ mode }: Config): string | undefined {
  return mode === 'observe' ? 'observe mode' : undefined;
}

/** Numbers of the blocks in files that the mail server uses. */
function listedBlocks(store: Store, config: Config): ReadonlySet<number> {
  const enforced = store.state.enforced();
  const used = buildTargets(config).filter(({ name }) => {
    const state = store.state.target(name);
    return state?.pending !== true;
  });
  return new Set(used.flatMap(({ name }) => [...(enforced.get(name) ?? [])]));
}
