/** Whether the journals that `logs` names can be read by the account of the service, for `postern check`. */
import { runCommand } from '../base/commands.ts';
import { SECOND } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import {
  buildJournalCommand,
  findJournalFailure,
  JOURNAL_FOLDERS,
  type JournalSource,
} from '../follow/journal/follower.ts';
import { JournalFilter } from '../follow/journal/selection.ts';
import { nameOf } from './access.ts';
import type { Asker } from './asker.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';

/** A large journal takes some seconds to search. */
const TIMEOUT = 30 * SECOND;

const RIGHTS =
  'add SupplementaryGroups=systemd-journal to the unit of the service, then systemctl daemon-reload and restart it';

export function checkJournals(config: Config, asker: Asker | undefined): Promise<Finding[]> {
  const findings = config.journals.map((source) => checkJournal(source, config, asker));
  return Promise.all(findings);
}

async function checkJournal(
  source: JournalSource,
  { commands }: Config,
  asker: Asker | undefined,
): Promise<Finding> {
  const command = commands.journalctl;
  const { matches } = new JournalFilter(source);
  const argv = [...buildJournalCommand({ command, source }), '--lines=1', ...matches];
  const result = await runCommand(asker?.become?.(argv) ?? argv, {
    timeout: TIMEOUT,
    env: { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0' },
  });
  const failure = findJournalFailure(result, command);
  if (failure !== undefined) {
    const fix = failure.includes('systemd-journal') ? RIGHTS : journalFix(source);
    return wrong(
      'files',
      `logs: ${source.name} cannot be read by ${nameOf(asker)}: ${failure}`,
      fix,
    );
  }
  if (result.stdout !== '')
    return ok('files', `logs: ${source.name} is readable by ${nameOf(asker)}`);
  const text = `logs: ${source.name} has no entry of ${[...source.units, ...source.containers].join(', ')} yet`;
  return warning(
    'files',
    text,
    'name the units or containers as journalctl --output=verbose shows them',
  );
}

function journalFix({ directory, files }: JournalSource): string {
  if (directory !== undefined || files !== undefined) return 'name a folder or files with journals';
  return `see whether journalctl is installed and ${JOURNAL_FOLDERS.join(' or ')} exists`;
}
