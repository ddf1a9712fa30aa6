/** The built program as a real process in a scratch installation: start it, kill it, ask for its status. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type CommandResult, runCommand } from '../../src/base/commands.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { type Folder, readText, scratchFolder, until } from '../support/folder.ts';
import { RULE } from '../support/rule.ts';

/** scripts/prepare.mjs builds it before the tests. */
const PROGRAM = process.env.POSTERN_PROGRAM ?? resolve('dist/cli/main.js');

export interface Installation {
  readonly folder: Folder;
  /** Starts `postern run`; does not wait. `wrap` is a command in front, such as prlimit. */
  start(wrap?: readonly string[]): void;
  /** waits until the running process has said that it is ready */
  started(): Promise<void>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** SIGTERM, and waits for the end; gives the exit status. */
  stop(): Promise<number | null>;
  /** waits for a process that ends by itself; gives the exit status */
  ended(): Promise<number | null>;
  readonly isRunning: boolean;
  readonly pid: number | undefined;
  command(...args: readonly string[]): Promise<CommandResult>;
  /** what all processes have printed */
  log(): string;
  withStore<T>(work: (store: Store, db: Db) => T): T;
  remove(): Promise<void>;
}

export interface InstallationOptions {
  /** where configuration, database, log and map files are; default: a new scratch folder */
  readonly folder?: Folder;
  readonly rule?: string;
  /** `smtp: {...}` or `sendmail: ...` of `notify` */
  readonly route?: string;
  /** lines under `targets.postfix` instead of a text table without reload */
  readonly postfix?: readonly string[];
  /** lines at the end of the configuration */
  readonly extra?: readonly string[];
  readonly database?: string;
}

const MAPS = ['user: { file: maps/sasl_access, type: texthash }', 'reload: []'];

export function install(options: InstallationOptions = {}): Installation {
  const folder = options.folder ?? scratchFolder('postern-torture-');
  mkdirSync(folder.at('maps'), { recursive: true });
  folder.write('rules/rule.yaml', options.rule ?? RULE);
  folder.write('postern.yaml', configOf(options));
  const output = folder.at('postern.out');
  writeFileSync(output, '');
  let child: ChildProcess | undefined;
  let ready = 0;
  const log = () => readText(output);
  const starts = () => log().split('"started"').length;
  const end = async (signal?: NodeJS.Signals) => {
    const dying = child;
    if (dying === undefined) return null;
    const over = new Promise<void>((done) => dying.once('exit', () => done()));
    if (dying.exitCode === null && dying.signalCode === null) {
      if (signal !== undefined) dying.kill(signal);
      await over;
    }
    child = undefined;
    return dying.exitCode;
  };
  return {
    folder,
    log,
    start(wrap = []) {
      ready = starts();
      const fd = openSync(output, 'a');
      const [file = '', ...args] = [...wrap, process.execPath, PROGRAM, 'run'];
      child = spawn(file, [...args, '--config', folder.at('postern.yaml')], {
        stdio: ['ignore', fd, fd],
      });
      closeSync(fd);
    },
    async started() {
      await until('postern to start', () => starts() > ready, { evidence: log, timeout: 30_000 });
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    ended: () => end(),
    get isRunning() {
      return child !== undefined && child.exitCode === null && child.signalCode === null;
    },
    get pid() {
      return child?.pid;
    },
    command: (name, ...args) =>
      runCommand(
        [process.execPath, PROGRAM, name as string, '--config', folder.at('postern.yaml'), ...args],
        { timeout: 60_000 },
      ),
    withStore(work) {
      const { store, db } = openStore(join(folder.path, options.database ?? 'postern.db'));
      try {
        return work(store, db);
      } finally {
        store.close();
      }
    },
    async remove() {
      await end('SIGKILL');
      if (options.folder === undefined) folder.remove();
    },
  };
}

function configOf({ route, postfix = MAPS, extra = [], database }: InstallationOptions): string {
  return [
    'mta: postfix',
    'logs: [ mail.log ]',
    `database: ${database ?? 'postern.db'}`,
    'rules: rules',
    'targets:',
    '  postfix:',
    ...['client: false', 'sender: false', 'uid: false', ...postfix].map((line) => `    ${line}`),
    'queue: { hold: false }',
    ...(route === undefined
      ? []
      : [`notify: { to: abuse@example.net, from: postern@mx1.example.net, digest: 1s, ${route} }`]),
    ...extra,
    '',
  ].join('\n');
}
