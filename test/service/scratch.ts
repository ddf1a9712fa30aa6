/** A scratch installation: folder, configuration, a growing Postfix log, and the service over it. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import { main } from '../../src/cli/commands.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import { folderNotifier } from '../../src/notify/mail.ts';
import { Store } from '../../src/store/store.ts';
import { poll } from '../support/folder.ts';
import { RULE } from '../support/rule.ts';

// Postfix's commands read their configuration there: that of the machine, if it has one, knows nothing of these files.
process.env.MAIL_CONFIG = '/nonexistent';

export interface Scratch {
  readonly folder: string;
  readonly config: string;
  readonly log: string;
  path(name: string): string;
  /** starts the service */
  start(): RunningService;
  /** appends lines to the log */
  write(...lines: string[]): void;
  /** works on the database while no service does */
  withStore<T>(work: (store: Store) => T): T;
  mails(): string[];
  /** runs a command of postern with this configuration */
  run(...argv: string[]): Promise<Ran>;
  /** stops the service and removes the folder */
  remove(): Promise<void>;
}

interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface RunningService {
  stop(): Promise<void>;
}

/** `extra` is appended to the configuration, `rule` replaces the only rule. */
export function scratch(
  options: { extra?: string; rule?: string; mta?: 'postfix' | 'exim' } = {},
): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  const path = (name: string) => join(folder, name);
  for (const name of ['outbox', 'maps', 'rules']) mkdirSync(path(name));
  writeFileSync(path('rules/rule.yaml'), options.rule ?? RULE);
  writeFileSync(path('postern.yaml'), configText(options));
  const outbox = path('outbox');
  const running = new Set<RunningService>();
  return {
    folder,
    config: path('postern.yaml'),
    log: path('mail.log'),
    path,
    start() {
      const controller = new AbortController();
      const done = runDaemon({
        config: loadConfig(path('postern.yaml')),
        clock: systemClock,
        log: silentLog,
        version: '0',
        signal: controller.signal,
        notifier: folderNotifier(outbox, 'postern@mx1.example.net'),
      });
      const service = {
        async stop() {
          running.delete(service);
          controller.abort();
          await done;
        },
      };
      running.add(service);
      return service;
    },
    write: (...lines) =>
      appendFileSync(path('mail.log'), lines.map((line) => `${line}\n`).join('')),
    withStore(work) {
      const store = new Store(path('postern.db'));
      try {
        return work(store);
      } finally {
        store.close();
      }
    },
    mails: () =>
      (existsSync(outbox) ? readdirSync(outbox) : [])
        .filter((name) => !name.startsWith('.'))
        .map((name) => readFileSync(join(outbox, name), 'utf8')),
    async run(...argv) {
      const out: string[] = [];
      const err: string[] = [];
      const status = await main([...argv, '--config', path('postern.yaml')], {
        stdout: (text) => void out.push(text),
        stderr: (text) => void err.push(text),
      });
      return { status, out: out.join(''), err: err.join('') };
    },
    async remove() {
      for (const service of running) await service.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configText({ extra = '', mta = 'postfix' }: { extra?: string; mta?: string }): string {
  return `mta: ${mta}
logs: [ mail.log ]
database: postern.db
rules: rules
targets:
  postfix:
    user: { file: maps/sasl_access, type: texthash }
    client: { file: maps/client_access, type: cidr }
    sender: false
    uid: false
    reload: []
  exim: { blockedUsers: maps/blocked_users, blockedSenders: maps/blocked_senders }
queue: { hold: false }
notify: { to: abuse@example.net, from: postern@mx1.example.net, digest: 1s }
${extra}`;
}

/** Waits until `condition` holds, at most `patience` ms; returns whether it did. */
export async function eventually(condition: () => boolean, patience?: number): Promise<boolean> {
  return (await poll(condition, patience)) === true;
}

let serial = 0;

/** The lines of one message of `user` whose only recipient does not exist; `ago` in ms. */
export function bounced(user: string, recipient: string, ago = 0): string[] {
  return [...accepted(user, ago), ...bounce(recipient, ago)];
}

/** The lines that accept a message of `user`. */
export function accepted(user: string, ago = 0): string[] {
  const id = `${(++serial).toString(16).toUpperCase().padStart(6, '0')}ABCDE`;
  const at = `${stamp(ago)} mx1 postfix`;
  return [
    `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=${user}`,
    `${at}/cleanup[815]: ${id}: message-id=<${serial}@example.net>`,
    `${at}/qmgr[700]: ${id}: from=<${user}>, size=1000, nrcpt=1 (queue active)`,
  ];
}

/** The bounce of the message accepted last. */
export function bounce(recipient: string, ago = 0): string[] {
  const id = `${serial.toString(16).toUpperCase().padStart(6, '0')}ABCDE`;
  const at = `${stamp(ago)} mx1 postfix`;
  return [
    `${at}/smtp[822]: ${id}: to=<${recipient}>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 <${recipient}>: User unknown (in reply to RCPT TO command))`,
    `${at}/qmgr[700]: ${id}: removed`,
  ];
}

function stamp(ago: number): string {
  return new Date(Date.now() - ago).toISOString();
}
