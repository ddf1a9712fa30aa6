/**
 * The text file of a target: telling our lines from the operator's, and writing ours.
 *
 * An entry of ours is two lines: a comment with the block's number, cause and start that ends in a check sum of the
 * line below it, and that line. So nothing has to be remembered outside the file, and nothing can be half marked:
 * a line that an operator writes, moves out or edits no longer fits a check sum and is the operator's from then on.
 * Lines of the operator stay byte for byte and in their order; new entries go to the end, where an ordered table
 * (cidr, regexp) asks them last, so that an exception made by hand wins.
 */

import { createHash } from 'node:crypto';
import { dropUndefined } from '../base/defined.ts';
import { formatTime } from '../base/time.ts';
import type { Block } from '../model/block.ts';
import type { BlockTarget, Entry } from './target.ts';

const OURS = '# [postern] ';
const MARK = `${OURS}block `;

const HEADER = [
  'Postern keeps this file: each line below such a comment is a block of its own.',
  'To unblock someone, run "postern unblock ID", or delete the line under the comment.',
  'Lines that you add or change yourself are yours: Postern leaves them as they are.',
]
  .map((text) => `${OURS}${text}\n`)
  .join('');

interface Item {
  /** with its line end, if it has one */
  readonly text: string;
  readonly keys: readonly string[];
  readonly own: boolean;
  /** number of the block, of our own entries */
  readonly block?: number;
  /** the comment above it behind `block `, of our own entries */
  readonly mark?: string;
}

type Keys = Pick<BlockTarget, 'keysOf'>;
type Format = Pick<BlockTarget, 'keysOf' | 'entry'>;

/** The keys that stand in a file: ours, and those on lines of the operator. */
interface Listed {
  readonly own: ReadonlySet<string>;
  readonly byHand: ReadonlySet<string>;
  /** numbers of the blocks that our own lines are about, also when the line is in another format */
  readonly blocks: ReadonlySet<number>;
}

/** What a file lists, whoever wrote it. */
export function listedIn(target: Keys, content: string): Listed {
  const own = new Set<string>();
  const byHand = new Set<string>();
  const blocks = new Set<number>();
  for (const item of items(target, content)) {
    if (item.block !== undefined) blocks.add(item.block);
    for (const key of item.keys) (item.own ? own : byHand).add(key);
  }
  return { own, byHand, blocks };
}

/** The file with exactly these blocks, beside what the operator wrote. Blocks that cannot be expressed are left out. */
export function renderTable(target: Format, blocks: readonly Block[], old: string): string {
  const found = items(target, old);
  const wanted = wantedEntries(target, blocks);
  for (const item of found) {
    if (!item.own) for (const key of item.keys) wanted.delete(key);
  }
  let content = HEADER;
  for (const item of found) {
    content += item.own ? take(wanted, item.keys) : item.text;
  }
  if (!content.endsWith('\n') && wanted.size > 0) content += '\n';
  for (const text of wanted.values()) content += text;
  return content;
}

function wantedEntries(target: Format, blocks: readonly Block[]): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const block of blocks) {
    const entry = target.entry(block.key);
    if ('line' in entry && !wanted.has(entry.key)) wanted.set(entry.key, entryText(block, entry));
  }
  return wanted;
}

function take(wanted: Map<string, string>, keys: readonly string[]): string {
  const [key] = keys;
  const text = key === undefined ? undefined : wanted.get(key);
  if (key === undefined || text === undefined) return ''; // no longer wanted, or a second copy
  wanted.delete(key);
  return text;
}

function entryText(block: Block, entry: Entry): string {
  const cause = block.cause.replace(/[^\x20-\x7e]/g, '?');
  const until = block.end === undefined ? '' : `, until ${formatTime(block.end)}`;
  const text = `${block.id}: ${cause}, since ${formatTime(block.start)}${until}`;
  return `${MARK}${text} [${checkSum(entry.line)}]\n${entry.line}\n`;
}

/** An entry of ours as a file tells it. */
export interface OwnEntry extends Omit<Block, 'key'> {
  /** in the target's own normal form */
  readonly key: string;
}

/** Our own entries in a file: what is known of blocks when nothing else is. */
export function ownEntries(target: Keys, content: string): OwnEntry[] {
  return items(target, content).flatMap(({ own, mark, keys: [key] }) => {
    const about = own && mark !== undefined && key !== undefined ? describeLine(mark) : undefined;
    return about === undefined || key === undefined ? [] : [{ ...about, key }];
  });
}

/** Reads `12: invalid-recipients, since 2026-11-10T09:05:07.000Z, until ... [01234567]`. */
function describeLine(mark: string): Omit<Block, 'key'> | undefined {
  const colon = mark.indexOf(': ');
  const since = mark.lastIndexOf(', since ');
  const bracket = mark.lastIndexOf(' [');
  if (colon < 1 || since < colon || bracket < since) return undefined;
  const [from = '', until] = mark.slice(since + 8, bracket).split(', until ');
  const id = Number(mark.slice(0, colon));
  const start = Date.parse(from);
  const end = until === undefined ? undefined : Date.parse(until);
  if (!Number.isSafeInteger(id) || id < 1 || Number.isNaN(start) || Number.isNaN(end ?? 0)) {
    return undefined;
  }
  const cause = mark.slice(colon + 2, since);
  return dropUndefined({ id, cause, start, end });
}

function checkSum(line: string): string {
  return createHash('sha256').update(line, 'latin1').digest('hex').slice(0, 8);
}

/** Reads a file into the operator's lines and our entries; our header and comments without their line are dropped. */
function items(target: Keys, content: string): Item[] {
  const lines = content.split(/(?<=\n)/);
  const found: Item[] = [];
  for (let index = 0; index < lines.length; index++) {
    const text = lines[index] as string;
    if (text === '') continue;
    if (!text.startsWith(OURS)) {
      found.push({ text, keys: target.keysOf(withoutEnd(text)), own: false });
    } else if (ownsNext(lines, index)) {
      const line = withoutEnd(lines[++index] as string);
      const block = Number.parseInt(text.slice(MARK.length), 10);
      const mark = text.slice(MARK.length);
      found.push({ text: line, keys: target.keysOf(line), own: true, block, mark });
    }
  }
  return found;
}

function ownsNext(lines: readonly string[], index: number): boolean {
  const mark = withoutEnd(lines[index] as string);
  const next = lines[index + 1];
  if (!mark.startsWith(MARK) || next === undefined) return false;
  return mark.endsWith(`[${checkSum(withoutEnd(next))}]`) && !isContinued(lines, index + 2);
}

/** White space at the start of a line continues the line above, also across comments (Postfix readlline.c). */
function isContinued(lines: readonly string[], from: number): boolean {
  for (let index = from; index < lines.length; index++) {
    const line = lines[index] as string;
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    return line.startsWith(' ') || line.startsWith('\t');
  }
  return false;
}

/** Without line end and white space before it, which both MTAs drop as well. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\r\n\v\f'.includes(text[end - 1] as string)) end--;
  return text.slice(0, end);
}
