/**
 * Everything at once: random rules and logs of users and of people behind a gateway, processes that are killed before or
 * after a commit, SIGHUPs with changed rules, releases, expiries, and clocks that are set back. The pipeline of the
 * service over a real database, `postern replay`, and the brute force agree on every verdict.
 */
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { runReplay } from '../../src/cli/replay.ts';
import { findMisfit } from '../../src/config/rules.ts';
import { applyRelease } from '../../src/daemon/outcome.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import type { Hours } from '../../src/judge/hours.ts';
import type { Judge } from '../../src/judge/judge.ts';
import { buildAdjustment } from '../../src/judge/limits.ts';
import { parseOverrideFile } from '../../src/judge/override-file.ts';
import { OverrideTable } from '../../src/judge/overrides.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import { networkSet } from '../../src/model/address.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';
import { Store } from '../../src/store/store.ts';
import { BruteForce, type Found, type LimitOf, type SimpleRule } from '../judge/brute-force.ts';
import { event, START } from '../judge/event.ts';
import { scratchFolder } from '../support/folder.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';

const RUNS = process.env.POSTERN_TORTURE === 'long' ? 2000 : 20;
/** `interruptAfterTimeLimit` also ends the search for the smallest case, ms. */
const OPTIONS = { numRuns: RUNS, interruptAfterTimeLimit: RUNS * 6000 };
const GATEWAY = '10.0.0.80';

// In memory where there is such a folder: a commit waits for the disk, and a power failure is not played here.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';
const folder = scratchFolder();
afterAll(folder.remove);

function ruleText(rule: SimpleRule): string {
  const { name, count, distinct, ratio, atLeast, share, limits, action, lasts } = rule;
  return JSON.stringify({
    ...{ name, count, per: 'submitter', distinct, action, 'at-least': atLeast },
    'ratio-of': ratio === true ? 'recipients' : undefined,
    'at-least-share': share === undefined ? undefined : `${share}%`,
    limits: limits.map(({ limit, period }) => ({
      limit: ratio === true ? `${limit}%` : limit,
      period: `${period / SECOND}s`,
    })),
    for: action === 'block' && lasts !== undefined ? `${lasts / SECOND}s` : undefined,
  });
}

/** A process was killed inside its transaction. */
class Killed extends Error {}

/** The service: what of it survives is in the database file. */
class Service {
  now = START;
  #store: Store;
  #judge!: Judge;
  #pipeline!: Pipeline;
  readonly #file: string;
  #rules: readonly SimpleRule[];

  table = new OverrideTable(OVERRIDES);
  readonly #isAdjusted: boolean;

  constructor(file: string, rules: readonly SimpleRule[], isAdjusted = false) {
    this.#file = file;
    this.#isAdjusted = isAdjusted;
    this.#rules = rules;
    this.#store = new Store(file);
    this.#start();
  }

