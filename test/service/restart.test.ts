/**
 * A restart behind any line changes no event: whatever the stages remember of the lines before (open messages, sessions,
 * relay clients, the year and the hour of a stamp) is in the database with the position.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { Judge } from '../../src/judge/judge.ts';
import { networkSet } from '../../src/model/address.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';
import { Store } from '../../src/store/store.ts';

const NOW = Date.parse('2026-11-20T00:00:00Z');
const SCENARIOS = new URL('../scenarios', import.meta.url).pathname;

interface Log {
  readonly name: string;
  readonly lines: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** smtpd's line makes the message anew, and only memory knows the Message-ID that came before it. */
const LOST = 'postfix/18-late-smtpd-line.log';

function scenarios(): Log[] {
  const names = readdirSync(SCENARIOS, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.log') && name !== LOST).map(scenario);
}

function scenario(name: string): Log {
  const all = readFileSync(`${SCENARIOS}/${name}`, 'latin1').split('\n').slice(0, -1);
  const options = all.find((line) => line.startsWith('#! '))?.slice(3) ?? '{}';
  return { name, lines: all.filter((line) => !line.startsWith('#')), options: JSON.parse(options) };
}

function pipelineOver(store: Store, options: Log['options']): Pipeline {
  const { trusted, ...rest } = options as { trusted?: string[] };
  const networks = trusted === undefined ? {} : { trusted: networkSet(trusted) };
  return new Pipeline({
    store,
    judge: new Judge([]),
    policy: { mode: 'observe', allow: makeAllowList({}), blocksPerHour: 1 },
    interpreter: { zone: '+00:00', ...rest, ...networks },
    clock: { now: () => NOW },
    log: silentLog,
    notifyRules: new Set(),
  });
}

/** The events of the log, one line a batch; `again`: each line read by a process of its own. */
async function eventsOf({ lines, options }: Log, again: boolean): Promise<MailEvent[]> {
  const store = new Store(':memory:');
  let pipeline = pipelineOver(store, options);
  let offset = 0;
  for (const [index, bytes] of lines.entries()) {
    const position = { path: 'mail.log', inode: '1', offset, line: index, before: [] } as never;
    const line = { source: 'mail.log', line: index + 1, offset, bytes };
    pipeline.take({ path: 'mail.log', lines: new Lines([line]), position });
    await pipeline.commit();
    offset += bytes.length + 1;
    if (again) pipeline = pipelineOver(store, options);
  }
  const events = [...store.events.query({})].map(({ event }) => event);
  store.close();
  return events;
}

const HOUR_TWICE = ['02:10:00', '02:59:59', '02:10:05', '03:00:00'].map(
  (time, n) =>
    `Oct 25 ${time} mx1 postfix/smtp[9]: 1000000${n}: to=<a@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=5.4.4, status=bounced (Host or domain name not found. Name service error for name=example.org type=A: Host not found)`,
);

describe('a restart behind every line of', () => {
  it.each([
    ...scenarios(),
    { name: 'the hour that comes twice', lines: HOUR_TWICE, options: { zone: 'Europe/Berlin' } },
  ])('$name', async (log) => {
    const expected = await eventsOf(log, false);
    expect(expected.length).toBeGreaterThan(0);
    expect(await eventsOf(log, true)).toEqual(expected);
  });
});
