/**
 * What the mail server finds when it looks up who is blocked, or is not any more: lines that were written by hand block,
 * or let pass, whatever the database says.
 */
import { counted } from '../base/text.ts';
import type { Config } from '../config/load.ts';
import { type BlockTarget, getTargetKind, type LookedUp } from '../enforce/target.ts';
import { type Block, listBlockedKeys } from '../model/block.ts';
import type { Store } from '../store/store.ts';
import { buildTargets } from './mta-control.ts';
import { withImpliedSpellings } from './spellings.ts';

/** What is found for one identity in one file. */
export interface Listing extends LookedUp {
  readonly file: string;
  readonly key: Block['key'];
}

/** The findings, and why a file could not be asked, one line each. */
export interface Lookup {
  readonly listings: readonly Listing[];
  readonly failures: readonly string[];
  /** files that should list the identity itself, and in which nothing is found */
  readonly missing: readonly string[];
}

/** Most spellings of a login that are looked up. */
const MOST_SPELLINGS = 200;

/** Looks up the identity of a block, and of a user the other spellings, in all files that can list it. */
export async function lookUpBlock(store: Store, config: Config, block: Block): Promise<Lookup> {
  const keys = listSpellings(store, config, block);
  const listings: Listing[] = [];
  const failures: string[] = [];
  const missing: string[] = [];
  for (const target of buildTargets(config)) {
    if (!mayList(target, block.key)) continue;
    const found = await target.lookUp(keys);
    if ('message' in found) {
      failures.push(found.message);
      continue;
    }
    const here = keys.flatMap((key, at) => {
      const listing = found[at];
      return listing === undefined ? [] : [{ ...listing, file: target.file, key }];
    });
    listings.push(...here);
    if (found[0] === undefined && shouldList(target, block.key)) missing.push(target.file);
  }
  return { listings, failures, missing };
}

function listSpellings(store: Store, config: Config, block: Block): Block['key'][] {
  if (block.key.type !== 'user') return [block.key];
  const spellings = store.logins.find(block.key.id);
  return listBlockedKeys(withImpliedSpellings(config, { ...block, spellings })).slice(
    0,
    MOST_SPELLINGS,
  );
}

/** A network may be listed where clients are, and a client where its network is. */
function mayList({ accepts }: BlockTarget, key: Block['key']): boolean {
  if (accepts.includes(getTargetKind(key))) return true;
  return key.type === 'client' && (accepts.includes('client') || accepts.includes('network'));
}

/** Whether the file of this target should have a line for the identity itself. */
export function shouldList(target: BlockTarget, key: Block['key']): boolean {
  return target.accepts.includes(getTargetKind(key)) && 'key' in target.renderEntry(key);
}

/** `line 3 of /etc/postfix/sasl_access (written by hand)`. */
export function describePlace({ file, line, block }: Listing): string {
  const place = line === undefined ? `a line of ${file}` : `line ${line} of ${file}`;
  if (block !== undefined) return `${place} (block ${block})`;
  return line === undefined ? place : `${place} (written by hand)`;
}

/** The first of several places, and how many more there are. */
export function describePlaces(listings: readonly Listing[]): string {
  const [first, ...more] = [...new Set(listings.map(describePlace))];
  return more.length === 0 ? `${first}` : `${first} (and ${counted(more.length, 'other line')})`;
}
