/** The database as commands that change something open it. */
import type { Config } from '../config/load.ts';
import { Store } from '../store/store.ts';

/** Runs `work` and closes the store. Throws a PosternError when there is no database. */
export async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  // Only the service makes a database: it looks first whether one was lost, before any line leaves a block file.
  const store = new Store(config.database, { readonly: true });
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
