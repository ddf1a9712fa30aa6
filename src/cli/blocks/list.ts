/** `postern blocks`: what is shut out. */
import { EXIT, type ExitStatus } from '../../base/errors.ts';
import { loadConfig } from '../../config.ts';
import { Store } from '../../store/store.ts';
import { type Io, jsonLine } from '../io.ts';
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
    if (options.format === 'json')
      for (const block of blocks) io.stdout(jsonLine(blockJson(store, block)));
    else
      io.stdout(
        blocks.length === 0
          ? 'Nobody is blocked.\n'
          : blocks.map((block) => blockLine(store, block)).join(''),
      );
    return EXIT.done;
  } finally {
    store.close();
  }
}
