/** How a block is printed, for people and as JSON. */
import { escapeControls } from '../base/escape.ts';
import { formatDuration, formatTime, SECOND, systemClock } from '../base/time.ts';
import type { InForce } from '../daemon/in-force.ts';
import type { Listing } from '../daemon/real-force.ts';
import type { Block } from '../model/block.ts';
import { formatTarget } from '../model/identity.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { blockToJson, describeCause, describeRelease } from '../report/block.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { Value } from './csv.ts';
import { type CommonOptions, jsonLine } from './io.ts';
import type { Cell } from './screen-table.ts';

/**
 * One line. `force` says nothing about a block that has ended; `still`: what blocks that identity nevertheless, for
 * programs.
 */
export function blockText(
  block: StoredBlock,
  force: InForce,
  format: CommonOptions['format'],
  { style = PLAIN_STYLE, still = [] }: { style?: Style; still?: readonly Listing[] } = {},
): string {
  if (format !== 'json') return blockLine(block, force, style);
  const stillBlockedBy = still.length === 0 ? {} : { stillBlockedBy: still };
  return jsonLine({ ...blockJson(block, force), ...stillBlockedBy });
}

/** For programs. */
export function blockJson(block: StoredBlock, force: InForce): Record<string, unknown> {
  return { ...blockToJson(block), ...(block.released === undefined ? force : {}) };
}

/** Nothing that somebody typed as a note can control the terminal. */
function blockLine(block: StoredBlock, force: InForce, style: Style): string {
  const state =
    block.released === undefined
      ? `${untilText(block, style)}${forceText(force)}`
      : `ended ${style.second(block.released)}: ${describeRelease(block)}`;
  const note = block.note === undefined ? '' : ` "${block.note}"`;
  return `${escapeControls(`${block.id}  ${style.target(block)}${spellingsText(block)}  ${describeCause(block)}${note}  since ${style.second(block.start)}, ${state}`)}\n`;
}

/** The columns of `blockCells`. */
export const BLOCK_HEAD = ['Number', 'Who', 'Cause', 'Began', 'Until', 'In force', 'Note'];

/** A block as cells of a table. */
export function blockCells(block: StoredBlock, force: InForce, style: Style): Cell[] {
  const { id, start, end, released, note = '' } = block;
  const isOver = released !== undefined;
  return [
    String(id),
    `${style.target(block)}${spellingsText(block)}`,
    describeCause(block),
    style.minute(start),
    isOver ? style.minute(released) : end === undefined ? 'released' : style.minute(end),
    isOver ? `ended: ${describeRelease(block)}` : forceCell(force),
    note,
  ];
}

function forceCell(force: InForce): Cell {
  if (force.inForce) return 'yes';
  const why = force.why === undefined ? 'NOT YET (postern status)' : `NO: ${force.why}`;
  return { text: why, colour: 'red' };
}

/** The columns of `blockValues`. */
export const BLOCK_COLUMNS = [
  'number',
  'type',
  'id',
  'at_type',
  'at_id',
  'cause',
  'start',
  'end',
  'released',
  'released_by',
  'in_force',
  'note',
  'host',
];

/** A block as a row of CSV; times are RFC 3339. */
export function blockValues(block: StoredBlock, force: InForce): Value[] {
  const { id, key, at, cause, start, end, released, releasedBy, note, host } = block;
  const time = (ms: number | undefined) => (ms === undefined ? undefined : formatTime(ms));
  const inForce = released === undefined && force.inForce;
  return [
    ...[id, key.type, key.id, at?.type, at?.id, cause],
    ...[formatTime(start), time(end), time(released), releasedBy, inForce, note, host],
  ];
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
export function untilText({ end }: Block, style: Style = PLAIN_STYLE): string {
  return end === undefined ? 'until released' : `until ${style.second(end)} (${leftText(end)})`;
}

/** To the second, so that nobody reads `59m59s992ms`. */
function leftText(end: number): string {
  const left = Math.max(0, end - systemClock.now());
  return formatDuration(Math.round(left / SECOND) * SECOND);
}
