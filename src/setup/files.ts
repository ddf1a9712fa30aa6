/** The files and programs that the configuration names, as `postern check` tells of them. Changes nothing. */
import type { Config } from '../config/load.ts';
import {
  databaseFinding,
  type FileFinding,
  logFindings,
  policyFindings,
  targetFindings,
} from './access.ts';
import { type Finding, ok, wrong } from './finding.ts';
import { findProgram } from './programs.ts';

/** Logs, database, target files and their folders, commands. */
export async function checkFiles(config: Config): Promise<Finding[]> {
  return [
    ...logFindings(config).map(buildFinding),
    buildFinding(databaseFinding(config)),
    ...targetFindings(config).map(buildFinding),
    ...policyFindings(config).map(buildFinding),
    ...checkCommands(config),
    ...(config.enforcer === 'separate' ? await checkTrust(config) : []),
  ];
}

function buildFinding({ option, isOk, text, fix }: FileFinding): Finding {
  const told = `${option.join('.')}: ${text}`;
  return isOk ? ok('files', told) : wrong('files', told, fix);
}

/** What `postern enforce` looks at before it writes anything as root. */
async function checkTrust(config: Config): Promise<Finding[]> {
  const { findTrustProblems } = await import('../daemon/enforce/trusted-control.ts');
  return findTrustProblems(config).map((problem) =>
    wrong('files', `enforcer: ${problem}`, 'let it belong to root, and nobody else write to it'),
  );
}

function checkCommands(config: Config): Finding[] {
  const { postfix } = config.targets;
  const { commands } = config;
  const used: readonly (readonly [string, readonly string[]])[] =
    config.mta === 'exim'
      ? [['commands.exim', commands.exim]]
      : [
          ['commands.postsuper', commands.postsuper],
          ['commands.postqueue', commands.postqueue],
          ['targets.postfix.postmap', postfix.postmap],
          ['targets.postfix.reload', postfix.reload],
        ];
  return used.flatMap(([key, [program]]) =>
    program === undefined || findProgram(program) !== undefined
      ? []
      : [wrong('files', `${key}: there is no program ${program}`, 'name it with its full path')],
  );
}
