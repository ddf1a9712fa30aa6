/**
 * Life of the daemon: opens the database, takes it over, serves until aborted. If it cannot start, it throws a
 * PosternError. If the database turns out to be damaged the daemon ends, and the next start rebuilds it.
 */

import { getMessage, PosternError } from '../base/errors.ts';
import { loadConfiguredRules } from '../config/rules.ts';
import type { Store } from '../store/store.ts';
import type { ServiceOptions } from './assemble.ts';
import { findLongestPeriod } from './history.ts';
import { isAlive, signOff, takeOver } from './instance.ts';
import { findKeptTime } from './kept-time.ts';
import { Lasting } from './lasting.ts';
import { openOrRebuild } from './recovery.ts';
import { RELOAD } from './rounds.ts';
import { Service } from './service.ts';

/** While it waits for another process that writes, the service does nothing else: short waits, more often. ms. */
const LONGEST_STANDSTILL = 250;

/** Runs until the signal is aborted. Throws a PosternError if it cannot start, or if the database is damaged. */
export async function runDaemon(options: ServiceOptions): Promise<void> {
  const { config, log } = options;
  const rules = loadConfiguredRules(config, log);
  const reach = 2 * findLongestPeriod(rules);
  const store = await openOrRebuild({ ...options, reach, isAlive });
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const lasting = options.lasting ?? new Lasting(options.clock.now());
  try {
    const { events, why } = findKeptTime(config.retention, rules);
    takeOver(store, why === undefined ? options : { ...options, kept: { events, why } });
    lasting.arrive(store.path);
    store.waitFor(LONGEST_STANDSTILL);
    const { pseudonyms } = config.privacy;
    // What a rule counts again after a restart must be told apart as before.
    const privacy =
      pseudonyms === undefined ? {} : { pseudonyms: findKeptTime(pseudonyms, rules).events };
    const keeping = { ...config, retention: events, privacy };
    const service = await Service.build(store, rules, {
      ...options,
      lasting,
      config: keeping,
      signal,
    });
    const enabled = rules.filter((rule) => rule.enabled).length;
    log.info(
      { version: options.version, mta: config.mta, mode: config.mode, rules: enabled },
      'started',
    );
    options.started?.();
    await service.run(ending);
    if (options.lasting !== undefined && options.signal.reason === RELOAD) lasting.stay(store.path);
    else signOff(store);
    log.info({}, 'stopped');
  } catch (error) {
    if (!store.isCorrupt(error)) throw error;
    store.beside.change({ suspect: getMessage(error) });
    throw describeDamage(store, error);
  } finally {
    if (options.lasting === undefined) await lasting.end();
    store.close();
  }
}

function describeDamage({ path }: Store, cause: unknown): PosternError {
  return new PosternError(
    'environment',
    `${path}: the database is damaged (${getMessage(cause)}); the next start sets it aside and rebuilds it from the block files and the logs`,
    { code: 'database-corrupt', cause },
  );
}
