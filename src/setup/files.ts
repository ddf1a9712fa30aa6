/** The files and programs that the configuration names, as findings of `postern check`. Changes nothing. */
import { systemClock } from '../base/time.ts';
import { buildLeaseSources } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import {
  databaseFinding,
  type FileFinding,
  inputFindings,
  logFindings,
  packageFindings,
  policyFindings,
  targetFindings,
} from './access.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { checkJournals } from './journal.ts';
import { SETUP_MTAS } from './mtas.ts';
import { findProgram } from './programs.ts';
import type { ServiceAccounts } from './service-account.ts';

/**
 * Logs, database, target files and their folders, commands: as the accounts that use them. In separate mode the service
 * reads and decides, and another process writes the target files.
 */
export async function checkFiles(
  config: Config,
  { run, enforce, problems }: ServiceAccounts,
): Promise<Finding[]> {
  return [
    ...problems.map(({ text, fix }) => wrong('files', text, fix)),
    ...packageFindings(run).map(toFinding),
    ...inputFindings(config, run).map(toFinding),
    ...logFindings(config, run).map(toFinding),
    ...(await checkJournals(config, run)),
    toFinding(databaseFinding(config, run)),
    ...targetFindings(config, enforce).map(toFinding),
    ...policyFindings(config, run).map(toFinding),
    ...checkLeases(config),
    ...checkCommands(config),
    ...(config.enforcer === 'separate' ? await checkTrust(config) : []),
  ];
}

function toFinding({ option, isOk, text, fix }: FileFinding): Finding {
  const sentence = option.length === 0 ? text : `${option.join('.')}: ${text}`;
  return isOk ? ok('files', sentence) : wrong('files', sentence, fix);
}

function checkLeases(config: Config): Finding[] {
  const failures = buildLeaseSources(config).failures(systemClock.now());
  const fix = 'name a file that the service may read; until then the address is the submitter';
  return failures.map((failure) => wrong('files', `leases: ${failure}`, fix));
}

/** What `postern enforce` checks before it writes anything as root. Loaded only then. */
async function checkTrust(config: Config): Promise<Finding[]> {
  const { findTrustProblems } = await import('../daemon/enforce/trusted-control.ts');
  return findTrustProblems(config).map((problem) =>
    wrong('files', `enforcer: ${problem}`, 'make root its owner, and let nobody else write to it'),
  );
}

function checkCommands(config: Config): Finding[] {
  return SETUP_MTAS[config.mta]
    .listCommands(config)
    .flatMap(({ option, argv: [program] }) =>
      program === undefined || findProgram(program) !== undefined
        ? []
        : [wrong('files', `${option}: there is no program ${program}`, 'give its full path')],
    );
}