  #start(): void {
    const store = this.#store;
    const enabled = this.#rules.filter(({ isOff }) => isOff !== true);
    const rules = enabled.map((rule) => this.#adjust(parseRule(ruleText(rule), 'test.yaml')));
    this.#judge = rebuildAtOnce(store, rules, this.now);
    this.#pipeline = new Pipeline({
      ...{ store, judge: this.#judge, log: silentLog, clock: { now: () => this.now } },
      policy: { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 1e9 },
      interpreter: { mta: 'postfix', zone: '+00:00', trusted: networkSet(['10.0.0.0/8']) },
    });
  }

  #adjust(rule: Rule): Rule {
    if (!this.#isAdjusted) return rule;
    return { ...rule, adjustment: buildAdjustment(rule, () => this.table, HOURS) };
  }

  /** Another process opens the database that the killed one has left. */
  kill(rules = this.#rules): void {
    this.#rules = rules;
    this.#store.close();
    this.#store = new Store(this.#file);
    this.#start();
  }

  /** `killed`: a first process gets as far as the end of its transaction. */
  async read(lines: readonly string[], first: number, killed: boolean): Promise<Found[]> {
    if (lines.length === 0) return [];
    if (killed) {
      const { commit } = this.#store;
      const dying = (work: () => unknown) =>
        commit.call(this.#store, () => {
          work();
          throw new Killed();
        });
      this.#store.commit = dying as typeof commit;
      this.#take(lines, first);
      await expect(this.#pipeline.commit()).rejects.toThrow(Killed);
      this.kill();
    }
    this.#take(lines, first);
    const committed = await this.#pipeline.commit();
    return (committed?.decisions ?? []).map(({ verdict }) => {
      const { rule, action, key, line, count, limit } = verdict;
      return { rule, action, id: key.id, line, count, limit };
    });
  }

  /** In one read, or with a read for each line, which one transaction commits all the same. */
  #take(lines: readonly string[], first: number): void {
    const size = first % 2 === 0 ? lines.length : 1;
    for (let from = 0; from < lines.length; from += size) {
      const read = lines.slice(from, from + size).map((bytes, index) => {
        const line = first + from + index;
        return { source: 'mail.log', line, offset: 200 * line, bytes };
      });
      const position = { path: 'mail.log', inode: '1', offset: 0, line: first, before: [] };
      this.#pipeline.take({ path: 'mail.log', lines: new Lines(read), position });
    }
  }

  /** Ends the nth running block, if there are any; returns whose it was. */
  release(nth: number): string | undefined {
    const running = this.#store.blocks.allRunning();
    const block = running[nth % Math.max(1, running.length)];
    if (block !== undefined) this.#end(block.id, 'operator');
    return block?.key.id;
  }

  expire(): void {
    for (const { id } of this.#store.blocks.ended(this.now)) this.#end(id, 'expiry');
  }

  #end(id: number, by: 'operator' | 'expiry'): void {
    const { blocks, events } = this.#store;
    this.#store.commit(() => blocks.release(id, this.now, by, events.newest()));
    applyRelease(this.#judge, blocks.get(id));
  }

  close(): void {
    this.#store.close();
  }
}

interface Step {
  /** seconds */
  readonly gap: number;
  /** a user, or the number of somebody behind the gateway */
  readonly who: string | number;
  readonly what: string;
  readonly nth: number;
  /** how many mails of this kind */
  readonly times: number;
}

const OUTCOMES: Readonly<Record<string, readonly [status: string, reply: string]>> = {
  invalid: ['bounced', 'said: 550 5.1.1 User unknown (in reply to RCPT TO command)'],
  deferred: ['deferred', 'said: 450 4.2.0 Greylisted (in reply to RCPT TO command)'],
  delivered: ['sent', '250 2.0.0 Ok: queued as 12345'],
};

/** A log that grows, and the events that its lines mean. */
class Log {
  readonly lines: string[] = [];
  /** messages with a recipient that is put off */
  readonly #open: { readonly id: string; readonly mail: Partial<MailEvent>; nth: number }[] = [];
  #messages = 0;

