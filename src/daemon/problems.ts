/** What is wrong with the service and what it does, one line each, for `postern status`. Changes nothing. */
import { PosternError } from '../base/errors.ts';
import { findBarrier } from '../base/path-access.ts';
import { counted } from '../base/text.ts';
import { DAY, formatTime, MINUTE, systemClock } from '../base/time.ts';
import { buildAllowList } from '../config/allow-list.ts';
import { readExceptions } from '../config/exceptions.ts';
import { buildLeaseSources } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import { findOverrideTrouble, loadConfiguredRules } from '../config/rules.ts';
import { findUnblockableReason } from '../enforce/decide.ts';
import { getTargetKind } from '../enforce/target.ts';
import type { Key, VerdictOutcome } from '../model/block.ts';
import { formatIdentity } from '../model/identity.ts';
import { UNBLOCKABLE_CURE } from '../report/block.ts';
import { asideFiles } from '../store/database.ts';
import type { Health } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { listUnheld } from './held-queue.ts';
import { findInexpressible, findMissingTarget, listPassed } from './in-force.ts';
import { findRunning } from './instance.ts';
import { findLogProblems, type LogStatus } from './log-status.ts';
import { readMilterStatus } from './milter/status.ts';
import { buildTargets } from './mta-control.ts';
import { DAEMON_MTAS } from './mtas.ts';
import { findShareProblems } from './share/problems.ts';

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
    ...overrideProblems(config),
    ...(config.mode === 'observe' ? [] : targetProblems(store, config)),
    ...unreadableProblems(config),
    ...blocksWithoutTarget(config, blocks),
    ...cappedProblems(store, config),
    ...unblockableProblems(store, config),
    ...unsentProblems(store),
    ...hookProblems(store),
    ...listingProblems(store, config),
    ...(isRunning ? (store.state.read('blind') ?? []).map(({ why }) => why) : []),
    ...lossProblems(health),
    ...ambiguousProblems(health),
    ...futureProblems(health),
    ...forgottenProblems(health),
    ...(isRunning ? findShareProblems(health?.share) : []),
    ...(isRunning && health?.policy !== undefined ? [`no policy service at ${health.policy}`] : []),
    ...(isRunning && health?.metrics !== undefined ? [`no metrics at ${health.metrics}`] : []),
  ];
}

