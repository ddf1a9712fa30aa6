/**
 * An installation in two processes: the service as an account without rights, `postern enforce` as root, each with
 * the files it owns. Everything is real: accounts by number, owners, modes, processes.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach } from 'vitest';
import { available, missingParts } from '../support/server.ts';
import { eventually } from './scratch.ts';

export const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests

/** The account of the service, and the group that may read the log; no such names need to exist. */
export const SERVICE = { uid: 64_711, gid: 64_711 };
const LOG_GROUP = 64_712;

const RULE =
  'name: invalid-recipients\ndescription: d\ncount: invalid\nper: submitter\nlimit: 3\nperiod: 1h\naction: block\n';

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Whether this machine can run both processes. */
export function hasSteps(): boolean {
  return available('service in two processes', missingParts(['/usr/bin/setpriv'], []));
}

/** Makes an installation when a test asks for one, with these lines added to its configuration; removed after the test. */
export function stepPlaces(): (extra?: string) => StepPlace {
  let place: StepPlace | undefined;
  afterEach(async () => {
    await place?.remove();
    place = undefined;
  });
  return (extra) => {
    place = new StepPlace(extra);
    return place;
  };
}

export class StepPlace {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'postern-step-')));
  readonly config = this.path('etc/postern.yaml');
  readonly log = this.path('log/mail.log');
  readonly map = this.path('maps/sasl_access');
  readonly database = this.path('state/postern.db');
  readonly #processes = new Set<ChildProcess>();

  constructor(extra = '') {
    chmodSync(this.folder, 0o755);
    for (const name of ['etc', 'rules', 'log', 'maps', 'bin', 'out']) mkdirSync(this.path(name));
    mkdirSync(this.path('state'), { mode: 0o700 });
    chownSync(this.path('state'), SERVICE.uid, SERVICE.gid);
    writeFileSync(this.path('rules/rule.yaml'), RULE);
    writeFileSync(this.log, '', { mode: 0o640 });
    chownSync(this.log, 0, LOG_GROUP);
    for (const name of ['reload', 'postsuper']) this.#script(name);
    writeFileSync(this.path('bin/postqueue'), `#!/bin/sh\ncat ${this.path('out/queue')}\n`, {
      mode: 0o755,
    });
    this.queue();
    this.configure(extra);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  configure(extra: string): void {
    const text = `logs: [ ../log/mail.log ]
database: ../state/postern.db
rules: ../rules
enforcer: separate
caps: { blocksPerHour: 1000 }
commands: { postsuper: [ ${this.path('bin/postsuper')} ], postqueue: [ ${this.path('bin/postqueue')} ] }
targets:
  postfix:
    user: { file: ../maps/sasl_access, type: texthash }
    client: { file: ../maps/client_access, type: cidr }
    sender: false
    uid: false
    reload: [ ${this.path('bin/reload')} ]
${extra}`;
    writeFileSync(this.config, text);
  }

  /** These messages are queued now, of these users. */
  queue(...messages: readonly { readonly id: string; readonly sender: string }[]): void {
    const entry = { queue_name: 'deferred', arrival_time: 1, message_size: 1, recipients: [] };
    const lines = messages.map(({ id, sender }) =>
      JSON.stringify({ ...entry, queue_id: id, sender }),
    );
    writeFileSync(this.path('out/queue'), lines.map((line) => `${line}\n`).join(''));
  }

  /** A command of the mail server that records its account, arguments and input. */
  #script(name: string): void {
    const file = this.path(`bin/${name}`);
    const out = this.path(`out/${name}`);
    writeFileSync(file, `#!/bin/sh\necho "$(id -u)" "$@" $(cat) >> ${out}\n`, { mode: 0o755 });
  }

  /** The accounts, arguments and input with which a command of the mail server was run. */
  asked(name: 'reload' | 'postsuper'): string[] {
    const path = this.path(`out/${name}`);
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  /** `postern run` as the account of the service. */
  async startService(): Promise<ChildProcess> {
    const { uid, gid } = SERVICE;
    const drop = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, `--groups=${LOG_GROUP}`];
    return await this.#start([...drop, '--inh-caps=-all'], 'run', '"started"');
  }

  /** `postern enforce` as root, with the capabilities of its unit. */
  async startStep(): Promise<ChildProcess> {
    const bound = 'setpriv --bounding-set=-all,+setuid,+setgid --inh-caps=-all --no-new-privs';
    return await this.#start(bound.split(' '), 'enforce', '"reading the database"');
  }

  async #start(before: string[], command: string, ready: string): Promise<ChildProcess> {
    const output = this.path(`out/${command}.log`);
    const seen = () => this.#read(output).split(ready).length;
    const earlier = seen();
    const fd = openSync(output, 'a');
    const [file = '', ...args] = [...before, process.execPath, PROGRAM, command];
    const child = spawn(file, [...args, '--config', this.config], { stdio: ['ignore', fd, fd] });
    closeSync(fd);
    this.#processes.add(child);
    if (await eventually(() => seen() > earlier || child.exitCode !== null)) return child;
    throw new Error(`postern ${command} did not start:\n${this.#read(output)}`);
  }

  said(command: 'run' | 'enforce'): string {
    return this.#read(this.path(`out/${command}.log`));
  }

  #read(path: string): string {
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Runs a command to its end, as root. */
  run(...args: string[]): Ran {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [PROGRAM, ...args, '--config', this.config],
      { encoding: 'utf8', timeout: 30_000 },
    );
    return { status, out: stdout, err: stderr };
  }

  write(lines: readonly string[]): void {
    appendFileSync(this.log, lines.map((line) => `${line}\n`).join(''));
  }

  lists(user: string): boolean {
    return this.#read(this.map)
      .split('\n')
      .some((line) => line.startsWith(`${user}\t`));
  }

  /** Who is blocked; while the service runs and has made the files of the database. */
  blocked(): string[] {
    const { out } = this.run('blocks', '--format', 'json');
    const lines = out.split('\n').filter((line) => line !== '');
    return lines.map((line) => (JSON.parse(line) as { key: { id: string } }).key.id);
  }

  /** Owners of all files in the folder of the database. */
  databaseOwners(): number[] {
    const folder = this.path('state');
    return [...new Set(readdirSync(folder).map((name) => statSync(join(folder, name)).uid))];
  }

  async stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#processes.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    for (const child of this.#processes) await this.stop(child);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The processes that `pid` has started. */
export function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** A field of /proc/PID/status, such as `Uid` or `CapEff`. */
export function statusOf(pid: number | undefined, field: string): string[] {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((text) => text.startsWith(`${field}:`));
  return (line ?? '').split(/\s+/).slice(1).filter(Boolean);
}
