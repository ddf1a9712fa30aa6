/** `postern run`: the service in the foreground. */
import { handsOf, policyOf } from '../../assemble.ts';
import { EXIT, type ExitStatus, messageOf, PosternError } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { systemClock } from '../../base/time.ts';
import { type Config, openConfig } from '../../config.ts';
import { runDaemon } from '../../daemon.ts';
import { loadRules } from '../../judge/rule.ts';
import { inRounds } from '../rounds.ts';
import { checkStart } from './start-check.ts';

/** `postern run`: the service, until SIGTERM. SIGHUP reads configuration and rules again. */
export async function runRun(
  options: { readonly config?: string },
  version: string,
): Promise<ExitStatus> {
  let config = startable(options.config);
  /** has started once */
  let proven: Config | undefined;
  const log = createLog(config.logLevel);
  const refused = (error: unknown) =>
    log.error(
      { error: messageOf(error) },
      'configuration not taken over, going on with the old one',
    );
  const reload = () => {
    try {
      config = startable(options.config);
      return true;
    } catch (error) {
      refused(error);
      return false;
    }
  };
  await inRounds(reload, async (signal) => {
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
      refused(error);
      if (config === current) config = proven;
    }
    return true;
  });
  return EXIT.done;
}

/** A configuration with which the service can start, as far as looking tells; throws what the start would throw. */
function startable(file: string | undefined): Config {
  const loaded = openConfig(file);
  checkStart(loaded);
  const { config } = loaded;
  loadRules(config.rules);
  policyOf(config);
  handsOf(config);
  return config;
}
