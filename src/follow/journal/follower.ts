/**
 * The journal of systemd as a log: an async iterable of batches, read by journalctl(1). First all that there is, then
 * what is added. Each entry is one line, the JSON object that journalctl prints. A journal that is missing or cannot be
 * read causes a notice and never ends the iteration; it is looked at again.
 *
 * The position is the cursor of the last entry. journalctl is asked to begin with that entry, not after it: if another
 * one comes first, the entry is gone, and what followed it may be, too. That is reported.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type OutputStream, type StreamEnd, streamOutput } from '../../base/output-stream.ts';
import { MINUTE, SECOND } from '../../base/time.ts';
import { waitOrAbort } from '../../base/wait.ts';
import type { Line } from '../../model/line.ts';
import { Lines } from '../../model/lines.ts';
import type { FollowedLog, FollowStatus } from '../followed-log.ts';
import { LineSplitter } from '../lines.ts';
import type { FollowNotice } from '../notice.ts';
import { beginJournal, type JournalPosition } from './position.ts';
import {
  JOURNAL_FIELDS,
  type JournalEntry,
  JournalFilter,
  type JournalSelection,
} from './selection.ts';

/** Which journal, and which of its entries. */
export interface JournalSource extends JournalSelection {
  /** as messages, events and the stored position name it */
  readonly name: string;
  /** folder with journal files; absent: the journal of this host */
  readonly directory?: string;
  /** path of journal files, with `*`; in place of `directory` */
  readonly files?: string;
}

export interface JournalFollowerOptions {
  readonly source: JournalSource;
  /** argument vector of journalctl, to which arguments are appended */
  readonly command: readonly string[];
  /** where an earlier follower of this journal stopped */
  readonly position?: JournalPosition;
  /** without a position: entries from this time on, ms; absent: all */
  readonly since?: number;
  readonly signal: AbortSignal;
  /** ms, default 1000: the pause before the next look at a journal that cannot be followed now */
  readonly pollInterval?: number;
  /** ms, default a minute: a journalctl that prints nothing for this long is replaced by a new one */
  readonly longestSilence?: number;
  readonly onNotice?: (notice: FollowNotice) => void;
}

export interface JournalBatch {
  readonly source: string;
  readonly lines: Lines;
  readonly position: JournalPosition;
}

/** Folders of this host's journal, kept and volatile (systemd-journald.service(8)). */
export const JOURNAL_FOLDERS = ['/var/log/journal', '/run/log/journal'] as const;

/** What journalctl says if it may not read the journal, or only the messages of its own user. */
const NO_RIGHTS = /insufficient permissions|Permission denied|not seeing messages from other users/;

export class JournalFollower implements FollowedLog {
  readonly #options: JournalFollowerOptions;
  readonly #filter: JournalFilter;
  #position: JournalPosition;
  #isCaughtUp = false;
  #failure: string | undefined;
  #isWaiting = false;
  /** the position is that of an earlier follower, and its entry has not been looked for yet */
  #isResuming: boolean;

  constructor(options: JournalFollowerOptions) {
    this.#options = options;
    this.#filter = new JournalFilter(options.source);
    this.#position = options.position ?? beginJournal(options.since ?? null);
    this.#isResuming = this.#position.cursor !== null;
  }

  /** Batches until the signal is aborted; then, or if you leave the loop, journalctl is ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<JournalBatch, void, undefined> {
    const { signal, pollInterval = SECOND } = this.#options;
    while (!signal.aborted) {
      if (this.#isThere()) {
        const isComplete = yield* this.#run(false);
        if (isComplete && this.#position.cursor !== null) yield* this.#run(true);
      }
      await waitOrAbort(pollInterval, signal);
    }
  }

  status(): FollowStatus {
    const { name } = this.#options.source;
    return {
      path: name,
      reading: this.#isCaughtUp ? name : undefined,
      present: !this.#isWaiting,
      behind: this.#isCaughtUp ? 0 : 1,
      failure: this.#failure,
    };
  }

  /** False, with a notice, if there is no journal. */
  #isThere(): boolean {
    const { name, directory, files } = this.#options.source;
    const folder = directory ?? (files && dirname(files));
    const isThere = folder === undefined ? JOURNAL_FOLDERS.some(existsSync) : existsSync(folder);
    if (!isThere && !this.#isWaiting) this.#report({ kind: 'waiting', path: name });
    this.#isWaiting = !isThere;
    if (!isThere) this.#isCaughtUp = false;
    return isThere;
  }

  /** Runs journalctl once. Returns whether it ended by itself and without a complaint. */
  async *#run(isFollowing: boolean): AsyncGenerator<JournalBatch, boolean, undefined> {
    const { signal } = this.#options;
    const follow = isFollowing ? this.#buildFollow() : [];
    const stream = streamOutput([...this.#buildCommand(), ...follow]);
    const stop = () => stream.kill();
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      yield* this.#read(stream, isFollowing);
      if (signal.aborted) return false;
      return this.#noteEnd(await stream.ended, isFollowing);
    } finally {
      signal.removeEventListener('abort', stop);
      stream.kill();
    }
  }

