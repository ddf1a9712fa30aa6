/**
 * Makes a timeline that has become too long shorter. It stays exact except at the edges of its windows, and there the
 * error is always towards a later verdict: what counts moves to an earlier time, and what is the whole to a later one.
 */
import type { Columns, Entry } from './columns.ts';

/** The most that one timeline keeps: more than the largest limit beside `distinct`, and a busy day of a large sender. */
export const MOST_ENTRIES = 32_768;
/** Different values cannot be merged, so the oldest go. Twice the largest limit. */
const MOST_VALUES = 20_000;
const MOST_MERGED = 8192;
/** The place of refusals that were merged. They are left out where the share of some places is looked at. */
export const UNKNOWN_PLACE = '?';

/** Shortens the columns; the windows over them must then be computed anew. */
export function compactColumns(columns: Columns): void {
  const counted: Entry[] = [];
  const whole: Entry[] = [];
  for (let at = 0; at < columns.length; at++) {
    const entry = columns.entryAt(at);
    if (entry.counted > 0) counted.push({ ...entry, whole: 0 });
    if (entry.whole > 0) whole.push({ ...entry, counted: 0, value: '' });
  }
  const kept =
    columns.values === undefined ? mergePairs(counted, MOST_MERGED) : counted.slice(-MOST_VALUES);
  const all = [...kept, ...mergePairs(whole, MOST_MERGED)];
  columns.clear();
  for (const entry of all.sort((a, b) => a.time - b.time)) columns.push(entry);
}

/** Merges neighbours until there are `most` at most. */
function mergePairs(entries: Entry[], most: number): Entry[] {
  let merged = entries;
  while (merged.length > most) {
    const next: Entry[] = [];
    for (let at = 0; at < merged.length; at += 2) {
      next.push(mergeTwo(merged[at] as Entry, merged[at + 1]));
    }
    merged = next;
  }
  return merged;
}

function mergeTwo(first: Entry, second: Entry | undefined): Entry {
  if (second === undefined) return first;
  const isCounted = first.counted > 0;
  return {
    ...(isCounted ? first : second),
    counted: first.counted + second.counted,
    whole: first.whole + second.whole,
    place: first.place === second.place ? first.place : isCounted ? UNKNOWN_PLACE : '',
    sender: first.sender === second.sender ? first.sender : '',
  };
}
