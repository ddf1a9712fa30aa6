/** `postern run`: the service in the foreground. */

import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, openConfig } from '../config/load.ts';
import { buildBlockPolicy } from '../daemon/assemble.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { buildMtaControl } from '../daemon/mta-control.ts';
import { loadRules } from '../judge/rule.ts';
import { checkStart } from '../setup/start-check.ts';
import { inRounds, sayRefused } from './rounds.ts';

/** `postern run`: the service, until SIGTERM. SIGHUP reads configuration and rules again. */
export async function runRun(
  options: { readonly config?: string },
  version: string,
): Promise<ExitStatus> {
  let config = startable(options.config);
  /** has started once */
  let proven: Config | undefined;
  const log = createLog(config.logLevel);
  const reload = () => {
    config = startable(options.config);
  };
  const round = async (signal: AbortSignal) => {
    const current = config;
    const started = () => {
      proven = current;
    };
    try {
      await runDaemon({ config, clock: systemClock, log, version, signal, started });
    } catch (error) {
      // Of a database only opening it tells whether it can be used.
      if (proven === undefined || proven === current || !(error instanceof PosternError))
        throw error;
      sayRefused(log, error);
      if (config === current) config = proven;
    }
    return true;
  };
  await inRounds(reload, round, log);
  return EXIT.done;
}

/** A configuration with which the service can start, as far as looking tells; throws what the start would throw. */
function startable(file: string | undefined): Config {
  const loaded = openConfig(file);
  checkStart(loaded);
  const { config } = loaded;
  loadRules(config.rules);
  buildBlockPolicy(config);
  buildMtaControl(config);
  return config;
}
