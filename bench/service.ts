/** `postern run` in a scratch folder, observed from outside: over a backlog, idle, and from line to block. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuOf, memoryOf, sleep } from './measure.ts';

export interface Service {
  readonly folder: string;
  readonly log: string;
  readonly pid: number;
  stop(): Promise<void>;
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

function configText(rules: string): string {
  return `mta: postfix
logs: [ mail.log ]
database: postern.db
rules: ${rules}
caps: { blocksPerHour: 1000 }
targets:
  postfix:
    user: { file: maps/sasl_access, type: texthash }
    client: { file: maps/client_access, type: cidr }
    sender: false
    uid: false
    reload: []
queue: { hold: false }
`;
}

/** Makes the folder; `rules` names a folder of rules, default: one rule of five refusals. */
export function scratchFolder(rules?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  mkdirSync(join(folder, 'maps'));
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'rules/rule.yaml'), RULE);
  writeFileSync(join(folder, 'postern.yaml'), configText(rules ?? 'rules'));
  writeFileSync(join(folder, 'mail.log'), '');
  return folder;
}

export async function startService(program: string, folder: string): Promise<Service> {
  const child: ChildProcess = spawn(
    process.execPath,
    [program, 'run', '--config', join(folder, 'postern.yaml')],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const database = join(folder, 'postern.db');
  for (let waited = 0; !existsSync(database) && waited < 600; waited++) await sleep(50);
  return {
    folder,
    log: join(folder, 'mail.log'),
    pid: child.pid as number,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** What a backlog costs: CPU seconds until all of it is committed, and wall seconds. */
export async function ingest(
  program: string,
  folder: string,
): Promise<{ cpu: number; wall: number; peak: number }> {
  const began = performance.now();
  const service = await startService(program, folder);
  try {
    let last = cpuOf(service.pid);
    let wall = 0;
    for (let quiet = 0; quiet < 6; ) {
      await sleep(250);
      const now = cpuOf(service.pid);
      // An idle service uses less than this; a busy one, even on a crowded machine, more.
      if (now - last > 0.03) {
        quiet = 0;
        wall = (performance.now() - began) / 1000;
      } else quiet++;
      last = now;
    }
    if (behind(program, folder) !== 0)
      throw new Error('the service stopped before the end of its log');
    return { cpu: last, wall, peak: memoryOf(service.pid).peak };
  } finally {
    await service.stop();
  }
}

function behind(program: string, folder: string): number | undefined {
  const { stdout } = spawnSync(
    process.execPath,
    [program, 'status', '--format', 'json', '--config', join(folder, 'postern.yaml')],
    { encoding: 'utf8' },
  );
  return (JSON.parse(stdout) as { logs: { behind?: number }[] }).logs[0]?.behind;
}

/** Milliseconds from the line that completes a limit to the block file that names the user, `trials` of them. */
export async function latencies(
  service: Service,
  trials: number,
  background: () => string,
): Promise<number[]> {
  const file = join(service.folder, 'maps/sasl_access');
  const times: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const user = `trial${trial}@example.net`;
    for (let before = 0; before < 10; before++) {
      appendFileSync(service.log, background());
      await sleep(20);
    }
    const began = performance.now();
    appendFileSync(service.log, refusals(user, trial));
    while (!(existsSync(file) && readFileSync(file, 'latin1').includes(user))) {
      if (performance.now() - began > 20_000) throw new Error(`${user} was not blocked in 20 s`);
      await sleep(1);
    }
    times.push(performance.now() - began);
  }
  return times;
}

function refusals(user: string, trial: number): string {
  const stamp = new Date().toISOString();
  const id = `F${String(trial).padStart(6, '0')}ABCD`;
  const at = `${stamp} mx1 postfix`;
  const lines = [
    `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=${user}`,
    `${at}/cleanup[815]: ${id}: message-id=<${trial}@example.net>`,
    `${at}/qmgr[700]: ${id}: from=<${user}>, size=1000, nrcpt=5 (queue active)`,
  ];
  for (let number = 0; number < 5; number++) {
    const to = `nobody${number}.${trial}@host${number}.example.org`;
    const relay = `mx.host${number}.example.org[198.51.100.${number + 1}]`;
    lines.push(
      `${at}/smtp[822]: ${id}: to=<${to}>, relay=${relay}:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host ${relay} said: 550 5.1.1 <${to}>: User unknown (in reply to RCPT TO command))`,
    );
  }
  return lines.map((line) => `${line}\n`).join('');
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
