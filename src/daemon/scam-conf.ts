/** An instance of scam-backscatter, from its flags and its file to what Postern runs with. */
import { readFileSync } from 'node:fs';
import { getMessage, PosternError } from '../base/errors.ts';
import { type Problem, problemsError } from '../base/yaml.ts';
import type { RecipientsConfig } from '../config/milter-recipients.ts';
import type { FeatureName } from '../recipients/scam-conf/features.ts';
import type { ScamFlags } from '../recipients/scam-conf/flags.ts';
import { buildScamOptions } from '../recipients/scam-conf/options.ts';
import { type ReadScamConf, readScamConf } from '../recipients/scam-conf/settings.ts';

/** What recipient verification needs; socket, account and pid file are in the flags. */
export interface ScamInstance {
  readonly recipients: RecipientsConfig;
  /** worth a log line each */
  readonly notes: readonly Problem[];
}

/** Reads a scam.conf. Throws a PosternError (exit status 2) that lists every problem of it. */
export function loadScamConf(file: string, features: Iterable<FeatureName>): ReadScamConf {
  const found = readScamConf(readFile(file), file, features);
  if (found.problems.length > 0) throw problemsError('config', found.problems);
  return found;
}

/**
 * The instance that the flags name. Its database lies beside its pid file unless the flags name one, so that several
 * instances have several. Throws a PosternError (exit status 2).
 */
export function loadScamInstance(
  flags: Pick<ScamFlags, 'config' | 'features' | 'backList' | 'pidFile' | 'database'>,
): ScamInstance {
  const { settings, notes } = loadScamConf(flags.config, flags.features);
  const backList = flags.backList ?? settings.backList;
  return {
    recipients: {
      options: buildScamOptions(settings),
      database: flags.database ?? `${flags.pidFile.replace(/\.pid$/, '')}.db`,
      ...(backList === undefined ? {} : { backList }),
    },
    notes,
  };
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
