/** How commands open the database: as the account that owns its folder, never as root when that is another account. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Account, becomeAccount, ownerToBecome } from '../base/account.ts';
import { assertPackageReadable } from '../base/package-access.ts';
import { type Config, type ConfigChoice, loadConfig } from '../config/load.ts';
import { Store } from '../store/store.ts';

/** The account that root has to become first; undefined when there is no need, or no folder yet. */
export function databaseOwner(database: string): Account | undefined {
  const folder = dirname(database);
  return existsSync(folder) ? ownerToBecome(folder) : undefined;
}

/** Makes this process the owner of the configured database, for good. */
export function becomeDatabaseOwner(configFile: ConfigChoice | undefined): void {
  const owner = databaseOwner(loadConfig(configFile).database);
  if (owner === undefined) return;
  assertPackageReadable(owner);
  becomeAccount(owner);
}

/** Runs `work` and closes the store. Throws a PosternError when there is no database. */
export async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  // Only the service makes a database: it first looks for one that was lost, before any line leaves a block file.
  const store = new Store(config.database, { readonly: true });
  try {
    return await work(store);
  } finally {
    store.close();
  }
}
