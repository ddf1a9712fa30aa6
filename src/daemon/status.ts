/** The state of the service for `postern status`, from its database and the logs. Changes nothing. */
import { dropUndefined } from '../base/defined.ts';
import { formatDuration, formatTime } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { FollowPosition } from '../follow/follower.ts';
import type { Outage } from '../model/outage.ts';
import { loadOutages } from '../store/outages.ts';
import type { Health, ShareHealth } from '../store/saved-state.ts';
import type { Space } from '../store/space.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { loadInForce } from './in-force.ts';
import { findRunning } from './instance.ts';
import { type LogStatus, readJournalStatus, readLogStatus } from './log-status.ts';
import { type MilterStatus, readMilterStatus } from './milter/status.ts';
import { findProblems } from './problems.ts';

/** Times are RFC 3339. */
export interface ServiceStatus {
  readonly running: boolean;
  /** these three only while it is running */
  readonly pid?: number;
  readonly since?: string;
  readonly version?: string;
  readonly mode: Config['mode'];
  readonly logs: readonly LogStatus[];
  readonly newestEvent?: string;
  /** how many are running */
  readonly blocks: number;
  /** how many of them are not in force because of observe mode; absent in enforce mode */
  readonly notInForce?: number;
  /** why relay clients are inferred from the log; absent while the mail server or the configuration lists them */
  readonly inferring?: string;
  /** those that have not ended */
  readonly suspects: readonly Outage[];
  /** users whose recipients are put off now */
  readonly deferred?: Health['deferred'];
  readonly openMessages: number;
  readonly noticesWaiting: number;
  readonly database: Space;
  /** if it is running and keeps events longer than `retention`: how long, and why */
  readonly kept?: { readonly events: string; readonly why: string };
  /** absent: the configuration has no `share`, or the service is not running */
  readonly share?: ShareHealth;
  /** absent: the configuration has no milter */
  readonly milter?: MilterStatus;
  /** one line each; those of the milter are included */
  readonly problems: readonly string[];
}

export function gatherStatus(store: Store, config: Config): ServiceStatus {
  const daemon = findRunning(store);
  const health = store.state.read('health');
  // What a service that has ended said about its own state no longer holds.
  const current = daemon === undefined ? undefined : health;
  const logs = readLogs(store, config, current);
  const newest = store.events.newestTime();
  const blocks = store.blocks.allRunning();
  const milter = readMilterStatus(config);
  return dropUndefined({
    running: daemon !== undefined,
    pid: daemon?.pid,
    since: daemon === undefined ? undefined : formatTime(daemon.started),
    version: daemon?.version,
    mode: config.mode,
    logs,
    newestEvent: newest === 0 ? undefined : formatTime(newest),
    blocks: blocks.length,
    notInForce: config.mode === 'observe' ? countNotInForce(store, config, blocks) : undefined,
    inferring: current?.networks,
    suspects: loadOutages(store).filter(({ ended }) => ended === undefined),
    deferred: current?.deferred,
    openMessages: store.state.messageCount(),
    noticesWaiting: store.outbox.unsent().length,
    database: store.space(),
    kept: daemon?.kept && { ...daemon.kept, events: formatDuration(daemon.kept.events) },
    share: current?.share,
    milter,
    problems: [
      ...findProblems({ store, config, logs, blocks, health, isRunning: daemon !== undefined }),
      ...(milter?.problems ?? []),
    ],
  });
}

function countNotInForce(store: Store, config: Config, blocks: readonly StoredBlock[]): number {
  const forceOf = loadInForce(store, config);
  return blocks.filter((block) => !forceOf(block).inForce).length;
}

function readLogs(
  store: Store,
  { logs, journals }: Config,
  health: Health | undefined,
): LogStatus[] {
  const positions = store.state.positions() as ReadonlyMap<string, FollowPosition>;
  const reported = (name: string) => health?.logs.find((log) => log.path === name);
  return [
    ...logs.map((path) => readLogStatus(path, positions.get(path), reported(path))),
    ...journals.map(({ name }) => readJournalStatus(name, reported(name))),
  ];
}
