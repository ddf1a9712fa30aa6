/** Quotes the log lines of events. A log that was rotated away or cannot be read costs the quote, nothing else. */
import { closeSync, openSync, readSync } from 'node:fs';
import { runCommand } from '../base/commands.ts';
import { SECOND } from '../base/time.ts';
import { buildJournalCommand, type JournalSource } from '../follow/journal/follower.ts';
import { JournalFilter } from '../follow/journal/selection.ts';
import { assertFile, lookAt, OPEN_FLAGS } from '../follow/log-files.ts';
import type { MailEvent } from '../model/event.ts';
import type { QuotedLine } from '../model/evidence.ts';
import { decodeText } from '../model/line.ts';

/** Bytes of one line that are quoted. */
const MAX_QUOTE = 2048;

/** Longest time for finding one entry in a journal, ms. */
const LOOKING = 5 * SECOND;

/** The journals that are followed, and the command that reads them. */
export interface QuotedJournals {
  readonly sources: readonly JournalSource[];
  readonly command: readonly string[];
}

/** The lines of these events, as far as they are found in the log, in its first rotated file or in the journal. */
export async function quoteLines(
  events: readonly MailEvent[],
  journals?: QuotedJournals,
): Promise<QuotedLine[]> {
  const quoted: QuotedLine[] = [];
  for (const event of events) {
    const source = journals?.sources.find(({ name }) => name === event.source);
    const text =
      journals === undefined || source === undefined
        ? quoteFile(event)
        : await quoteEntry(event, source, journals.command);
    if (text !== undefined) quoted.push({ source: event.source, line: event.line, text });
  }
  return quoted;
}

function quoteFile(event: MailEvent): string | undefined {
  // After a rotation another line may be at that offset.
  return [event.source, `${event.source}.1`]
    .map((file) => readLineAt(file, event.offset))
    .find((line) => line !== undefined && belongsTo(event, line));
}

/** An entry is looked for by its time, since a journal has no places that stay. */
async function quoteEntry(
  event: MailEvent,
  source: JournalSource,
  command: readonly string[],
): Promise<string | undefined> {
  const second = Math.floor(event.time / SECOND);
  const argv = [
    ...buildJournalCommand({ command, source }),
    `--since=@${second - 1}`,
    `--until=@${second + 2}`,
    ...new JournalFilter(source).matches,
  ];
  const { stdout } = await runCommand(argv, { timeout: LOOKING });
  const lines = stdout.split('\n').flatMap((line) => readEntryText(line) ?? []);
  const { recipient = '' } = event;
  const own = lines.filter((line) => belongsTo(event, line));
  return own.find((line) => line.includes(recipient)) ?? own[0];
}

function readEntryText(json: string): string | undefined {
  try {
    const { MESSAGE, SYSLOG_IDENTIFIER: tag, SYSLOG_PID: pid } = JSON.parse(json);
    if (typeof MESSAGE !== 'string') return undefined;
    const text = `${tag}${pid === undefined ? '' : `[${pid}]`}: ${MESSAGE}`;
    return text.slice(0, MAX_QUOTE);
  } catch {
    return undefined; // the last line may be incomplete
  }
}

function belongsTo({ queueId, recipient, client }: MailEvent, line: string): boolean {
  return [queueId, recipient, client?.address].some(
    (mark) => mark !== undefined && mark !== '' && line.includes(mark),
  );
}

function readLineAt(file: string, offset: number): string | undefined {
  try {
    const found = lookAt(file);
    if (found === undefined) return undefined;
    assertFile(found);
    const fd = openSync(file, OPEN_FLAGS);
    try {
      const buffer = Buffer.alloc(MAX_QUOTE);
      const length = readSync(fd, buffer, 0, MAX_QUOTE, offset);
      const bytes = buffer.subarray(0, length).toString('latin1');
      const end = bytes.indexOf('\n');
      return decodeText(end < 0 ? bytes : bytes.slice(0, end));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // the follower reports a log that cannot be read
  }
}
