/** A block as people and programs read it. */
import { hostname } from 'node:os';
import { dropUndefined } from '../base/defined.ts';
import { formatTime } from '../base/time.ts';
import type { StoredBlock } from '../store/blocks.ts';

/** A block for programs. */
export function blockToJson(block: StoredBlock): Record<string, unknown> {
  const { id, key, spellings, at, cause, start, end, note, released, releasedBy } = block;
  const { passwordBy, host, releasedHost } = block;
  return dropUndefined({
    id,
    key,
    spellings,
    at,
    cause,
    host,
    start: formatTime(start),
    end: end === undefined ? undefined : formatTime(end),
    note,
    released: released === undefined ? undefined : formatTime(released),
    releasedBy,
    passwordBy,
    releasedHost,
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

/** Why a block ended: the end of a sentence such as `ended TIME: ...`. */
export function describeRelease({ releasedBy, passwordBy, releasedHost }: StoredBlock): string {
  switch (releasedBy) {
    case 'file':
      return 'its line was deleted by hand';
    case 'expiry':
      return 'its time was over';
    case 'password':
      return `${passwordBy} changed the password`;
    case 'guard':
      return 'its refusals came from a provider outage';
    case 'server':
      return `released on ${releasedHost ?? 'another server'}`;
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
