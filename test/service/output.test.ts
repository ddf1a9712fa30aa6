/** Commands whose output, descriptors or environment are not as usual: one line and an exit status, never a stack trace. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallDisk } from '../torture/disk.ts';
import { bounced, eventually, type Scratch, scratch } from './scratch.ts';
import { PROGRAM } from './step-place.ts';

let at: Scratch;

beforeAll(async () => {
  // An empty queue.
  at = scratch({ extra: 'commands: { postqueue: [ /bin/true ] }' });
  at.write(...[1, 2, 3, 4, 5].flatMap((n) => bounced('alice@example.net', `n${n}@example.org`)));
  const service = at.start();
  const isBlocked = () => at.withStore((store) => store.blocks.allRunning().length === 1);
  expect(await eventually(isBlocked)).toBe(true);
  await service.stop();
});
afterAll(() => at.remove());

/** Runs `postern` in a shell: `script` has the program as "$@". */
function shell(script: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const config = args.includes('--config') ? [] : ['--config', at.config];
  const argv = [process.execPath, PROGRAM, ...args, ...config];
  const options = { encoding: 'utf8', timeout: 60_000, env } as const;
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['-c', script, 'sh', ...argv], options);
  expect(stderr).not.toMatch(/^ {4}at |node:internal|Node\.js v/m);
  return { status, out: stdout, err: stderr };
}

const COMMANDS = [
  ['status'],
  ['blocks'],
  ['explain', 'alice@example.net'],
  ['report'],
  ['events'],
  ['queue', 'alice@example.net'],
  ['check'],
];

describe('output', { timeout: 120_000 }, () => {
  it.each(COMMANDS)('that cannot be written is said, with exit status 1: %s', (...args) => {
    expect(shell('exec "$@" > /dev/full', args)).toEqual({
      status: 1,
      out: '',
      err: 'postern: cannot write the output: ENOSPC: no space left on device, write\n',
    });
  });

  it.each([['report'], ['events'], ['explain', 'alice@example.net']])(
    'that nobody reads to its end is no failure: %s',
    (...args) => {
      const { status, out, err } = shell('set -o pipefail; "$@" | head -1', args);
      expect(status).toBe(0);
      expect(out.split('\n')).toHaveLength(2);
      expect(err).toBe('');
    },
  );

  it('that is closed, as input and messages may be, is no failure', () => {
    expect(shell('exec "$@" <&- >&- 2>&-', ['report']).status).toBe(0);
    expect(shell('exec "$@" > /dev/full 2> /dev/full', ['report']).status).toBe(1);
  });
});

describe('an environment', { timeout: 120_000 }, () => {
  it('with few descriptors, without HOME, in the locale C is enough', () => {
    const { HOME: _, ...env } = process.env;
    const ran = shell('ulimit -n 64; exec "$@"', ['report'], { ...env, LANG: 'C', LC_ALL: 'C' });
    expect(ran).toMatchObject({ status: 0, err: '' });
  });

  // With still fewer, Node.js itself does not start.
  it('with far too few of them gives one line', () => {
    for (const limit of [26, 32]) {
      const { status, err } = shell(`ulimit -n ${limit}; exec "$@"`, ['status']);
      expect(status).not.toBe(null);
      if (err !== '') expect(err).toMatch(/^postern: [^\n]*\n$/);
    }
  });

  it('with a full disk gives one line that says so', async (context) => {
    const disk = await smallDisk(at.path('disk'), 1024);
    if (disk === undefined) return context.skip();
    try {
      copyFileSync(at.path('postern.db'), at.path('disk/postern.db'));
      writeFileSync(
        at.path('full.yaml'),
        readFileSync(at.config, 'utf8').replace(/^database:.*$/m, 'database: disk/postern.db'),
      );
      disk.fill();
      for (const args of [['status'], ['blocks'], ['report'], ['block', 'bob'], ['run']]) {
        const { status, out, err } = shell('exec "$@"', [
          ...args,
          '--config',
          at.path('full.yaml'),
        ]);
        expect({ status, out }).toEqual({ status: 1, out: '' });
        expect(err).toMatch(
          /^postern: \S+\/disk\/postern\.db: cannot use the database: .* \(the disk of \S+\/disk is full\)\n$/m,
        );
      }
    } finally {
      await disk.unmount();
    }
  });

  it('with a folder as database gives one line', () => {
    mkdirSync(at.path('folder'));
    const config = at.path('folder.yaml');
    spawnSync('sed', [`s/^database: .*/database: folder/; w ${config}`, at.config]);
    const { status, stderr } = spawnSync(
      process.execPath,
      [PROGRAM, 'status', '--config', config],
      { encoding: 'utf8' },
    );
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: `postern: ${at.path('folder')}: this is not a file; name a file as database, Postern creates it\n`,
    });
  });
});

it('a service whose log cannot be written goes on', { timeout: 60_000 }, async () => {
  const full = openSync('/dev/full', 'w');
  const argv = [PROGRAM, 'run', '--config', at.config];
  const child: ChildProcess = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', full] });
  closeSync(full);
  at.write(...bounced('late@example.net', 'late@example.org'));
  const isSeen = () =>
    at.withStore((store) => [...store.events.query({ recipient: 'late@example.org' })].length > 0);
  expect(await eventually(isSeen, 30_000)).toBe(true);
  expect(child.exitCode).toBe(null);
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
