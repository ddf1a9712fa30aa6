/** `postern blocks`: what is shut out. */
import { EXIT, type ExitStatus } from '../../base/errors.ts';
import { type Config, loadConfig } from '../../config.ts';
import type { StoredBlock } from '../../store/blocks.ts';
import { Store } from '../../store/store.ts';
import { type Io, jsonLine } from '../io.ts';
import { forceOf } from './force.ts';
import { blockJson, blockLine } from './text.ts';

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
    for (const block of blocks) io.stdout(shown(store, config, block, options.format));
    if (blocks.length === 0 && options.format !== 'json') io.stdout('Nobody is blocked.\n');
    return EXIT.done;
  } finally {
    store.close();
  }
}

/** A block as it is printed: one line of text or of JSON. */
export function shown(
  store: Store,
  config: Config,
  block: StoredBlock,
  format: BlockOptions['format'],
): string {
  const force = forceOf(store, config, block);
  return format === 'json' ? jsonLine(blockJson(block, force)) : blockLine(block, force);
}
