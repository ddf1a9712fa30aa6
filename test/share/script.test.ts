/**
 * The script against brute force: several hosts, events in any order, sent late and sent again, with releases and
 * restarts of the engine between them. The model shares no code with the script or the judge.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Row, SharedRule } from '../../src/share/batch.ts';
import { readAllKeys, readHosts } from '../../src/share/blocks.ts';
import { type Engine, PREFIX } from '../../src/share/engine.ts';
import { buildMember } from '../../src/share/member.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { ENGINE_PATIENCE, ENGINES, RedisServer } from '../support/redis.ts';

const HOSTS = ['mx1', 'mx2', 'mx3'];
const KEYS = ['user:alice', 'client:192.0.2.7'];
const SECOND = 1000;

interface Event {
  readonly host: string;
  readonly key: string;
  /** seconds after the beginning of the case */
  readonly at: number;
  readonly recipient: string;
}

type Action =
  | { readonly do: 'send'; readonly host: string; readonly events: readonly Event[] }
  | { readonly do: 'again'; readonly host: string; readonly from: number }
  | { readonly do: 'release'; readonly host: string; readonly key: string }
  | { readonly do: 'restart' };

/**
 * What one key came to, by the definition: LIM events (or values) in a window that ends with one of them. The new event
 * must be in it: after a release, what counts already gives no verdict by itself.
 */
class Model {
  readonly #rule: SharedRule;
  readonly #seen = new Set<string>();
  #counted: { time: number; value: string }[] = [];
  since = 0;
  blocked = false;
  blocks = 0;

  constructor(rule: SharedRule) {
    this.#rule = rule;
  }

  take(id: string, time: number, value: string): void {
    if (this.blocked || time <= this.since || this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#counted.push({ time, value });
    if (!this.#rule.limits.some(([limit, period]) => this.#isMet(limit, period, time))) return;
    this.blocked = true;
    this.blocks++;
  }

  release(time: number): void {
    this.since = time;
    this.blocked = false;
    this.#counted = this.#counted.filter((one) => one.time > time);
  }

  #isMet(limit: number, period: number, added: number): boolean {
    return this.#counted.some(({ time: end }) => {
      if (added > end || added <= end - period) return false;
      const inside = this.#counted.filter(({ time }) => time > end - period && time <= end);
      const values = new Set(inside.map(({ value }) => value));
      return (this.#rule.distinct ? values.size : inside.length) >= limit;
    });
  }
}

const event = fc.record({
  host: fc.constantFrom(...HOSTS),
  key: fc.constantFrom(...KEYS),
  at: fc.integer({ min: -60, max: 50 }),
  recipient: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      host: fc.constantFrom(...HOSTS),
      events: fc.array(event, { minLength: 1, maxLength: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('again' as const),
      host: fc.constantFrom(...HOSTS),
      from: fc.nat(30),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      host: fc.constantFrom(...HOSTS),
      key: fc.constantFrom(...KEYS),
    }),
  },
);
const rule = fc.record({
  name: fc.constant('many'),
  distinct: fc.boolean(),
  limits: fc.array(
    fc.tuple(
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 2, max: 40 }).map((seconds) => seconds * SECOND),
    ),
    { minLength: 1, maxLength: 2 },
  ),
});

describe.each(ENGINES)('the script in $name', (program) => {
  let folder: Folder;
  let server: RedisServer;
  let engines: Map<string, Engine>;

  beforeAll(async () => {
    folder = scratchFolder();
    server = new RedisServer(folder.path, program);
    await server.start(['--appendonly', 'yes', '--appendfsync', 'always']);
    engines = new Map(HOSTS.map((host) => [host, server.engine(host)]));
  }, ENGINE_PATIENCE);
  afterAll(async () => {
    for (const engine of engines.values()) engine.close();
    await server.stop();
    folder.remove();
  });

  async function runCase(rule: SharedRule, actions: readonly Action[]): Promise<void> {
    const first = engines.get('mx1') as Engine;
    await first.call(['FLUSHALL']);
    const base = Date.now();
    const rules = new Map([[rule.name, rule]]);
    const models = new Map(KEYS.map((key) => [key, new Model(rule)]));
    let releases = 0;
    const sent = new Map<string, Row[]>(HOSTS.map((host) => [host, []]));
    const send = async (host: string, rows: readonly Row[]) => {
      const upto = sent.get(host)?.length as number;
      await engines.get(host)?.send(rows, rules, { expected: 0, upto, about: {} });
    };
    for (const [number, one] of actions.entries()) {
      if (one.do === 'restart') {
        await server.stop();
        await server.start(['--appendonly', 'yes', '--appendfsync', 'always']);
        continue;
      }
      const rows = sent.get(one.host) as Row[];
      if (one.do === 'release') {
        const row: Row = { kind: 'release', key: one.key, time: Date.now() + 5 };
        await send(one.host, [row]);
        const told = await first.call(['HGET', `${PREFIX}${one.host}:released`, one.key]);
        const time = Number.parseInt(String(told), 10);
        const model = models.get(one.key) as Model;
        // Two within one ms are one.
        if (time > model.since) {
          releases++;
          model.release(time);
        }
        continue;
      }
      const batch = one.do === 'again' ? rows.slice(one.from) : one.events.map(buildRow);
      for (const row of batch) {
        if (row.kind !== 'count') continue;
        const value = rule.distinct ? row.member.slice(0, 8) : row.member;
        models.get(row.key)?.take(row.member, row.time, value);
      }
      if (one.do === 'send') rows.push(...batch);
      await send(one.host, batch);
      await compare(`after action ${number}`);

      function buildRow(event: Event, index: number): Row {
        const { host } = one as { host: string };
        const time = base + event.at * SECOND + index;
        const at = { host, source: 'mail.log', offset: rows.length + index, time };
        return {
          kind: 'count',
          rule: rule.name,
          key: event.key,
          time,
          member: buildMember(
            { ...at, recipient: event.recipient },
            rule.distinct ? event.recipient : undefined,
          ),
          duration: 0,
        };
      }
    }

    async function compare(when: string): Promise<void> {
      const states = await readAllKeys(first, await readHosts(first), Date.now());
      const blocked = states.filter(({ block }) => block !== undefined).map(({ key }) => key);
      const expected = KEYS.filter((key) => models.get(key)?.blocked === true);
      expect({ when, blocked: blocked.sort() }).toEqual({ when, blocked: expected.sort() });
    }

    // Each block and each release is in the streams once: none was given twice.
    let entries = 0;
    for (const host of HOSTS) {
      entries += Number(await first.call(['XLEN', `${PREFIX}${host}:stream`]));
    }
    const blocks = [...models.values()].reduce((sum, model) => sum + model.blocks, 0);
    expect(entries).toBe(blocks + releases);
  }

  it('gives each verdict, and gives it once', async () => {
    const cases = fc.asyncProperty(rule, fc.array(action, { maxLength: 30 }), runCase);
    await fc.assert(cases, { numRuns: process.env.POSTERN_TORTURE === 'long' ? 3000 : 300 });
  });

  it('continues after the engine was killed and started again', async () => {
    const actions = fc.array(
      fc.oneof(
        { weight: 20, arbitrary: action },
        { weight: 2, arbitrary: fc.constant({ do: 'restart' } as const) },
      ),
      { maxLength: 30 },
    );
    await fc.assert(fc.asyncProperty(rule, actions, runCase), { numRuns: 10 });
  });
});
