/** `postern run`: the service in the foreground. */

import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog, type Log } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import { type Config, openConfig } from '../config/load.ts';
import type { ServiceOptions } from '../daemon/assemble.ts';
import { buildBlockPolicy } from '../daemon/block-policy.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { buildMtaControl } from '../daemon/mta-control.ts';
import { inRounds, logRefused } from '../daemon/rounds.ts';
import { loadRules } from '../judge/rule.ts';
import { SETUP_MTAS } from '../setup/mtas.ts';
import { compareNetworks, findNetworks, findNoNetworks } from '../setup/networks.ts';
import { checkStart } from '../setup/start-check.ts';

/** Words of a list that one message names. */
const MOST_NAMED = 5;

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
      const [networks, noNetworks, logSettings, addresses] = await Promise.all([
        askForNetworks(config, log),
        askForNoNetworks(config, log),
        SETUP_MTAS[config.mta].readLogSettings(config),
        askForAddresses(config),
      ]);
      const asked = { ...networks, ...noNetworks, logSettings, ...addresses };
      await runDaemon({ config, clock: systemClock, log, version, signal, started, ...asked });
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

/** The networks that the mail server lists, unless the configuration does; logs what is missing. */
async function askForNetworks(
  config: Config,
  log: Log,
): Promise<Pick<ServiceOptions, 'listed' | 'networksUnknown'>> {
  const answer = await findNetworks(config);
  if (config.trustedNetworks !== undefined) {
    logDifferences(config.trustedNetworks, answer, log);
    return {};
  }
  if ('failure' in answer) {
    log.warn({ reason: answer.failure }, 'relay clients are inferred from the log');
    return { networksUnknown: answer.failure };
  }
  const { networks, others, setting } = answer;
  log.info({ networks, setting }, 'the mail server lists the networks that may relay');
  const listed = { networks, isPartial: others.length > 0 };
  if (others.length === 0) return { listed };
  const networksUnknown = `${setting} also names ${others.slice(0, MOST_NAMED).join(', ')}`;
  log.warn({ reason: networksUnknown }, 'some relay clients are inferred from the log');
  return { listed, networksUnknown };
}

/** Whether the mail server looks up networks: an old recipe does not. */
async function askForNoNetworks(
  config: Config,
  log: Log,
): Promise<Pick<ServiceOptions, 'noNetworks'>> {
  const noNetworks = config.mode === 'observe' ? undefined : await findNoNetworks(config);
  if (noNetworks === undefined) return {};
  log.warn({ reason: noNetworks }, 'networks cannot be blocked, IPv6 clients only by address');
  return { noNetworks };
}

/** From where the mail server sends, which only blocklists are asked about. */
async function askForAddresses(config: Config): Promise<Pick<ServiceOptions, 'sendsAs'>> {
  if (config.listings === undefined) return {};
  return { sendsAs: await SETUP_MTAS[config.mta].findSendsAs(config) };
}

function logDifferences(
  trusted: readonly string[],
  answer: Awaited<ReturnType<typeof findNetworks>>,
  log: Log,
): void {
  if ('failure' in answer) return;
  for (const { level, text } of compareNetworks(trusted, answer)) {
    if (level === 'warning') log.warn({}, text);
  }
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
