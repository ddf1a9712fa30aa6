/** `postern run`: the service in the foreground. */
import { EXIT, type ExitStatus, messageOf } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { systemClock } from '../../base/time.ts';
import { loadConfig, openConfig } from '../../config.ts';
import { runDaemon } from '../../daemon.ts';
import { loadRules } from '../../judge/rule.ts';
import { inRounds } from '../rounds.ts';
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
  const reload = () => {
    try {
      const next = loadConfig(options.config);
      loadRules(next.rules);
      config = next;
      return true;
    } catch (error) {
      log.error(
        { error: messageOf(error) },
        'configuration not taken over, going on with the old one',
      );
      return false;
    }
  };
  await inRounds(reload, async (signal) => {
    await runDaemon({ config, clock: systemClock, log, version, signal });
    return true;
  });
  return EXIT.done;
}
