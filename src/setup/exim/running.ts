/**
 * Whether Exim's daemon has read the configuration as it is now, and on Debian whether that was made of the files as
 * they are now. Other processes of Exim read it anew when they start.
 */
import { dirname, join } from 'node:path';
import type { Finding } from '../finding.ts';
import {
  changedAt,
  findChangedSince,
  findLast,
  listTree,
  type RunningProcess,
  readPidFile,
} from '../running.ts';
import { findLayout, GENERATED, listFilesIn, SETTINGS } from './debian.ts';
import { RESTART } from './recipe.ts';

/** A configuration file that a program makes of others. */
interface Generated {
  readonly file: string;
  readonly command: string;
  /** the files of which it is made */
  listSources(): readonly string[];
}

/** update-exim4.conf(8). */
export function debianGenerated(file: string, folder: string): Generated {
  const settings = join(folder, 'update-exim4.conf.conf');
  return {
    file,
    command: 'run update-exim4.conf, then restart Exim',
    listSources: () => [
      settings,
      ...(findLayout(settings) === 'split'
        ? listTree(join(folder, 'conf.d'))
        : ['exim4.conf.template', 'exim4.conf.localmacros'].map((name) => join(folder, name))),
    ],
  };
}

const DEBIAN = debianGenerated(GENERATED, dirname(SETTINGS));

/** `printed` is what `exim -bP config` prints: comments in it name the files. `logs`: where the daemon logs. */
export function checkEximDaemon(
  printed: string,
  { settings, logs }: { settings: ReadonlyMap<string, string>; logs: readonly string[] },
  generated: readonly Generated[] = [DEBIAN],
): Finding[] {
  const files = listFilesIn(printed);
  const made = generated.filter(({ file }) => files.includes(file));
  const outdated = made.flatMap(({ file, command, listSources }) =>
    findChangedSince({
      area: 'mta',
      what: `${file} was made`,
      at: changedAt(file),
      from: listSources(),
      command,
    }),
  );
  if (outdated.length > 0) return outdated;
  const daemon = readPidFile(settings.get('pid_file_path') ?? '');
  if (daemon === undefined) return [];
  const started = {
    area: 'mta',
    what: "Exim's daemon was started",
    from: files,
    command: RESTART,
  } as const;
  if (findChangedSince({ ...started, at: daemon.started }).length === 0) return [];
  return findChangedSince({ ...started, at: lastStart(daemon, logs) });
}

/**
 * At SIGHUP the daemon starts anew as the same process and leaves the PID file as it is: only the log tells (daemon.c).
 * The line has the time of this host, or one with an offset. ms; a change in the same second counts as older.
 */
function lastStart({ pid, started }: RunningProcess, logs: readonly string[]): number {
  const line = new RegExp(
    `^(\\d{4}-\\d\\d-\\d\\d) (\\d\\d:\\d\\d:\\d\\d)(?:\\.\\d+)?(?: ([+-]\\d{4}))? .*\\bdaemon started: pid=${pid},`,
    'm',
  );
  const times = logs.flatMap((log) => {
    // Logrotate may have moved it since.
    const [, day, time, offset = ''] = findLast(line, [`${log}.1`, log]) ?? [];
    return day === undefined ? [] : [Date.parse(`${day}T${time}${offset}`) + 999];
  });
  return Math.max(started, ...times.filter((time) => !Number.isNaN(time)));
}
