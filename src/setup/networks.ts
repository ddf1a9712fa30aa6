/**
 * The networks that may relay without a password, as the mail server itself lists them: asked at the start, at every
 * reload and by `postern check`. Changes nothing; a mail server that gives no answer is a value, never an error.
 */
import type { Config } from '../config/load.ts';
import { parseNetwork, subtractNetworks } from '../model/address.ts';
import { type Finding, ok, warning } from './finding.ts';
import type { NoAnswer, RelayNetworks } from './installation.ts';
import type { InstallationOptions } from './mail-server.ts';
import { SETUP_MTAS } from './mtas.ts';

/** Asks the mail server that the configuration names. */
export async function findNetworks(config: Config): Promise<RelayNetworks | NoAnswer> {
  return await SETUP_MTAS[config.mta].findNetworks(config, {});
}

/** Why blocks of whole networks would have no effect with this configuration; undefined if they have one. */
export async function findNoNetworks(config: Config): Promise<string | undefined> {
  return await SETUP_MTAS[config.mta].findNoNetworks(config);
}

/** Compares `trustedNetworks` with what the mail server answers. */
export async function checkNetworks(
  config: Config,
  options: InstallationOptions,
): Promise<Finding[]> {
  const answer = await SETUP_MTAS[config.mta].findNetworks(config, options);
  const { trustedNetworks } = config;
  if (trustedNetworks === undefined) return [describeAnswer(answer)];
  return 'failure' in answer ? [] : compareNetworks(trustedNetworks, answer);
}

/** How the configured networks differ from those of the mail server, in both directions. */
export function compareNetworks(
  trustedNetworks: readonly string[],
  answer: RelayNetworks,
): Finding[] {
  const missing = answer.networks.filter((network) => !isCovered(network, trustedNetworks));
  const surplus = trustedNetworks.filter(
    (network) => answer.others.length === 0 && !isCovered(network, answer.networks),
  );
  if (missing.length === 0 && surplus.length === 0) {
    return [ok('mta', `trustedNetworks agrees with ${answer.setting}`)];
  }
  return [...missingFinding(missing, answer), ...surplusFinding(surplus, answer)];
}

function describeAnswer(answer: RelayNetworks | NoAnswer): Finding {
  if ('failure' in answer) {
    return warning(
      'mta',
      `the networks that may relay are not known: ${answer.failure}; they are inferred from the log`,
      'trustedNetworks: [the networks that may relay without a password]',
    );
  }
  const { networks, others, setting } = answer;
  const found = networks.length === 0 ? 'no networks' : networks.join(', ');
  if (others.length === 0) return ok('mta', `networks that may relay (${setting}): ${found}`);
  return warning(
    'mta',
    `${setting} also names ${shorten(others)}, which Postern cannot read; clients there are inferred from the log`,
    'trustedNetworks: [all networks that may relay without a password]',
  );
}

function missingFinding(missing: readonly string[], { setting }: RelayNetworks): Finding[] {
  if (missing.length === 0) return [];
  const text = `trustedNetworks lacks ${shorten(missing)}, which ${setting} allows to relay: rules do not see clients there`;
  return [warning('mta', text, 'add them, or remove trustedNetworks: Postern then asks by itself')];
}

function surplusFinding(surplus: readonly string[], { setting }: RelayNetworks): Finding[] {
  if (surplus.length === 0) return [];
  const text = `trustedNetworks has ${shorten(surplus)}, which ${setting} does not allow to relay: strangers there count as submitters`;
  return [
    warning('mta', text, 'remove them, or remove trustedNetworks: Postern then asks by itself'),
  ];
}

/** Most networks that one message names. */
const MOST_NAMED = 10;

function shorten(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? `, and ${names.length - MOST_NAMED} more` : '';
  return names.slice(0, MOST_NAMED).join(', ') + more;
}

/** Whether `networks` together contain the whole network. Loopback is always ours. */
function isCovered(network: string, networks: readonly string[]): boolean {
  const inner = parseNetwork(network);
  if (inner === undefined || inner[0].range() === 'loopback') return true;
  return subtractNetworks(network, networks).length === 0;
}
