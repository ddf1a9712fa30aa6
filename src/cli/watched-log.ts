/**
 * A log from its end on, for a view that begins now and stores nothing.
 * The package `tail` wakes it when the log grows. `tail` alone is not enough: it knows a file only by its path. At a
 * rename it guesses, and drops the end of the old file and the beginning of the new one; at a copytruncate it skips what
 * was written since. So the lines are read by the follower of the service, which knows files by device, inode and first
 * bytes. It reads the old file to its end and the new one from its start, and nothing twice. It also looks a few times a
 * second, because `tail` does not report everything.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Tail } from 'tail';
import { SECOND, systemClock } from '../base/time.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Config } from '../config/load.ts';
import { Follower, type FollowNotice } from '../follow/follower.ts';
import { JournalFollower, type JournalSource } from '../follow/journal/follower.ts';
import type { Lines } from '../model/lines.ts';

/** The longest wait for the next look at the log, ms. */
const INTERVAL = SECOND / 4;

/** What a reader of the output expects, and need not be told. */
const EXPECTED: ReadonlySet<FollowNotice['kind']> = new Set(['rotated', 'resumed', 'truncated']);

/** Lines that are written from now on, until the signal is aborted. `tell` gets what may have cost lines. */
export async function* watchLog(
  path: string,
  signal: AbortSignal,
  tell: (notice: FollowNotice) => void,
): AsyncGenerator<Lines> {
  const wakeUp = new WakeUp();
  let tail = wakeAtLines(path, wakeUp);
  const onNotice = (notice: FollowNotice) => {
    if (!EXPECTED.has(notice.kind) || isLoss(notice)) tell(notice);
    if (notice.kind !== 'rotated') return;
    // Another file has the name now, and `tail` still watches the one before.
    tail?.unwatch();
    tail = wakeAtLines(path, wakeUp);
  };
  const follower = new Follower({ path, from: 'end', signal, watch: false, onNotice });
  try {
    while (!signal.aborted) {
      const batch = await follower.poll();
      if (batch === undefined) await wakeUp.wait(INTERVAL, signal);
      else if (batch.lines.length > 0) yield batch.lines;
      await nextTurn();
    }
  } finally {
    tail?.unwatch();
    await follower.close();
  }
}

/** The same for a journal: entries that are written from now on. */
export async function* watchJournal(
  source: JournalSource,
  { commands }: Config,
  signal: AbortSignal,
  onNotice: (notice: FollowNotice) => void,
): AsyncGenerator<Lines> {
  const since = systemClock.now();
  const command = commands.journalctl;
  const options = { source, command, since, signal, pollInterval: INTERVAL, onNotice };
  for await (const { lines } of new JournalFollower(options)) yield lines;
}

/** An emptied log without a copy: what was not read before is gone. */
function isLoss(notice: FollowNotice): boolean {
  return notice.kind === 'truncated' && notice.copy === undefined;
}

/** Undefined when the file cannot be watched: then only the interval counts. */
function wakeAtLines(path: string, wakeUp: WakeUp): Tail | undefined {
  try {
    const tail = new Tail(path, { separator: '\n', encoding: 'latin1', follow: false });
    tail.on('line', () => wakeUp.wake());
    tail.on('error', () => wakeUp.wake());
    return tail;
  } catch {
    return undefined;
  }
}
