/** A story as log files. */
import { seeded } from '../random.ts';
import { type Act, perform } from './acts.ts';
import { clock, hash } from './clock.ts';
import { logExim } from './exim.ts';
import { type Entry, LogBook } from './logbook.ts';
import { logPostfix } from './postfix.ts';
import type { Mta, Story } from './story.ts';

export interface Log {
  readonly story: Story;
  readonly acts: readonly Act[];
  /** the texts of the files, the oldest first: one, or two when the log is rotated */
  readonly files: readonly string[];
}

/** The log of a story whose first day begins at `midnight` (ms). */
export function render(story: Story, midnight: number): Log {
  const acts = perform(story, midnight);
  const book = new LogBook(seeded(hash(`${story.title} log`)), story.queueIds);
  for (const act of acts) {
    if (story.mta === 'postfix') logPostfix(book, act, story);
    else logExim(book, act);
  }
  const entries = book.entries();
  const at = midnight + clock(story.rotatedAt ?? '00:00');
  const parts = [entries.filter(({ time }) => time < at), entries.filter(({ time }) => time >= at)];
  const files = parts.filter((part) => part.length > 0).map((part) => textOf(part, story.mta));
  return { story, acts, files };
}

function textOf(entries: readonly Entry[], mta: Mta): string {
  const stamp = mta === 'postfix' ? syslogStamp : eximStamp;
  return `${entries.map(({ time, text }) => stamp(time) + text).join('\n')}\n`;
}

/** rsyslog's stamp and host, in UTC. */
function syslogStamp(time: number): string {
  return `${new Date(time).toISOString().slice(0, -1)}000+00:00 pigeon `;
}

/** Exim's own, in UTC. */
function eximStamp(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} `;
}
