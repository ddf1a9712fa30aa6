/**
 * What a judge remembers is not stored: it is rebuilt from events, verdicts and blocks. The pipeline of the service over a
 * real database, restarted at random times, decides like one that never ended: with people behind a gateway, lines that
 * come late, verdicts that are too old, capped, or about somebody who is allowed, blocks by hand, and escalation.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { EndedBlocks } from '../../src/daemon/ended-blocks.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { RunningBlocks } from '../../src/daemon/running-blocks.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { BlockableType } from '../../src/model/block.ts';
import type { MailEvent, Submitter } from '../../src/model/event.ts';
import { Blocklist } from '../../src/policy/blocklist.ts';
import { Store } from '../../src/store/store.ts';
import { event, START } from '../judge/event.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';

const RUNS = process.env.POSTERN_TORTURE === 'long' ? 20_000 : 100;

const GATEWAY: Submitter = { type: 'client', id: '192.0.2.80' };
const ALLOWED = 'allowed@example.net';

type Fields = Readonly<Record<string, unknown>>;

function buildRules(all: readonly Fields[]): Rule[] {
  return all.map((fields, index) =>
    parseRule(JSON.stringify({ name: `r${index}`, per: 'submitter', ...fields }), 'test.yaml'),
  );
}

/** The service without its logs; `restart` discards everything that is not in the database. */
class Service {
  now = START;
  readonly store = new Store(':memory:');
  #rules: readonly Rule[];
  #running!: RunningBlocks;
  #pipeline!: Pipeline;
  readonly #clock = { now: () => this.now };
  readonly #blocksPerHour: number;

  constructor(rules: readonly Rule[], blocksPerHour = 1000) {
    this.#rules = rules;
    this.#blocksPerHour = blocksPerHour;
    this.restart();
  }

  restart(rules = this.#rules): void {
    const { store } = this;
    this.#rules = rules;
    const judge = rebuildAtOnce(store, rules, this.now);
    this.#running = new RunningBlocks(store, judge, new Blocklist({}));
    this.#running.sync();
    const allow = makeAllowList({ users: [ALLOWED] });
    this.#pipeline = new Pipeline({
      ...{ store, judge, log: silentLog, clock: this.#clock },
      policy: { mode: 'enforce', allow, blocksPerHour: this.#blocksPerHour },
      interpreter: { mta: 'postfix' },
    });
  }

  async feed(...events: readonly MailEvent[]): Promise<string[]> {
    const committed = await this.#pipeline.add(events);
    this.#running.sync();
    return (committed?.decisions ?? []).map(({ verdict, outcome }) => {
      const { rule, key, at, line, count, duration } = verdict;
      const where = at === undefined ? '' : ` at ${at.id}`;
      return `${line} ${rule} ${key.id}${where} ${count} ${duration} ${outcome}`;
    });
  }

