/**
 * Who may read what the service writes, and what root never follows, with one process: real processes, real accounts,
 * real links.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bounced, eventually } from './scratch.ts';
import { hasSteps, PROGRAM, SERVICE } from './step-place.ts';

const RULE =
  'name: r\ndescription: d\ncount: invalid\nper: submitter\nlimit: 3\nperiod: 1h\naction: block\n';

let folder: string;
const started = new Set<ChildProcess>();
const path = (name: string) => join(folder, name);

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'postern-private-')));
  chmodSync(folder, 0o755);
  for (const name of ['etc', 'etc/rules', 'log', 'maps', 'state', 'victim']) mkdirSync(path(name));
  writeFileSync(path('victim/secret'), 'secret: not for others\n', { mode: 0o600 });
  writeFileSync(path('etc/rules/rule.yaml'), RULE);
  writeFileSync(path('log/mail.log'), '');
  configure();
});

afterEach(async () => {
  for (const child of started) {
    child.kill('SIGTERM');
    await eventually(() => child.exitCode !== null || child.signalCode !== null);
  }
  started.clear();
  rmSync(folder, { recursive: true, force: true });
});

function configure(extra = ''): void {
  writeFileSync(
    path('etc/postern.yaml'),
    `logs: [ ../log/mail.log ]
database: ../state/postern.db
rules: rules
targets:
  postfix:
    user: { file: ../maps/sasl_access, type: texthash }
    client: false
    sender: false
    uid: false
    reload: []
queue: { hold: false }
${extra}`,
  );
}

/** A folder that the account of the service owns. */
function give(name: string): void {
  chownSync(path(name), SERVICE.uid, SERVICE.gid);
}

/** A shell command as that account. */
function asService(command: string): void {
  const options = { ...SERVICE, cwd: folder, encoding: 'utf8' } as const;
  const { status, stderr } = spawnSync('/bin/sh', ['-ec', command], options);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
}

const argv = (umask: string, ...args: string[]) => [
  '-c',
  `umask ${umask}; exec "$@"`,
  'sh',
  process.execPath,
  PROGRAM,
  ...args,
  '--config',
  path('etc/postern.yaml'),
];

/** Runs a command of postern as root to its end; `run` would not end by itself. */
function run(...args: string[]) {
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync('/bin/sh', argv('022', ...args), options);
  return { status, out: stdout, err: stderr };
}

/** `postern run` as root, until it is ready. */
async function start(umask: string): Promise<ChildProcess> {
  const child = spawn('/bin/sh', argv(umask, 'run'), { stdio: ['ignore', 'ignore', 'pipe'] });
  started.add(child);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const isReady = () => said.includes('"started"') || child.exitCode !== null;
  expect(await eventually(isReady), said).toBe(true);
  expect(said).toContain('"started"');
  return child;
}

const modes = (name: string) =>
  Object.fromEntries(
    readdirSync(path(name)).map((file) => {
      const { mode, uid } = statSync(path(`${name}/${file}`));
      return [file, `${(mode & 0o777).toString(8)} ${uid}`];
    }),
  );

function expectUntouched(): void {
  expect(readdirSync(path('victim'))).toEqual(['secret']);
  expect(readFileSync(path('victim/secret'), 'utf8')).toBe('secret: not for others\n');
  expect(statSync(path('victim/secret')).mode & 0o777).toBe(0o600);
}

describe.runIf(hasSteps())('files of the service', { timeout: 60_000 }, () => {
  it.each(['000', '022', '077'])('are for nobody else, with umask %s', async (umask) => {
    await start(umask);
    writeFileSync(
      path('log/mail.log'),
      `${bounced('a@example.net', 'b@example.org').join('\n')}\n`,
    );
    expect(await eventually(() => existsSync(path('state/postern.db-wal')))).toBe(true);
    expect(modes('state')).toEqual({
      'postern.db': '600 0',
      'postern.db-shm': '600 0',
      'postern.db-wal': '600 0',
      'postern.db.state': '600 0',
    });
  });

  it('are closed to others if an earlier version left them open, and stay open to their group', async () => {
    (await start('022')).kill('SIGTERM');
    expect(await eventually(() => [...started].every(({ exitCode }) => exitCode !== null))).toBe(
      true,
    );
    for (const name of ['postern.db', 'postern.db.state']) chmodSync(path(`state/${name}`), 0o644);
    await start('022');
    expect(modes('state')).toMatchObject({
      'postern.db': '640 0',
      'postern.db-wal': '640 0',
      'postern.db.state': '640 0',
    });
  });

  it('belong to the account of the service, also after a command that root ran before', () => {
    give('state');
    for (const args of [['block', 'bob@example.net'], ['status'], ['report']])
      expect(run(...args).err).toContain('there is no database yet');
    expect(readdirSync(path('state'))).toEqual([]);
  });

  it('open a socket to everybody, or to the group of the mail server only', async () => {
    configure(`policy: { listen: "unix:${path('state/policy')}" }`);
    await start('077');
    expect(await eventually(() => existsSync(path('state/policy')))).toBe(true);
    expect(modes('state').policy).toBe('666 0');
    for (const child of started) child.kill('SIGTERM');
    expect(await eventually(() => !existsSync(path('state/policy')))).toBe(true);
    configure(`policy: { listen: "unix:${path('state/policy')}", group: daemon }`);
    await start('000');
    expect(await eventually(() => existsSync(path('state/policy')))).toBe(true);
    expect(await eventually(() => statSync(path('state/policy')).gid !== 0)).toBe(true);
    expect(modes('state').policy).toBe('660 0');
  });
});

