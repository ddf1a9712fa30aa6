/** Quotes the log lines of events. A log that was rotated away or cannot be read costs the quote, nothing else. */
import { closeSync, openSync, readSync } from 'node:fs';
import { assertFile, lookAt, OPEN_FLAGS } from '../follow/log-files.ts';
import type { MailEvent } from '../model/event.ts';
import type { QuotedLine } from '../model/evidence.ts';
import { decodeText } from '../model/line.ts';

/** Bytes of one line that are quoted. */
const MAX_QUOTE = 2048;

/** The lines of these events, as far as they are found in the log or in its first rotated file. */
export function quoteLines(events: readonly MailEvent[]): QuotedLine[] {
  const quoted: QuotedLine[] = [];
  for (const event of events) {
    // After a rotation another line may be at that offset.
    const text = [event.source, `${event.source}.1`]
      .map((file) => readLineAt(file, event.offset))
      .find((line) => line !== undefined && belongsTo(event, line));
    if (text !== undefined) quoted.push({ source: event.source, line: event.line, text });
  }
  return quoted;
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