  /** Ends blocks whose time is over. */
  expire(): void {
    new EndedBlocks({ store: this.store, clock: this.#clock, log: silentLog }).expire();
    this.#running.sync();
  }

  block(type: BlockableType, id: string, minutes?: number): void {
    const end = minutes === undefined ? {} : { end: this.now + minutes * MINUTE };
    this.store.blocks.start({ key: { type, id }, cause: 'manual', start: this.now, ...end });
    this.#running.sync();
  }

  /** An operator ends the nth running block, if there are any. */
  unblock(nth: number): void {
    const { blocks, events } = this.store;
    const running = blocks.allRunning();
    const block = running[nth % Math.max(1, running.length)];
    if (block !== undefined) blocks.release(block.id, this.now, 'operator', events.newest());
    this.#running.sync();
  }
}

type Step =
  | {
      readonly do: 'mail';
      /** a user, or the number of somebody behind the gateway */
      readonly who: string | number;
      readonly bad: boolean;
      /** minutes */
      readonly late: number;
      readonly times: number;
      /** the mail of the next step is in the same batch */
      readonly joins: boolean;
    }
  | { readonly do: 'wait'; readonly minutes: number }
  | { readonly do: 'block'; readonly who: string; readonly minutes: number | undefined }
  | { readonly do: 'unblock'; readonly nth: number }
  | { readonly do: 'restart' }
  | { readonly do: 'change'; readonly which: number };

const USERS = ['a@example.net', 'b@example.net', ALLOWED] as const;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('mail' as const),
      who: fc.oneof(fc.constantFrom(...USERS), fc.integer({ min: 1, max: 6 })),
      bad: fc.constantFrom(true, true, false),
      late: fc.constantFrom(0, 0, 0, 0, 0, 5, 40, 40, 100),
      times: fc.integer({ min: 1, max: 4 }),
      joins: fc.constantFrom(true, false, false),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      minutes: fc.constantFrom(1, 7, 25, 61, 61, 300, 2000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('block' as const),
      who: fc.constantFrom(...USERS),
      minutes: fc.constantFrom(undefined, 20, 90),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unblock' as const), nth: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'restart' as const }) },
);
const steps = fc.array(step, { minLength: 5, maxLength: 60 });

const COUNTS: readonly Fields[] = [
  { count: 'invalid' },
  { count: 'invalid', distinct: 'recipient' },
  { count: 'invalid', 'at-least-share': '40%' },
];
const ACTIONS: readonly Fields[] = [
  { action: 'observe' },
  { action: 'block' },
  { action: 'block', for: '30m' },
  { action: 'block', for: '30m', escalation: ['2h', 'until-released'] },
];

const rules = fc.array(
  fc
    .record({
      count: fc.constantFrom(...COUNTS),
      act: fc.constantFrom(...ACTIONS),
      fresh: fc.constantFrom({ fresh: '20m' }, {}),
      limits: fc.array(
        fc.record({
          limit: fc.integer({ min: 1, max: 7 }),
          period: fc.constantFrom('5m', '30m', '1h', '3h'),
        }),
        { minLength: 1, maxLength: 2 },
      ),
    })
    .map(({ count, act, fresh, limits }): Fields => ({ ...count, ...act, ...fresh, limits })),
  { minLength: 1, maxLength: 4 },
);

/** Sound mail of people behind the gateway, so that one bad sender there stands out. */
const PEOPLE: readonly Step[] = [1, 2, 3, 4].map((who) => {
  return { do: 'mail', who, bad: false, late: 0, times: 3, joins: false };
});

let serial = 0;

function buildEvents({ who, bad, late, times }: Step & { do: 'mail' }, now: number): MailEvent[] {
  const isUser = typeof who === 'string';
  const submitter = isUser ? ({ type: 'user', id: who } as const) : GATEWAY;
  const sender = isUser ? who : `p${who}@example.net`;
  return Array.from({ length: times }, (_, n) => {
    const line = ++serial;
    return event(now - START - late * MINUTE, {
      ...({ line, offset: line, submitter, sender, direction: 'outbound' } as const),
      ...{ queueId: `Q${line}`, recipient: `r${line % 5}${n}@example.org` },
      ...(isUser ? {} : { client: { address: GATEWAY.id } }),
      ...(bad ? { reason: 'invalid-recipient' as const } : { kind: 'delivered' as const }),
    });
  });
}

async function run(rules: readonly Rule[], steps: readonly Step[], restarts: boolean) {
  serial = 0;
  const service = new Service(rules, 3);
  const found: string[] = [];
  let batch: MailEvent[] = [];
  for (const step of steps) {
    service.now += step.do === 'wait' ? step.minutes * MINUTE : SECOND;
    if (step.do === 'mail') {
      batch.push(...buildEvents(step, service.now));
      if (step.joins) continue;
    }
    service.expire();
    found.push(...(await service.feed(...batch)));
    batch = [];
    if (step.do === 'block') service.block('user', step.who, step.minutes);
    else if (step.do === 'unblock') service.unblock(step.nth);
    else if (step.do === 'restart' && restarts) service.restart();
  }
  service.store.close();
  return found;
}

describe('a restart', () => {
  test('changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(rules, steps, async (fields, some) => {
        const all = [...PEOPLE, ...some];
        const rules = buildRules(fields);
        expect(await run(rules, all, true)).toEqual(await run(rules, all, false));
      }),
      { numRuns: RUNS },
    );
  }, 600_000);
});
