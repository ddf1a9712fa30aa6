/** Figures for Prometheus, over the running service and milter; the alert rules and the dashboard that use them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { silentLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ServiceMetrics } from '../../src/daemon/metrics.ts';
import { listMilterFamilies } from '../../src/daemon/milter/metrics.ts';
import { MilterService } from '../../src/daemon/milter/service.ts';
import { MetricsServer } from '../../src/metrics/server.ts';
import { createCounters } from '../../src/milter/counters.ts';
import { bounced, type Scratch, scratch } from './scratch.ts';

const GRAFANA = join(import.meta.dirname, '../../docs/grafana');
/** Prometheus' own checker, if it is here. */
const PROMTOOL = process.env.PROMTOOL ?? 'promtool';
const hasPromtool = spawnSync(PROMTOOL, ['--version']).status === 0;
const patience = { timeout: 30_000 };

let at: Scratch | undefined;
afterEach(() => at?.remove());

function get(socketPath: string, path = '/metrics', method = 'GET'): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path, method, agent: false }, (response) => {
      let body = '';
      response.on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, body]));
    })
      .on('error', reject)
      .end();
  });
}

/** What promtool has to say about figures; nothing without it. */
function lint(text: string): string {
  if (!hasPromtool) return '';
  const { stdout, stderr } = spawnSync(PROMTOOL, ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  });
  return stdout + stderr;
}

it('of the service: what was read, met and blocked, never an address', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-metrics-'));
  const socket = join(folder, 'metrics');
  at = scratch({ extra: `metrics: { listen: 'unix:${socket}' }` });
  for (let count = 0; count < 5; count++)
    at.write(...bounced('alice@example.net', `nobody${count}@example.org`));
  at.write('Nov 10 09:00:00 mx1 postfix/smtpd[1]: something that nobody knows');
  at.start();
  const figures = async () => (await get(socket).catch(() => [0, '']))[1];
  await expect
    .poll(figures, patience)
    .toMatch(/^postern_blocks_started_total\{cause="invalid-recipients"\} 1$/m);
  const text = (await figures()) as string;
  expect(text).toMatch(
    /^postern_verdicts_total\{rule="invalid-recipients",outcome="blocked"\} 1$/m,
  );
  expect(text).toMatch(/^postern_refusals_total\{reason="invalid-recipient"\} 5$/m);
  expect(text).toMatch(/^postern_log_lines_total\{result="unread"\} 1$/m);
  expect(text).toMatch(/^postern_blocks\{type="user"\} 1$/m);
  expect(text).toMatch(/^postern_log_readable\{log="[^"]+mail\.log"\} 1$/m);
  expect(text).not.toMatch(/alice|nobody|example/);
  expect(lint(text)).toBe('');
  expect(await get(socket, '/')).toEqual([404, 'GET /metrics\n']);
  expect((await get(socket, '/metrics', 'POST'))[0]).toBe(405);
  rmSync(folder, { recursive: true });
});

it('are made once a second, however often they are asked for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-metrics-'));
  const path = join(folder, 'metrics');
  let reads = 0;
  const read = () => [{ value: ++reads }];
  const ending = new AbortController();
  const server = new MetricsServer({
    ...{ listen: { kind: 'unix', path }, setting: 'metrics', log: silentLog },
    families: [{ name: 'reads', help: 'How often.', type: 'gauge', read }],
  });
  const running = server.run(ending.signal);
  const status = async () => (await get(path).catch(() => [0]))[0];
  await expect.poll(status, patience).toBe(200);
  reads = 0;
  const began = performance.now();
  for (let count = 0; count < 40; count++) await get(path);
  expect(reads).toBeLessThanOrEqual(1 + (performance.now() - began) / 1000);
  ending.abort();
  await running;
  rmSync(folder, { recursive: true });
});

it('of the milter', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-metrics-'));
  const yaml = `milter:\n  listen: unix:${folder}/milter\n  state: state.json\n  metrics: { listen: 'unix:${folder}/metrics' }\n`;
  const config = parseConfig(yaml, join(folder, 'postern.yaml')).milter;
  if (config === undefined) throw new Error('no milter');
  const service = new MilterService({ config, clock: systemClock, log: silentLog, version: '0' });
  const ending = new AbortController();
  const done = service.run(ending.signal);
  const figures = async () => (await get(`${folder}/metrics`).catch(() => [0, '']))[1];
  await expect.poll(figures, patience).toMatch(/^postern_milter_sessions_total 0$/m);
  expect(lint((await figures()) as string)).toBe('');
  ending.abort();
  await done;
  rmSync(folder, { recursive: true });
});

