/**
 * `postern milter` with the command line of scam-back: recipient verification from a scam.conf alone, in the foreground or
 * with `-D` as a daemon.
 */
import { readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { type ListenAddress, parseMilterAddress } from '../base/listen-address.ts';
import { createLog, type Log } from '../base/log.ts';
import { findId } from '../base/socket.ts';
import { type StartedService, startService } from '../base/started-service.ts';
import { SECOND, systemClock } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { MilterConfig } from '../config/load.ts';
import { MilterService } from '../daemon/milter/service.ts';
import { findStateFile } from '../daemon/milter/state.ts';
import { loadScamInstance } from '../daemon/scam-conf.ts';
import { ACCEPT_ALL } from '../milter/handler.ts';
import { probeMilter } from '../milter/probe.ts';
import { MilterServer } from '../milter/server.ts';
import { FEATURES } from '../recipients/scam-conf/features.ts';
import {
  describeScamFlags,
  parseScamFlags,
  type ScamFlags,
} from '../recipients/scam-conf/flags.ts';
import type { Io } from './io.ts';
import { serveMilter } from './milter.ts';

/** Set for the daemon that `-D` starts. */
const STARTED = 'POSTERN_MILTER_STARTED';
/** Facility mail, as scam-back had it; the priority is in front of each line. */
const LOGGER = ['logger', '-t', 'postern-milter', '-p', 'mail.info', '--prio-prefix'];
/** How long `-D` waits for the socket, ms. */
const PATIENCE = 30 * SECOND;
/** How often to look, ms. */
const PAUSE = 50;

/** Throws a PosternError for wrong flags and for a scam.conf with mistakes, also with `-D`. */
export async function runScamMilter(
  words: readonly string[],
  version: string,
  io: Io,
): Promise<ExitStatus> {
  const flags = parseScamFlags(words);
  if (typeof flags === 'string')
    throw new PosternError('usage', `milter: ${flags} (-h lists them)`);
  if (flags.help) {
    io.stdout(`postern ${version}\n${describeScamFlags()}`);
    return EXIT.done;
  }
  const absolute = withAbsolutePaths(flags);
  assertMayBecome(absolute);
  return absolute.daemon && process.env[STARTED] === undefined
    ? await startDaemon(absolute, io)
    : await serve(absolute, version);
}

/** The daemon has another working folder. */
function withAbsolutePaths(flags: ScamFlags): ScamFlags {
  const { backList, database } = flags;
  return {
    ...flags,
    config: resolve(flags.config),
    pidFile: resolve(flags.pidFile),
    ...(backList === undefined ? {} : { backList: resolve(backList) }),
    ...(database === undefined ? {} : { database: resolve(database) }),
  };
}

/** Only root may become another account; who is that account already, as under systemd, need not. */
function assertMayBecome(flags: ScamFlags): void {
  const { uid, gid } = findAccount(flags);
  if (process.geteuid?.() === 0) return;
  const isOther = uid !== undefined && uid !== process.geteuid?.();
  const isOtherGroup = flags.group !== undefined && gid !== process.getegid?.();
  if (isOther || isOtherGroup)
    throw new PosternError(
      'usage',
      'milter: -u and -g are for root, who may run as another account',
    );
}

/** The numbers behind `-u` and `-g`; without `-g`, the first group of the account. */
function findAccount({ user, group }: ScamFlags): { readonly uid?: number; readonly gid?: number } {
  try {
    const uid = user === undefined ? undefined : findId('/etc/passwd', user, 'account');
    const first = uid === undefined ? undefined : findGroupOf(uid);
    const gid = group === undefined ? first : findId('/etc/group', group, 'group');
    return dropUndefined({ uid, gid });
  } catch (error) {
    throw new PosternError('configuration', `milter: -u or -g: ${getMessage(error)}`);
  }
}

function findGroupOf(uid: number): number {
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const fields = lines
    .map((line) => line.split(':'))
    .find(([, , number]) => number === String(uid));
  return Number(fields?.[3]);
}

/** What the flags and the file say. Throws a PosternError. */
function load(flags: ScamFlags, log?: Log): MilterConfig {
  const { recipients, notes } = loadScamInstance(flags);
  for (const { line, key, text } of notes) log?.warn({ file: flags.config, line, key }, text);
  return {
    listen: [findPlace(flags)],
    access: { owner: flags.user, group: flags.group, mode: 0o660 },
    state: findStateFile(flags.pidFile),
    recipients,
  };
}

function findPlace({ listen }: ScamFlags): ListenAddress {
  const place = parseMilterAddress(listen);
  if (place !== undefined) return place;
  const expected = 'unix:/PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS';
  throw new PosternError('usage', `milter: -p ${listen}: expected ${expected}`);
}

/** Until SIGTERM. As root it only makes the socket; everything else is done, and written, by the account of `-u`. */
async function serve(flags: ScamFlags, version: string): Promise<ExitStatus> {
  // The database says who gets mail here.
  process.umask(0o077);
  const log = createLog();
  const config = load(flags, log);
  const server = new MilterServer({ handler: ACCEPT_ALL, log });
  if (!(await listen(server, config))) return EXIT.done;
  try {
    become(flags);
    const service = new MilterService({ config, clock: systemClock, log, version, server });
    writePidFile(flags.pidFile);
    await serveMilter(service, { load: () => load(flags, log), log });
  } finally {
    await server.end(0);
    removePidFile(flags.pidFile);
  }
  return EXIT.done;
}

/** Waits until it listens, for as long as its place is taken; false if it is told to end before. */
async function listen(server: MilterServer, config: MilterConfig): Promise<boolean> {
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  await server.listen(config);
  while (!server.isListening && !ending.signal.aborted) await waitOrAbort(PAUSE, ending.signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.off(signal, end);
  if (ending.signal.aborted) await server.end(0);
  return !ending.signal.aborted;
}

/** For good, with the groups of the account. */
function become(flags: ScamFlags): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = findAccount(flags);
  if (gid !== undefined) process.setgid?.(gid);
  if (uid === undefined) return;
  process.initgroups?.(uid, gid ?? process.getgid?.() ?? uid);
  process.setuid?.(uid);
}

function writePidFile(file: string): void {
  try {
    replaceFile(file, `${process.pid}\n`, 0o644);
  } catch (error) {
    const message = `${file}: the pid file cannot be written: ${getMessage(error)}; give its folder to the account of -u, or name another file with -P`;
    throw new PosternError('environment', message, { place: { file }, cause: error });
  }
}

/** Unless another process has written it meanwhile. */
function removePidFile(file: string): void {
  try {
    if (readPid(file) === process.pid) rmSync(file);
  } catch {
    // The end is the end: whoever reads the file finds no such process.
  }
}

function readPid(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Returns when the socket answers. Mistakes in flags and file have been told by then. */
async function startDaemon(flags: ScamFlags, io: Io): Promise<ExitStatus> {
  const config = load(flags);
  const service = await startService(daemonCommand(flags), {
    log: LOGGER,
    // Under this name the log puts a priority in front of each line, which logger(1) understands.
    env: { ...process.env, [STARTED]: '1', JOURNAL_STREAM: 'logger' },
  }).catch((error) => {
    throw new PosternError('environment', `milter: -D: cannot start: ${getMessage(error)}`);
  });
  const failure = await untilAnswers(service, flags, config);
  service.leave();
  if (failure === undefined) return EXIT.done;
  service.kill();
  io.stderr(`postern: milter: ${failure}; the system log (mail) says more\n`);
  return EXIT.failed;
}

function daemonCommand(flags: ScamFlags): string[] {
  const { listen, user, group, config, pidFile, backList, database, features } = flags;
  const values = Object.entries({ p: listen, u: user, g: group, P: pidFile, b: backList });
  return [
    process.execPath,
    ...process.execArgv,
    process.argv[1] as string,
    'milter',
    ...['-D', '--scam-conf', config],
    ...values.flatMap(([letter, value]) => (value === undefined ? [] : [`-${letter}`, value])),
    ...(database === undefined ? [] : ['--database', database]),
    ...FEATURES.filter(({ name }) => features.includes(name)).map(
      ({ name }) => `--${name.toLowerCase()}`,
    ),
  ];
}

/** Why it does not answer; undefined as soon as it does. The pid file tells it from another process at that socket. */
async function untilAnswers(
  service: StartedService,
  { pidFile }: ScamFlags,
  { listen: [address] }: MilterConfig,
): Promise<string | undefined> {
  const end = performance.now() + PATIENCE;
  let why: string | undefined = 'its pid file is missing';
  while (performance.now() < end) {
    const ended = service.ended();
    if (ended !== undefined) return `it has ended (${ended})`;
    if (readPid(pidFile) === service.pid) {
      why = await probeMilter(address as ListenAddress);
      if (why === undefined) return undefined;
    }
    await waitOrAbort(PAUSE, new AbortController().signal);
  }
  return `no answer within ${PATIENCE / SECOND} s: ${why}`;
}
