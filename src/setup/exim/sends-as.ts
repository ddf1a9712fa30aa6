/**
 * From which addresses Exim sends: `interface` of its smtp transports, as far as it names addresses and no expansion
 * (spec, chapter "The smtp transport"). And its names.
 */
import type { SendsAs } from '../../daemon/own-addresses.ts';
import { canonicalIp, isLoopbackAddress } from '../../model/address.ts';
import { isDomain } from '../installation.ts';
import { ask, settingsIn } from '../programs.ts';
import { listItems } from './list.ts';

export async function findEximSendsAs(exim: readonly string[]): Promise<SendsAs> {
  const [main, transports] = await Promise.all([
    ask([...exim, '-bP', 'primary_hostname', 'qualify_domain']),
    ask([...exim, '-bP', 'transports']),
  ]);
  const lists = [...transports.stdout.matchAll(/^(?:hide )?interface *= *(.*)$/gm)];
  const addresses = lists
    .flatMap(([, list = '']) => (list.includes('$') ? [] : listItems(list)))
    .flatMap((item) => canonicalIp(item) ?? [])
    .filter((address) => !isLoopbackAddress(address));
  const settings = settingsIn(main.stdout);
  const names = ['primary_hostname', 'qualify_domain'].map((name) => settings.get(name) ?? '');
  return {
    addresses: [...new Set(addresses)],
    names: [...new Set(names.map((name) => name.toLowerCase()))].filter(isDomain),
  };
}
