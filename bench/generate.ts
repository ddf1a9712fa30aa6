/**
 * Made-up logs of a hosting server, the same for the same seed: refused strangers, authenticated submissions,
 * deliveries, deferrals, bounces, a few stolen accounts; sessions interleaved as on a busy server.
 *
 *     node bench/generate.ts postfix|exim LINES [SEED] [rfc3339|rfc3164|exim] > mail.log
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { EXIM_STORIES } from './exim-stories.ts';
import { type Mixture, nextStory } from './mixture.ts';
import { POSTFIX_STORIES } from './postfix-stories.ts';
import { seeded } from './random.ts';
import { makeWorld } from './world.ts';

export type Prefix = 'rfc3339' | 'rfc3164' | 'exim';

export interface LogOptions {
  readonly mta: 'postfix' | 'exim';
  readonly lines: number;
  readonly seed?: number;
  readonly prefix?: Prefix;
  /** default: `busy` */
  readonly mixture?: Mixture;
  /** ms since the epoch of the first line */
  readonly start?: number;
  /** lines in a second of the log's own time */
  readonly rate?: number;
}

/** Sessions and messages that are under way at the same time. */
const CONCURRENT = 60;
const CHUNK_LINES = 5000;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** The log in chunks of some thousand lines, each line with its newline. */
export function* generateLog(options: LogOptions): Generator<string> {
  const { mta, lines, seed = 1, start = Date.UTC(2026, 10, 1), rate = 25 } = options;
  const { mixture = 'busy' } = options;
  const prefix = options.prefix ?? (mta === 'exim' ? 'exim' : 'rfc3339');
  const world = makeWorld(seeded(seed));
  const stories = mta === 'exim' ? EXIM_STORIES : POSTFIX_STORIES;
  // Stories are told from the end of their array: pop is cheap.
  const under = Array.from({ length: CONCURRENT }, () =>
    nextStory(world, stories, mixture).reverse(),
  );
  let chunk = '';
  let time = start;
  let second = 0;
  let head = '';
  for (let written = 0; written < lines; written++) {
    const slot = world.random.below(CONCURRENT);
    let story = under[slot] as string[];
    if (story.length === 0) story = under[slot] = nextStory(world, stories, mixture).reverse();
    time = start + Math.floor((written * 1000) / rate);
    if (Math.floor(time / 1000) !== second) {
      second = Math.floor(time / 1000);
      head = headOf(prefix, second * 1000);
    }
    chunk += `${headWith(prefix, head, time, mta)}${story.pop()}\n`;
    if (written % CHUNK_LINES === CHUNK_LINES - 1) {
      yield chunk;
      chunk = '';
    }
  }
  if (chunk !== '') yield chunk;
}

/** The part of the prefix that stays the same for a second. */
function headOf(prefix: Prefix, time: number): string {
  const iso = new Date(time).toISOString();
  if (prefix === 'rfc3339') return iso.slice(0, 19);
  if (prefix === 'exim') return `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  const date = new Date(time);
  const day = String(date.getUTCDate()).padStart(2, ' ');
  return `${MONTHS[date.getUTCMonth()]} ${day} ${iso.slice(11, 19)}`;
}

function headWith(prefix: Prefix, head: string, time: number, mta: LogOptions['mta']): string {
  if (prefix === 'exim') return `${head} `;
  const host = mta === 'exim' ? 'mx1 exim[811]: ' : 'mx1 ';
  if (prefix === 'rfc3164') return `${head} ${host}`;
  return `${head}.${String(time % 1000).padStart(3, '0')}${'417'}+00:00 ${host}`;
}

/** Writes a log to `path`. */
export function writeLog(path: string, options: LogOptions): void {
  const file = openSync(path, 'w');
  for (const chunk of generateLog(options)) writeSync(file, chunk);
  closeSync(file);
}

function main(): void {
  const [mta, lines, seed, prefix] = process.argv.slice(2);
  if ((mta !== 'postfix' && mta !== 'exim') || !(Number(lines) > 0)) {
    console.error('usage: generate postfix|exim LINES [SEED] [rfc3339|rfc3164|exim]');
    process.exitCode = 2;
    return;
  }
  for (const chunk of generateLog({
    mta,
    lines: Number(lines),
    seed: Number(seed ?? 1),
    ...(prefix === undefined ? {} : { prefix: prefix as Prefix }),
  })) {
    writeSync(1, chunk);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
