/** How a command runs where the configuration has several instances: for the one that is named, or for each in turn. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import type { ConfigChoice } from '../config/load.ts';
import type { Io } from './io.ts';

/** What is to be known of the command. */
interface Traits {
  readonly eachInstance?: boolean;
  readonly asOwner?: boolean;
}

/** The options of its command line. */
interface GivenOptions {
  readonly config?: string;
  readonly instance?: string;
  readonly format?: string;
}

/**
 * Runs `work` with the options, whose `config` then names the instance. Without a name, a command for all runs for each,
 * and the worst exit status counts.
 */
export async function runForInstances(
  { eachInstance, asOwner }: Traits,
  work: (options: object, io: Io) => Promise<ExitStatus> | ExitStatus,
  { instance, ...options }: GivenOptions,
  io: Io,
): Promise<ExitStatus> {
  const file = options.config;
  const runWith = async (config: ConfigChoice | undefined, out: Io) => {
    if (asOwner === true) (await import('./database.ts')).becomeDatabaseOwner(config);
    return await work(config === undefined ? options : { ...options, config }, out);
  };
  if (instance !== undefined) return await runWith({ file, instance }, io);
  const names = eachInstance === true ? await listInstances(file) : [];
  if (names.length === 0) return await runWith(file, io);
  let worst: ExitStatus = EXIT.done;
  for (const name of names) {
    const status = await runWith(
      { file, instance: name },
      labelled(io, name, options.format, name === names[0]),
    );
    if (status > worst) worst = status;
  }
  return worst;
}

/** Empty also for a configuration that cannot be used: the command itself reports that. */
async function listInstances(file: string | undefined): Promise<string[]> {
  const { openConfigs } = await import('../config/load.ts');
  try {
    return openConfigs(file).flatMap(({ config }) => config.instance ?? []);
  } catch {
    return [];
  }
}

/**
 * The same streams for one of several instances: a heading before its text, a key `instance` in each line of JSON, a
 * column in CSV, whose names are printed once. Plain lists become one.
 */
function labelled(io: Io, instance: string, format: unknown, isFirstOne: boolean): Io {
  if (format === 'plain') return io;
  let isFirst = true;
  if (format === 'csv') {
    return {
      ...io,
      stdout(text) {
        const lines = text.replace(/^/gm, (_, at: number) =>
          isFirst && at === 0 ? 'instance,' : `${instance},`,
        );
        const rows = lines.slice(0, lines.lastIndexOf('\n') + 1);
        io.stdout(isFirst && !isFirstOne ? rows.slice(rows.indexOf('\n') + 1) : rows);
        isFirst = false;
      },
    };
  }
  return {
    ...io,
    stdout(text) {
      if (format === 'json') {
        io.stdout(text.replace(/^\{(?=")/gm, `{"instance":${JSON.stringify(instance)},`));
        return;
      }
      io.stdout(isFirst && format !== 'nagios' ? `instance ${instance}:\n${text}` : text);
      isFirst = false;
    },
    ...(io.paint && {
      paint(spans) {
        io.paint?.(isFirst ? [`instance ${instance}:\n`, ...spans] : spans);
        isFirst = false;
      },
    }),
  };
}