describe.runIf(hasSteps())('a link of another account', { timeout: 60_000 }, () => {
  it.each([
    ['the database', 'ln -s ../victim/secret state/postern.db'],
    ['a database to be made', 'ln -s ../victim/new state/postern.db'],
    ['its log', 'ln -s ../victim/new state/postern.db-wal'],
    ['its shared memory', 'ln -s ../victim/secret state/postern.db-shm'],
    ['the file beside it', 'ln -s ../victim/secret state/postern.db.state'],
    ['the signal', 'ln -s ../victim/new state/postern.db-bell'],
  ])('is not followed by a service that runs as root: %s', (_what, command) => {
    give('state');
    asService(command);
    const { status, err } = run('run');
    expect({ status, err }).toEqual({
      status: 2,
      err: expect.stringContaining(
        `root does not open this database: ${path('state')} belongs to uid ${SERVICE.uid}`,
      ),
    });
    expect(err).not.toContain('    at ');
    expectUntouched();
  });

  it('is not followed in a folder where everybody may write', () => {
    chmodSync(path('state'), 0o1777);
    asService('ln -s ../victim/secret state/postern.db.state');
    const { status, err } = run('run');
    expect({ status, err }).toMatchObject({
      status: 2,
      err: expect.stringContaining('root does not open'),
    });
    expectUntouched();
  });

  it.each([
    ['a file that root can read', 'ln -s ../victim/secret maps/sasl_access'],
    ['a file to be made', 'ln -s ../victim/new maps/sasl_access'],
    ['a file through two links', 'ln -s ../victim/secret maps/two; ln -s two maps/sasl_access'],
  ])('in place of a block file is not followed: %s', async (_what, command) => {
    give('maps');
    asService(command);
    await start('022');
    const lines = ['1', '2', '3', '4'].flatMap((n) =>
      bounced('eve@example.net', `${n}@example.org`),
    );
    writeFileSync(path('log/mail.log'), `${lines.join('\n')}\n`);
    const shown = () => run('status').out;
    expect(await eventually(() => shown().includes('postfix.user: '))).toBe(true);
    expect(shown()).toContain(`${path('maps/sasl_access')}: `);
    expect(lstatSync(path('maps/sasl_access')).isSymbolicLink()).toBe(true);
    expectUntouched();
  });

  it('that root made is followed as before', async () => {
    mkdirSync(path('elsewhere'));
    spawnSync('ln', ['-s', path('elsewhere/sasl_access'), path('maps/sasl_access')]);
    writeFileSync(path('elsewhere/sasl_access'), '# mine\n');
    await start('022');
    expect(run('block', 'bob@example.net').status).toBe(0);
    const content = () => readFileSync(path('elsewhere/sasl_access'), 'utf8');
    expect(await eventually(() => content().includes('bob@example.net'))).toBe(true);
    expect(content()).toContain('# mine');
    expect(lstatSync(path('maps/sasl_access')).isSymbolicLink()).toBe(true);
  });
});

describe.runIf(hasSteps())('an account without permission', { timeout: 60_000 }, () => {
  const asOther = (...args: string[]) => {
    const [, ...rest] = argv('022', ...args);
    const options = { ...SERVICE, cwd: folder, encoding: 'utf8', timeout: 30_000 } as const;
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', ...rest], options);
    return { status, out: stdout, err: stderr };
  };

  it.each([
    ['the folder', 0o700, 0o644],
    ['the file', 0o755, 0o600],
    ['to write beside it', 0o755, 0o644],
  ])('is told so, not that there is no database: %s', async (_what, ofFolder, ofFile) => {
    (await start('022')).kill('SIGTERM');
    expect(await eventually(() => [...started].every(({ exitCode }) => exitCode !== null))).toBe(
      true,
    );
    chmodSync(path('state'), ofFolder);
    chmodSync(path('state/postern.db'), ofFile);
    for (const args of [
      ['status'],
      ['blocks'],
      ['explain', 'bob'],
      ['events'],
      ['report'],
      ['block', 'bob'],
    ]) {
      expect(asOther(...args)).toEqual({
        status: 1,
        out: '',
        err: `postern: ${path('state/postern.db')}: no permission to use the database; run this as root, or as the account that owns it\n`,
      });
    }
  });

  it('is told whose the file is, when root has copied one to a folder of the service', async () => {
    const child = await start('022');
    child.kill('SIGTERM');
    expect(await eventually(() => child.exitCode !== null)).toBe(true);
    chownSync(path('state'), SERVICE.uid, SERVICE.gid);
    for (const name of readdirSync(path('state'))) chownSync(path(`state/${name}`), 0, 0);
    const said = `no permission to use the database; ${path('state/postern.db')} belongs to uid 0, and its folder to uid ${SERVICE.uid}: chown ${SERVICE.uid} ${path('state/postern.db')}\n`;
    expect(run('status')).toEqual({
      status: 1,
      out: '',
      err: `postern: ${path('state/postern.db')}: ${said}`,
    });
  });
});
