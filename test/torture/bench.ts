/**
 * Pipeline, judge and database without log files and without real time: batches in, decisions out. `restart` discards
 * everything that is not in the database, as a kill does.
 */
import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { HOUR, MINUTE } from '../../src/base/time.ts';
import { EndedBlocks } from '../../src/daemon/ended-blocks.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { RunningBlocks } from '../../src/daemon/running-blocks.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import type { BlockPolicy, Decision } from '../../src/enforce/decide.ts';
import { loadRules } from '../../src/judge/rule.ts';
import { Lines } from '../../src/model/lines.ts';
import { Blocklist } from '../../src/policy/blocklist.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';
import { RULE } from '../support/rule.ts';

export interface BenchOptions {
  /** one rule a text */
  readonly rules?: readonly string[];
  readonly zone?: string;
  readonly policy?: Partial<BlockPolicy>;
  readonly allowed?: readonly string[];
  /** no notices are made */
  readonly silent?: boolean;
}

const LOG = '/var/log/mail.log';

export class Bench {
  readonly folder: Folder = scratchFolder('postern-bench-');
  /** the current time, ms */
  now = Date.UTC(2026, 10, 10, 12);
  store: Store;
  /** connection of `store` */
  db!: Db;
  readonly #options: BenchOptions;
  readonly #clock = { now: () => this.now };
  #running!: RunningBlocks;
  #pipeline!: Pipeline;
  #lines = 0;

  constructor(options: BenchOptions = {}) {
    this.#options = options;
    for (const [index, rule] of (options.rules ?? [RULE]).entries()) {
      this.folder.write(`rules/rule${index}.yaml`, rule);
    }
    this.store = this.#open();
  }

  /** Handles one batch of lines; returns the decisions. */
  async feed(...lines: readonly string[]): Promise<readonly Decision[]> {
    const batch = lines.map((bytes) => ({
      source: LOG,
      line: ++this.#lines,
      offset: this.#lines * 100,
      bytes,
    }));
    this.#pipeline.take({ path: LOG, lines: new Lines(batch), position: this.#lines });
    const committed = await this.#pipeline.commit();
    this.#running.sync();
    return committed?.decisions ?? [];
  }

  /** Puts a notice about a stored verdict into the outbox. */
  tell(): void {
    const { now, store } = this;
    const key = { type: 'user', id: 'alice@example.net' } as const;
    const at = { source: LOG, line: 1, offset: 0, time: now };
    const met = { count: 1, limit: 1, period: HOUR };
    const verdict = { rule: 'r', action: 'block', key, ...met, ...at } as const;
    const id = store.verdicts.insert(verdict, 'capped', 0);
    store.outbox.tell('capped', { verdict: id }, now);
  }

  restart(): void {
    this.store.close();
    this.store = this.#open();
  }

  /** An operator's unblock, as the service handles it. */
  unblock(id: string): void {
    const block = this.store.blocks.running({ type: 'user', id });
    if (block === undefined) return;
    this.store.blocks.release(block.id, this.now, 'operator', this.store.events.newest());
    this.#running.sync();
  }

  /** An operator's block, for some minutes or until it is released. */
  block(id: string, minutes?: number): void {
    const key = { type: 'user', id } as const;
    const end = minutes === undefined ? {} : { end: this.now + minutes * MINUTE };
    this.store.blocks.start({ key, cause: 'manual', start: this.now, ...end });
    this.#running.sync();
  }

  /** Ends blocks whose time is over. */
  expire(): void {
    const { store } = this;
    new EndedBlocks({ store, clock: this.#clock, log: silentLog }).expire();
    this.#running.sync();
  }

  remove(): void {
    this.store.close();
    this.folder.remove();
  }

  #open(): Store {
    const { store, db } = openStore(join(this.folder.path, 'postern.db'));
    this.db = db;
    const rules = loadRules(this.folder.at('rules'));
    const { zone, policy, allowed = [], silent = false } = this.#options;
    const judge = rebuildAtOnce(store, rules, this.now);
    this.#running = new RunningBlocks(store, judge, new Blocklist({}));
    this.#running.sync();
    this.#pipeline = new Pipeline({
      store,
      judge,
      policy: {
        mode: 'enforce',
        allow: makeAllowList({ users: allowed }),
        blocksPerHour: 1000,
        ...policy,
      },
      interpreter: { mta: 'postfix', ...(zone === undefined ? {} : { zone }) },
      clock: this.#clock,
      log: silentLog,
      ...(silent ? {} : { notifyRules: new Set(rules.map(({ name }) => name)) }),
    });
    return store;
  }
}

let serial = 0;

/** The lines of a message of `user` to a recipient that does not exist, each stamped by `stamp`. */
export function bounceLines(
  user: string,
  stamp: string,
  to = `nobody${serial}@example.org`,
): string[] {
  const id = (0x20000000 + ++serial).toString(16).toUpperCase();
  const at = `${stamp} mx1 postfix`;
  return [
    `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=${user}`,
    `${at}/qmgr[700]: ${id}: from=<${user}>, size=1000, nrcpt=1 (queue active)`,
    `${at}/smtp[822]: ${id}: to=<${to}>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 <${to}>: User unknown (in reply to RCPT TO command))`,
    `${at}/qmgr[700]: ${id}: removed`,
  ];
}