it.each(['inet:0.0.0.0:9797', 'inet:192.0.2.1:9797', '9797'])('is not served at %s', (listen) => {
  expect(() => parseConfig(`metrics: { listen: '${listen}' }`, '/etc/p.yaml')).toThrow(
    'metrics.listen: expected unix:PATH with an absolute path, or inet:127.0.0.1:PORT',
  );
});

/** Every name that there is. */
function listNames(): string[] {
  const service = new ServiceMetrics(0).list({} as never);
  const milter = listMilterFamilies({
    started: 0,
    counters: createCounters,
    figures: () => ({}),
    problems: () => 0,
  });
  return [...service, ...milter].map(({ name }) => name);
}

const used = (text: string) =>
  [...text.matchAll(/\b(?:postern|process)_[a-z_]+\b/g)].map(([name]) => name);

it('has names by the conventions', () => {
  for (const name of listNames()) expect(name).toMatch(/^(?:postern|process)_[a-z_]+[a-z]$/);
  const service = new ServiceMetrics(0).list({} as never);
  for (const { name, type } of service) expect(name.endsWith('_total')).toBe(type === 'counter');
});

it('all of them are in docs/monitoring.md', () => {
  const page = readFileSync(join(GRAFANA, '../monitoring.md'), 'utf8');
  expect(listNames().filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

describe('docs/grafana/alerts.yaml', () => {
  const file = join(GRAFANA, 'alerts.yaml');
  const { groups } = parse(readFileSync(file, 'utf8'));
  const rules = groups.flatMap((group: { rules: object[] }) => group.rules);

  it('names figures that there are', () => {
    const names = listNames();
    for (const { expr } of rules)
      expect(used(expr).filter((name) => !names.includes(name))).toEqual([]);
  });

  it('has a name, a severity and a summary in each rule', () => {
    for (const rule of rules)
      expect(rule).toMatchObject({
        alert: expect.stringMatching(/^Postern[A-Z]/),
        labels: { severity: expect.stringMatching(/^(?:critical|warning|info)$/) },
        annotations: { summary: expect.any(String) },
      });
  });

  it.runIf(hasPromtool)('is right, says promtool', () => {
    const { status, stdout } = spawnSync(PROMTOOL, ['check', 'rules', file], { encoding: 'utf8' });
    expect({ status, stdout }).toMatchObject({ status: 0 });
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
  });
});

describe('docs/grafana/postern.json', () => {
  interface Panel {
    readonly id: number;
    readonly title: string;
    readonly type: string;
    readonly gridPos: { x: number; y: number; w: number; h: number };
    readonly datasource: { type: string; uid: string };
    readonly targets: { refId: string; expr: string }[];
  }
  const text = readFileSync(join(GRAFANA, 'postern.json'), 'utf8');
  const dashboard = JSON.parse(text) as { schemaVersion: number; panels: Panel[] };
  const { panels } = dashboard;

  it('has the parts of a dashboard', () => {
    expect(dashboard).toMatchObject({
      uid: 'postern',
      title: 'Postern',
      schemaVersion: expect.any(Number),
      time: { from: 'now-24h', to: 'now' },
      templating: { list: [{ type: 'datasource' }, { name: 'instance', type: 'query' }] },
    });
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, gridPos, datasource, targets } of panels) {
      expect(['stat', 'timeseries']).toContain(type);
      expect(datasource.type).toBe('prometheus');
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  it('has panels that do not overlap', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('names figures that there are, and rates of counters only', () => {
    const names = listNames();
    const all = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    for (const expr of all) {
      expect(used(expr).filter((name) => !names.includes(name))).toEqual([]);
      for (const [, name = ''] of expr.matchAll(/(?:rate|increase)\((\w+)/g))
        expect(name).toMatch(/_total$/);
    }
  });

  it.runIf(hasPromtool)('has expressions that Prometheus can read', () => {
    const all = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const rules = all.map((expr, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    const file = join(mkdtempSync(join(tmpdir(), 'postern-rules-')), 'rules.yaml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    const { status, stderr } = spawnSync(PROMTOOL, ['check', 'rules', file], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    rmSync(join(file, '..'), { recursive: true });
  });
});
