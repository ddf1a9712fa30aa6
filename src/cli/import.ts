/** `postern import`: configurations of other programs as Postern's own. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { loadScamConf } from '../daemon/scam-conf.ts';
import { FEATURES, type FeatureName } from '../recipients/scam-conf/features.ts';
import { renderScamConf } from '../setup/scam-conf.ts';
import type { Io } from './io.ts';

/** The options are the features that the old program had compiled in. */
type ImportOptions = { readonly [Name in Lowercase<FeatureName>]?: boolean };

/** Prints the configuration. Throws a PosternError (exit status 2) that lists every problem of the file. */
export function runImport(file: string, options: ImportOptions, io: Io): ExitStatus {
  const features = FEATURES.map(({ name }) => name).filter(
    (name) => options[name.toLowerCase() as Lowercase<FeatureName>] === true,
  );
  io.stdout(renderScamConf(loadScamConf(file, features), file));
  return EXIT.done;
}
