/** `postern run`: the service in the foreground. */
import { EXIT, type ExitStatus, messageOf } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { systemClock } from '../../base/time.ts';
import { loadConfig, openConfig } from '../../config.ts';
import { runDaemon } from '../../daemon.ts';
import { loadRules } from '../../judge/rule.ts';
import { checkStart } from './start-check.ts';

/** `postern run`: the service, until SIGTERM. SIGHUP reads configuration and rules again. */
export async function runRun(
  options: { readonly config?: string },
  version: string,
): Promise<ExitStatus> {
  const loaded = openConfig(options.config);
  checkStart(loaded);
  let { config } = loaded;
  const log = createLog(config.logLevel);
  let stopped = false;
  let controller = new AbortController();
  const stop = () => {
    stopped = true;
    controller.abort();
  };
  const reload = () => {
    try {
      const next = loadConfig(options.config);
      loadRules(next.rules);
      config = next;
      controller.abort();
    } catch (error) {
      log.error(
        { error: messageOf(error) },
        'configuration not taken over, going on with the old one',
      );
    }
  };
  const handlers = [
    ['SIGTERM', stop],
    ['SIGINT', stop],
    ['SIGHUP', reload],
  ] as const;
  // All the time: between two rounds a SIGHUP would end the process.
  for (const [signal, handler] of handlers) process.on(signal, handler);
  try {
    while (!stopped) {
      controller = new AbortController();
      await runDaemon({ config, clock: systemClock, log, version, signal: controller.signal });
    }
  } finally {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  }
  return EXIT.done;
}