  /** Adds the lines of a mail, or of another attempt; returns their events. */
  add(step: Step, time: number): MailEvent[] {
    if (step.what === 'retry') return this.#retry(step, time);
    return Array.from({ length: step.times }, (_, n) => this.#mail(step, time, n)).flat();
  }

  #mail({ who, what, nth }: Step, time: number, n: number): MailEvent[] {
    const id = `A${(this.#messages++).toString(16).toUpperCase().padStart(9, '0')}`;
    const isUser = typeof who === 'string';
    const sender = isUser ? who : `p${who}@example.net`;
    const address = isUser ? `192.0.2.${nth}` : GATEWAY;
    const login = isUser ? `, sasl_method=PLAIN, sasl_username=${who}` : '';
    this.#write(time, 'smtpd', `${id}: client=unknown[${address}]${login}`);
    this.#write(time, 'cleanup', `${id}: message-id=<${id}@example.net>`);
    this.#write(time, 'qmgr', `${id}: from=<${sender}>, size=1000, nrcpt=1 (queue active)`);
    const submitter = isUser
      ? ({ type: 'user', id: who } as const)
      : ({ type: 'client', id: GATEWAY } as const);
    const mail = { queueId: id, submitter, sender, client: { address } };
    const accepted = this.#event(time, { ...mail, kind: 'accepted', newRecipients: 1 });
    return [accepted, this.#attempt(time, what, mail, nth + 10 * n)];
  }

  #retry({ what: _, nth, times }: Step, time: number): MailEvent[] {
    const next = this.#open[nth % Math.max(1, this.#open.length)];
    if (next === undefined) return [];
    this.#open.splice(this.#open.indexOf(next), 1);
    const what = ['invalid', 'delivered', 'deferred'][times % 3] as string;
    return [this.#attempt(time, what, next.mail, next.nth)];
  }

  #attempt(time: number, what: string, mail: Partial<MailEvent>, nth: number): MailEvent {
    const host = `mx.p${nth % 3}.example`;
    const recipient = `r${nth}@p${nth % 3}.example`;
    const [status, reply] = OUTCOMES[what] as readonly [string, string];
    const text = what === 'delivered' ? reply : `host ${host}[192.0.2.99] ${reply}`;
    const dsn = { invalid: '5.1.1', deferred: '4.2.0', delivered: '2.0.0' }[what];
    this.#write(
      time,
      'smtp',
      `${mail.queueId}: to=<${recipient}>, relay=${host}[192.0.2.99]:25, delay=1, delays=0/0/0/1, dsn=${dsn}, status=${status} (${text})`,
    );
    const kind = { invalid: 'bounced', deferred: 'deferred', delivered: 'delivered' }[what];
    const found = this.#event(time, {
      ...{ ...mail, kind: kind as MailEvent['kind'], recipient, relay: { host } },
      ...(what === 'invalid' ? { reason: 'invalid-recipient' } : {}),
    });
    if (what === 'deferred') this.#open.push({ id: mail.queueId ?? '', mail, nth });
    else this.#write(time, 'qmgr', `${mail.queueId}: removed`);
    return found;
  }

  #write(time: number, daemon: string, text: string): void {
    const pid = 100 + this.#messages;
    this.lines.push(`${new Date(time).toISOString()} mx1 postfix/${daemon}[${pid}]: ${text}`);
  }

  /** The event of the line that was written last. */
  #event(time: number, parts: Partial<MailEvent>): MailEvent {
    return event(time - START, { ...parts, direction: 'outbound', line: this.lines.length });
  }
}

interface Play {
  readonly rules: readonly SimpleRule[];
  readonly steps: readonly Step[];
  /** with other limits at night, at weekends and for some; otherwise with those of the rules */
  readonly isAdjusted?: boolean;
}

const NIGHT = { from: 12 * 60 + 30, to: 14 * 60 + 10, factor: 0.5 };
/** of START, a Tuesday, and the day after */
const DAYS_OFF = { days: [2, 3] as const, factor: 0.7 };
const HOURS: Hours = { zone: '+01:00', night: NIGHT, weekend: DAYS_OFF };
const OVERRIDES = parseOverrideFile(
  `a@example.net 7 much mail\nb@example.net exempt\n@example.net 1000000\n${GATEWAY} 4/30m\n`,
  'table',
).value;

const OTHER_OVERRIDES = parseOverrideFile(
  `a@example.net 3\nb@example.net 5\n${GATEWAY} exempt\n`,
  'table',
).value;

