/**
 * The figures of a report, counted again from the raw log by regular expressions and loops: by code that shares nothing
 * with the program. A failure names its seed: `POSTERN_RECOUNT_SEED=n` runs that one.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readEvents } from '../../src/interpret/files.ts';
import { Store } from '../../src/store/store.ts';
import { type Scratch, scratch } from '../service/scratch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 10, 10, 0);
const SINCE = START + 20 * HOUR;
const UNTIL = START + 30 * HOUR;

const ruleFiles: Readonly<Record<string, string>> = {
  rule: 'name: dead\ndescription: d\ncount: invalid\nper: user\ndistinct: recipient\nlimit: 6\nperiod: 1h\naction: block\n',
  guess:
    'name: guess\ndescription: d\ncount: invalid\nper: client\ndirection: inbound\nlimit: 4\nperiod: 10m\naction: observe\n',
  places:
    'name: places\ndescription: d\ncount: logins\nper: user\ndistinct: client\nlimit: 26\nperiod: 12h\naction: block\n',
};

/** The rules again, for the recount. */
const LIMITS = {
  dead: { limit: 6, period: HOUR },
  guess: { limit: 4, period: 10 * MINUTE },
  places: { limit: 26, period: 12 * HOUR },
} as const;
type RuleName = keyof typeof LIMITS;

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: ruleFiles.rule as string });
  for (const name of ['guess', 'places']) {
    writeFileSync(at.path(`rules/${name}.yaml`), ruleFiles[name] as string);
  }
});
afterEach(() => at.remove());

/** A small generator of its own, so that a seed means the same everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Line = readonly [number, string];

function message(random: (below: number) => number, time: number, serial: number): Line[] {
  const id = `${serial.toString(16).toUpperCase().padStart(6, '0')}AB`;
  const user = `user${random(5)}@example.net`;
  const recipients = Array.from({ length: 1 + random(3) }, () => `r${random(400)}@example.org`);
  const distinct = [...new Set(recipients)];
  const client = `192.0.2.${1 + random(40)}`;
  const lines: Line[] = [
    [
      time,
      `submission/smtpd[8]: ${id}: client=pc[${client}], sasl_method=PLAIN, sasl_username=${user}`,
    ],
    [time, `cleanup[8]: ${id}: message-id=<${serial}@example.net>`],
    [time, `qmgr[7]: ${id}: from=<${user}>, size=1000, nrcpt=${distinct.length} (queue active)`],
  ];
  for (const to of distinct) {
    const fate = random(10);
    const start = `smtp[9]: ${id}: to=<${to}>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1`;
    if (fate < 5) lines.push([time + 1000, `${start}, dsn=2.0.0, status=sent (250 2.0.0 Ok)`]);
    else if (fate < 8)
      lines.push([
        time + 1000,
        `${start}, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 <${to}>: User unknown (in reply to RCPT TO command))`,
      ]);
    else {
      for (let attempt = 0; attempt < 5; attempt++)
        lines.push([
          time + 1000 + attempt * 7 * MINUTE,
          `${start}, dsn=4.2.2, status=deferred (host mx.example.org[198.51.100.9] said: 452 4.2.2 <${to}>: Mailbox full (in reply to RCPT TO command))`,
        ]);
    }
  }
  return lines;
}

/** A client from outside tries an address that does not exist: once, or five times after temporary refusals. */
function attack(random: (below: number) => number, time: number, serial: number): Line[] {
  const client = `203.0.113.${1 + random(6)}`;
  const to = `n${serial}@example.net`;
  const temporary = random(4) === 0;
  const code = temporary ? '450 4.1.1' : '550 5.1.1';
  const text = `smtpd[6]: NOQUEUE: reject: RCPT from unknown[${client}]: ${code} <${to}>: Recipient address rejected: User unknown in local recipient table; from=<x@example.com> to=<${to}> proto=ESMTP helo=<h>`;
  return Array.from({ length: temporary ? 5 : 1 }, (_, n): Line => [time + n * MINUTE, text]);
}

function buildLog(seed: number): string {
  const random = generator(seed);
  const lines: Line[] = [];
  for (let serial = 1; serial <= 500; serial++) {
    const time = START + random(30 * 60) * MINUTE + random(60) * 1000;
    lines.push(...(random(3) === 0 ? attack(random, time, serial) : message(random, time, serial)));
  }
  return lines
    .sort((a, b) => a[0] - b[0])
    .map(([time, text]) => `${new Date(time).toISOString()} mx1 postfix/${text}\n`)
    .join('');
}

