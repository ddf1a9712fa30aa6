/** The logins by which a blocked person is known (model/login.ts): what a block lists beside its key. */
import type { Config } from '../config/config.ts';
import type { Block } from '../model/block.ts';
import { listImpliedSpellings } from '../model/login.ts';
import type { Store } from '../store/store.ts';

/** Adds the spellings of a user's login that were seen in the log. */
export function withSeenSpellings<B extends Block>(store: Store, block: B): B {
  return addSpellings(block, block.key.type === 'user' ? store.logins.find(block.key.id) : []);
}

/** Adds the spelling of a user's login with or without the default domain, whether or not it was seen. */
export function withImpliedSpellings<B extends Block>(
  { logins }: Pick<Config, 'logins'>,
  block: B,
): B {
  return addSpellings(
    block,
    block.key.type === 'user' ? listImpliedSpellings(logins, block.key.id) : [],
  );
}

/** Adds all of them, as the block files list them. */
export function withSpellings<B extends Block>(store: Store, config: Config, block: B): B {
  return withImpliedSpellings(config, withSeenSpellings(store, block));
}

function addSpellings<B extends Block>(block: B, more: readonly string[]): B {
  const spellings = new Set([...more, ...(block.spellings ?? [])]);
  spellings.delete(block.key.id);
  return spellings.size === 0 ? block : { ...block, spellings: [...spellings] };
}
