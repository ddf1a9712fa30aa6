/** `postern run`: the service in the foreground. */

import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, openConfig } from '../config/load.ts';
import { buildBlockPolicy } from '../daemon/assemble.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { buildMtaControl } from '../daemon/mta-control.ts';
import { inRounds, logRefused } from '../daemon/rounds.ts';
import { loadRules } from '../judge/rule.ts';
import { checkStart } from '../setup/start-check.ts';

/** Until SIGTERM. SIGHUP reads configuration and rules again; if they are wrong, the old ones stay in use. */
export async function runRun(
  options: { readonly config?: string },
  version: string,
): Promise<ExitStatus> {
  let config = startable(options.config);
  /** with which the service has started once */
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
      // Whether a database can be used shows only when it is opened.
      if (proven === undefined || proven === current || !(error instanceof PosternError))
        throw error;
      logRefused(log, error);
      if (config === current) config = proven;
    }
    return true;
  };
  await inRounds(reload, round, log);
  return EXIT.done;
}

/** A configuration with which the service can start, as far as can be seen; throws what the start would throw. */
function startable(file: string | undefined): Config {
  const loaded = openConfig(file);
  checkStart(loaded);
  const { config } = loaded;
  loadRules(config.rules);
  buildBlockPolicy(config);
  buildMtaControl(config);
  return config;
}
