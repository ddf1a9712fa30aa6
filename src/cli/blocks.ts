/** `postern blocks`: what is shut out. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { type InForce, loadInForce } from '../daemon/in-force.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { Store } from '../store/store.ts';
import { blockJson, blockLine } from './block-text.ts';
import { type Io, jsonLine } from './io.ts';

export interface BlockOptions {
  readonly config?: string;
  readonly format?: 'text' | 'json';
}

/** `postern blocks [--all]`: what is shut out. */
export function runBlocks(options: BlockOptions & { readonly all?: boolean }, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const blocks =
      options.all === true ? store.blocks.history(1000).reverse() : store.blocks.allRunning();
    const forceOf = loadInForce(store, config);
    for (const block of blocks) io.stdout(shown(block, forceOf(block), options.format));
    if (blocks.length === 0 && options.format !== 'json') io.stdout('Nobody is blocked.\n');
    return EXIT.done;
  } finally {
    store.close();
  }
}

/** A block as it is printed: one line of text or of JSON. */
export function shown(block: StoredBlock, force: InForce, format: BlockOptions['format']): string {
  return format === 'json' ? jsonLine(blockJson(block, force)) : blockLine(block, force);
}
