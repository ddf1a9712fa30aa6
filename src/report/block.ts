/** A block as people read it. */
import type { StoredBlock } from '../store/blocks.ts';

/** Why a block ended: the end of a sentence such as `ended TIME: ...`. */
export function describeRelease({ releasedBy }: StoredBlock): string {
  switch (releasedBy) {
    case 'file':
      return 'its line was deleted by hand';
    case 'expiry':
      return 'its time was over';
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
