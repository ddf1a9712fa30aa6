/** The tables of limits and blocks: who is blocked, who came near, who met a limit and is not blocked. */
import { formatDuration } from '../base/time.ts';
import type { Style } from '../model/style.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { describeCause, describeRelease, UNBLOCKABLE_CURE } from './block.ts';
import type { Report } from './period.ts';
import type { Table } from './table.ts';

/** `postern blocks --all` lists all, and JSON has all. */
const MOST_BLOCKS = 500;

/** The nearest; programs get all. */
const MOST_NEAR = 30;

/** All verdicts of one limit on one key are one row; beyond this many rows nobody reads them. */
const MOST_MET = 40;

export function buildBlocks({ blocks }: Report, style: Style): Table {
  const isCut = blocks.length > MOST_BLOCKS;
  return {
    name: 'blocks',
    title: isCut ? `Blocks: the newest ${MOST_BLOCKS} of ${blocks.length}` : 'Blocks',
    head: ['Number', 'Who', 'Cause', 'Began', 'Ended', 'Note'],
    rows: blocks
      .slice(-MOST_BLOCKS)
      .map((block) => [
        block.id,
        style.target(block),
        describeCause(block),
        style.minute(block.start),
        describeEnd(block, style),
        block.note ?? '',
      ]),
    empty: 'None.',
  };
}

function describeEnd(block: StoredBlock, style: Style): string {
  if (block.released === undefined) return 'runs';
  return `${style.minute(block.released)}: ${describeRelease(block)}`;
}

export function buildNear({ near, formatValue }: Report, style: Style): Table {
  return {
    name: 'near',
    title: 'Came near a limit',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'Time'],
    rows: near
      .slice(0, MOST_NEAR)
      .map(({ key, rule, highest, limit, time }) => [
        style.who(key),
        rule,
        formatValue(highest, rule),
        formatValue(limit, rule),
        style.minute(time),
      ]),
    empty: 'Nobody.',
  };
}

export function buildMet({ lasting, verdicts, formatValue }: Report, style: Style): Table {
  return {
    name: 'met',
    title: 'Met a limit, not blocked',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'Why not', 'Times', 'Within', 'Since'],
    rows: groupVerdicts([...lasting, ...verdicts]).map(({ times, highest, first, last }) => [
      style.who(first.verdict.key),
      first.verdict.rule,
      formatValue(highest, first.verdict.rule),
      formatValue(first.verdict.limit, first.verdict.rule),
      last.outcome,
      times,
      formatDuration(first.verdict.period),
      style.minute(first.verdict.time),
    ]),
    empty: 'Nobody.',
  };
}

/** All verdicts of one limit of a rule on one key. */
interface MetLimit {
  readonly times: number;
  readonly highest: number;
  readonly first: StoredVerdict;
  readonly last: StoredVerdict;
}

/** One entry for each limit and key, in the order of their first verdicts. The counts of two limits do not compare. */
function groupVerdicts(verdicts: readonly StoredVerdict[]): MetLimit[] {
  const met = new Map<string, MetLimit>();
  for (const stored of verdicts) {
    const { rule, key, count, limit, period } = stored.verdict;
    const name = `${rule} ${limit} ${period} ${key.type} ${key.id}`;
    const known = met.get(name);
    met.set(name, {
      times: (known?.times ?? 0) + 1,
      highest: Math.max(known?.highest ?? 0, count),
      first: known?.first ?? stored,
      last: stored,
    });
  }
  return [...met.values()].slice(0, MOST_MET);
}

/** Whom Postern cannot block, so that nobody takes the row above for a block that is on its way. */
export function buildUnblockable({ verdicts }: Report, style: Style): Table {
  const keys = verdicts
    .filter(({ outcome }) => outcome === 'unblockable')
    .map(({ verdict }) => style.who(verdict.key));
  return {
    name: 'unblockable',
    title: 'Cannot be blocked (postern status says why)',
    head: ['Who', 'What to do'],
    rows: [...new Set(keys)].slice(0, MOST_MET).map((who) => [who, UNBLOCKABLE_CURE]),
    empty: 'Nobody.',
  };
}
