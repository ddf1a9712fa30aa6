/** The hosts for which an Exim relays, as a running one prints them. */
import type { NoAnswer, RelayNetworks } from '../installation.ts';
import { ask, describeFailure } from '../programs.ts';
import { eximConfiguration } from './find.ts';
import { findRelayHosts, RELAY_LIST } from './host-list.ts';

export async function findEximNetworks(exim: readonly string[]): Promise<RelayNetworks | NoAnswer> {
  const answer = await ask([...exim, '-bP', 'hostlist', RELAY_LIST]);
  // The first definition counts: that list may be printed where the whole configuration is not.
  const hosts = findRelayHosts(`${answer.stdout}\n${await eximConfiguration(exim)}`);
  if (hosts !== undefined) return { ...hosts, setting: RELAY_LIST };
  return {
    failure: describeFailure(exim, answer) ?? `${exim[0]} prints no hostlist ${RELAY_LIST}`,
  };
}
