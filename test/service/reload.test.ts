/** A reload as mail servers and Prometheus see it: the policy service answers all the time, and counters go on. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRunning } from '../../src/daemon/instance.ts';
import { Store } from '../../src/store/store.ts';
import { exchange, requestText } from '../policy/client.ts';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { RULE } from '../support/rule.ts';
import { bounced } from './scratch.ts';

const ALICE = 'alice@example.net';
const HOLD = 'action=HOLD blocked by postern\n\n';
const DUNNO = 'action=DUNNO\n\n';

let postern: Postern;
const at = (name: string) => join(postern.path, name);

beforeEach(async () => {
  postern = setUpPostern(`mta: postfix
logs: [ mail.log ]
database: postern.db
rules: rules
targets: { postfix: { user: { file: sasl_access, type: texthash }, client: false, sender: false, uid: false, reload: [] } }
queue: { hold: false }
trustedNetworks: []
policy: { listen: "unix:POLICY" }
metrics: { listen: "unix:METRICS" }
`);
  mkdirSync(at('rules'));
  writeFileSync(at('rules/rule.yaml'), RULE);
  edit((text) => text.replace('POLICY', at('policy')).replace('METRICS', at('metrics')));
  const lines = Array.from({ length: 6 }, (_, n) => bounced(ALICE, `nobody${n}@example.org`));
  writeFileSync(at('mail.log'), `${lines.flat().join('\n')}\n`);
  await postern.start();
  await expect.poll(() => ask(ALICE), { timeout: 30_000 }).toBe(HOLD);
});
afterEach(() => postern.remove());

function edit(change: (text: string) => string): void {
  writeFileSync(at('postern.yaml'), change(readFileSync(at('postern.yaml'), 'utf8')));
}

const ask = (user: string, path = at('policy')) =>
  exchange({ path }, requestText({ sasl_username: user })).catch(String);
const starts = () => postern.log().split('"started"').length;

async function findProcess(): Promise<number> {
  const { stdout } = await postern.command('status', '--format', 'json');
  return JSON.parse(stdout).pid;
}

async function reload(): Promise<void> {
  const before = starts();
  process.kill(await findProcess(), 'SIGHUP');
  await until('the reload', () => starts() > before, { evidence: postern.log });
}

function scrape(): Promise<string> {
  return new Promise((resolve) => {
    request({ socketPath: at('metrics'), path: '/metrics', agent: false }, (response) => {
      let body = '';
      response.on('data', (text) => (body += text));
      response.on('end', () => resolve(body));
    })
      .on('error', () => resolve(''))
      .end();
  });
}
const figure = (text: string, name: string) =>
  text.split('\n').find((line) => line.startsWith(`${name} `));

describe('the policy service', () => {
  it('answers during a reload, with the blocks of before, and then with those of after', async () => {
    const answers: string[] = [];
    let isReloading = true;
    const asking = (async () => {
      while (isReloading) answers.push(await ask(ALICE));
    })();
    for (const name of ['bob', 'carol'])
      expect(
        (await postern.command('allow', `${name}@example.net`, '--why', 'a test')).status,
      ).toBe(0);
    await until('the reload', () => starts() > 2, { evidence: postern.log });
    await reload();
    isReloading = false;
    await asking;
    expect(answers.length).toBeGreaterThan(10);
    expect(new Set(answers)).toEqual(new Set([HOLD]));
    await postern.command('unblock', ALICE);
    await expect.poll(() => ask(ALICE), { timeout: 30_000 }).toBe(DUNNO);
  });

  it('keeps open connections', async () => {
    const socket = connect(at('policy')).setEncoding('latin1');
    let said = '';
    socket.on('data', (text) => (said += text));
    const hear = async (answer: string) => {
      socket.write(requestText({ sasl_username: ALICE }));
      await until('an answer', () => said.endsWith(answer));
      said = '';
    };
    await hear(HOLD);
    await reload();
    await hear(HOLD);
    await postern.command('unblock', ALICE);
    await expect.poll(() => ask(ALICE), { timeout: 30_000 }).toBe(DUNNO);
    await hear(DUNNO);
    socket.destroy();
  });

  it('moves when the configuration says so, and ends when it says nothing', async () => {
    edit((text) => text.replace(at('policy'), at('other')));
    await reload();
    await expect.poll(() => ask(ALICE, at('other')), { timeout: 30_000 }).toBe(HOLD);
    expect(await ask(ALICE)).toContain('ENOENT');
    edit((text) => text.replace(/^policy: .*\n/m, ''));
    await reload();
    await expect.poll(() => ask(ALICE, at('other')), { timeout: 30_000 }).toContain('ENOENT');
    edit((text) => `${text}policy: { listen: "unix:${at('policy')}" }\n`);
    await reload();
    await expect.poll(() => ask(ALICE), { timeout: 30_000 }).toBe(HOLD);
    await postern.stop();
    expect(await ask(ALICE)).toContain('ENOENT');
  });
});

it('counters go on, and so does the time of the start', async () => {
  const names = [
    'postern_log_lines_total{result="read"}',
    'postern_events_total{kind="bounced"}',
    'postern_verdicts_total{rule="invalid-recipients",outcome="blocked"}',
    'postern_blocks_started_total{cause="invalid-recipients"}',
    'process_start_time_seconds',
  ];
  const read = async () => {
    const text = await scrape();
    return names.map((name) => figure(text, name));
  };
  await expect.poll(read, { timeout: 30_000 }).not.toContain(undefined);
  const before = await read();
  await reload();
  await expect.poll(read, { timeout: 30_000 }).toEqual(before);
  writeFileSync(at('mail.log'), `${bounced('bob@example.net', 'x@example.org').join('\n')}\n`, {
    flag: 'a',
  });
  await expect
    .poll(async () => figure(await scrape(), 'postern_events_total{kind="bounced"}'), {
      timeout: 30_000,
    })
    .toMatch(/ 7$/);
});

it('status knows the process all the time, and not in a database that it has left', async () => {
  const running = () => {
    const store = new Store(at('postern.db'));
    try {
      return findRunning(store)?.pid;
    } finally {
      store.close();
    }
  };
  const pid = await findProcess();
  const before = starts();
  process.kill(pid, 'SIGHUP');
  const seen = new Set<number | undefined>();
  await until('the reload', async () => {
    seen.add(running());
    return starts() > before;
  });
  expect([...seen]).toEqual([pid]);
  edit((text) => text.replace('postern.db', 'other.db'));
  process.kill(pid, 'SIGHUP');
  await until('the other database', () => starts() > before + 1, { evidence: postern.log });
  expect(running()).toBeUndefined();
  expect(await findProcess()).toBe(pid);
  await postern.stop();
  expect(await findProcess()).toBeUndefined();
});
