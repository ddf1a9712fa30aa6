/**
 * Life of the daemon: open the database, take it over, serve until told to stop. What makes starting impossible is
 * a PosternError; a database that is found damaged ends the daemon, and the next start rebuilds it.
 */

import { getMessage, PosternError } from '../base/errors.ts';
import { loadRules } from '../judge/rule.ts';
import type { Store } from '../store/store.ts';
import { longestPeriod } from './assemble.ts';
import { isAlive, takeOver } from './instance.ts';
import type { ServiceOptions } from './parts.ts';
import { openWhole, SHORTEST_REACH } from './recovery.ts';
import { Service } from './service.ts';

/** While it waits for another process that writes, the service does nothing else: rather often than long. ms. */
const STANDSTILL = 250;

/** Runs until the signal is aborted. Throws a PosternError for what makes starting impossible. */
export async function runDaemon(options: ServiceOptions): Promise<void> {
  const { config, log } = options;
  const rules = loadRules(config.rules);
  const reach = Math.max(SHORTEST_REACH, 2 * longestPeriod(rules));
  const store = await openWhole({ ...options, reach, isAlive });
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  try {
    takeOver(store, options);
    store.waitFor(STANDSTILL);
    const service = new Service(store, rules, { ...options, signal });
    log.info(
      { version: options.version, mta: config.mta, mode: config.mode, rules: rules.length },
      'started',
    );
    options.started?.();
    await service.run(ending);
    signOff(store);
    log.info({}, 'stopped');
  } catch (error) {
    if (!store.isCorrupt(error)) throw error;
    store.beside.change({ suspect: getMessage(error) });
    throw damaged(store, error);
  } finally {
    store.close();
  }
}

function damaged({ path }: Store, cause: unknown): PosternError {
  return new PosternError(
    'database-corrupt',
    `${path}: the database is damaged (${getMessage(cause)}); the next start sets it aside and rebuilds what the block files and the logs tell`,
    { exitStatus: 1, cause },
  );
}

function signOff(store: Store): void {
  try {
    store.state.write('daemon', null);
  } catch (error) {
    // Whoever asks finds that the process is gone.
    if (!store.isPassing(error)) throw error;
  }
}
