/** Who may be blocked, and how, by a configuration and what the mail server says of itself. */
import { buildAllowList } from '../config/allow-list.ts';
import type { Config } from '../config/load.ts';
import type { BlockPolicy } from '../enforce/decide.ts';
import { findInexpressible, findMissingTarget } from './in-force.ts';

interface MailServerFacts {
  /** networks that may relay, if the configuration has none */
  readonly relayNetworks?: readonly string[] | undefined;
  /** why blocks of whole networks would have no effect: then an IPv6 client is blocked by its address alone */
  readonly noNetworks?: string | undefined;
}

/** Throws a RangeError that names a network of the allow list that cannot be parsed. */
export function buildBlockPolicy(
  config: Config,
  { relayNetworks, noNetworks }: MailServerFacts = {},
): BlockPolicy {
  return {
    mode: config.mode,
    allow: buildAllowList(config, relayNetworks),
    blocksPerHour: config.caps.blocksPerHour,
    findInexpressible: (key) => findInexpressible(config, key),
    noNetworks: noNetworks ?? findMissingTarget(config, 'network'),
  };
}
