/** How a block is printed, for people and as JSON. */
import { dropUndefined } from '../base/defined.ts';
import { escapeControls } from '../base/escape.ts';
import { formatDuration, formatTime, SECOND, systemClock } from '../base/time.ts';
import type { InForce } from '../daemon/in-force.ts';
import type { Listing } from '../daemon/real-force.ts';
import type { Block } from '../model/block.ts';
import { formatTarget } from '../model/identity.ts';
import { describeRelease } from '../report/block.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { type CommonOptions, jsonLine } from './io.ts';

/**
 * One line. `force` says nothing about a block that has ended; `still`: what blocks that identity nevertheless, for
 * programs.
 */
export function blockText(
  block: StoredBlock,
  force: InForce,
  format: CommonOptions['format'],
  still: readonly Listing[] = [],
): string {
  if (format !== 'json') return blockLine(block, force);
  const stillBlockedBy = still.length === 0 ? {} : { stillBlockedBy: still };
  return jsonLine({ ...blockJson(block, force), ...stillBlockedBy });
}

function blockJson(block: StoredBlock, force: InForce): Record<string, unknown> {
  const { id, key, spellings, at, cause, start, end, released, releasedBy, note } = block;
  return dropUndefined({
    id,
    key,
    spellings,
    at,
    cause,
    start: formatTime(start),
    end: end === undefined ? undefined : formatTime(end),
    note,
    ...(released === undefined ? force : { released: formatTime(released), releasedBy }),
  });
}

/** Nothing that somebody typed as a note can control the terminal. */
function blockLine(block: StoredBlock, force: InForce): string {
  const state =
    block.released === undefined
      ? `${untilText(block)}${forceText(force)}`
      : `ended ${formatTime(block.released)}: ${describeRelease(block)}`;
  const note = block.note === undefined ? '' : ` "${block.note}"`;
  return `${escapeControls(`${block.id}  ${blockedText(block)}${spellingsText(block)}  ${block.cause}${note}  since ${formatTime(block.start)}, ${state}`)}\n`;
}

function forceText(force: InForce): string {
  if (force.inForce) return '';
  return force.why === undefined
    ? ', NOT IN FORCE YET (postern status)'
    : `, NOT IN FORCE: ${force.why}`;
}

/** How many other logins of a person a text names. */
const MOST_NAMED = 10;

/** The other logins of the same person that the block lists, to follow who it is; empty when there are none. */
export function spellingsText({ spellings = [] }: Block): string {
  if (spellings.length === 0) return '';
  const more = spellings.length > MOST_NAMED ? ` and ${spellings.length - MOST_NAMED} more` : '';
  return ` (also ${spellings.slice(0, MOST_NAMED).join(', ')}${more})`;
}

/** Who is blocked. */
export function blockedText(block: Block): string {
  return formatTarget(block);
}

/** How long a block lasts. */
export function untilText({ end }: Block): string {
  return end === undefined ? 'until released' : `until ${formatTime(end)} (${leftText(end)})`;
}

/** To the second, so that nobody reads `59m59s992ms`. */
function leftText(end: number): string {
  const left = Math.max(0, end - systemClock.now());
  return formatDuration(Math.round(left / SECOND) * SECOND);
}
