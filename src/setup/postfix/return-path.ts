/**
 * Whether Postfix knows whose mailbox a signed recipient is. It looks recipients up before it asks a milter, so a domain
 * with a recipient table needs an alias table that takes the signature off. Asks only postconf(1) and postmap(1).
 */
import type { ReturnPathConfig } from '../../config/config.ts';
import { type Finding, ok, wrong } from '../finding.ts';
import { ask } from '../programs.ts';
import { postfixSettings } from './find.ts';
import { splitWords } from './restriction-list.ts';

const SETTINGS = [
  'config_directory',
  'relay_domains',
  'relay_recipient_maps',
  'smtpd_reject_unlisted_recipient',
  'virtual_alias_maps',
];

/** The addresses that are looked up: one of each form of signature, with the mailbox that each domain has. */
const SIGNED: Readonly<Record<ReturnPathConfig['scheme'], (domain: string) => string>> = {
  prvs: (domain) => `prvs=0000aaaaaa=postmaster@${domain}`,
  'exim-hash': (domain) => `postmaster=a=example.org=aaaaaaaa@${domain}`,
};

export async function checkSignedRecipients(
  config: ReturnPathConfig,
  postconf: readonly string[],
  postmap: readonly string[],
): Promise<Finding[]> {
  const settings = await postfixSettings(postconf, SETTINGS);
  if (settings.get('smtpd_reject_unlisted_recipient') === 'no') {
    return [ok('milter', 'Postfix takes signed recipients: smtpd_reject_unlisted_recipient = no')];
  }
  const found = await Promise.all(
    config.domains.map((domain) => checkDomain(domain, config, settings, postmap)),
  );
  return found.flat();
}

async function checkDomain(
  domain: string,
  config: ReturnPathConfig,
  settings: ReadonlyMap<string, string>,
  postmap: readonly string[],
): Promise<Finding[]> {
  if (isRelayedUnseen(domain, settings)) return [];
  const signed = SIGNED[config.scheme](domain);
  const maps = splitWords(settings.get('virtual_alias_maps') ?? '').filter((map) =>
    map.includes(':'),
  );
  const answers = await Promise.all(maps.map((map) => ask([...postmap, '-q', signed, map])));
  const isKnown = answers.some(({ stdout }) => stdout.trim() === `postmaster@${domain}`);
  if (isKnown) return [ok('milter', `Postfix takes signed recipients of ${domain}`)];
  const others = maps.length === 0 ? '' : `, ${maps.join(', ')}`;
  return [
    wrong(
      'milter',
      `Postfix does not know signed recipients of ${domain}: bounces to them are "User unknown"`,
      'copy docs/mta/postfix/return-path.regexp to /etc/postfix/postern/, set this in main.cf, then run postfix reload:\n' +
        `virtual_alias_maps = regexp:/etc/postfix/postern/return-path.regexp${others}`,
    ),
  ];
}

/** A domain that is handed on without a table of its recipients. */
function isRelayedUnseen(domain: string, settings: ReadonlyMap<string, string>): boolean {
  const hasTable = (settings.get('relay_recipient_maps') ?? '').trim() !== '';
  return !hasTable && splitWords(settings.get('relay_domains') ?? '').includes(domain);
}
