/** What somebody means who asks about an identity: which of its blocks, and which verdict. */
import { dropUndefined } from '../base/defined.ts';
import type { Block } from '../model/block.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { StoredVerdict } from '../store/verdicts.ts';

export interface Subject {
  readonly block?: StoredBlock;
  /** the verdict behind the block, or else the newest one of that identity */
  readonly stored?: StoredVerdict;
}

/**
 * The block of an identity that runs, or else the newest, with its verdict. What came after a block that has ended is the news: perhaps nobody
 * is blocked although a limit was met. `forms`: all that the identity is called.
 */
export function findSubject(store: Store, forms: readonly Block['key'][]): Subject {
  const blocks = forms.flatMap((key) => store.blocks.findOver(key)).sort((a, b) => b.id - a.id);
  const block = blocks.find(({ released }) => released === undefined) ?? blocks[0];
  const [newest] = forms
    .flatMap((key) => store.verdicts.findByKey(key, 1))
    .sort((a, b) => b.id - a.id);
  if (block === undefined) return dropUndefined({ stored: newest });
  if (block.released !== undefined && newest !== undefined && isLater(newest, block))
    return { stored: newest };
  return toSubject(store, block);
}

/** A block with its verdict; of a manual block, the newest of that identity. */
export function toSubject(store: Store, block: StoredBlock): Subject {
  const { key, verdict } = block;
  const stored =
    verdict === undefined ? store.verdicts.findByKey(key, 1)[0] : store.verdicts.get(verdict);
  return dropUndefined({ block, stored });
}

function isLater({ id, verdict }: StoredVerdict, block: StoredBlock): boolean {
  return block.verdict === undefined ? verdict.time > block.start : id > block.verdict;
}
