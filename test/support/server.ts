/**
 * What the mail servers of the tests have in common: whether they are installed, free ports, a process that cannot
 * outlive the tests.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { runCommand } from '../../src/base/commands.ts';

/** Mail servers change their user and own files of several users. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Turns "what is missing" into "may these tests run". With POSTERN_E2E=required a missing server is a failure;
 * otherwise the tests are not run and standard error says why.
 */
export function available(server: string, missing: string | undefined): boolean {
  if (missing === undefined) return true;
  if (process.env.POSTERN_E2E === 'required') {
    throw new Error(`POSTERN_E2E=required, but ${server} cannot be tested: ${missing}`);
  }
  process.stderr.write(`NOT RUN: tests with a real ${server}: ${missing} (see .ci/run)\n`);
  return false;
}

/** Why a server cannot run here, as far as both have it in common: root, files, accounts. */
export function missingParts(
  files: readonly string[],
  accounts: readonly string[],
): string | undefined {
  if (!isRoot()) return 'needs root';
  const file = files.find((path) => !existsSync(path));
  if (file !== undefined) return `${file} is missing`;
  const account = accounts.find((name) => idOf('/etc/passwd', name) === undefined);
  return account === undefined ? undefined : `there is no account ${account}`;
}

/** Numeric ID of an account (`/etc/passwd`) or group (`/etc/group`). */
export function idOf(file: '/etc/passwd' | '/etc/group', name: string): number | undefined {
  const entry = readFileSync(file, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${name}:`));
  return entry === undefined ? undefined : Number(entry.split(':')[2]);
}

/** Whether ::1 can be used. */
export function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((a) => a.address === '::1'));
}

/** `count` ports of 127.0.0.1 that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Runs a command; throws with its output when it fails. Returns standard output. */
export async function run(argv: readonly string[], input?: string): Promise<string> {
  const result = await runCommand(argv, { timeout: 30_000, ...(input ? { input } : {}) });
  if (result.status !== 0) {
    throw new Error(`${argv.join(' ')}: ${result.failure ?? result.stderr}${result.stdout}`);
  }
  return result.stdout;
}

/**
 * Runs a server in the foreground under a shell that stops it when its standard input ends: on `stopServer`, and
 * when this process ends, however that happens. A test that fails or is killed leaves nothing behind.
 */
const GUARD = `
setsid "$@" </dev/null >>"$OUTPUT" 2>&1 & server=$!
read -r _
kill -TERM $server 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  kill -0 $server 2>/dev/null || break
  sleep 0.1
done
kill -KILL -- -$server 2>/dev/null
[ -z "$FOLDER" ] || rm -rf "$FOLDER"
exit 0`;

export interface SpawnOptions {
  /** removed after the server's end */
  readonly folder?: string;
  /** file that takes what it prints */
  readonly output?: string;
}

/** Whether this process may give a server a resolv.conf of its own. */
export function canChooseResolver(): boolean {
  return spawnSync('unshare', ['--mount', 'true']).status === 0;
}

/** `argv`, for which this file (in a mount namespace) is /etc/resolv.conf. */
export function withResolver(argv: readonly string[], file: string): string[] {
  const begin = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', begin, 'sh', file, ...argv];
}

/** Starts `argv` in a process group of its own. */
export function spawnServer(argv: readonly string[], options: SpawnOptions): ChildProcess {
  const { folder = '', output = '/dev/null' } = options;
  return spawn('/bin/sh', ['-c', GUARD, 'sh', ...argv], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C is for the tests; the guard then sees their end
    env: { ...process.env, FOLDER: folder, OUTPUT: output },
  });
}

/** Ends the server and all its processes: politely, after 2 s by force. */
export async function stopServer(guard: ChildProcess): Promise<void> {
  if (guard.exitCode !== null || guard.signalCode !== null) return;
  const ended = new Promise((resolve) => guard.once('exit', resolve));
  guard.stdin?.end();
  await ended;
}

/** Waits until no process has `path` in its arguments any more; ends those that still have after 3 s. */
export async function endStragglers(path: string): Promise<void> {
  const end = performance.now() + 3000;
  for (;;) {
    const pids = processesWith(path);
    if (pids.length === 0) return;
    if (performance.now() > end) {
      for (const pid of pids) signal(pid);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}

function processesWith(path: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${path}/`);
      } catch {
        return false; // it has ended meanwhile
      }
    });
}
