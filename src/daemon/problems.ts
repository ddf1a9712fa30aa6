/** What is wrong with the service and what it does, one line each, for `postern status`. Changes nothing. */
import { counted } from '../base/text.ts';
import { formatTime, MINUTE, systemClock } from '../base/time.ts';
import { buildLeaseSources } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { asideFiles } from '../store/database.ts';
import type { Health } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import { listUnheld } from './held-queue.ts';
import { findMissingTarget } from './in-force.ts';
import { findRunning } from './instance.ts';
import { findLogProblems, type LogStatus } from './log-status.ts';
import { buildTargets } from './mta-control.ts';

/** How long a run of `postern enforce --once` counts as enforcing, ms. */
const TIMER_BOUND = 10 * MINUTE;

/** How many blocks one line names. */
const MOST_NUMBERS = 10;

interface Observed {
  readonly store: Store;
  readonly config: Config;
  readonly logs: readonly LogStatus[];
  /** those that are running */
  readonly blocks: readonly StoredBlock[];
  /** what the service reported last */
  readonly health: Health | undefined;
  /** whether `postern run` is running */
  readonly isRunning: boolean;
}

export function findProblems(observed: Observed): string[] {
  const { store, config, logs, blocks, health, isRunning } = observed;
  return [
    ...(isRunning ? writeProblems(store) : ['postern run is not running']),
    ...asideFiles(config.database).map(
      (file) => `the database was damaged and rebuilt; delete ${file} when you do not need it`,
    ),
    ...(isEnforcing(store, config) ? [] : ['postern enforce is not running']),
    ...logs.flatMap(findLogProblems),
    ...leaseProblems(config),
    ...(config.mode === 'observe' ? [] : targetProblems(store, config)),
    ...blocksWithoutTarget(config, blocks),
    ...unsentProblems(store),
    ...lossProblems(health),
    ...ambiguousProblems(health),
    ...forgottenProblems(health),
    ...(isRunning && health?.policy !== undefined ? [`no policy service at ${health.policy}`] : []),
  ];
}

/** What the service cannot write into the database, it writes beside it. */
function writeProblems(store: Store): string[] {
  const { failing } = store.beside.read();
  if (failing === undefined) return [];
  return [`cannot write to the database since ${formatTime(failing.since)}: ${failing.error}`];
}

/** Who has an address is not known from files that cannot be read: the address itself is the submitter then. */
function leaseProblems(config: Config): string[] {
  return buildLeaseSources(config).failures(systemClock.now());
}

/** Whether a process changes the mail server: the service, the one beside it, or a timer that ran recently. */
function isEnforcing(store: Store, config: Config): boolean {
  if (config.enforcer === 'daemon' || findRunning(store, 'enforcer') !== undefined) return true;
  const last = store.state.read('enforced once') ?? 0;
  return systemClock.now() - last < TIMER_BOUND;
}

/** What the files that the mail server reads do not contain yet, and what they cannot contain. */
function targetProblems(store: Store, config: Config): string[] {
  const configured = new Set(buildTargets(config).map(({ name }) => name));
  const targets = store.state
    .targets()
    .filter(({ name }) => configured.has(name))
    .map(({ name, state }) => ({ name, ...state }));
  return [
    ...targets.flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`${name}: ${failure}`],
    ),
    ...targets.flatMap(({ name, inexpressible }) =>
      inexpressible.map((text) => `${name}: cannot hold ${text}`),
    ),
    ...(config.queue.hold ? listUnheld(store) : []).map(
      ({ block, failure }) => `queued mail of block ${block} is not held yet: ${failure}`,
    ),
  ];
}

/** Blocks that no file can take. The rule or the operator that made them did not know. */
function blocksWithoutTarget(config: Config, blocks: readonly StoredBlock[]): string[] {
  const numbers = new Map<string, number[]>();
  for (const { id, key } of blocks) {
    const why = findMissingTarget(config, key.type);
    if (why !== undefined) numbers.set(why, [...(numbers.get(why) ?? []), id]);
  }
  return [...numbers].map(([why, ids]) => {
    const more = ids.length > MOST_NUMBERS ? `, and ${ids.length - MOST_NUMBERS} more` : '';
    const named = `${ids.length === 1 ? 'block' : 'blocks'} ${ids.slice(0, MOST_NUMBERS).join(', ')}`;
    return `not in force: ${named}${more}: ${why}`;
  });
}

function unsentProblems(store: Store): string[] {
  return store.outbox
    .unsent()
    .filter(({ attempts }) => attempts > 0)
    .map(
      ({ subject, attempts, lastError }) =>
        `notice not sent after ${counted(attempts, 'attempt')}: ${subject}: ${lastError}`,
    );
}

function lossProblems(health: Health | undefined): string[] {
  const losses = health?.losses ?? 0;
  return losses > 0 ? [`the system log reported lost lines ${counted(losses, 'time')}`] : [];
}

/** Exim's `A=login:ID:SENDER`: whether the colon is part of the login cannot be seen. */
function ambiguousProblems(health: Health | undefined): string[] {
  const count = health?.ambiguousLogins ?? 0;
  if (count === 0) return [];
  const cure = 'set log_selector = -smtp_mailauth, or give these accounts a login without a colon';
  return [`${counted(count, 'message')} of logins with a colon counted for nobody: ${cure}`];
}

function forgottenProblems(health: Health | undefined): string[] {
  const since = health?.forgottenSince;
  if (since === undefined) return [];
  return [
    `too many submitters and clients for the memory of the rules since ${formatTime(since)}: verdicts can be late or missing`,
  ];
}
