/**
 * The allow list once more, at the last moment before a line is written: whatever the database says, who is never
 * blocked is in no file. A block of such an identity counts as one that the target cannot hold.
 */
import type { Block } from '../model/block.ts';
import type { AllowList } from './decide.ts';
import type { BlockTarget } from './target.ts';

/** The same target, which writes no line for anybody on the list. */
export function exceptAllowed(target: BlockTarget, allow: AllowList): BlockTarget {
  const mayBlock = ({ key }: Block) => allow.reason(key) === undefined;
  return {
    ...target,
    entry(key) {
      const reason = allow.reason(key);
      return reason === undefined ? target.entry(key) : { reason };
    },
    render: (blocks, old) => target.render(blocks.filter(mayBlock), old),
  };
}
