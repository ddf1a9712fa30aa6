/** How commands over given files read them: by the configuration that was named, else by what each line says. */
import { PosternError } from '../base/errors.ts';
import { isZone } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { InterpreterOptions } from '../interpret/interpreter.ts';
import type { Mta } from '../model/event.ts';

export interface OfflineOptions {
  readonly config?: string;
  readonly mta?: Mta;
  readonly zone?: string;
  readonly format?: 'text' | 'json';
}

/** The configuration that was named; these commands need none. Its code is loaded only then. */
export async function namedConfig(options: OfflineOptions): Promise<Config | undefined> {
  if (options.config === undefined) return undefined;
  return (await import('../config/load.ts')).loadConfig(options.config);
}

/** What reading needs to know. Throws a PosternError (exit status 2) for a zone that is none. */
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
