/**
 * `report`, `explain`, `events` and the page for operators over a database of many events: those of one log as those of
 * many days.
 */
import { statSync } from 'node:fs';
import { readEvents } from '../src/interpret/files.ts';
import type { Verdict } from '../src/model/block.ts';
import type { MailEvent } from '../src/model/event.ts';
import { Store } from '../src/store/store.ts';
import { LINES, LONG, PROGRAM, ROUNDS, RULES } from './contestants.ts';
import { writeLog } from './generate.ts';
import { type Contestant, inTurn } from './measure.ts';
import { findPort, measurePages, webLines } from './pages.ts';
import { Service } from './service.ts';

/** A day has some 380,000 events. */
const DAYS = LONG ? 27 : 3;
const DAY = 86_400_000;
const STEP = 5000;
/** Running blocks that the page for operators lists. */
const BLOCKS = 100_000;

export async function stored(): Promise<void> {
  const port = await findPort();
  const service = new Service({ rules: RULES, extra: webLines(port) });
  try {
    const { count, submitter } = await fill(service);
    const command = (name: string, ...words: string[]): Contestant => ({
      name: `postern ${name} ${words.join(' ')}`,
      argv: [PROGRAM, name, ...words, '--config', service.config],
    });
    const contestants = [
      command('report', '--since', '24h'),
      command('explain', submitter),
      command('events', '--of', submitter, '--limit', '5'),
    ];
    const runs = inTurn(contestants, ROUNDS);
    const bytes = statSync(service.path('postern.db')).size / count;
    console.log(
      `\n### ${count.toLocaleString('en')} stored events, ${bytes.toFixed(0)} bytes each\n\n| | wall s | CPU s |\n|---|---:|---:|`,
    );
    runs.forEach(({ wall, cpu }, index) => {
      console.log(`| \`${contestants[index]?.name}\` | ${wall.toFixed(2)} | ${cpu.toFixed(2)} |`);
    });
    addBlocks(service);
    await measurePages(service, port, submitter);
  } finally {
    await service.remove();
  }
}

function addBlocks(service: Service): void {
  const store = new Store(service.path('postern.db'));
  const start = Date.now();
  store.commit(() => {
    for (let count = 0; count < BLOCKS; count++) {
      const key = { type: 'user', id: `user${count}@example.net` } as const;
      store.blocks.start({ key, cause: 'manual', start });
    }
  });
  store.close();
}

/**
 * Stores one day's events as those of the last days, and a verdict about the submitter who was refused most. Gives how
 * many events these are, and that submitter.
 */
async function fill(service: Service): Promise<{ count: number; submitter: string }> {
  const day = await eventsOfOneDay(service.path('one-day.log'));
  const store = new Store(service.path('postern.db'));
  const submitter = mostRefused(day);
  const first = day[0]?.time ?? 0;
  const span = (day.at(-1)?.time ?? 0) - first + 1;
  const now = Date.now();
  for (let number = 0; number < DAYS; number++) {
    const start = now - (DAYS - number) * DAY;
    for (let from = 0; from < day.length; from += STEP) {
      const events = day.slice(from, from + STEP).map((event) => ({
        ...event,
        line: event.line + number * LINES,
        offset: event.offset + number * 1e9,
        time: start + Math.floor(((event.time - first) / span) * DAY),
      }));
      store.commit(() => store.events.insert(events));
    }
  }
  store.commit(() => {
    store.verdicts.insert(verdictOn(submitter, now), 'observed', store.events.newest());
  });
  store.close();
  return { count: day.length * DAYS, submitter };
}

function verdictOn(id: string, time: number): Verdict {
  return {
    rule: 'invalid-recipients',
    action: 'observe',
    key: { type: 'user', id },
    time,
    source: 'mail.log',
    line: 1,
    offset: 0,
    count: 100,
    limit: 100,
    period: DAY,
  };
}

async function eventsOfOneDay(log: string): Promise<MailEvent[]> {
  writeLog(log, { mta: 'postfix', lines: LINES });
  const day: MailEvent[] = [];
  for await (const { events } of readEvents([log], { now: Date.now(), zone: 'UTC' })) {
    for (const event of events) day.push(event);
  }
  return day;
}

function mostRefused(events: readonly MailEvent[]): string {
  const counts = new Map<string, number>();
  for (const { kind, submitter } of events) {
    if (submitter?.type !== 'user' || kind !== 'bounced') continue;
    counts.set(submitter.id, (counts.get(submitter.id) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}