interface Entry {
  readonly time: number;
  readonly key: string;
  readonly value: string;
}

/** What a submitter or the mail of an hour comes to. */
type Counts = Record<string, Record<string, number>>;

interface Recount {
  /** of the ten hours before the report */
  readonly before: Record<string, number>;
  /** messages, recipients and bytes by submitter */
  readonly senders: Counts;
  /** delivered, deferred and bounced in each hour */
  readonly steps: Counts;
  readonly deferral: { recipients: number; attempts: number };
  readonly kinds: Record<string, number>;
  readonly invalid: ReadonlyMap<string, number>;
  readonly attackers: ReadonlyMap<string, number>;
  readonly entries: Readonly<Record<RuleName, Entry[]>>;
}

/** What the log says, line by line. A recipient counts once for each message, or for each client. */
function recount(log: string): Recount {
  const kinds: Record<string, number> = {};
  const before: Record<string, number> = {};
  const senders: Counts = {};
  const steps: Counts = {};
  const deferral = { recipients: 0, attempts: 0 };
  const addIn = (counts: Counts, key: string | number, name: string, amount = 1) => {
    const own = counts[key] ?? {};
    counts[key] = { ...own, [name]: (own[name] ?? 0) + amount };
  };
  const isBefore = (time: number) => time >= SINCE - (UNTIL - SINCE) && time < SINCE;
  const invalid = new Map<string, number>();
  const attackers = new Map<string, number>();
  const entries: Record<RuleName, Entry[]> = { dead: [], guess: [], places: [] };
  const users = new Map<string, string>();
  const seen = new Set<string>();
  const isIn = (time: number) => time >= SINCE && time < UNTIL;
  const addTo = (counts: Map<string, number>, key: string) =>
    counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const line of log.split('\n').filter((text) => text !== '')) {
    const time = Date.parse(line.slice(0, 24));
    const accepted = / ([0-9A-F]+): client=pc\[(.*?)\].*sasl_username=(.*)$/.exec(line);
    if (accepted !== null) {
      const [, id = '', address = '', user = ''] = accepted;
      users.set(id, user);
      entries.places.push({ time, key: user, value: address });
      if (isIn(time)) kinds.accepted = (kinds.accepted ?? 0) + 1;
      if (isBefore(time)) before.accepted = (before.accepted ?? 0) + 1;
      continue;
    }
    const queued = / ([0-9A-F]+): from=<.*?>, size=(\d+), nrcpt=(\d+)/.exec(line);
    if (queued !== null && isIn(time)) {
      const [, id = '', size, recipients] = queued;
      addIn(senders, users.get(id) as string, 'messages');
      addIn(senders, users.get(id) as string, 'recipients', Number(recipients));
      addIn(senders, users.get(id) as string, 'bytes', Number(size));
    }
    const outcome = / ([0-9A-F]+): to=<(.*?)>.* status=(\w+)/.exec(line);
    const rejected = /RCPT from unknown\[(.*?)\]: .* to=<(.*?)>/.exec(line);
    const [, who = '', to = ''] = outcome ?? rejected ?? [];
    if (who === '') continue;
    const kind = { sent: 'delivered' }[outcome?.[3] ?? ''] ?? outcome?.[3] ?? 'rejected';
    if (kind === 'deferred' && isIn(time)) deferral.attempts++;
    if (seen.has(`${who} ${to} ${kind}`)) continue;
    seen.add(`${who} ${to} ${kind}`);
    if (isIn(time)) kinds[kind] = (kinds[kind] ?? 0) + 1;
    if (isBefore(time)) before[kind] = (before[kind] ?? 0) + 1;
    if (kind === 'deferred' && isIn(time)) deferral.recipients++;
    if (kind !== 'rejected' && isIn(time)) {
      addIn(steps, Math.floor((time - SINCE) / HOUR), kind);
    }
    if (kind === 'bounced') {
      const key = users.get(who) as string;
      entries.dead.push({ time, key, value: to });
      if (isIn(time)) addTo(invalid, key);
    }
    if (kind === 'rejected') {
      entries.guess.push({ time, key: who, value: `${time} ${to}` });
      if (isIn(time)) addTo(attackers, who);
    }
  }
  return { kinds, before, senders, steps, deferral, invalid, attackers, entries };
}

