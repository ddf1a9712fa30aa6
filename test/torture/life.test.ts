/**
 * The life of the process: a process ID that belongs to another process now, two services at once, SIGHUP with right and
 * wrong rules and configurations.
 */
import { afterEach, expect, it } from 'vitest';
import { openDatabase } from '../../src/store/database.ts';
import type { ServiceProcess } from '../../src/store/saved-state.ts';
import { until } from '../support/folder.ts';
import { startNextHop } from '../support/next-hop.ts';
import { RULE } from '../support/rule.ts';
import { bounceLines } from './bench.ts';
import { type Installation, install } from './process.ts';

const open: Installation[] = [];

afterEach(async () => {
  for (const place of open.splice(0)) await place.remove();
});

async function running(): Promise<Installation> {
  const place = install();
  open.push(place);
  place.folder.write('mail.log', '');
  place.start();
  await place.started();
  return place;
}

function bounces(user: string, count: number): string {
  const lines = Array.from({ length: count }, () => bounceLines(user, new Date().toISOString()));
  return lines
    .flat()
    .map((line) => `${line}\n`)
    .join('');
}

const stored = (place: Installation, count: number) =>
  until(
    `${count} bounces`,
    () => place.withStore((s) => [...s.events.query({ kinds: ['bounced'] })].length === count),
    { timeout: 30_000, evidence: place.log },
  );

it('starts after a kill although another process has the number by now, and not beside a living one', async () => {
  const place = await running();
  await place.kill();
  // This very test process: it lives, and it is not the one that was killed.
  place.withStore((store) => {
    const dead = store.state.read('daemon') as ServiceProcess;
    store.state.write('daemon', { ...dead, pid: process.pid });
  });
  expect((await place.command('status')).stdout).toContain('NOT running');
  place.start();
  await place.started();
  const second = await place.command('run');
  expect(second).toMatchObject({ status: 1 });
  expect(second.stderr).toContain(
    `postern already runs with this database, as process ${place.pid}`,
  );
  expect(await place.stop()).toBe(0);
});

it('goes on with the old rules after a SIGHUP when the new ones are wrong, and takes right ones over', async () => {
  const place = await running();
  const { folder, log } = place;
  const hangUp = () => process.kill(place.pid as number, 'SIGHUP');
  folder.write('mail.log', bounces('alice@example.net', 3));
  await stored(place, 3);
  folder.write('rules/rule.yaml', RULE.replace('limit: 5', 'limit: many'));
  hangUp();
  await until('the complaint', () => log().includes('the old one stays in use'), {
    timeout: 30_000,
    evidence: log,
  });
  expect(place.isRunning).toBe(true);
  // A limit that three bounces have met already: the next one blocks.
  folder.write('rules/rule.yaml', RULE.replace('limit: 5', 'limit: 2'));
  const starts = () => log().split('"started"').length;
  const before = starts();
  hangUp();
  await until('the reload', () => starts() > before, { timeout: 30_000, evidence: log });
  folder.write('mail.log', folder.read('mail.log') + bounces('alice@example.net', 1));
  const listed = () => folder.read('maps/sasl_access').includes('alice@example.net\t');
  await until('the block', listed, { timeout: 30_000, evidence: log });
  expect(await place.stop()).toBe(0);
});

it('is not held up by a next hop that hangs', async () => {
  const hop = await startNextHop((asked) => (asked === 'connect' ? 'hang' : undefined));
  try {
    const place = install({ route: `smtp: { port: ${hop.port} }` });
    open.push(place);
    const { folder, log } = place;
    folder.write('mail.log', bounces('alice@example.net', 5));
    const asked = hop.asked('connect');
    place.start();
    await place.started();
    await asked;
    const starts = () => log().split('"started"').length;
    const before = starts();
    process.kill(place.pid as number, 'SIGHUP');
    // It would wait for 30 s.
    await until('the reload', () => starts() > before, { evidence: log });
    expect(await place.stop()).toBe(0);
    expect(place.withStore((store) => store.outbox.unsent())).toMatchObject([{ unclear: true }]);
  } finally {
    await hop.close();
  }
});

const NEWER = 'maps/newer.db';

it.each<[string, string, RegExp, boolean]>([
  [
    'puts the database where there is no folder',
    'database: gone/p.db',
    /gone does not exist/,
    false,
  ],
  [
    'puts a space before the text of a map',
    'targets: { postfix: { user: { text: " blocked" } } }',
    /not a space first/,
    false,
  ],
  ['names a database of a newer version', `database: ${NEWER}`, /install the newer/, true],
])('goes on with the old configuration after a SIGHUP when the new one %s', async (...row) => {
  const [, wrong, complaint, again] = row;
  const place = await running();
  const { folder, log } = place;
  const newer = openDatabase(folder.at(NEWER));
  newer.pragma('user_version = 999');
  newer.close();
  const right = folder.read('postern.yaml');
  folder.write('postern.yaml', `${wrong}\nlogs: [ mail.log ]\nrules: rules\n`);
  const starts = () => log().split('"started"').length;
  const before = starts();
  process.kill(place.pid as number, 'SIGHUP');
  await until('the complaint', () => complaint.test(log()), { timeout: 30_000, evidence: log });
  expect(log()).toContain('the old one stays in use');
  if (again) await until('the old one', () => starts() > before, { evidence: log });
  folder.write('mail.log', bounces('alice@example.net', 5));
  await stored(place, 5);
  expect(starts() - before).toBe(again ? 1 : 0);
  folder.write('postern.yaml', right);
  const then = starts();
  process.kill(place.pid as number, 'SIGHUP');
  await until('the reload', () => starts() > then, { timeout: 30_000, evidence: log });
  expect(await place.stop()).toBe(0);
});
