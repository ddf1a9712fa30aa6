/** The job of recipients over reloads: what it shares with the one before, and what happens if it cannot work. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/time.ts';
import { parseConfig } from '../../../src/config/load.ts';
import type { MilterJob } from '../../../src/daemon/milter/job.ts';
import { buildJobs } from '../../../src/daemon/milter/jobs.ts';
import { plainForms } from '../../../src/daemon/milter/plain-forms.ts';
import { Shared } from '../../../src/daemon/milter/shared.ts';
import {
  type MilterMessage,
  type MilterSession,
  parseEnvelopeAddress,
} from '../../../src/milter/handler.ts';
import { type BackEnd, startBackEnd } from '../../support/back-end.ts';
import { type Folder, scratchFolder } from '../../support/folder.ts';
import { recordLog } from '../../support/recipients.ts';

let folder: Folder;
let backEnd: BackEnd;
let shared: Shared;
let jobs: MilterJob[];

beforeEach(async () => {
  folder = scratchFolder();
  backEnd = await startBackEnd();
  shared = new Shared();
  jobs = [];
});
afterEach(async () => {
  for (const job of jobs) await job.close?.();
  await backEnd.stop();
  folder.remove();
});

function build(recipients: string, before: readonly MilterJob[] = []): MilterJob {
  const text = `milter:\n  recipients:\n    domains: [ { domain: example.net, servers: '[127.0.0.1]:${backEnd.port}' } ]\n${recipients}`;
  const { milter } = parseConfig(text, folder.at('postern.yaml'));
  if (milter === undefined) throw new Error('no milter');
  const { log } = recordLog();
  const [job] = buildJobs({ config: milter, clock: systemClock, log, shared, before });
  if (job === undefined) throw new Error('no job');
  jobs.push(job);
  return job;
}

/** What a stranger gets, in short. */
async function ask({ handler }: MilterJob, to: string, more: Partial<MilterMessage> = {}) {
  const client = { address: '198.51.100.7', name: 'x', port: 1234 };
  const session = { client, daemonName: 'MTA' } as MilterSession;
  const message = { session, isLocal: false, signal: new AbortController().signal, ...more };
  const verdict = await handler.rcpt?.(parseEnvelopeAddress([to]), message as MilterMessage);
  return verdict?.kind === 'refuse' ? `${verdict.code} ${verdict.status}` : verdict?.kind;
}

describe('a reload', () => {
  it('keeps the job if nothing about recipients has changed', () => {
    const first = build('    database: a.db\n');
    expect(build('    database: a.db\n', [first])).toBe(first);
    jobs.pop();
  });

  it('keeps the open database and the memory in front of it while the old job still works', async () => {
    const first = build('    database: a.db\n');
    expect(await ask(first, '<bad@example.net>')).toBe('550 5.1.1');
    const second = build('    database: a.db\n    whenUnknown: tempfail\n', [first]);
    expect(second).not.toBe(first);
    expect(await ask(second, '<bad@example.net>')).toBe('550 5.1.1');
    expect(backEnd.asked.filter((one) => one === 'bad@example.net')).toHaveLength(1);
    // The old one ends: the database stays open for the new one.
    await jobs.shift()?.close?.();
    expect(await ask(second, '<good@example.net>')).toBe('continue');
    const third = build('    database: a.db\n    mode: observe\n', [second]);
    expect(await ask(third, '<bad@example.net>')).toBe('continue');
    expect(third.counters?.()).toMatchObject({ 'invalid from cache': 2, refused: 2 });
  });

  it('goes on counting a client that tries many', async () => {
    const limit = (count: number) =>
      `    database: a.db\n    attack: { perConnection: 0, perClient: ${count} }\n`;
    const first = build(limit(3));
    for (const to of ['<no1@example.net>', '<no2@example.net>'])
      expect(await ask(first, to)).toBe('550 5.1.1');
    expect(await ask(build(limit(2), [first]), '<good@example.net>')).toBe('421 4.7.0');
  });

  it('to a database that cannot be used is refused, and the job before goes on', async () => {
    const first = build('    database: a.db\n');
    expect(() => build('    database: none/b.db\n', [first])).toThrow(/none does not exist/);
    expect(await ask(first, '<bad@example.net>')).toBe('550 5.1.1');
  });
});

it('mail of a local program is never refused, even if it is asked for', async () => {
  const job = build('    database: a.db\n    skip: { local: false }\n');
  expect(await ask(job, 'bad@example.net', { isLocal: true })).toBe('continue');
  expect(job.counters?.()).toMatchObject({ 'invalid from callout': 1, refused: 0 });
});

describe('an attack', () => {
  const attack = '    database: a.db\n    attack: { perConnection: 0, perClient: 2 }\n';

  it('is nobody whose recipients are skipped, although the address is the same', async () => {
    const job = build(attack);
    for (const to of ['<no1@example.net>', '<no2@example.net>'])
      expect(await ask(job, to)).toBe('550 5.1.1');
    expect(await ask(job, '<good@example.net>')).toBe('421 4.7.0');
    expect(await ask(job, '<good@example.net>', { login: 'alice' })).toBe('continue');
    expect(await ask(job, '<good@example.net>', { isLocal: true })).toBe('continue');
  });

  it('is not refused in observe mode', async () => {
    const job = build(`${attack}    mode: observe\n`);
    for (const to of ['<no1@example.net>', '<no2@example.net>', '<no3@example.net>'])
      expect(await ask(job, to)).toBe('continue');
    expect(job.counters?.()).toMatchObject({ 'invalid from callout': 3 });
  });
});

describe('the plain form', () => {
  const find = plainForms({ domains: ['example.net'] });
  it.each([
    ['<user@example.net>', 'user@example.net'],
    ['<prvs=0730576ed6=user@example.net>', 'user@example.net'],
    ['<PRVS=0730576ED6=User@Example.NET>', 'User@Example.NET'],
    ['<"prvs=0730576ed6=a b"@example.net>', '"a b"@example.net'],
    ['<user=friend=example.org=ynklhvjh@example.net>', 'user@example.net'],
    ['<prvs=0730576ed6=user@example.org>', 'prvs=0730576ed6=user@example.org'],
    ['<prvs=07=user@example.net>', 'prvs=07=user@example.net'],
    ['<a=b@example.net>', 'a=b@example.net'],
    ['<prvs=0730576ed6=@example.net>', 'prvs=0730576ed6=@example.net'],
  ])('of %s is %s', (argument, plain) => {
    expect(find(parseEnvelopeAddress([argument]))).toBe(plain);
  });
});
