/** Why a block ended, in words. */
import type { StoredBlock } from '../store/blocks.ts';

/** The end of a sentence such as `ended TIME: ...`. */
export function releaseText({ releasedBy }: StoredBlock): string {
  switch (releasedBy) {
    case 'file':
      return 'its line was deleted by hand';
    case 'expiry':
      return 'its time was over';
    case 'guard':
      return 'the refusals behind it are not believed any more';
    default:
      return 'postern unblock';
  }
}
