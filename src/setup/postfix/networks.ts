/** `mynetworks` of a running Postfix, in main.cf and in every smtpd of master.cf. */
import type { NoAnswer, RelayNetworks } from '../installation.ts';
import { ask, describeFailure } from '../programs.ts';
import { postfixSettings } from './find.ts';
import { readNetworkList } from './network-list.ts';
import { smtpdServices } from './services.ts';

const SETTING = 'mynetworks';

/** `postconf`, `postmap`: argument vectors. */
export async function findPostfixNetworks(
  postconf: readonly string[],
  postmap: readonly string[],
): Promise<RelayNetworks | NoAnswer> {
  const version = await ask([...postconf, '-h', 'mail_version']);
  const failure = describeFailure(postconf, version);
  if (failure !== undefined) return { failure };
  const main = await postfixSettings(postconf, [SETTING]);
  const own = main.get(SETTING);
  if (own === undefined) return { failure: `${postconf.join(' ')} prints no ${SETTING}` };
  const services = await smtpdServices(postconf, main);
  const overridden = services
    .filter((service) => service.overrides(SETTING))
    .map((service) => service.setting(SETTING));
  const lists = await Promise.all(
    [...new Set([own, ...overridden])].map((list) => readNetworkList(list, postmap)),
  );
  return {
    networks: [...new Set(lists.flatMap(({ networks }) => networks))],
    others: [...new Set(lists.flatMap(({ others }) => others))],
    setting: SETTING,
  };
}
