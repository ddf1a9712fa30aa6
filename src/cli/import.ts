/** `postern import`: configurations of other programs as Postern's own. */
import { readFileSync } from 'node:fs';
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { problemsError } from '../base/yaml.ts';
import { FEATURES, type FeatureName } from '../recipients/scam-conf/features.ts';
import { readScamConf } from '../recipients/scam-conf/settings.ts';
import { renderScamConf } from '../setup/scam-conf.ts';
import type { Io } from './io.ts';

/** The options are the features that the old program had compiled in. */
type ImportOptions = { readonly [Name in Lowercase<FeatureName>]?: boolean };

/** Prints the configuration. Throws a PosternError (exit status 2) that lists every problem of the file. */
export function runImport(file: string, options: ImportOptions, io: Io): ExitStatus {
  const switches = FEATURES.map(({ name }) => name).filter(
    (name) => options[name.toLowerCase() as Lowercase<FeatureName>] === true,
  );
  const found = readScamConf(readFile(file), file, switches);
  if (found.problems.length > 0) throw problemsError('config', found.problems);
  io.stdout(renderScamConf(found, file));
  return EXIT.done;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new PosternError('configuration', `${file}: cannot be read: ${getMessage(error)}`, {
      code: 'config',
      place: { file },
      cause: error,
    });
  }
}
