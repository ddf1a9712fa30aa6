/** `postern enforce` beside a service without rights: real accounts, owners and processes; as root only. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Store } from '../../src/store/store.ts';
import { accepted, bounced, eventually } from './scratch.ts';
import { childrenOf, hasSteps, SERVICE, statusOf, stepPlaces } from './step-place.ts';

const at = stepPlaces();

const names = ['a', 'b', 'c'].map((name) => `${name}@example.org`);
const guilty = (user: string) => names.flatMap((name) => bounced(user, name));

describe.runIf(hasSteps())('a service without rights', { timeout: 120_000 }, () => {
  it('reads the log through its group and sees its blocks come into force', async () => {
    const here = at();
    const service = await here.startService();
    const step = await here.startStep();
    here.write(accepted('alice@example.net'));
    const [id] = /[0-9A-F]+ABCDE/.exec(readFileSync(here.log, 'utf8')) as RegExpExecArray;
    here.queue({ id, sender: 'alice@example.net' });
    here.write(guilty('alice@example.net'));
    expect(await eventually(() => here.lists('alice@example.net'))).toBe(true);
    expect(await eventually(() => here.asked('postsuper').length > 0)).toBe(true);

    expect(statusOf(service.pid, 'Uid')).toEqual(Array(4).fill(String(SERVICE.uid)));
    expect(statusOf(service.pid, 'CapEff')).toEqual(['0000000000000000']);
    expect(statusOf(step.pid, 'Uid')).toEqual(Array(4).fill('0'));
    const [reader] = childrenOf(step.pid);
    expect(statusOf(reader, 'Uid')).toEqual(Array(4).fill(String(SERVICE.uid)));
    expect(statusOf(reader, 'Gid')).toEqual(Array(4).fill(String(SERVICE.gid)));
    expect(statusOf(reader, 'Groups')).toEqual([]);
    expect(statusOf(reader, 'CapPrm')).toEqual(['0000000000000000']);

    expect(here.databaseOwners()).toEqual([SERVICE.uid]);
    expect(new Set(here.asked('reload'))).toEqual(new Set(['0']));
    expect(here.asked('postsuper').join()).toMatch(/^0 -h - [0-9A-F]+$/);
    expect(here.run('status')).toMatchObject({ status: 0 });
    expect(here.run('blocks').out).not.toContain('NOT IN FORCE');
  });

  it('has no database open in the process with the rights', async () => {
    const here = at();
    await here.startService();
    const step = await here.startStep();
    here.write(guilty('alice@example.net'));
    expect(await eventually(() => here.lists('alice@example.net'))).toBe(true);
    const maps = (pid: number | undefined) => readFileSync(`/proc/${pid}/maps`, 'utf8');
    expect(maps(childrenOf(step.pid)[0])).toContain('better-sqlite3');
    expect(maps(step.pid)).not.toMatch(/better-sqlite3|postern\.db/);
  });

  it('notices a line deleted by hand, and a block that has expired', async () => {
    const here = at();
    await here.startService();
    await here.startStep();
    here.write(guilty('alice@example.net'));
    expect(await eventually(() => here.lists('alice@example.net'))).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 1200)); // a file in the making is left alone
    const kept = readFileSync(here.map, 'utf8').split('\n').slice(0, 3);
    writeFileSync(here.map, `${kept.join('\n')}\n`);
    expect(await eventually(() => here.blocked().length === 0)).toBe(true);
    expect(here.run('blocks', '--all').out).toContain('its line was deleted by hand');
    await new Promise((resolve) => setTimeout(resolve, 600)); // the service looks twice a second
    here.write(guilty('alice@example.net'));
    expect(await eventually(() => here.lists('alice@example.net'))).toBe(true);
    // The command ends when the block is in force.
    expect(here.run('block', 'bob@example.net', '--for', '1s')).toMatchObject({ status: 0 });
    expect(await eventually(() => !here.lists('bob@example.net'))).toBe(true);
  });

  it('brings each block into force when it begins, not at the regular check a minute later', async () => {
    const here = at();
    await here.startService();
    await here.startStep();
    for (let count = 0; count < 5; count++) {
      const user = `user${count}@example.net`;
      here.write(guilty(user));
      // Less than a minute, IDLE_CHECK of src/daemon/enforce/database-watch.ts. The benchmark measures the time.
      expect(await eventually(() => here.lists(user), 40_000)).toBe(true);
    }
  });
});

describe.runIf(hasSteps())('the step', { timeout: 120_000 }, () => {
  it('catches up with what was decided while it was down, and survives its reader', async () => {
    const here = at();
    await here.startService();
    here.write(guilty('alice@example.net'));
    const blocked = () => here.blocked().includes('alice@example.net');
    expect(await eventually(blocked)).toBe(true);
    expect(here.run('status')).toMatchObject({ status: 1 });
    expect(here.run('status').out).toContain('postern enforce is not running');
    expect(here.run('block', 'bob@example.net')).toMatchObject({ status: 1 });
    const step = await here.startStep();
    expect(await eventually(() => here.lists('alice@example.net'))).toBe(true);
    expect(here.lists('bob@example.net')).toBe(true);

    const [reader] = childrenOf(step.pid);
    process.kill(reader as number, 'SIGKILL');
    expect(await eventually(() => childrenOf(step.pid).some((pid) => pid !== reader))).toBe(true);
    here.write(guilty('carol@example.net'));
    expect(await eventually(() => here.lists('carol@example.net'))).toBe(true);
    expect(here.said('enforce')).toContain('killed by SIGKILL');

    const [second] = childrenOf(step.pid);
    await here.stop(step, 'SIGKILL');
    const gone = () => {
      try {
        return process.kill(second as number, 0) && statusOf(second, 'State')[0] === 'Z';
      } catch {
        return true;
      }
    };
    expect(await eventually(gone)).toBe(true);
  });

  it('works once, for a timer', async () => {
    const here = at();
    expect(here.run('enforce', '--once')).toMatchObject({ status: 1 });
    expect(here.databaseOwners()).toEqual([]);
    await here.startService();
    here.write(guilty('alice@example.net'));
    expect(await eventually(() => here.blocked().includes('alice@example.net'))).toBe(true);
    expect(here.run('enforce', '--once')).toMatchObject({ status: 0 });
    expect(here.lists('alice@example.net')).toBe(true);
    expect(here.run('status')).toMatchObject({ status: 0 });
    writeFileSync(here.path('bin/reload'), '#!/bin/sh\nexit 1\n');
    expect(here.run('block', 'bob@example.net').status).toBe(1);
    expect(here.run('block', '192.0.2.9').status).toBe(1);
    const failed = here.run('enforce', '--once');
    expect(failed.status).toBe(1);
    expect(failed.err).toContain('not in force: ');
  });

  it('releases nobody for a database that the service has not filled', async () => {
    const here = at();
    const service = await here.startService();
    const step = await here.startStep();
    here.write(guilty('alice@example.net'));
    expect(await eventually(() => here.lists('alice@example.net'))).toBe(true);
    await here.stop(service);
    const { rmSync, renameSync, chownSync } = await import('node:fs');
    renameSync(here.database, `${here.database}.aside`);
    for (const end of ['-wal', '-shm']) rmSync(`${here.database}${end}`, { force: true });
    new Store(here.path('out/new.db')).close();
    chownSync(here.path('out/new.db'), SERVICE.uid, SERVICE.gid);
    renameSync(here.path('out/new.db'), here.database);
    const waiting = () => here.said('enforce').includes('waiting for postern run');
    expect(await eventually(waiting)).toBe(true);
    expect(here.said('enforce')).toContain('is another file than before');
    expect(here.lists('alice@example.net')).toBe(true);
    await here.stop(step);
    expect(here.lists('alice@example.net')).toBe(true);
  });

  it('does not run when the service enforces by itself', () => {
    const here = at();
    writeFileSync(
      here.config,
      readFileSync(here.config, 'utf8').replace('enforcer: separate', 'enforcer: daemon'),
    );
    const { status, err } = here.run('enforce');
    expect(status).toBe(2);
    expect(err).toContain('enforcer: expected separate, found daemon');
  });
});

describe.runIf(hasSteps())('a command of root', { timeout: 120_000 }, () => {
  it('opens the database as its owner', async () => {
    const here = at();
    const service = await here.startService();
    const step = await here.startStep();
    expect(here.run('block', 'bob@example.net')).toMatchObject({ status: 0 });
    expect(await eventually(() => here.lists('bob@example.net'))).toBe(true);
    here.write(accepted('carol@example.net'));
    const [id] = /[0-9A-F]+ABCDE/.exec(readFileSync(here.log, 'utf8')) as RegExpExecArray;
    here.queue({ id, sender: 'carol@example.net' });
    // The queue file cannot be read here: only the log knows whose it is.
    const queued = () => here.run('queue', 'carol@example.net').out.includes(id);
    expect(await eventually(queued)).toBe(true);
    await here.stop(service);
    await here.stop(step);
    // No process has it open now: the next one that opens it makes the files beside it again.
    for (const args of [['blocks'], ['events'], ['report'], ['status'], ['explain', '1']]) {
      here.run(...args);
      expect(here.databaseOwners()).toEqual([SERVICE.uid]);
    }
    expect(here.run('unblock', 'bob@example.net')).toMatchObject({
      status: 1,
      out: 'Block 1 has ended.\n',
      err: expect.stringMatching(
        /^bob@example\.net is STILL blocked: line \d+ of \/.*; it is written down, but postern enforce is not running/,
      ),
    });
    const held = here.run('queue', 'carol@example.net', '--hold');
    expect(held).toMatchObject({ status: 0, err: '' });
    expect(held.out).toContain('0 messages held, 1 no longer in the queue.\n'); // postsuper is no real one
    expect(here.asked('postsuper').join()).toMatch(/^0 -h - [0-9A-F]+ABCDE$/);
    expect(here.databaseOwners()).toEqual([SERVICE.uid]);
    expect(await here.startService()).toMatchObject({ exitCode: null });
  });

  it('repeats what the account of the database reported, with one program name', () => {
    const here = at();
    writeFileSync(here.database, 'not a database, but longer than the header of one'.repeat(3));
    const { status, err } = here.run('queue', 'carol@example.net');
    expect(status).toBe(1);
    expect(err).toMatch(/^postern: \/.*postern\.db: cannot use the database/);
  });

  it('lists the queue when there is no database yet', () => {
    const here = at();
    here.queue({ id: '4ABCDEF012', sender: 'carol@example.net' });
    const { status, out } = here.run('queue', 'sender:carol@example.net');
    expect(status).toBe(0);
    expect(out).toMatch(/^4ABCDEF012 {2}deferred .* from <carol@example.net>\n/);
  });
});
