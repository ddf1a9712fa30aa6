/** How a block is shown, to people and as JSON, and whether the mail server knows of it. */
import { formatDuration, formatTime, systemClock } from '../../base/time.ts';
import type { TargetState } from '../../enforcer.ts';
import { formatIdentity } from '../../model/address.ts';
import type { Block } from '../../model/block.ts';
import type { Submitter } from '../../model/event.ts';
import type { StoredBlock } from '../../store/blocks.ts';
import type { Store } from '../../store/store.ts';

/** A block for programs. */
export function blockJson(store: Store, block: StoredBlock): Record<string, unknown> {
  const { id, key, cause, start, end, released, releasedBy, note } = block;
  return {
    id,
    key,
    cause,
    start: formatTime(start),
    ...(end === undefined ? {} : { end: formatTime(end) }),
    ...(note === undefined ? {} : { note }),
    ...(released === undefined
      ? { inForce: isInForce(store, block) }
      : { released: formatTime(released), releasedBy }),
  };
}

/** A block on one line. */
export function blockLine(store: Store, block: StoredBlock): string {
  const state =
    block.released === undefined
      ? `${untilText(block)}${isInForce(store, block) ? '' : ', NOT IN FORCE YET (postern status)'}`
      : `ended ${formatTime(block.released)}: ${releaseText(block)}`;
  const note = block.note === undefined ? '' : ` "${block.note}"`;
  return `${block.id}  ${formatBlocked(block)}  ${block.cause}${note}  since ${formatTime(block.start)}, ${state}\n`;
}

function formatBlocked({ key }: Block): string {
  return key.type === 'sender' ? `sender ${key.id}` : formatIdentity(key as Submitter);
}

/** Why a block ended. */
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

/** How long a block lasts. */
export function untilText({ end }: Block): string {
  return end === undefined
    ? 'until released'
    : `until ${formatTime(end)} (${formatDuration(Math.max(0, end - systemClock.now()))})`;
}

function isInForce(store: Store, { id }: Block): boolean {
  const targets = new Map(
    store.state.targets().map(({ name, state }) => [name, state as TargetState]),
  );
  for (const [name, blocks] of store.state.enforced()) {
    if (blocks.has(id) && targets.get(name)?.pending !== true) return true;
  }
  return false;
}
