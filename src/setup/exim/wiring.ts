/**
 * Whether Exim stops the mail of those in the files that Postern writes: tried with Exim itself where that is possible,
 * and otherwise read from its ACLs, as `exim -bP` prints them with macros expanded. Sees the configuration file as it
 * is now; running.ts looks at what the daemon has read.
 */
import { statSync } from 'node:fs';
import type { Config } from '../../config/load.ts';
import { type Finding, ok, warning, wrong } from '../finding.ts';
import { ask, describeFailure, settingsIn } from '../programs.ts';
import { aclsIn } from './acls.ts';
import { checkBlocks } from './blocks.ts';
import { eximConfiguration } from './find.ts';
import { checkEximLog } from './log.ts';
import { checkEximPolicy } from './policy.ts';
import { checkEximDaemon } from './running.ts';
import { LOCAL_ACLS, SMTP_ACLS } from './ways.ts';

const SETTINGS = [
  'log_file_path',
  'syslog_facility',
  'syslog_processname',
  'pid_file_path',
  'spool_directory',
  'exim_user',
  'qualify_domain',
  'daemon_smtp_ports',
  ...SMTP_ACLS,
  ...LOCAL_ACLS,
];

/** All findings about the ACLs and the log; one that says why when Exim gives no answer. */
export async function checkEximWiring(config: Config, exim: readonly string[]): Promise<Finding[]> {
  const [about, answer, text] = await Promise.all([
    ask([...exim, '-bV']),
    ask([...exim, '-bP', ...SETTINGS]),
    eximConfiguration(exim),
  ]);
  const failure = describeFailure(exim, about) ?? describeFailure(exim, answer);
  if (failure !== undefined)
    return [wrong('mta', failure, 'name Exim: --exim-binary FILE, --exim-config FILE')];
  if (text === '')
    return [
      warning(
        'mta',
        'this Exim does not print its configuration (exim -bP config): the ACLs were not checked',
      ),
    ];
  const settings = settingsIn(answer.stdout);
  const acls = aclsIn(text, settings.get('spool_directory') ?? '');
  return [
    ok('mta', `Exim ${/^Exim version (\S+)/m.exec(about.stdout)?.[1] ?? ''}`),
    ...(await checkBlocks(config, exim, { printed: text, acls, settings })),
    ...Object.values(config.targets.exim).flatMap(checkReadable),
    ...checkEximPolicy(config, acls, settings),
    ...checkEximLog(config, settings),
    ...checkEximDaemon(text, { settings, logs: config.logs }),
  ];
}

/** Exim reads it as its own user and defers everybody's mail while it cannot. */
function checkReadable(file: string): Finding[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined || stats.uid !== 0 || stats.gid !== 0 || (stats.mode & 0o004) !== 0)
    return [];
  return [wrong('mta', `only root can read ${file}, Exim cannot`, `chown Debian-exim ${file}`)];
}
