/** A block as people and programs read it. */
import { hostname } from 'node:os';
import { dropUndefined } from '../base/defined.ts';
import { formatTime } from '../base/time.ts';
import type { StoredBlock } from '../store/stored-block.ts';

/** A block for programs. */
export function blockToJson(block: StoredBlock): Record<string, unknown> {
  const { id, key, spellings, at, cause, start, end, note, released, releasedBy } = block;
  const { passwordBy, host, who, releasedHost, releasedHow, releasedWho } = block;
  return dropUndefined({
    id,
    key,
    spellings,
    at,
    cause,
    host,
    who,
    start: formatTime(start),
    end: end === undefined ? undefined : formatTime(end),
    note,
    released: released === undefined ? undefined : formatTime(released),
    releasedBy,
    passwordBy,
    releasedHost,
    releasedHow,
    releasedWho,
  });
}

/** A function that says on which server a block began: this one, or another that shares its blocks. */
export function buildHostLookup({
  host: own = hostname(),
}: {
  readonly host?: string | undefined;
}): (block: Pick<StoredBlock, 'host'>) => string {
  return ({ host }) => host ?? own;
}

/** Why there is a block: a rule, or by hand; if it began on another server, where, and by whom. */
export function describeCause(block: StoredBlock): string {
  const cause = describeCauseThere(block);
  return block.host === undefined ? cause : `${cause} on ${block.host}`;
}

/** The same without the server. */
export function describeCauseThere({ cause, who }: StoredBlock): string {
  return who === undefined ? cause : `${cause} by ${who}`;
}

/** Why a block ended: the end of a sentence such as `ended TIME: ...`. */
export function describeRelease(block: StoredBlock): string {
  const { releasedBy, releasedHost, releasedHow, releasedWho } = block;
  if (releasedBy !== 'server') return describeHow(releasedBy, block.passwordBy);
  const where = `released on ${releasedHost ?? 'another server'}`;
  if (releasedHow === undefined) return where;
  const by = releasedHow === 'operator' && releasedWho !== undefined ? ` by ${releasedWho}` : '';
  return `${where}: ${describeHow(releasedHow, releasedWho)}${by}`;
}

function describeHow(how: StoredBlock['releasedBy'], passwordBy: string | undefined): string {
  switch (how) {
    case 'file':
      return 'its line was deleted by hand';
    case 'expiry':
      return 'its time was over';
    case 'password':
      return `${passwordBy ?? 'somebody'} changed the password`;
    case 'guard':
      return 'its refusals came from a provider outage';
    default:
      return 'postern unblock';
  }
}

/** What to do about a login that no block file can hold. */
export const UNBLOCKABLE_CURE = 'suspend it where the mail server checks its password';

/** What was done about it: nothing. */
export const UNBLOCKABLE_TEXT = `NOT blocked, since no block file can hold it: ${UNBLOCKABLE_CURE}.`;

/** What was done about somebody whose recipients are put off. */
export const DEFERRED_TEXT =
  'Put off: above the limit the policy service answers 450 to each recipient, until the period has room again. Nobody is blocked.';
