/** `postern blocks`: who is blocked. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { loadInForce } from '../daemon/in-force.ts';
import { withSpellings } from '../daemon/spellings.ts';
import { Store } from '../store/store.ts';
import { blockText } from './block-text.ts';
import type { CommonOptions, Io } from './io.ts';

/** How many blocks `--all` prints, the newest. */
const MOST = 1000;

/** `all`: also those that have ended. */
export function runBlocks(options: CommonOptions & { readonly all?: boolean }, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const blocks =
      options.all === true ? store.blocks.history(MOST).reverse() : store.blocks.allRunning();
    const forceOf = loadInForce(store, config);
    for (const block of blocks) {
      const shown = withSpellings(store, config, block);
      io.stdout(blockText(shown, forceOf(block), options.format));
    }
    if (blocks.length === 0 && options.format !== 'json') io.stdout('Nobody is blocked.\n');
    return EXIT.done;
  } finally {
    store.close();
  }
}
