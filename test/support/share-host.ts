/** Servers that share, in this process: the service with its own folder, log and database. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { silentLog } from '../../src/base/silent-log.ts';
import { systemClock } from '../../src/base/time.ts';
import { noteAction } from '../../src/cli/operator.ts';
import { loadConfig } from '../../src/config/load.ts';
import { runDaemon } from '../../src/daemon/daemon.ts';
import type { Verdict } from '../../src/model/block.ts';
import type { ShareHealth } from '../../src/store/saved-state.ts';
import { Store } from '../../src/store/store.ts';
import type { StoredBlock } from '../../src/store/stored-block.ts';
import { type Folder, scratchFolder, until } from './folder.ts';

/** So many different recipients who do not exist. */
export const LIM = 10;
const RULE = `
name: invalid
description: Mail to people who do not exist.
count: invalid
per: submitter
direction: outbound
distinct: recipient
at-least-share: 8%
limit: ${LIM}
period: 1h
action: block
for: until-released
`;

/** One server. */
export class Host {
  readonly name: string;
  readonly folder: Folder;
  #ending = new AbortController();
  #running: Promise<void> | undefined;
  #message = 0;

  constructor(name: string, url: string, more = '') {
    this.name = name;
    this.folder = scratchFolder(`postern-${name}-`);
    this.folder.write('rules/invalid.yaml', RULE);
    writeFileSync(this.folder.at('mail.log'), '');
    this.folder.write(
      'postern.yaml',
      `logs: [mail.log]\ndatabase: postern.db\nrules: rules\ntrustedNetworks: []\nqueue: { hold: false }
targets: { postfix: { user: { file: user, type: texthash }, client: { file: client, type: cidr }, sender: false, uid: false, reload: [] } }
share: { url: '${url}', host: ${name} }\n${more}`,
    );
  }

  start(): void {
    const config = loadConfig(this.folder.at('postern.yaml'));
    this.#ending = new AbortController();
    const { signal } = this.#ending;
    const options = { config, clock: systemClock, log: silentLog, version: '1', signal };
    this.#running = runDaemon(options);
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  /** Somebody sends mail to so many people who do not exist: their names begin with `what`. */
  spam(login: string, count: number, what: string): void {
    const lines = Array.from({ length: count }, (_, index) => {
      const id = (0xa0000000 + this.#message++).toString(16).toUpperCase();
      const stamp = `${new Date().toISOString().replace('Z', '000+00:00')} ${this.name} postfix`;
      return [
        `${stamp}/smtpd[9]: ${id}: client=unknown[203.0.113.9], sasl_method=LOGIN, sasl_username=${login}`,
        `${stamp}/qmgr[8]: ${id}: from=<${login}>, size=900, nrcpt=1 (queue active)`,
        `${stamp}/smtp[7]: ${id}: to=<${what}${index}@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command))`,
        `${stamp}/qmgr[8]: ${id}: removed`,
      ].join('\n');
    });
    if (lines.length > 0) appendFileSync(this.folder.at('mail.log'), `${lines.join('\n')}\n`);
  }

  use<T>(work: (store: Store) => T): T {
    const store = new Store(this.folder.at('postern.db'));
    try {
      return work(store);
    } finally {
      store.close();
    }
  }

  block(login: string): StoredBlock | undefined {
    return this.use((store) => store.blocks.running({ type: 'user', id: login }));
  }

  /** The newest verdict on that login. */
  verdict(login: string): Verdict | undefined {
    return this.use(
      (store) => store.verdicts.findByKey({ type: 'user', id: login }, 1)[0]?.verdict,
    );
  }

  /** As `postern unblock` does. */
  unblock(login: string, who?: string): void {
    this.use((store) =>
      store.commit(() => {
        const time = Date.now();
        const key = { type: 'user', id: login } as const;
        const block = store.blocks.running(key) as StoredBlock;
        store.blocks.release(block.id, time, 'operator', store.events.newest());
        noteAction(store, { time, who, what: 'unblock', key, block });
      }),
    );
  }

  health(): ShareHealth | undefined {
    return this.use((store) => store.state.read('health')?.share);
  }

  /** Whether its block file lists the login. */
  lists(login: string): boolean {
    return this.folder.read('user').includes(login);
  }

  isConnected(): boolean {
    const health = this.health();
    return health !== undefined && health.failure === undefined && health.ahead !== undefined;
  }

  async blocked(login: string): Promise<void> {
    await until(`${login} to be blocked on ${this.name}`, () => this.lists(login), {
      evidence: () => JSON.stringify([this.health(), this.folder.read('user')]),
    });
  }

  async unblocked(login: string): Promise<void> {
    await until(`${login} to be free on ${this.name}`, () => !this.lists(login));
  }

  async eventually(what: string, test: (host: Host) => boolean): Promise<void> {
    await until(`${this.name}: ${what}`, () => test(this), {
      evidence: () => JSON.stringify(this.health()),
    });
  }
}

/** Whether the engine has all that it has told. */
export function isAllSent(host: Host): boolean {
  const health = host.health();
  return health?.waiting === 0 && health.failure === undefined;
}

/** Whether it knows that the engine is away. */
export function isAway(host: Host): boolean {
  return host.health()?.failure !== undefined;
}
