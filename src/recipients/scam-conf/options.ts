/** From scam.conf to the options of recipient verification. Pure. */
import { SECOND } from '../../base/time.ts';
import { DEFAULTS, findHeloName } from '../defaults.ts';
import type { DomainOptions, RecipientOptions, TableOptions } from '../options.ts';
import type { ScamSettings } from './settings.ts';

/** Skipped whatever the file says. */
const ALWAYS_SKIPPED = ['127.0.0.1', '::1'];

/**
 * As scam-backscatter behaved, with these differences: the reverse-path is null (its was postmaster+backscatter@HOST),
 * TLS is used when it is offered, servers in trouble are always left alone for a while, and two servers of a mailertable
 * row are always both used. Dictionary attacks are not limited.
 */
export function buildScamOptions(settings: ScamSettings, host?: string): RecipientOptions {
  const ms = (given: number | undefined, otherwise: number) =>
    given === undefined ? otherwise : given * SECOND;
  const { callout, cache, skip, attack } = DEFAULTS;
  return {
    ...DEFAULTS,
    domains: listDomains(settings),
    tables: listTables(settings),
    callout: {
      ...callout,
      helo: settings.heloHost ?? findHeloName(host),
      greeting: settings.features.has('EHLO') ? 'EHLO' : 'HELO',
      preferIpVersion: settings.preferIpVersion,
      connectTimeout: ms(settings.connectTimeout, callout.connectTimeout),
      replyTimeout: ms(settings.replyTimeout, callout.replyTimeout),
      backoff: ms(settings.backoff, callout.backoff),
    },
    skip: {
      ...skip,
      authenticated: false,
      clients: [...new Set([...ALWAYS_SKIPPED, ...settings.skipVerify])],
      daemons: settings.skipDaemons.length > 0 ? settings.skipDaemons : ['MSA'],
    },
    cache: {
      ...cache,
      valid: ms(settings.validExpiry, cache.valid),
      invalid: ms(settings.invalidExpiry, cache.invalid),
    },
    attack: { ...attack, perConnection: 0, perClient: 0 },
    whenUnknown: settings.errorTempfail ? 'tempfail' : 'accept',
  };
}

function listDomains({ features, domains, server, subdomains }: ScamSettings): DomainOptions[] {
  if (features.has('USEMAILERTABLE')) return [];
  const entries = server === undefined ? domains : [{ domain: '*', server }];
  return entries.map((entry) => ({
    domain: entry.domain,
    role: 'primary',
    subdomains: entry.domain !== '*' && subdomains,
    source: { kind: 'callout', servers: [entry.server] },
  }));
}

function listTables({ features, mailertable, port, subdomains }: ScamSettings): TableOptions[] {
  if (!features.has('USEMAILERTABLE') || mailertable === undefined) return [];
  return [{ file: mailertable, format: 'mailertable', port, subdomains }];
}
