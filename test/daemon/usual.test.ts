/**
 * Rules with `usual` on real log lines of several weeks: the pipeline of the service with restarts anywhere finds what a
 * replay finds, and what it has found is shown with the past beside the present.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firstDay } from '../../bench/detection/acts.ts';
import { render } from '../../bench/detection/render.ts';
import { HABITS } from '../../bench/detection/stories/habits.ts';
import { listStories, type Story } from '../../bench/detection/story.ts';
import { silentLog } from '../../src/base/log.ts';
import { main } from '../../src/cli/commands.ts';
import { runReplay } from '../../src/cli/replay.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { loadRules, type Rule } from '../../src/judge/rule.ts';
import { Lines } from '../../src/model/lines.ts';
import { pastToJson } from '../../src/report/past.ts';
import { Store } from '../../src/store/store.ts';
import { scratchFolder } from '../support/folder.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';

const folder = scratchFolder();
afterAll(folder.remove);

const ROOT = resolve(import.meta.dirname, '../..');
const RULES = loadRules(join(ROOT, 'rules')).filter(({ usual }) => usual !== undefined);
const STORIES = listStories([{ name: 'habits', innocent: HABITS, guilty: [] }]);
const STEP = 151;

function linesOf(name: string): string[] {
  const story = STORIES.find((one) => one.name === name) as Story;
  return render(story, firstDay(0)).files.join('').split('\n').slice(0, -1);
}

interface Shown {
  readonly rule: string;
  readonly id: string;
  readonly line: number;
  readonly count: number;
  readonly past: unknown;
}

/** A service over a database that outlives it. */
class Service {
  now = 0;
  readonly file: string;
  #store: Store;
  #pipeline!: Pipeline;

  constructor(file: string, rules: readonly Rule[]) {
    this.file = file;
    this.#store = new Store(file);
    this.start(rules);
  }

  start(rules: readonly Rule[]): void {
    this.#store.close();
    this.#store = new Store(this.file);
    const store = this.#store;
    this.#pipeline = new Pipeline({
      ...{ store, judge: rebuildAtOnce(store, rules, this.now) },
      ...{ log: silentLog, clock: { now: () => this.now } },
      policy: { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 10 },
      interpreter: { mta: 'postfix', zone: '+00:00' },
    });
  }

  async read(lines: readonly string[], first: number): Promise<Shown[]> {
    this.now = Date.parse((lines.at(-1) as string).slice(0, 32));
    this.#pipeline.take({
      path: 'mail.log',
      lines: new Lines(
        lines.map((bytes, index) => {
          return { source: 'mail.log', line: first + index, offset: 200 * (first + index), bytes };
        }),
      ),
      position: { path: 'mail.log', inode: '1', offset: 0, line: first, before: [] },
    });
    const committed = await this.#pipeline.commit();
    return (committed?.decisions ?? []).map(({ verdict: { rule, key, line, count, past } }) => {
      return { rule, id: key.id, line, count, past: past && pastToJson(past) };
    });
  }

  close(): void {
    this.#store.close();
  }
}

/** Reads all lines; `before` each part of them, something can happen. */
async function readAll(
  service: Service,
  lines: readonly string[],
  before: (part: number) => void,
): Promise<Shown[]> {
  const found: Shown[] = [];
  for (let at = 0; at < lines.length; at += STEP) {
    before(at / STEP);
    found.push(...(await service.read(lines.slice(at, at + STEP), at + 1)));
  }
  return found;
}

async function replay(lines: readonly string[]): Promise<Shown[]> {
  const file = folder.write('replay/mail.log', `${lines.join('\n')}\n`);
  const out: string[] = [];
  const io = { stdout: (part: string) => void out.push(part), stderr: () => undefined };
  await runReplay([file], { rules: join(ROOT, 'rules'), zone: 'UTC', format: 'json' }, io);
  const { verdicts } = JSON.parse(out.join('')) as {
    verdicts: (Shown & { readonly key: { readonly id: string } })[];
  };
  return verdicts.map(({ rule, key, line, count, past }) => {
    return { rule, id: key.id, line, count, past };
  });
}

describe('rules with usual in the service', () => {
  test.each(['good-list', 'forgotten-account'])(
    'find in %s what a replay finds, however often it starts again',
    async (name) => {
      const lines = linesOf(name);
      const expected = await replay(lines);
      expect(expected.length).toBeGreaterThan(0);
      for (const every of [2, 9]) {
        const service = new Service(folder.at(`${name}-${every}.db`), RULES);
        const found = await readAll(service, lines, (part) => {
          if (part % every === every - 1) service.start(RULES);
        });
        service.close();
        expect(found).toEqual(expected);
      }
    },
  );

  test('keep the past when other numbers or exceptions are in force after a SIGHUP', async () => {
    const lines = linesOf('good-list');
    const lenient = RULES.map((rule) => ({
      ...rule,
      except: { ...rule.except, users: ['somebody@else.example'] },
      limits: rule.limits.map((limit) => ({ ...limit, limit: limit.limit * 2 })),
    }));
    const service = new Service(folder.at('sighup.db'), lenient);
    const parts = Math.floor(lines.length / STEP);
    const found = await readAll(service, lines, (part) => {
      if (part === Math.floor(parts / 4)) service.start(RULES);
    });
    service.close();
    expect(found).toEqual(await replay(lines));
  });

  test('begin anew when they count something else', async () => {
    const lines = linesOf('good-list');
    const others = RULES.map((rule) => ({ ...rule, per: 'client' as const }));
    const service = new Service(folder.at('anew.db'), others);
    await readAll(service, lines, () => {});
    service.start(RULES);
    const again = await service.read(lines.slice(-STEP), lines.length);
    expect(again.every(({ past }) => past !== undefined)).toBe(true);
    service.close();
  });
});

describe('what they have found', () => {
  const USER = 'praxis@hautarzt.example';

  async function run(...argv: string[]): Promise<string> {
    const out: string[] = [];
    const print = (part: string) => void out.push(part);
    const io = { stdout: print, stderr: print };
    await main([...argv, '--config', folder.at('shown.yaml')], io);
    return out
      .join('')
      .replaceAll(/[^\S\n]+/g, ' ')
      .replaceAll(/\n +/g, ' ');
  }

  test('is shown beside the past by explain and report', async () => {
    const service = new Service(folder.at('shown.db'), RULES);
    await readAll(service, linesOf('good-list'), () => {});
    service.close();
    writeFileSync(
      folder.at('shown.yaml'),
      JSON.stringify({
        ...{ mta: 'postfix', logs: [folder.at('mail.log')], database: folder.at('shown.db') },
        rules: join(ROOT, 'rules'),
      }),
    );
    const explained = await run('explain', USER, '--utc');
    expect(explained).toContain(
      'Usual: busiest day of the 35 days before: 6, on 2023-01-13; known since 2023-01-02',
    );
    const period = ['--since', '2023-01-15', '--until', '2023-01-16'];
    const report = await run('report', '--utc', ...period);
    expect(report).toContain('Unlike their own past (usual)');
    expect(report).toContain(
      `${USER} usual-volume 301 1d 2023-01-15 22:22Z 6 2023-01-13 2023-01-02`,
    );
    const { verdicts } = JSON.parse(await run('report', '--format', 'json', ...period));
    expect(verdicts).toContainEqual(
      expect.objectContaining({
        rule: 'usual-volume',
        past: expect.objectContaining({ busiest: 6, busiestDay: '2023-01-13T00:00:00.000Z' }),
      }),
    );
  });
});
