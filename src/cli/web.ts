/** `postern web`: the page for operators, and who may use it. */
import { chownSync, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { createLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, type ConfigChoice, loadConfig } from '../config/load.ts';
import type { WebConfig } from '../config/web.ts';
import { inRounds } from '../daemon/rounds.ts';
import { explainFileError } from '../enforce/target-file.ts';
import { Store } from '../store/store.ts';
import type { Desk, Ran } from '../web/desk.ts';
import { serveWeb } from '../web/serve.ts';
import {
  formatUsers,
  hashPassword,
  isUserName,
  loadUsers,
  ROLES,
  type Role,
  type User,
} from '../web/users.ts';
import { ApartCommands } from './apart.ts';
import { becomeDatabaseOwner } from './database.ts';
import type { Io } from './io.ts';
import { readPassword } from './password.ts';
import { readReportPeriod } from './period.ts';
import { parseTime, parseTypedBlockable } from './typed.ts';

export interface WebOptions {
  readonly config?: ConfigChoice;
  readonly role?: string;
  readonly proxy?: boolean;
}

/** What the page runs its commands with. */
type Main = (argv: readonly string[], io: Io) => Promise<ExitStatus>;

/** Without an action, the page itself, until SIGTERM; SIGHUP reads the configuration again. */
export async function runWeb(
  [action, name]: readonly (string | undefined)[],
  options: WebOptions,
  { io, main, version }: { readonly io: Io; readonly main: Main; readonly version: string },
): Promise<ExitStatus> {
  const { users } = loadWebConfig(options.config).web;
  if (action === undefined) return await serve(options.config, main, version);
  if (action === 'users') return listUsers(users, io);
  if (name === undefined || !isUserName(name))
    throw new PosternError(
      'usage',
      `web ${action}: expected a name of letters, digits and . _ @ -`,
    );
  return action === 'remove'
    ? removeUser(users, name, io)
    : await setPassword(users, name, options, io);
}

type WithWeb = Config & { readonly web: WebConfig };

/** Throws a PosternError (exit status 2) if there is no section `web`. */
export function loadWebConfig(choice: ConfigChoice | undefined): WithWeb {
  const config = loadConfig(choice);
  const { web, file } = config;
  if (web !== undefined) return { ...config, web };
  throw new PosternError(
    'configuration',
    `${file}: web: expected a section, found nothing (web: {} will do)`,
    { place: { file, key: 'web' } },
  );
}

async function serve(
  choice: ConfigChoice | undefined,
  main: Main,
  version: string,
): Promise<ExitStatus> {
  becomeDatabaseOwner(choice);
  let config = loadWebConfig(choice);
  loadUsers(config.web.users);
  const log = createLog(config.logLevel);
  const round = async (signal: AbortSignal) => {
    const store = new Store(config.database, { readonly: true });
    try {
      await serveWeb(buildDesk({ config, store, log, version }, main), signal);
    } finally {
      store.close();
    }
    return true;
  };
  const reload = () => {
    const next = loadWebConfig(choice);
    loadUsers(next.web.users);
    config = next;
  };
  await inRounds(reload, round, log);
  return EXIT.done;
}

type Base = Pick<Desk, 'config' | 'store' | 'log' | 'version'>;

/** This program, as the page starts it again. */
const SELF = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];

/**
 * The desk of a page. `main` runs its commands, with the same configuration; `program`, an argument vector, is started for
 * those that read much.
 */
export function buildDesk(base: Base, main: Main, program: readonly string[] = SELF): Desk {
  const named = base.config.instance === undefined ? [] : [`--instance=${base.config.instance}`];
  const apart = new ApartCommands(program);
  const complete = ([command = '', ...words]: readonly string[]) => [
    command,
    `--config=${base.config.file}`,
    ...named,
    ...words,
  ];
  return {
    ...base,
    run: (words, operator) => capture(operator, (io) => main(complete(words), io)),
    read: (words) => apart.run(complete(words)),
    readIdentity: (text) => parseTypedBlockable(text, base.config.logins),
    readTime: (option, text) => parseTime(option, text, base.config.zone),
    readPeriod: (options) => readReportPeriod(options, systemClock.now(), base.config.zone),
  };
}

/** Runs a command, and keeps what it prints. */
async function capture(
  operator: string | undefined,
  work: (io: Io) => Promise<ExitStatus>,
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const deeds: Ran['deeds'][number][] = [];
  const status = await work({
    ...(operator === undefined ? {} : { operator }),
    stdout: (text) => void out.push(text),
    stderr: (text) => void err.push(text),
    noteDeed: (deed) => void deeds.push(deed),
  });
  return { status, out: out.join(''), err: err.join(''), deeds };
}

function listUsers(file: string, io: Io): ExitStatus {
  const users = [...loadUsers(file).values()];
  for (const { name, role, password } of users)
    io.stdout(`${name}  ${role}${password === '-' ? '  by the reverse proxy only' : ''}\n`);
  if (users.length === 0)
    io.stdout('Nobody may use the page: postern web password NAME --role act\n');
  return EXIT.done;
}

function removeUser(file: string, name: string, io: Io): ExitStatus {
  const users = loadUsers(file);
  if (!users.delete(name)) {
    io.stderr(`${name} is not in ${file}.\n`);
    return EXIT.failed;
  }
  writeUsers(file, users);
  io.stdout(`${name} may no longer use the page.\n`);
  return EXIT.done;
}

/** Throws a PosternError (exit status 1) when the file cannot be written. */
function writeUsers(file: string, users: ReadonlyMap<string, User>): void {
  try {
    replaceFile(file, formatUsers(users), 0o640);
  } catch (error) {
    throw new PosternError('environment', `${file}: ${explainFileError(error)}`, {
      place: { file },
      cause: error,
    });
  }
}

/** A shorter one is guessed too soon (NIST SP 800-63B allows 8 only with more than a password). */
const LEAST = 12;
const MOST = 1000;

async function setPassword(
  file: string,
  name: string,
  options: WebOptions,
  io: Io,
): Promise<ExitStatus> {
  const users = loadUsers(file);
  const role = (options.role ?? users.get(name)?.role ?? 'view') as Role;
  const password = options.proxy === true ? '-' : await hashPassword(await askPassword(name, io));
  users.set(name, { name, role: ROLES.includes(role) ? role : 'view', password });
  const isNew = !existsSync(file);
  writeUsers(file, users);
  if (isNew) letServiceRead(file, options.config);
  io.stdout(
    `${name} may use the page (role: ${role})${password === '-' ? ', named by the reverse proxy' : ''}.\n`,
  );
  return EXIT.done;
}

async function askPassword(name: string, io: Io): Promise<string> {
  const password = await readPassword(`Password for ${name}: `, io);
  if (password.length >= LEAST && password.length <= MOST) return password;
  throw new PosternError(
    'usage',
    `web password: expected ${LEAST} to ${MOST} characters, found ${password.length}`,
  );
}

/** The page runs as the owner of the database, whose group may read the file. */
function letServiceRead(file: string, choice: ConfigChoice | undefined): void {
  if (process.geteuid?.() !== 0) return;
  const folder = statSync(dirname(loadConfig(choice).database), { throwIfNoEntry: false });
  if (folder !== undefined) chownSync(file, 0, folder.gid);
}