/** The same by arithmetic, and minute by minute. */
const limitOf: LimitOf = (rule, { limit, period }, id, time) => {
  const isVolume = rule.count === 'recipients';
  const first = rule.limits[0]?.limit ?? 1;
  if (id === 'b@example.net' && (isVolume || rule.ratio === true)) return undefined;
  if (id === 'a@example.net' && isVolume) return Math.max(1, Math.round((7 * limit) / first));
  if (id === GATEWAY && isVolume && period === 30 * MINUTE) return 4;
  if (rule.count === 'invalid' && rule.ratio !== true) return limit;
  let largest = 0;
  for (let at = time - period + 1; at <= time; at = Math.max(at + 1, nextMinute(at)))
    largest = Math.max(largest, factorAt(at));
  largest = Math.max(largest, factorAt(time));
  return Math.max(1, Math.ceil(limit * largest - 1e-9));
};

function nextMinute(time: number): number {
  return MINUTE * Math.floor(time / MINUTE + 1);
}

function factorAt(time: number): number {
  const local = new Date(time + HOUR);
  const minute = 60 * local.getUTCHours() + local.getUTCMinutes();
  const night = minute >= NIGHT.from && minute < NIGHT.to ? NIGHT.factor : 1;
  const isOff = [2, 3].includes(local.getUTCDay());
  return Math.min(night, isOff ? DAYS_OFF.factor : 1);
}

/** Of the overrides, those that are for one of these rules: the others would be a mistake in the configuration. */
function adjustedConfig(rules: readonly SimpleRule[]): string {
  const loaded = rules.slice(0, 3).map((rule) => parseRule(ruleText(rule), 'test.yaml'));
  const table = OVERRIDES.filter((override) => findMisfit(override, loaded) === undefined);
  const entries = table.map(({ key, limit, period }) => ({
    [key.type]: key.id,
    ...(limit === 'exempt' ? { exempt: true } : { limit: limit.limit }),
    ...(period === undefined ? {} : { period: `${period / MINUTE}m` }),
  }));
  const hours = {
    zone: '+01:00',
    night: { from: '12:30', to: '14:10', factor: 0.5 },
    weekend: { days: ['tue', 'wed'], factor: 0.7 },
  };
  return `hours: ${JSON.stringify(hours)}\noverrides: ${JSON.stringify(entries)}\n`;
}

/** The fourth rule comes with a SIGHUP. */
function firstOf(rules: readonly SimpleRule[]): SimpleRule[] {
  return rules.map((rule, index) => (index < 3 ? rule : { ...rule, isOff: true }));
}

/** A SIGHUP turns the actions of every other rule around, or switches one on or off. */
function changed(rules: readonly SimpleRule[], { nth, times }: Step): SimpleRule[] {
  return rules.map((rule, index): SimpleRule => {
    if (nth < 5) return index === times - 1 ? { ...rule, isOff: rule.isOff !== true } : rule;
    if ((index + nth) % 2 === 1) return rule;
    return { ...rule, action: rule.action === 'block' ? 'observe' : 'block' };
  });
}

let databases = 0;

/** Plays it with the service and the brute force; returns the log and all verdicts. */
async function play({
  rules,
  steps,
  isAdjusted = false,
}: Play): Promise<{ log: Log; found: Found[] }> {
  const file = folder.at(`db${databases++}`);
  const service = new Service(file, firstOf(rules), isAdjusted);
  const brute = new BruteForce(firstOf(rules), isAdjusted ? limitOf : undefined);
  const log = new Log();
  const found: Found[] = [];
  for (const [index, step] of steps.entries()) {
    const time = service.now + step.gap * SECOND;
    service.now = step.gap < -60 ? time : Math.max(service.now, time);
    service.expire();
    brute.expire(service.now);
    if (step.what === 'release') {
      const id = service.release(step.nth);
      if (id !== undefined) brute.release(id, service.now);
    } else if (step.what === 'sighup') {
      brute.change(changed(brute.rules, step));
      service.kill(brute.rules);
    } else {
      const before = log.lines.length;
      const events = log.add(step, time);
      const lines = log.lines.slice(before);
      const cut = step.nth % (lines.length + 1);
      const kills = step.nth < 4 ? step.times % 3 : 0;
      const given = await service.read(lines.slice(0, cut), before + 1, kills === 1);
      if (kills === 2) service.kill();
      given.push(...(await service.read(lines.slice(cut), before + 1 + cut, kills === 1)));
      expect(given, `step ${index}`).toEqual(
        events.flatMap((each) => brute.feed(each, service.now)),
      );
      found.push(...given);
    }
  }
  service.close();
  return { log, found };
}

