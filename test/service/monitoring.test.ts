/** `postern status` for monitoring: as a plugin, for a milter without a configuration, and by mail from a timer. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/time.ts';
import { main } from '../../src/cli/commands.ts';
import { describeSelf } from '../../src/daemon/instance.ts';
import { writeMilterState } from '../../src/daemon/milter/state.ts';
import { createCounters } from '../../src/milter/counters.ts';
import { asideName } from '../../src/store/database.ts';
import { type Scratch, scratch } from './scratch.ts';

let at: Scratch;
beforeEach(() => {
  at = scratch();
});
afterEach(() => at.remove());

const nagios = () => at.run('status', '--format', 'nagios');
const patience = { timeout: 30_000 };
const FIGURES =
  /^POSTERN (OK|WARNING|CRITICAL) - [^|\n]+ \| blocks=\d+;;;0 problems=\d+;;;0 behind=\d+B;;;0 open_messages=\d+;;;0 notices_waiting=\d+;;;0 database=\d+B;;;0\n$/;

describe('--format nagios', () => {
  it('is OK while all is well, and WARNING with a problem', async () => {
    writeFileSync(at.log, '');
    at.start();
    await expect.poll(async () => (await nagios()).status, patience).toBe(0);
    const { out } = await nagios();
    expect(out).toMatch(FIGURES);
    expect(out).toMatch(/^POSTERN OK - running, 0 blocks \| /);
    writeFileSync(asideName(at.path('postern.db'), systemClock.now()), '');
    const warned = await nagios();
    expect(warned.status).toBe(1);
    expect(warned.out).toMatch(FIGURES);
    expect(warned.out).toContain('POSTERN WARNING - the database was damaged and rebuilt');
  });

  it('is CRITICAL while the service is down, with a text that has no bar', async () => {
    at.withStore(() => {});
    const { status, out } = await nagios();
    expect(status).toBe(2);
    expect(out).toMatch(FIGURES);
    expect(out).toMatch(/^POSTERN CRITICAL - postern run is not running; /);
  });

  it.each([
    ['a wrong configuration', () => writeFileSync(at.config, 'mta: sendmail\n')],
    ['no configuration', () => rmSync(at.config)],
    ['no database', () => {}],
  ])('is UNKNOWN with %s', async (_, spoil) => {
    spoil();
    const { status, out, err } = await nagios();
    expect({ status, err }).toEqual({ status: 3, err: '' });
    expect(out).toMatch(/^POSTERN UNKNOWN - [^\n]+\n$/);
  });
});

describe('--milter-pid', () => {
  const show = async (...words: string[]) => {
    const out: string[] = [];
    const io = { stdout: (text: string) => void out.push(text), stderr: () => {} };
    const pid = at.path('scam-back.pid');
    const status = await main(['status', '--milter-pid', pid, ...words], io);
    return { status, out: out.join('') };
  };

  it('shows a milter that runs with a scam.conf, without any configuration of Postern', async () => {
    writeMilterState(at.path('scam-back.state'), {
      ...describeSelf(systemClock, '0.1.0'),
      places: [{ address: 'unix:/run/m', isListening: true }],
      jobs: ['recipients'],
      counters: { ...createCounters(), sessions: 7, open: 1 },
      figures: {},
      problems: [],
      isEnding: false,
    });
    const text = await show();
    expect(text.status).toBe(0);
    expect(text.out).toContain('milter sessions: 7, 1 open');
    const { status, out } = await show('--format', 'nagios');
    expect(status).toBe(0);
    expect(out).toMatch(/^POSTERN OK - milter running \| sessions_open=1;;;0 sessions=7c;;;0 /);
  });

  it('says that none runs', async () => {
    expect(await show()).toMatchObject({ status: 1 });
    expect(await show('--format', 'nagios')).toEqual({
      status: 2,
      out: 'POSTERN CRITICAL - postern milter is not running\n',
    });
  });
});

describe('--notify', () => {
  const sent = () => {
    try {
      return readFileSync(at.path('sent'), 'utf8');
    } catch {
      return '';
    }
  };
  const subjects = () => [...sent().matchAll(/^Subject: (.*)$/gm)].map(([, text]) => text);

  beforeEach(() => {
    mkdirSync(at.path('bin'));
    const program = `#!/bin/sh\ncat >> ${at.path('sent')}\n`;
    writeFileSync(at.path('bin/sendmail'), program, { mode: 0o755 });
    const text = readFileSync(at.config, 'utf8');
    writeFileSync(at.config, text.replace('digest: 1s', 'digest: 1s, sendmail: bin/sendmail'));
  });

  it('mails once when the service is down, and once when it is back', async () => {
    writeFileSync(at.log, '');
    at.withStore(() => {});
    expect((await at.run('status', '--notify')).status).toBe(0);
    await at.run('status', '--notify');
    expect(subjects()).toHaveLength(1);
    expect(subjects()[0]).toMatch(/^\[postern\] .*: NOT running$/);
    expect(sent()).toContain('postern run is not running');
    at.start();
    await expect.poll(async () => (await at.run('status')).status, patience).toBe(0);
    await at.run('status', '--notify');
    await at.run('status', '--notify');
    expect(subjects()).toHaveLength(2);
    expect(subjects()[1]).toMatch(/: runs again$/);
  });

  it('mails when there is no database', async () => {
    expect((await at.run('status', '--notify')).status).toBe(0);
    expect(subjects()).toHaveLength(1);
  });

  it('tries again when the mail was not taken', async () => {
    at.withStore(() => {});
    writeFileSync(at.path('bin/sendmail'), '#!/bin/sh\nexit 75\n', { mode: 0o755 });
    expect((await at.run('status', '--notify')).status).toBe(1);
    expect((await at.run('status', '--notify')).status).toBe(1);
  });
});
