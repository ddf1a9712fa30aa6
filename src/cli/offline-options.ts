/** How commands that read log files interpret them: as --config says, or as each line shows. */
import { PosternError } from '../base/errors.ts';
import { isZone } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { InterpreterOptions } from '../interpret/interpreter.ts';
import type { Mta } from '../model/event.ts';
import type { CommonOptions } from './io.ts';

export interface OfflineOptions extends CommonOptions {
  readonly mta?: Mta;
  readonly zone?: string;
}

/** The configuration that --config names, if any: these commands do not need one. */
export async function namedConfig(options: OfflineOptions): Promise<Config | undefined> {
  if (options.config === undefined) return undefined;
  return (await import('../config/load.ts')).loadConfig(options.config);
}

/** The options of the interpreter. Throws a PosternError (exit status 2) for an unknown zone. */
export async function interpreterOptions(
  options: OfflineOptions,
  config: Config | undefined,
): Promise<InterpreterOptions> {
  const { mta, zone } = options;
  if (zone !== undefined && !isZone(zone)) {
    throw new PosternError(
      'usage',
      `--zone ${zone}: expected a time zone such as Europe/Berlin or +01:00`,
    );
  }
  const named =
    config === undefined
      ? undefined
      : (await import('../interpret/options.ts')).buildInterpreterOptions(config);
  return { ...named, mta: mta ?? named?.mta, zone: zone ?? named?.zone };
}
