/** A service in a scratch folder, with rules that block everybody who is named in a single event, and the result. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Store } from '../../src/store/store.ts';
import { eventually, scratch } from '../service/scratch.ts';

type Mta = 'postfix' | 'exim';

const RULES = [
  ['submitter', 'invalid'],
  ['client', 'invalid'],
  ['sender', 'invalid'],
  ['client', 'auth-failed'],
  ['submitter', 'rejected'],
  ['client', 'rejected'],
  ['submitter', 'bounced'],
  ['uid', 'bounced'],
] as const;

function ruleText(per: string, count: string): string {
  return `name: ${count}-${per}
description: Whoever is named once, <b>without</b> mercy.
count: ${count}
per: ${per}
limit: 1
period: 1h
action: block
`;
}

function configText(mta: Mta): string {
  return `mta: ${mta}
logs: [ mail.log ]
database: postern.db
rules: rules
zone: +00:00
caps: { blocksPerHour: 100000 }
# All attackers come from one /64: with an allowed address in it, each is blocked alone.
allow: { networks: [ "2001:db8:a:0:ffff::1" ] }
targets:
  postfix:
    user: { file: maps/sasl_access, type: texthash }
    client: { file: maps/client_access, type: cidr }
    sender: { file: maps/sender_access, type: texthash }
    uid: false
    reload: []
  exim: { blockedUsers: maps/blocked_users, blockedSenders: maps/blocked_senders }
queue: { hold: false }
notify: { to: abuse@example.net, from: postern@mx1.example.net, digest: 1s }
`;
}

export interface ServiceResult {
  readonly config: string;
  path(name: string): string;
  file(name: string): string;
  readonly mails: readonly string[];
  withStore<T>(work: (store: Store) => T): T;
  remove(): void;
}

/** Runs the service over the lines until everything is read and enforced and all mails are sent. */
export async function runService(mta: Mta, lines: readonly string[]): Promise<ServiceResult> {
  const world = scratch({ mta });
  rmSync(world.path('rules/rule.yaml'));
  for (const [per, count] of RULES) {
    writeFileSync(world.path(`rules/${count}-${per}.yaml`), ruleText(per, count));
  }
  writeFileSync(world.config, configText(mta));
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
  writeFileSync(world.log, bytes);
  const service = world.start();
  const isRead = () => world.withStore((store) => isReadTo(store, world.log, bytes.length));
  const isQuiet = () => world.withStore((store) => isSettled(store));
  const done = (await eventually(isRead, 40_000)) && (await eventually(isQuiet, 40_000));
  await service.stop();
  if (!done) throw new Error(`the service did not come to rest: ${world.withStore(describeState)}`);
  return {
    config: world.config,
    path: world.path,
    file: (name) => readFileSync(world.path(name), 'latin1'),
    mails: world.mails(),
    withStore: world.withStore,
    remove: world.remove,
  };
}

function isReadTo(store: Store, log: string, length: number): boolean {
  const position = [...store.state.positions()].find(([path]) => path === log)?.[1];
  return (position as { offset?: number } | undefined)?.offset === length;
}

/** All blocks are in a file or cannot be, and no mail waits. */
function isSettled(store: Store): boolean {
  const inFile = [...store.state.enforced().values()].reduce((sum, blocks) => sum + blocks.size, 0);
  const refused = store.state
    .targets()
    .reduce((sum, { state }) => sum + state.inexpressible.length, 0);
  const running = store.blocks.allRunning().filter(({ key }) => key.type !== 'uid').length;
  return (
    running > 0 &&
    inFile + refused >= running &&
    store.outbox.waiting().length === 0 &&
    store.outbox.unsent().length === 0
  );
}

function describeState(store: Store): string {
  return JSON.stringify({
    positions: [...store.state.positions()],
    running: store.blocks.allRunning().length,
    enforced: [...store.state.enforced()].map(([name, blocks]) => [name, blocks.size]),
    refused: store.state
      .targets()
      .map(({ name, state }) => [name, state.inexpressible.length, state.failure]),
    waiting: store.outbox.waiting().length,
    unsent: store.outbox.unsent().map(({ attempts, lastError }) => [attempts, lastError]),
    verdicts: store.verdicts.between(0, Number.MAX_SAFE_INTEGER).length,
  });
}
