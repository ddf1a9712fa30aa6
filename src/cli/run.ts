/** `postern run`: the service in the foreground. */

import { readStamp } from '../base/changed-file.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { createLog, type Log } from '../base/log.ts';
import { MINUTE, SECOND, systemClock } from '../base/time.ts';
import { waitForAll, waitOrAbort } from '../base/wait.ts';
import { type Config, type ConfigChoice, openConfig, openConfigs } from '../config/load.ts';
import { loadConfiguredRules } from '../config/rules.ts';
import type { ServiceOptions } from '../daemon/assemble.ts';
import { buildBlockPolicy } from '../daemon/block-policy.ts';
import { runDaemon } from '../daemon/daemon.ts';
import { Lasting } from '../daemon/lasting.ts';
import { buildMtaControl } from '../daemon/mta-control.ts';
import { inRounds, logRefused, RELOAD } from '../daemon/rounds.ts';
import { findHookMistake } from '../setup/hooks.ts';
import { SETUP_MTAS } from '../setup/mtas.ts';
import { compareNetworks, findNetworks, findNoNetworks } from '../setup/networks.ts';
import { checkStart } from '../setup/start-check.ts';

/** Words of a list that one message names. */
const MOST_NAMED = 5;

/** Until SIGTERM. SIGHUP reads configuration and rules again; if they are wrong, the old ones stay in use. */
export async function runRun(
  options: { readonly config?: ConfigChoice },
  version: string,
): Promise<ExitStatus> {
  let configs: readonly Config[] = startable(options.config);
  /** with which the service has started once */
  let proven: readonly Config[] | undefined;
  const log = createLog(configs[0]?.logLevel);
  const reload = () => {
    configs = startable(options.config);
  };
  const lasting = new Map<string | undefined, Lasting>();
  const round = async (signal: AbortSignal) => {
    const current = configs;
    await keepInstances(lasting, current);
    const waiting = new Set(current);
    const again = new AbortController();
    const until = AbortSignal.any([signal, again.signal]);
    const started = (config: Config) => {
      waiting.delete(config);
      if (waiting.size === 0) proven = current;
    };
    try {
      await runInstances(current, until, (config, ending) =>
        runInstance(config, {
          log: logFor(config, log),
          version,
          lasting: lasting.get(config.instance) as Lasting,
          signal: ending,
          started,
          again: () => again.abort(RELOAD),
        }),
      );
    } catch (error) {
      // Whether a database can be used shows only when it is opened.
      if (proven === undefined || proven === current || !(error instanceof PosternError))
        throw error;
      logRefused(log, error);
      if (configs === current) configs = proven;
    }
    return true;
  };
  try {
    await inRounds(reload, round, log, () =>
      configs.map(({ exceptions }) => readStamp(exceptions)).join(),
    );
  } finally {
    await keepInstances(lasting, []);
  }
  return EXIT.done;
}

/** Begins what lasts for instances that are new, and ends it for those that are gone. */
async function keepInstances(
  lasting: Map<string | undefined, Lasting>,
  configs: readonly Config[],
): Promise<void> {
  const names = new Set(configs.map(({ instance }) => instance));
  for (const [name, parts] of lasting) {
    if (names.has(name)) continue;
    lasting.delete(name);
    await parts.end();
  }
  for (const name of names)
    if (!lasting.has(name)) lasting.set(name, new Lasting(systemClock.now()));
}

/** All of them side by side. If one fails, all end, and the error of that one is thrown. */
async function runInstances(
  configs: readonly Config[],
  signal: AbortSignal,
  run: (config: Config, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  await waitForAll(
    ending,
    configs.map((config) => run(config, until)),
  );
}

async function runInstance(
  config: Config,
  {
    log,
    started,
    again,
    ...options
  }: Pick<ServiceOptions, 'log' | 'version' | 'signal'> & {
    lasting: Lasting;
    started: (config: Config) => void;
    /** begins another round with the same configurations */
    again: () => void;
  },
): Promise<void> {
  const [networks, noNetworks, logSettings, addresses] = await Promise.all([
    askForNetworks(config, log),
    askForNoNetworks(config, log),
    SETUP_MTAS[config.mta].readLogSettings(config),
    askForAddresses(config),
  ]);
  warnOfHooks(config, log);
  const asked = { ...networks, ...noNetworks, logSettings, ...addresses };
  const done = () => started(config);
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const daemon = { config, clock: systemClock, log, ...options, signal, started: done, ...asked };
  await waitForAll(ending, [
    runDaemon(daemon).finally(() => ending.abort()),
    noNetworks.noNetworks === undefined ? undefined : awaitNetworks(daemon, again),
  ]);
}

/** How long to wait before the mail server is asked again whether it looks up networks, ms. */
const FIRST_QUESTION = 10 * SECOND;
const LAST_QUESTION = 5 * MINUTE;

/** An operator may include the statement for networks after the start: then the service begins anew with it. */
async function awaitNetworks(
  { config, log, signal }: Pick<ServiceOptions, 'config' | 'log' | 'signal'>,
  again: () => void,
): Promise<void> {
  for (let pause = FIRST_QUESTION; !signal.aborted; pause = Math.min(2 * pause, LAST_QUESTION)) {
    await waitOrAbort(pause, signal);
    if (signal.aborted || (await findNoNetworks(config)) !== undefined) continue;
    log.info({}, 'networks can be blocked now');
    return again();
  }
}

/** A hook that cannot be told keeps nobody from being blocked: its events wait. */
function warnOfHooks({ hooks }: Config, log: Log): void {
  for (const hook of hooks) {
    const mistake = findHookMistake(hook, undefined);
    if (mistake !== undefined) log.error({ fix: mistake.fix }, mistake.text);
  }
}

/** With several instances, each line of the log names its own. */
function logFor({ instance, logLevel }: Config, log: Log): Log {
  return instance === undefined ? log : createLog(logLevel, process.env, { instance });
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

/** Configurations with which the service can start, as far as can be seen; throws what the start would throw. */
function startable(choice: ConfigChoice | undefined): Config[] {
  const all = typeof choice === 'object' ? [openConfig(choice)] : openConfigs(choice);
  return all.map((loaded) => {
    checkStart(loaded);
    const { config } = loaded;
    loadConfiguredRules(config);
    buildBlockPolicy(config);
    buildMtaControl(config);
    return config;
  });
}
