/** Whether root may write to the configured block files: nobody but root can change where the paths lead. */
import { dirname } from 'node:path';
import { PosternError } from '../../base/errors.ts';
import { findDistrust } from '../../base/path-trust.ts';
import type { Config } from '../../config/load.ts';
import { buildMtaControl, type MtaControl } from '../mta-control.ts';

/** What the configuration lets this process change. As root throws what `assertTrusted` throws. */
export function buildTrustedControl(config: Config): MtaControl {
  if (process.geteuid?.() === 0) assertTrusted(config);
  return buildMtaControl(config);
}

/** Throws a PosternError (exit status 2) that lists every part of a path that another account than root can change. */
export function assertTrusted(config: Config): void {
  const problems = findTrustProblems(config);
  if (problems.length === 0) return;
  const list = problems.map((problem) => `\n  ${problem}`).join('');
  throw new PosternError('configuration', `postern enforce will not write as root:${list}`, {
    code: 'untrusted',
  });
}

/**
 * Parts of paths through which another account could make root write elsewhere, each as a sentence: of the
 * configuration, the block files and the folder above the database.
 */
export function findTrustProblems(config: Config): string[] {
  const files = buildMtaControl(config).targets.map(({ file }) => file);
  const problems = [
    findDistrust(config.file),
    ...files.map((file) => findDistrust(dirname(file))),
    ...files.map((file) => findLinkProblem(file)),
    findDistrust(dirname(dirname(config.database))),
  ].filter((problem) => problem !== undefined);
  return [...new Set(problems)];
}

/** A target may be a link: then the folder that it leads into counts as well. */
function findLinkProblem(file: string): string | undefined {
  const problem = findDistrust(file);
  // The file itself may belong to anybody: it is replaced, never written to.
  return problem?.startsWith(`${file} `) === true ? undefined : problem;
}
