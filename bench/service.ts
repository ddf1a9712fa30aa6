/** Postern's own processes in a scratch folder, as the benchmarks of the service start and stop them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAM } from './contestants.ts';
import { sleep } from './measure.ts';

/** What differs between the benchmarks. */
export interface Setting {
  /** a folder of rules; default: one rule of five refusals */
  readonly rules?: string;
  /** `postern enforce` changes the maps, in a process of its own */
  readonly separate?: boolean;
  /** with the policy service, on the socket `policy` in the folder */
  readonly policy?: boolean;
  /** a line of the configuration */
  readonly extra?: string;
}

const RULE = `name: invalid-recipients
description: Mail to addresses that do not exist.
count: invalid
per: submitter
direction: outbound
limit: 5
period: 1h
action: block
`;

/** `postern run`, and `postern enforce` when it is separate, at work in a folder of their own. */
export class Service {
  readonly folder: string;
  readonly #setting: Setting;
  readonly #children: ChildProcess[] = [];

  constructor(setting: Setting = {}) {
    this.#setting = setting;
    this.folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
    mkdirSync(this.path('maps'));
    mkdirSync(this.path('rules'));
    writeFileSync(this.path('rules/rule.yaml'), RULE);
    writeFileSync(this.config, this.#configText());
    writeFileSync(this.log, '');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get config(): string {
    return this.path('postern.yaml');
  }

  get log(): string {
    return this.path('mail.log');
  }

  /** Block files in force: what Postfix would look into. */
  get map(): string {
    return this.path('maps/sasl_access');
  }

  /** Process ID of `postern run`. */
  get pid(): number {
    return this.#children[0]?.pid as number;
  }

  /** Starts and waits until it reads the log. Throws when it does not come up within 30 s. */
  async start(): Promise<void> {
    await this.#spawn('run', '"started"');
    if (this.#setting.separate === true) await this.#spawn('enforce', '"reading the database"');
  }

  async #spawn(command: string, ready: string): Promise<void> {
    const argv = [command, '--config', this.config];
    const child = spawn(PROGRAM, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-10_000)));
    this.#children.push(child);
    for (let waited = 0; !said.includes(ready); waited++) {
      if (child.exitCode !== null || waited > 1500) {
        throw new Error(`postern ${command} did not start:\n${said}`);
      }
      await sleep(20);
    }
  }

  /** Ends the processes and removes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#children.reverse()) {
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.kill('SIGTERM');
      if (child.exitCode === null) await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Bytes of the log that are not stored yet, as `postern status` tells. */
  behind(): number | undefined {
    const argv = ['status', '--format', 'json', '--config', this.config];
    const { stdout } = spawnSync(PROGRAM, argv, { encoding: 'utf8' });
    return (JSON.parse(stdout) as { logs: { behind?: number }[] }).logs[0]?.behind;
  }

  isInMap(user: string): boolean {
    return existsSync(this.map) && readFileSync(this.map, 'latin1').includes(user);
  }

  #configText(): string {
    const { rules = 'rules', separate, policy, extra = '' } = this.#setting;
    return `mta: postfix
logs: [ mail.log ]
database: postern.db
rules: ${rules}
caps: { blocksPerHour: 100000 }
${separate === true ? 'enforcer: separate\n' : ''}${policy === true ? `policy: { listen: 'unix:${this.path('policy')}' }\n` : ''}targets:
  postfix:
    user: { file: maps/sasl_access, type: texthash }
    client: { file: maps/client_access, type: cidr }
    sender: false
    uid: false
    reload: []
queue: { hold: false }
${extra}
`;
  }
}
