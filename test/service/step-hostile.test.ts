/** What an intruder with the service's account can make `postern enforce` do: nothing but block. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runStep } from '../../src/daemon/enforce/step.ts';
import { Store } from '../../src/store/store.ts';
import { eventually } from './scratch.ts';
import { childrenOf, hasSteps, SERVICE, type StepPlace, stepPlaces } from './step-place.ts';

const at = stepPlaces();

/** A shell command as the account of the service. */
function asService(here: StepPlace, command: string): void {
  const { status, stderr } = spawnSync('/bin/sh', ['-ec', command], {
    ...SERVICE,
    cwd: here.path('state'),
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

function victim(here: StepPlace): void {
  mkdirSync(here.path('victim'));
  writeFileSync(here.path('victim/secret'), 'secret\n', { mode: 0o600 });
  chmodSync(here.path('victim'), 0o700);
}

function expectUntouched(here: StepPlace): void {
  expect(readdirSync(here.path('victim'))).toEqual(['secret']);
  expect(readFileSync(here.path('victim/secret'), 'utf8')).toBe('secret\n');
}

describe.runIf(hasSteps())('links in the folder of the database', { timeout: 120_000 }, () => {
  it.each([
    ['the database', 'ln -s ../victim/secret postern.db'],
    ['a database to be made', 'ln -s ../victim/new postern.db'],
    ['its log', 'mv real.db postern.db; ln -s ../victim/new postern.db-wal'],
    ['its shared memory', 'mv real.db postern.db; ln -s ../victim/secret postern.db-shm'],
    ['its journal', 'mv real.db postern.db; ln -s ../victim/new postern.db-journal'],
    ['the signal', 'mv real.db postern.db; ln -s ../victim/new postern.db-bell'],
  ])('are not followed by root: %s', (_what, command) => {
    const here = at();
    victim(here);
    const store = new Store(here.path('out/real.db'));
    store.state.write('daemon', null);
    store.close();
    renameSync(here.path('out/real.db'), here.path('state/real.db'));
    chownSync(here.path('state/real.db'), SERVICE.uid, SERVICE.gid);
    asService(here, command);
    here.run('enforce', '--once');
    here.run('block', 'bob@example.net');
    expectUntouched(here);
  });
});

/** Runs the step with a reader that sends these lines; returns whether it succeeded. */
async function runWithReader(here: StepPlace, lines: readonly unknown[]): Promise<boolean> {
  const text = lines
    .map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
    .join('\n');
  const script = `cat > /dev/null & printf '%s\\n' "$0" >&3; exec 3>&-; wait`;
  return await runStep({
    config: loadConfig(here.config),
    clock: systemClock,
    log: silentLog,
    reader: ['/bin/sh', '-c', script, text],
    once: true,
    signal: AbortSignal.timeout(10_000),
  });
}

function requestBlocks(...ids: string[]) {
  const blocks = ids.map((id, index) => ({
    id: index + 1,
    key: { type: 'user', id },
    cause: 'invalid-recipients',
    start: 1_700_000_000_000,
  }));
  return { kind: 'reconcile', blocks, written: {}, pending: [] };
}

describe.runIf(hasSteps())('a reader of an intruder', { timeout: 120_000 }, () => {
  it('can block', async () => {
    const here = at();
    await runWithReader(here, [requestBlocks('alice@example.net')]);
    expect(here.lists('alice@example.net')).toBe(true);
  });

  it('cannot block an identity on the allow list, nor write a line of its own', async () => {
    const here = at('allow: { users: [ boss@example.net ] }');
    await runWithReader(here, [
      requestBlocks(
        'boss@example.net',
        'postmaster@example.net',
        'x@example.net\n/.*/ REJECT',
        '',
        'ok@example.net',
      ),
    ]);
    const lines = readFileSync(here.map, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines).toEqual(['ok@example.net\tHOLD blocked by postern']);
  });

  it('can hold queued mail, and give postsuper nothing but queue IDs', async () => {
    const here = at();
    await runWithReader(here, [
      { kind: 'hold', ids: ['ALL', '-d', '../../etc/passwd', '4ABCDEF012\nALL', '4ABCDEF012'] },
    ]);
    expect(here.asked('postsuper')).toEqual(['0 -h - 4ABCDEF012']);
  });

  it('can ask whose mail is queued, and gets queue IDs and nothing else', async () => {
    const here = at();
    here.queue({ id: '4ABCDEF012', sender: 'a@example.net' });
    const submitter = { type: 'user', id: 'alice' };
    const known = [{ queueId: '4ABCDEF012', submitter }];
    const find = { kind: 'find', owner: submitter, known };
    const wrong = { kind: 'find', owner: { type: 'client', id: '../x/y' }, known: [] };
    expect(await runWithReader(here, [find, wrong])).toBe(true);
    expect(here.asked('postsuper')).toEqual([]);
  });

  it.each([
    { kind: 'find', owner: { type: 'file', id: '/etc/shadow' }, known: [] },
    { kind: 'find', owner: { type: 'user', id: 'x'.repeat(9999) }, known: [] },
    { kind: 'release', ids: ['4ABCDEF012'] },
    { kind: 'remove', ids: ['4ABCDEF012'] },
    { kind: 'run', argv: ['/bin/sh'] },
    'nonsense',
  ])('is ended when it requests anything else: %j', async (line) => {
    const here = at();
    expect(await runWithReader(here, [line, requestBlocks('alice@example.net')])).toBe(false);
    expect(here.asked('postsuper')).toEqual([]);
    expect(existsSync(here.map)).toBe(false);
  });

  it('cannot have mail held if the operator does not want it', async () => {
    const here = at('queue: { hold: false }');
    expect(await runWithReader(here, [{ kind: 'hold', ids: ['4ABCDEF012'] }])).toBe(false);
    expect(here.asked('postsuper')).toEqual([]);
  });
});

describe.runIf(hasSteps())('a SIGHUP', { timeout: 120_000 }, () => {
  const blocks = async (here: StepPlace, id: string) => {
    here.run('block', id);
    expect(await eventually(() => here.lists(id))).toBe(true);
  };

  it('with a map that another account can change has no effect', async () => {
    const here = at();
    await here.startService();
    const step = await here.startStep();
    const file = readFileSync(here.config, 'utf8');
    writeFileSync(here.config, file.replace('../maps/sasl_access', '../state/sasl_access'));
    step.kill('SIGHUP');
    const complains = () => here.said('enforce').includes('the old one stays in use');
    expect(await eventually(complains)).toBe(true);
    expect(here.said('enforce')).toContain(`${here.path('state')} belongs to uid`);
    writeFileSync(here.config, file);
    await blocks(here, 'bob@example.net');
    expect(step.exitCode).toBe(null);
  });

  it('ends a reader that hangs, and the next one takes its place', async () => {
    const here = at();
    await here.startService();
    const step = await here.startStep();
    const [reader = 0] = childrenOf(step.pid);
    process.kill(reader, 'SIGSTOP');
    step.kill('SIGHUP');
    await blocks(here, 'bob@example.net');
    expect(childrenOf(step.pid)).not.toContain(reader);
  });
});

describe.runIf(hasSteps())('a database of an intruder', { timeout: 120_000 }, () => {
  it('names no file: what it says of targets is not read', async () => {
    const here = at();
    victim(here);
    await here.startService();
    const sql = `UPDATE target SET json = '{"file":"${here.path('victim/secret')}"}';
      INSERT OR REPLACE INTO target VALUES ('postfix.user', '{"file":"${here.path('victim/secret')}"}');
      INSERT INTO block (key_type, key_id, cause, start) VALUES ('user', 'bob@example.net', 'x', 1),
        ('user', 'postmaster@example.net', 'x', 1), ('user', 'a' || char(10) || 'b', 'x', 1);`;
    const program = `new (require('better-sqlite3'))(process.argv[1]).exec(process.argv[2])`;
    const { status } = spawnSync(process.execPath, ['-e', program, here.database, sql], SERVICE);
    expect(status).toBe(0);
    await here.startStep();
    expect(await eventually(() => here.lists('bob@example.net'))).toBe(true);
    expect(readFileSync(here.map, 'utf8')).not.toMatch(/^(?:postmaster|a$|b$)/m);
    expectUntouched(here);
    expect(here.run('status').out).toContain('cannot hold user postmaster@example.net');
  });
});
