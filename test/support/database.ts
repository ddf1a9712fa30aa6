/** A store together with its connection, for tests that need SQL or pragmas. */
import { type Db, openDatabase } from '../../src/store/database.ts';
import { Store } from '../../src/store/store.ts';

export type { Db } from '../../src/store/database.ts';

/** Opens the database at `path`, and creates it if necessary. Closing the store closes the connection. */
export function openStore(path: string): { readonly store: Store; readonly db: Db } {
  const db = openDatabase(path);
  return { store: new Store(path, { db }), db };
}
