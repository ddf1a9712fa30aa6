/** `postern milter`: the milter in the foreground. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog, type Log } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadShared, type MilterConfig } from '../config/load.ts';
import { MilterService } from '../daemon/milter/service.ts';
import { inRounds } from '../daemon/rounds.ts';

interface MilterOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly database?: string;
  readonly usemailertable?: boolean;
  readonly alldomains?: boolean;
  readonly ehlo?: boolean;
}

const OF_SCAM_CONF = ['listen', 'database', 'usemailertable', 'alldomains', 'ehlo'] as const;

/** With the section `milter` of the configuration, which is read again at SIGHUP. */
export async function runMilter(options: MilterOptions, version: string): Promise<ExitStatus> {
  const stray = OF_SCAM_CONF.find((name) => options[name] !== undefined);
  if (stray !== undefined)
    throw new PosternError(
      'usage',
      `--${stray} goes with --scam-conf; see milter in the configuration`,
    );
  const { milter: config, logLevel } = loadMilterConfig(options.config);
  const log = createLog(logLevel);
  const service = new MilterService({ config, clock: systemClock, log, version });
  await serveMilter(service, { load: () => loadMilterConfig(options.config).milter, log });
  return EXIT.done;
}

/**
 * Serves until SIGTERM, then until the open sessions have ended; a second SIGTERM does not wait for them. SIGHUP takes over
 * what `load` gives; if that throws, the old configuration stays in use.
 */
export async function serveMilter(
  service: MilterService,
  { load, log }: { readonly load: () => MilterConfig; readonly log: Log },
): Promise<void> {
  const ending = new AbortController();
  const serving = service.run(ending.signal);
  const round = async (signal: AbortSignal) => {
    await untilAborted(signal);
    return true;
  };
  await inRounds(() => service.reload(load()), round, log);
  // The configuration matters no more.
  process.on('SIGHUP', () => {});
  ending.abort();
  await serving;
}

function loadMilterConfig(
  file: string | undefined,
): Pick<Config, 'logLevel'> & { readonly milter: MilterConfig } {
  const config = loadShared(file);
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
