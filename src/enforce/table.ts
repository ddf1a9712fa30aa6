/**
 * The text file of a target: tells our lines from the operator's, and writes ours.
 *
 * An entry of ours is two lines: a comment with the block's number, cause and start that ends in a check sum of the
 * line below it, and that line. So nothing has to be remembered outside the file, and no entry can be half ours:
 * a line that an operator writes, moves out or edits no longer fits a check sum and is the operator's from then on.
 * A person with several logins has one entry for each; the comment says `12 (2 of 3)`, so that a missing one is noticed.
 * Lines of the operator stay byte for byte and in their order. New entries go to the end, where an ordered table
 * (cidr, regexp) is searched last, so that an exception made by hand wins.
 */

import { dropUndefined } from '../base/defined.ts';
import { sha256 } from '../base/digest.ts';
import { formatTime } from '../base/time.ts';
import { type Block, listBlockedKeys } from '../model/block.ts';
import { type Entry, isSpace, type LineFormat } from './target.ts';

const OURS = '# [postern] ';
const MARK = `${OURS}block `;

const HEADER = [
  'Postern keeps this file: each line below such a comment is a block of its own.',
  'To unblock someone, run "postern unblock ID", or delete the line under the comment.',
  'Lines that you add or change yourself are yours: Postern leaves them as they are.',
]
  .map((text) => `${OURS}${text}\n`)
  .join('');

/** A line of the operator, or an entry of ours. */
interface Item {
  /** counted from 1; of an entry of ours, the line below the comment */
  readonly line: number;
  /** with its line end, if it has one */
  readonly text: string;
  readonly keys: readonly string[];
  readonly own: boolean;
  /** number of the block, of our own entries */
  readonly block?: number;
  /** the comment above it behind `block `, of our own entries */
  readonly mark?: string;
}

type KeyReader = Pick<LineFormat, 'readKeys'>;

/** The keys in a file: ours, and those on lines of the operator. */
interface Listed {
  readonly own: ReadonlySet<string>;
  readonly byHand: ReadonlySet<string>;
  /** by the number of the block how many entries of ours there are, also if the line is in another format */
  readonly blocks: ReadonlyMap<number, OwnLines>;
}

interface OwnLines {
  readonly found: number;
  /** how many there were when they were written, with those on lines of the operator */
  readonly of: number;
}

/** What a file lists, whoever wrote it. */
export function readListed(format: KeyReader, content: string): Listed {
  const own = new Set<string>();
  const byHand = new Set<string>();
  const blocks = new Map<number, OwnLines>();
  for (const item of parseItems(format, content)) {
    if (item.block !== undefined) {
      const { found, of } = blocks.get(item.block) ?? { found: 0, of: 0 };
      blocks.set(item.block, { found: found + 1, of: Math.max(of, readCount(item.mark)) });
    }
    for (const key of item.keys) (item.own ? own : byHand).add(key);
  }
  return { own, byHand, blocks };
}

/** A line of a file that has keys. */
export interface KeyLine {
  /** counted from 1 */
  readonly line: number;
  readonly keys: readonly string[];
  /** without the line end */
  readonly text: string;
  /** the number of the block, on a line of ours */
  readonly block?: number;
}

/** The lines of a file that have keys, in their order. */
export function listKeyLines(format: KeyReader, content: string): KeyLine[] {
  return parseItems(format, content)
    .filter(({ keys }) => keys.length > 0)
    .map(({ line, keys, text, block }) =>
      dropUndefined({ line, keys, text: trimLineEnd(text), block }),
    );
}

/**
 * The file with exactly these blocks, beside what the operator wrote. Blocks that the format cannot express are left
 * out.
 */
export function renderTable(format: LineFormat, blocks: readonly Block[], old: string): string {
  const items = parseItems(format, old);
  const missing = renderEntries(format, blocks);
  for (const item of items) {
    if (!item.own) for (const key of item.keys) missing.delete(key);
  }
  let content = HEADER;
  for (const item of items) {
    content += item.own ? takeEntry(missing, item.keys) : item.text;
  }
  if (!content.endsWith('\n') && missing.size > 0) content += '\n';
  for (const text of missing.values()) content += text;
  return content;
}

/** Our entries by key. */
function renderEntries(format: LineFormat, blocks: readonly Block[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const block of blocks) {
    const entries = listEntries(format, block).filter(({ key }) => !texts.has(key));
    for (const [index, entry] of entries.entries()) {
      const part = entries.length === 1 ? '' : ` (${index + 1} of ${entries.length})`;
      texts.set(entry.key, renderEntry(block, part, entry));
    }
  }
  return texts;
}

