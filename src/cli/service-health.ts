/** What `postern status` knows, as far as a report shows it. */
import { dropUndefined } from '../base/defined.ts';
import type { Config } from '../config/load.ts';
import type { LogStatus } from '../daemon/log-status.ts';
import type { MilterStatus } from '../daemon/milter/status.ts';
import { gatherStatus } from '../daemon/status.ts';
import type { MilterHealth, ServiceHealth } from '../report/service.ts';
import type { Store } from '../store/store.ts';

export function gatherHealth(store: Store, config: Config): ServiceHealth {
  const { running, since, version, mode, logs, noticesWaiting, database, problems, milter } =
    gatherStatus(store, config);
  return dropUndefined({
    running,
    since,
    version,
    mode,
    logs: logs.map((log) => ({ path: log.path, state: describeLog(log) })),
    noticesWaiting,
    databaseSize: database.bytes,
    problems,
    milter: milter && describeMilter(milter),
  });
}

/** A log on one line: how far behind the service is. */
export function describeLog({ present, hidden, behind, failure, journal }: LogStatus): string {
  if (!present) return 'MISSING';
  if (failure !== undefined) return 'CANNOT BE READ';
  if (journal === true) return 'read by journalctl';
  if (hidden === true) return 'not visible to this account';
  return behind === undefined ? 'rotated, catching up' : `${behind} bytes behind`;
}

function describeMilter({ running, since, counters, figures }: MilterStatus): MilterHealth {
  const own = Object.entries(counters ?? {});
  const ofJobs = Object.entries(figures ?? {}).flatMap(([job, values]) =>
    Object.entries(values).map(([name, value]) => [`${job}: ${name}`, value] as const),
  );
  const all = [...own, ...ofJobs].map(([name, value]) => ({ name, value }));
  return dropUndefined({ running, since, figures: all });
}