async function replay(log: Log, rules: readonly SimpleRule[], extra = ''): Promise<Found[]> {
  const name = `replay${databases}`;
  const file = folder.write(`${name}/mail.log`, log.lines.map((line) => `${line}\n`).join(''));
  for (const rule of rules.slice(0, 3))
    folder.write(`${name}/rules/${rule.name}.yaml`, ruleText(rule));
  const config = folder.write(
    `${name}/postern.yaml`,
    `mta: postfix\nlogs: [${file}]\nrules: ${folder.at(`${name}/rules`)}\ntrustedNetworks: [10.0.0.0/8]\n${extra}`,
  );
  let text = '';
  const stdout = (part: string) => {
    text += part;
  };
  await runReplay([file], { config, format: 'json' } as never, { stdout } as never);
  const { verdicts } = JSON.parse(text) as {
    verdicts: { rule: string; action: string; key: { id: string }; line: number; count: number }[];
  };
  return verdicts.map(({ rule, action, key, line, count }) => {
    return { rule, action, id: key.id, line, count } as Found;
  });
}

const COUNTS: readonly Partial<SimpleRule>[] = [
  { count: 'invalid' },
  { count: 'invalid', distinct: 'recipient' },
  { count: 'invalid', distinct: 'recipient', share: 8 },
  { count: 'invalid', share: 40 },
  { count: 'invalid', ratio: true, atLeast: 3 },
  { count: 'recipients' },
  { count: 'logins', distinct: 'client' },
];

const limits = fc.array(
  fc.record({
    limit: fc.integer({ min: 1, max: 12 }),
    period: fc.constantFrom(5 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR),
  }),
  { minLength: 1, maxLength: 2 },
);

function rulesOf(counts: readonly Partial<SimpleRule>[]): fc.Arbitrary<SimpleRule[]> {
  const parts = fc.record({
    parts: fc.constantFrom(...counts),
    limits,
    action: fc.constantFrom('block' as const, 'block' as const, 'observe' as const),
    lasts: fc.constantFrom(undefined, 2 * MINUTE, HOUR),
  });
  return fc.array(parts, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map(({ parts, limits, action, lasts }, index): SimpleRule => {
      const isSteep = parts.ratio === true;
      return {
        ...{ name: `r${index}`, count: 'invalid', action, ...parts },
        limits: limits.map((each) => ({ ...each, limit: each.limit * (isSteep ? 8 : 1) })),
        ...(lasts === undefined ? {} : { lasts }),
      };
    }),
  );
}

const USERS = ['a@example.net', 'b@example.net'] as const;
const MAIL = ['invalid', 'invalid', 'delivered', 'delivered', 'deferred', 'retry'] as const;
const OFTEN = [0, 1, 1, 30, 300, 1800, 3600, 3 * 3600] as const;

