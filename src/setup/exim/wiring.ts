/**
 * Whether Exim stops the mail of those in the files that Postern writes: tried with Exim itself where that is possible,
 * and otherwise read from its ACLs, as `exim -bP` prints them with macros expanded. Sees the configuration file as it
 * is now; running.ts looks at what the daemon has read.
 */
import { constants, statSync } from 'node:fs';
import { runAtOnce } from '../../base/commands.ts';
import type { Config } from '../../config/load.ts';
import { askerFor } from '../asker.ts';
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
  const answers = { printed: text, acls, settings };
  return [
    ok('mta', `Exim ${/^Exim version (\S+)/m.exec(about.stdout)?.[1] ?? ''}`),
    ...(await checkBlocks(config, exim, answers)),
    ...Object.values(config.targets.exim).flatMap((file) =>
      checkReadable(file, settings.get('exim_user') ?? ''),
    ),
    ...checkEximPolicy(config, answers),
    ...(await checkEximLog(config, exim, settings)),
    ...checkEximDaemon(text, { settings, logs: config.logs }),
  ];
}

/**
 * Exim reads it as its own user. It defers everybody's mail if it cannot; what it cannot even see does not exist for it
 * (`exists` in the recipe is stat(2)). Only root can ask as that user; for others ownership by root is sign enough.
 */
function checkReadable(file: string, user: string): Finding[] {
  const stats = statSync(file, { throwIfNoEntry: false });
  const reader = askerFor(user);
  if (stats === undefined || reader?.may(file, constants.R_OK) === true) return [];
  if (reader?.become === undefined) {
    if (stats.uid !== 0 || stats.gid !== 0 || (stats.mode & 0o004) !== 0) return [];
    return [wrong('mta', `only root can read ${file}, Exim cannot`, `chown ${user} ${file}`)];
  }
  const isSeen = runAtOnce(reader.become(['test', '-e', file])).status === 0;
  return [
    isSeen
      ? wrong(
          'mta',
          `Exim, which runs as ${user}, cannot read ${file}, and answers 451 to everybody`,
          `chown ${user} ${file}`,
        )
      : wrong(
          'mta',
          `Exim, which runs as ${user}, cannot enter the folder of ${file}, and blocks nobody in it`,
          `let ${user} enter each folder above it`,
        ),
  ];
}