/** The most different values of a key in one window, at any moment of the report. */
function findHighest(entries: readonly Entry[], key: string, period: number): number {
  const own = entries.filter((entry) => entry.key === key);
  const moments = [SINCE, ...own.map(({ time }) => time).filter((t) => t >= SINCE && t < UNTIL)];
  const counts = moments.map((moment) => {
    const inWindow = own.filter(({ time }) => time > moment - period && time <= moment);
    return new Set(inWindow.map(({ value }) => value)).size;
  });
  return Math.max(...counts);
}

function findNear({ entries }: Recount): string[] {
  return (Object.keys(LIMITS) as RuleName[]).flatMap((rule) => {
    const { limit, period } = LIMITS[rule];
    const keys = [...new Set(entries[rule].map(({ key }) => key))];
    return keys.flatMap((key) => {
      const highest = findHighest(entries[rule], key, period);
      return highest >= limit / 2 && highest < limit ? [`${rule} ${key} ${highest}`] : [];
    });
  });
}

interface CourseJson {
  readonly since: string;
  readonly step: string;
  readonly mail: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** The chart of the report as the recount has it; its steps are an hour. */
function countSteps({ since, step, mail }: CourseJson): Counts {
  expect([Date.parse(since), step]).toEqual([SINCE, '1h']);
  const steps: Counts = {};
  for (const { name, values } of mail) {
    values.forEach((value, at) => {
      const kind = name === 'failed' ? 'bounced' : name;
      if (value > 0) steps[at] = { ...steps[at], [kind]: value };
    });
  }
  return steps;
}

it('are those of the raw log', { timeout: 120_000 }, async () => {
  const named = process.env.POSTERN_RECOUNT_SEED;
  const first = named === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(named);
  let shown = 0;
  for (let seed = first; seed < first + (named === undefined ? 8 : 1); seed++) {
    const log = buildLog(seed);
    const file = at.path('raw.log');
    writeFileSync(file, log);
    for (const part of ['', '-wal', '-shm']) rmSync(at.path(`postern.db${part}`), { force: true });
    const store = new Store(at.path('postern.db'));
    for await (const { events } of readEvents([file], { mta: 'postfix', now: UNTIL })) {
      store.commit(() => store.events.insert(events));
    }
    store.close();
    const period = [
      '--since',
      new Date(SINCE).toISOString(),
      '--until',
      new Date(UNTIL).toISOString(),
    ];
    const report = JSON.parse((await at.run('report', '--format', 'json', ...period)).out);
    const expected = recount(log);
    const kinds = Object.fromEntries(
      report.kinds.map(({ kind, count }: { kind: string; count: number }) => [kind, count]),
    );
    expect(kinds, `seed ${seed}`).toMatchObject(expected.kinds);
    const sums = (rows: { invalid: number }[], name: string) =>
      new Map(rows.map((row) => [(row as Record<string, unknown>)[name] as string, row.invalid]));
    expect(sums(report.submitters, 'id'), `seed ${seed}`).toEqual(expected.invalid);
    expect(sums(report.attackers, 'address'), `seed ${seed}`).toEqual(expected.attackers);
    expect(report.before.figures, `seed ${seed}`).toMatchObject(expected.before);
    expect(report.figures, `seed ${seed}`).toMatchObject(expected.kinds);
    const senders = report.senders.map(({ id, type: _, ...rest }: Record<string, string>) => [
      id,
      rest,
    ]);
    expect(Object.fromEntries(senders), `seed ${seed}`).toEqual(expected.senders);
    expect(report.deferrals[0] ?? {}, `seed ${seed}`).toMatchObject(expected.deferral);
    expect(countSteps(report.course), `seed ${seed}`).toEqual(expected.steps);
    const near = report.near.map(
      (one: { rule: string; key: { id: string }; highest: number }) =>
        `${one.rule} ${one.key.id} ${one.highest}`,
    );
    expect(near.sort(), `seed ${seed}`).toEqual(findNear(expected).sort());
    shown += near.length;
  }
  expect(shown).toBeGreaterThan(10);
});