/** What of Postern does not run although the configuration wants it, one sentence each. */
export function listDown(store: Store, config: Config): string[] {
  return [
    ...(findRunning(store) === undefined ? ['postern run is not running'] : []),
    ...(isEnforcing(store, config) ? [] : ['postern enforce is not running']),
    ...(readMilterStatus(config)?.running === false ? ['postern milter is not running'] : []),
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

/** Overrides that have no effect. Rules that cannot be read are for `postern check`. */
function overrideProblems(config: Config): string[] {
  if (config.overrides.files.length === 0) return [];
  try {
    return findOverrideTrouble(config, loadConfiguredRules(config)).flatMap(
      ({ file, failure, problems }) =>
        failure === undefined
          ? problems.slice(0, MOST_NUMBERS).map(({ line, text }) => `${file}:${line}: ${text}`)
          : [`overrides cannot be read: ${failure}`],
    );
  } catch (error) {
    if (error instanceof PosternError) return [];
    throw error;
  }
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
    ...listPassed(store, config).map(({ block, why }) => `not in force: block ${block}: ${why}`),
    ...readExceptions(config.exceptions).problems,
    ...(config.queue.hold ? listUnheld(store) : []).map(
      ({ block, failure }) => `queued mail of block ${block} is not held yet: ${failure}`,
    ),
  ];
}

/** A file that exists counts in observe mode, too: the mail server may be using it. */
function unreadableProblems(config: Config): string[] {
  return DAEMON_MTAS[config.mta].filesForAll(config).flatMap((file) => {
    const barrier = findBarrier(file);
    if (barrier === undefined) return [];
    return [
      `sendmail cannot read ${file} as the account that calls it, and refuses mail: ${barrier}`,
    ];
  });
}

/** Blocks that no file can take. The rule or the operator that made them did not know. */
function blocksWithoutTarget(config: Config, blocks: readonly StoredBlock[]): string[] {
  const numbers = new Map<string, number[]>();
  for (const { id, key } of blocks) {
    const why = findMissingTarget(config, getTargetKind(key));
    if (why !== undefined) numbers.set(why, [...(numbers.get(why) ?? []), id]);
  }
  return [...numbers].map(([why, ids]) => {
    const more = ids.length > MOST_NUMBERS ? `, and ${ids.length - MOST_NUMBERS} more` : '';
    const named = `${ids.length === 1 ? 'block' : 'blocks'} ${ids.slice(0, MOST_NUMBERS).join(', ')}`;
    return `not in force: ${named}${more}: ${why}`;
  });
}

/** Whom the rules would have blocked within a day, and nobody has since. */
function listUnblocked(store: Store, config: Config, outcome: VerdictOutcome): Key[] {
  const allow = buildAllowList(config);
  return store.verdicts
    .findKeys(outcome, systemClock.now() - DAY)
    .filter(({ key, time }) => {
      const blocks = store.blocks.findOver(key as StoredBlock['key']);
      const isBlocked = blocks.some(
        ({ released, start }) => released === undefined || start >= time,
      );
      return !isBlocked && allow.reason(key) === undefined;
    })
    .map(({ key }) => key);
}

function cappedProblems(store: Store, config: Config): string[] {
  const keys = listUnblocked(store, config, 'capped');
  if (keys.length === 0) return [];
  const { blocksPerHour } = config.caps;
  return [
    `cap reached (caps.blocksPerHour: ${blocksPerHour}), NOT blocked: ${joinNames(keys)}; look at each with postern explain, then postern block, or raise the cap and restart`,
  ];
}

/** Each with its reason: a login that no block file can hold. */
function unblockableProblems(store: Store, config: Config): string[] {
  const why = { findInexpressible: (key: StoredBlock['key']) => findInexpressible(config, key) };
  return listUnblocked(store, config, 'unblockable')
    .slice(0, MOST_NUMBERS)
    .flatMap((key) => {
      const reason = findUnblockableReason(key, why);
      if (reason === undefined) return [];
      return `cannot be blocked: ${formatIdentity(key)}: ${reason}; ${UNBLOCKABLE_CURE}`;
    });
}

function joinNames(keys: readonly Key[]): string {
  const more = keys.length > MOST_NUMBERS ? `, and ${keys.length - MOST_NUMBERS} more` : '';
  return keys.slice(0, MOST_NUMBERS).map(formatIdentity).join(', ') + more;
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

function hookProblems(store: Store): string[] {
  return store.hooks
    .waiting()
    .filter(({ attempts }) => attempts > 0)
    .map(
      ({ hook, waiting, attempts, lastError = 'not taken yet' }) =>
        `hook ${hook}: ${counted(waiting, 'event')} waiting, ${counted(attempts, 'attempt')}: ${lastError}`,
    );
}

/** What matters to receivers; lists of whole networks are in the report only. */
function listingProblems(store: Store, { listings }: Config): string[] {
  if (listings === undefined) return [];
  const running = store.listings.running().filter(({ cost }) => cost !== 'information');
  const unanswered = store.state.read('listings unanswered') ?? undefined;
  return [
    ...running.map(
      ({ address, list, began }) => `${address} is listed by ${list} since ${formatTime(began)}`,
    ),
    ...(unanswered === undefined ? [] : [`no blocklist gave an answer: ${unanswered}`]),
  ];
}

function lossProblems(health: Health | undefined): string[] {
  const losses = health?.losses ?? 0;
  return losses > 0 ? [`the system log reported lost lines ${counted(losses, 'time')}`] : [];
}

/** Exim's `A=login:ID:SENDER`: whether a colon or a quote is part of the login cannot be seen. */
function ambiguousProblems(health: Health | undefined): string[] {
  const count = health?.ambiguousLogins ?? 0;
  if (count === 0) return [];
  const cure =
    'set log_selector = -smtp_mailauth, or give these accounts a login without a colon or a quote';
  const names = health?.ambiguousNames?.map((name) => JSON.stringify(name)).join(', ');
  const such = names === undefined ? '' : `, for example in ${names},`;
  return [
    `${counted(count, 'message')} of logins with a colon or a quote${such} counted for nobody: ${cure}`,
  ];
}

/** Said for a day: whoever has set the clock right cannot take the lines back. */
function futureProblems(health: Health | undefined): string[] {
  const future = health?.future;
  if (future === undefined || systemClock.now() - future.seen > DAY) return [];
  const lines = counted(future.lines, 'line');
  return [
    `${lines} with a time far in the future, up to ${formatTime(future.newest)}: not counted; check the clock of the host that wrote the log`,
  ];
}

function forgottenProblems(health: Health | undefined): string[] {
  const since = health?.forgottenSince;
  if (since === undefined) return [];
  return [
    `more users, clients and other keys than the rules have memory for (50,000 of a type, 300,000 with up to four events, 36 MB in all) since ${formatTime(since)}: verdicts can be late or missing`,
  ];
}
