/**
 * What has to be there before the service starts: folders of the block files, readable logs. Found out before
 * anything is opened, so that a wrong configuration is one message with file, line and key, and nothing half-done.
 * What goes away later is waited for; only the start is strict.
 */
import { located, PosternError } from '../base/errors.ts';
import type { Config, LoadedConfig } from '../config/load.ts';
import { databaseFinding, type FileFinding, logFindings, targetFindings } from './access.ts';

/** Throws a PosternError (exit status 2) that lists everything that is wrong, one a line. */
export function checkStart({ config, placeOf, isNamed }: LoadedConfig): void {
  const findings = [
    ...logFindings(config),
    databaseFinding(config),
    // A default may be of no use here: `status` tells.
    ...ownTargets(config).filter(({ option }) => isNamed(option)),
  ];
  const problems = findings.filter(({ isOk, hinders }) => !isOk && hinders);
  if (problems.length === 0) return;
  const lines = problems.map((problem) => located(placeOf(problem.option), renderProblem(problem)));
  throw new PosternError('cannot-start', lines.join('\n'), { place: { file: config.file } });
}

/** With `enforcer: separate` another process writes them. */
function ownTargets(config: Config): FileFinding[] {
  return config.enforcer === 'separate' ? [] : targetFindings(config);
}

function renderProblem({ text, fix }: FileFinding): string {
  return fix === undefined ? text : `${text} (${fix})`;
}