function stepsOf(
  who: fc.Arbitrary<string | number>,
  what: readonly string[],
  gaps: readonly number[],
): fc.Arbitrary<Step[]> {
  return fc.array(
    fc.record({
      gap: fc.constantFrom(...gaps),
      who,
      what: fc.constantFrom(...what),
      nth: fc.integer({ min: 0, max: 9 }),
      times: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 5, maxLength: 40 },
  );
}

/** Sound mail of people behind the gateway, so that one bad sender there stands out. */
const PEOPLE: readonly Step[] = [1, 2, 3, 4].map((who) => {
  return { gap: 1, who, what: 'delivered', nth: who, times: 3 };
});

/** With clocks that are set back, within the eight hours for which a recipient is open that was put off. */
function stepsSetBack(what: readonly string[], gaps: readonly number[]): fc.Arbitrary<Step[]> {
  return stepsOf(anybody, what, gaps)
    .filter((all) => all.reduce((sum, { gap }) => sum + Math.max(0, gap), 0) < 7.9 * 3600)
    .map((all) => [...PEOPLE, ...all]);
}

const anybody = fc.oneof(fc.constantFrom(...USERS), fc.integer({ min: 1, max: 6 }));

describe('the service, a replay and brute force agree', () => {
  test('users and gateways; kills, releases, expiries, changed rules; nights and overrides', async () => {
    const what = [...MAIL, ...MAIL, 'release', 'sighup'];
    const steps = stepsOf(anybody, what, [...OFTEN, -30]).map((all) => [...PEOPLE, ...all]);
    const plays = fc.record({ rules: rulesOf(COUNTS), steps, isAdjusted: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(plays, async (each) => {
        await play(each);
      }),
      OPTIONS,
    );
  }, 600_000);

  test('the same, and clocks that are set back', async () => {
    const what = [...MAIL, ...MAIL, 'release', 'sighup'];
    const steps = stepsSetBack(what, [...OFTEN, -30, -600, -3600, -7200]);
    const plays = fc.record({ rules: rulesOf(COUNTS), steps, isAdjusted: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(plays, async (each) => {
        await play(each);
      }),
      OPTIONS,
    );
  }, 600_000);

  test('with a table that is changed: the running service goes on as a new one would', async () => {
    const steps = stepsOf(anybody, MAIL, OFTEN).map((all) => [...PEOPLE, ...all]);
    const plays = fc.record({ rules: rulesOf(COUNTS), steps, change: fc.nat(30) });
    await fc.assert(
      fc.asyncProperty(plays, async ({ rules, steps, change }) => {
        const services = [0, 1].map(() => {
          return new Service(folder.at(`db${databases++}`), rules, true);
        });
        const log = new Log();
        for (const [index, step] of steps.entries()) {
          const before = log.lines.length;
          const found: Found[][] = [];
          const time = (services[0]?.now ?? 0) + step.gap * SECOND;
          log.add(step, time);
          for (const [which, service] of services.entries()) {
            service.now = time;
            service.expire();
            if (index === change) {
              service.table = new OverrideTable(OTHER_OVERRIDES);
              if (which === 1) service.kill();
            }
            found.push(await service.read(log.lines.slice(before), before + 1, false));
          }
          expect(found[1], `step ${index}`).toEqual(found[0]);
        }
        for (const service of services) service.close();
      }),
      OPTIONS,
    );
  }, 600_000);

  test('and replay, where no operator changes anything', async () => {
    const forward = fc.record({
      rules: rulesOf(COUNTS),
      steps: stepsOf(anybody, MAIL, OFTEN).map((all) => [...PEOPLE, ...all]),
      isAdjusted: fc.boolean(),
    });
    // The service ends blocks by its clock, a replay by the time of the log.
    const endless = rulesOf(COUNTS).map((all) => all.map(({ lasts: _, ...rule }) => rule));
    const setBack = fc.record({
      rules: endless,
      steps: stepsSetBack(MAIL, [...OFTEN, -600, -3600]),
      isAdjusted: fc.boolean(),
    });
    const plays = fc.oneof(forward, setBack);
    await fc.assert(
      fc.asyncProperty(plays, async (each) => {
        const { log, found } = await play(each);
        const expected = found.map(({ limit: _, ...rest }) => rest);
        const extra = each.isAdjusted ? adjustedConfig(each.rules) : '';
        expect(await replay(log, each.rules, extra)).toEqual(expected);
      }),
      OPTIONS,
    );
  }, 600_000);
});
