/** The life of the process: a number that belongs to another now, two at once, SIGHUP with right and wrong rules. */
import { afterEach, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
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
    const dead = store.state.read('daemon') as object;
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
  await until('the complaint', () => log().includes('going on with the old one'), {
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
