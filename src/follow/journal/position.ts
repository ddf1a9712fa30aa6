/** Where the follower is in a journal, as plain JSON. */

/** All entries up to the one with this cursor have been handed out, and none after it. */
export interface JournalPosition {
  readonly version: 1;
  readonly kind: 'journal';
  /** of the last entry that was handed out; null before the first */
  readonly cursor: string | null;
  /** without a cursor: entries before this time are left out, ms; null: none */
  readonly since: number | null;
  /** entries and bytes that journalctl has printed so far; they number the lines */
  readonly line: number;
  readonly offset: number;
}

/** A position before the first entry of the journal, or before those of the time `since` (ms) and later. */
export function beginJournal(since: number | null): JournalPosition {
  return { version: 1, kind: 'journal', cursor: null, since, line: 0, offset: 0 };
}

/** Whether a stored value is a position that this version can continue from. */
export function isJournalPosition(value: unknown): value is JournalPosition {
  if (typeof value !== 'object' || value === null) return false;
  const { version, kind, cursor, since, line, offset } = value as JournalPosition;
  if (version !== 1 || kind !== 'journal') return false;
  if (cursor !== null && typeof cursor !== 'string') return false;
  if (since !== null && typeof since !== 'number') return false;
  return Number.isSafeInteger(line) && Number.isSafeInteger(offset);
}
