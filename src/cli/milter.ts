/** `postern milter`: the milter in the foreground. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadConfig, type MilterConfig } from '../config/load.ts';
import { MilterService } from '../daemon/milter/service.ts';
import { inRounds } from '../daemon/rounds.ts';

/**
 * Until SIGTERM, then until the open sessions have ended; a second SIGTERM does not wait for them. SIGHUP reads the
 * configuration again; if it is wrong, the old one stays in use.
 */
export async function runMilter(
  options: { readonly config?: string },
  version: string,
): Promise<ExitStatus> {
  const { milter: config, logLevel } = loadMilterConfig(options.config);
  const log = createLog(logLevel);
  const service = new MilterService({ config, clock: systemClock, log, version });
  const ending = new AbortController();
  const serving = service.run(ending.signal);
  const reload = () => service.reload(loadMilterConfig(options.config).milter);
  const round = async (signal: AbortSignal) => {
    await untilAborted(signal);
    return true;
  };
  await inRounds(reload, round, log);
  // The configuration matters no more.
  process.on('SIGHUP', () => {});
  ending.abort();
  await serving;
  return EXIT.done;
}

function loadMilterConfig(
  file: string | undefined,
): Pick<Config, 'logLevel'> & { readonly milter: MilterConfig } {
  const config = loadConfig(file);
  const { milter, logLevel } = config;
  if (milter !== undefined) return { logLevel, milter };
  throw new PosternError(
    'configuration',
    `${config.file}: milter: expected a section, found nothing (milter: {} will do)`,
    { place: { file: config.file, key: 'milter' } },
  );
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