  #buildCommand(): string[] {
    const { cursor, since } = this.#position;
    return [
      ...buildJournalCommand(this.#options),
      '--no-tail',
      ...(cursor === null ? [] : [`--cursor=${cursor}`]),
      ...(cursor !== null || since === null ? [] : [`--since=@${Math.floor(since / SECOND)}`]),
      ...this.#filter.matches,
    ];
  }

  /** --follow alone shows the last boot only: of this host that is right, of others there may be several. */
  #buildFollow(): string[] {
    const { directory, files } = this.#options.source;
    const isLocal = directory === undefined && files === undefined;
    return isLocal ? ['--follow'] : ['--follow', '--merge'];
  }

  async *#read(
    stream: OutputStream,
    isFollowing: boolean,
  ): AsyncGenerator<JournalBatch, void, undefined> {
    const { longestSilence = MINUTE, source } = this.#options;
    const splitter = new LineSplitter(source.name, this.#position);
    const silence = isFollowing ? setTimeout(() => stream.kill(), longestSilence) : undefined;
    let isFirst = true;
    try {
      for await (const chunk of stream.chunks) {
        silence?.refresh();
        const printed = splitter.push(chunk);
        const lines = this.#take(printed, isFirst, isFollowing);
        isFirst = isFirst && printed.length === 0;
        this.#position = { ...this.#position, line: splitter.line, offset: splitter.offset };
        if (lines.length > 0)
          yield { source: source.name, lines: new Lines(lines), position: this.#position };
        silence?.refresh();
      }
    } finally {
      clearTimeout(silence);
    }
  }

  /** Moves the position over what journalctl printed, and returns the entries that count. */
  #take(printed: Lines, isFirst: boolean, isFollowing: boolean): Line[] {
    const lines: Line[] = [];
    for (const [index, line] of [...printed].entries()) {
      const entry = parseEntry(line.bytes);
      const cursor = entry?.__CURSOR;
      if (entry === undefined || typeof cursor !== 'string') continue;
      const isKnown = isFirst && index === 0 && this.#compareFirst(cursor, isFollowing);
      this.#position = { ...this.#position, cursor };
      if (isKnown) continue;
      const counted = this.#select(line, entry);
      if (counted !== undefined) lines.push(counted);
    }
    return lines;
  }

  /** Whether the first entry is the one that was read last. If it is not, that one is gone. */
  #compareFirst(cursor: string, isFollowing: boolean): boolean {
    const path = this.#options.source.name;
    const expected = this.#position.cursor;
    const isKnown = cursor === expected;
    if (isFollowing) return isKnown; // it was there a moment ago, but maybe in another boot
    if (expected !== null && !isKnown) this.#report({ kind: 'journal-gap', path });
    else if (this.#isResuming) this.#report({ kind: 'journal-resumed', path });
    this.#isResuming = false;
    return isKnown;
  }

  #select(line: Line, entry: JournalEntry): Line | undefined {
    const dropped = this.#filter.readDropped(entry);
    if (dropped !== undefined) {
      this.#report({ kind: 'suppressed', path: this.#options.source.name, ...dropped });
      return line;
    }
    if (!this.#filter.accepts(entry)) return undefined;
    if (!this.#filter.isListedPerson(entry)) return line;
    const { _UID: _, ...rest } = entry;
    return { ...line, bytes: JSON.stringify(rest) };
  }

  /** Notes a failure, or that there is none any more. */
  #noteEnd(end: StreamEnd, wasFollowing: boolean): boolean {
    const reason = findJournalFailure(end, this.#options.command, wasFollowing);
    this.#isCaughtUp = reason === undefined;
    if (reason !== undefined && this.#failure === undefined) {
      const path = this.#options.source.name;
      this.#report({ kind: 'unreadable', path, file: path, reason, skipped: false });
    }
    this.#failure = reason;
    return reason === undefined;
  }

  #report(notice: FollowNotice): void {
    this.#options.onNotice?.(notice);
  }
}

/** journalctl for the entries of a source, as JSON; add where to begin and end, then `JournalFilter.matches`. */
export function buildJournalCommand({
  command,
  source: { directory, files },
}: Pick<JournalFollowerOptions, 'command' | 'source'>): string[] {
  return [
    ...command,
    ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ...(files === undefined ? [] : [`--file=${files}`]),
    '--output=json',
    '--all', // whole fields, of any length
    '--no-pager',
    `--output-fields=${JOURNAL_FIELDS.join(',')}`,
  ];
}

/** The entry, with byte strings where it has other text than ASCII; undefined for half a line. */
function parseEntry(bytes: string): JournalEntry | undefined {
  try {
    const value: unknown = JSON.parse(bytes);
    return typeof value === 'object' && value !== null ? (value as JournalEntry) : undefined;
  } catch {
    return undefined;
  }
}

/** Why journalctl could not read the journal; undefined if it could. One that follows ends only if it is killed. */
export function findJournalFailure(
  { status, stderr, failure }: StreamEnd,
  [program = '']: readonly string[],
  wasFollowing = false,
): string | undefined {
  if (failure !== undefined) return `${program} cannot be started: ${failure}`;
  if (NO_RIGHTS.test(stderr)) {
    return 'this account may not read it; it needs the group systemd-journal';
  }
  if (status === 0 || (wasFollowing && status === null)) return undefined;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return `${program}: ${last === '' ? `exit status ${status ?? 'none, killed'}` : last}`;
}
