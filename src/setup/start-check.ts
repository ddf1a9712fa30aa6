/**
 * What the service needs to start: readable logs, folders for the database and the block files. Checked before anything
 * is opened, so that a wrong configuration gives one message with file, line and key, and nothing is half done.
 * Only the start is strict: the service waits for what disappears later.
 */
import { located, PosternError } from '../base/errors.ts';
import type { Config, LoadedConfig } from '../config/load.ts';
import { databaseFinding, type FileFinding, logFindings, targetFindings } from './access.ts';

/** Throws a PosternError (exit status 2) that lists everything that is wrong, one a line. */
export function checkStart({ config, placeOf, isNamed }: LoadedConfig): void {
  const findings = [
    ...logFindings(config),
    databaseFinding(config),
    // A default that was never chosen may be useless here: `postern status` reports it.
    ...ownTargets(config).filter(({ option }) => isNamed(option)),
  ];
  const problems = findings.filter(({ isOk, hinders }) => !isOk && hinders);
  if (problems.length === 0) return;
  const lines = problems.map((problem) => located(placeOf(problem.option), renderProblem(problem)));
  throw new PosternError('configuration', lines.join('\n'), {
    code: 'cannot-start',
    place: { file: config.file },
  });
}

/** With `enforcer: separate` another process writes them. */
function ownTargets(config: Config): FileFinding[] {
  return config.enforcer === 'separate' ? [] : targetFindings(config);
}

function renderProblem({ text, fix }: FileFinding): string {
  return fix === undefined ? text : `${text} (${fix})`;
}
