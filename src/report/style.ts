/** The style of texts of this server, from its configuration and its accounts. */
import { hostname } from 'node:os';
import { dropUndefined } from '../base/defined.ts';
import type { Config } from '../config/load.ts';
import { findLogins } from '../enforce/accounts.ts';
import type { Key } from '../model/block.ts';
import { buildStyle, type Style } from '../model/style.ts';

/** `keys`: all that the text names. With `utc`, times are RFC 3339 in UTC, else in the configured zone. */
export async function loadStyle(
  { host, zone }: Pick<Config, 'host' | 'zone'>,
  keys: readonly Key[],
  { utc = false } = {},
): Promise<Style> {
  const uids = [...new Set(keys.filter(({ type }) => type === 'uid').map(({ id }) => id))];
  const logins = uids.length === 0 ? undefined : await findLogins(uids);
  const named = { host: host ?? hostname(), zone: utc ? undefined : zone, logins };
  return buildStyle(dropUndefined(named));
}