/** The entries of a block: one for each login of a person that has a line of its own. */
export function listEntries(format: Pick<LineFormat, 'renderEntry'>, block: Block): Entry[] {
  const entries = new Map<string, Entry>();
  for (const key of listBlockedKeys(block)) {
    const entry = format.renderEntry(key);
    if ('line' in entry && !entries.has(entry.key)) entries.set(entry.key, entry);
  }
  return [...entries.values()];
}

/** Removes an entry that has its place in the file already; empty if it is no longer wanted, or a second copy. */
function takeEntry(missing: Map<string, string>, [key]: readonly string[]): string {
  const text = key === undefined ? undefined : missing.get(key);
  if (key === undefined || text === undefined) return '';
  missing.delete(key);
  return text;
}

function renderEntry(block: Block, part: string, entry: Entry): string {
  const cause = block.cause.replace(/[^\x20-\x7e]/g, '?');
  const until = block.end === undefined ? '' : `, until ${formatTime(block.end)}`;
  const text = `${block.id}${part}: ${cause}, since ${formatTime(block.start)}${until}`;
  return `${MARK}${text} [${computeCheckSum(entry.line)}]\n${entry.line}\n`;
}

/** An entry of ours as a file describes it. */
export interface OwnEntry extends Omit<Block, 'key'> {
  /** in the target's own normal form */
  readonly key: string;
}

/** Our own entries in a file: all that is left of the blocks if the database is lost. */
export function readOwnEntries(format: KeyReader, content: string): OwnEntry[] {
  return parseItems(format, content).flatMap(({ own, mark, keys: [key] }) => {
    const about = own && mark !== undefined && key !== undefined ? parseMark(mark) : undefined;
    return about === undefined || key === undefined ? [] : [{ ...about, key }];
  });
}

const NUMBER = /^(\d+)(?: \(\d+ of (\d+)\))?$/;

/** How many entries a block has by the comment of one of them. */
function readCount(mark = ''): number {
  return Number(NUMBER.exec(mark.slice(0, mark.indexOf(': ')))?.[2] ?? 1);
}

/** Reads `12: invalid-recipients, since 2026-11-10T09:05:07.000Z, until ... [01234567]`. */
function parseMark(mark: string): Omit<Block, 'key'> | undefined {
  const colon = mark.indexOf(': ');
  const since = mark.lastIndexOf(', since ');
  const bracket = mark.lastIndexOf(' [');
  if (colon < 1 || since < colon || bracket < since) return undefined;
  const [from = '', until] = mark.slice(since + ', since '.length, bracket).split(', until ');
  const id = Number(NUMBER.exec(mark.slice(0, colon))?.[1]);
  const start = Date.parse(from);
  const end = until === undefined ? undefined : Date.parse(until);
  if (!Number.isSafeInteger(id) || id < 1 || Number.isNaN(start) || Number.isNaN(end ?? 0)) {
    return undefined;
  }
  const cause = mark.slice(colon + ': '.length, since);
  return dropUndefined({ id, cause, start, end });
}

function computeCheckSum(line: string): string {
  return sha256(Buffer.from(line, 'latin1')).slice(0, 8);
}

/** The operator's lines and our entries; our header and comments that have lost their line are dropped. */
function parseItems(format: KeyReader, content: string): Item[] {
  const lines = content.split(/(?<=\n)/);
  const items: Item[] = [];
  for (let index = 0; index < lines.length; index++) {
    const text = lines[index] as string;
    if (text === '') continue;
    if (!text.startsWith(OURS)) {
      const keys = format.readKeys(trimLineEnd(text));
      items.push({ line: index + 1, text, keys, own: false });
    } else if (ownsNext(lines, index)) {
      const line = trimLineEnd(lines[++index] as string);
      const mark = text.slice(MARK.length);
      const block = Number.parseInt(mark, 10);
      const keys = format.readKeys(line);
      items.push({ line: index + 1, text: line, keys, own: true, block, mark });
    }
  }
  return items;
}

function ownsNext(lines: readonly string[], index: number): boolean {
  const mark = trimLineEnd(lines[index] as string);
  const next = lines[index + 1];
  if (!mark.startsWith(MARK) || next === undefined) return false;
  return mark.endsWith(`[${computeCheckSum(trimLineEnd(next))}]`) && !isContinued(lines, index + 2);
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

/** Without the line end and the white space before it, which both MTAs drop as well. */
function trimLineEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1])) end--;
  return text.slice(0, end);
}
