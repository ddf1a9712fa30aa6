/**
 * Signed return paths that Exim makes and checks by itself: the settings for docs/mta/exim/return-path*.conf, and where
 * to include those files. Pure.
 */
import { PosternError } from '../../base/errors.ts';
import type { SchemeName } from '../../sign/scheme.ts';
import type { Layout } from './debian.ts';

/** The files of docs/mta/exim that Exim needs. */
export const RETURN_PATH_RECIPES = [
  'return-path.conf',
  'return-path-debian.conf',
  'return-path-acl.conf',
  'return-path-rcpt.conf',
  'return-path-predata.conf',
  'return-path-routers.conf',
] as const;

export const SETTINGS_FILE = 'return-path-settings.conf';
export const KEYS_FILE = 'return-path.keys';

/** What happens to a bogus notification. */
export type Refusal = 'warn' | 'deny' | 'defer';

export interface ReturnPathSettings {
  /** absolute folder of the recipe files */
  readonly folder: string;
  /** without any: the domain list local_domains */
  readonly domains: readonly string[];
  readonly scheme: SchemeName;
  readonly refusal: Refusal;
  /** what a client is told, if not the text of the recipe */
  readonly text?: string;
}

/**
 * The settings file. Throws a PosternError (usage) for a domain, a folder or a text that would mean something else to
 * Exim.
 */
export function settingsText(settings: ReturnPathSettings): string {
  const { folder, domains, scheme, refusal, text } = settings;
  const lines = [
    '# Settings of signed return paths, written by postern init --exim-return-path. Change them as you like.',
    `POSTERN_RETURN_PATH = ${checkFolder(folder)}`,
    '# Domains whose mail gets a signature, and whose notifications must have one.',
    `domainlist postern_signed_domains = ${domains.map(checkDomain).join(' : ') || '+local_domains'}`,
    '# What happens to a notification without one: warn (only logged), deny or defer.',
    `POSTERN_SIGN_VERB = ${refusal}`,
    ...(refusal === 'warn' ? ['POSTERN_SIGN_OBSERVE = yes'] : []),
    ...(scheme === 'exim-hash' ? ['POSTERN_SIGN_BY_HASH = yes'] : []),
    ...(text === undefined ? [] : [`POSTERN_SIGN_REFUSAL = ${checkText(text)}`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function checkDomain(domain: string): string {
  if (/^(?:[a-z0-9_-]+\.)+[a-z0-9-]+$/i.test(domain)) return domain.toLowerCase();
  throw new PosternError('usage', `--domain ${domain}: expected a domain such as example.net`);
}

function checkFolder(folder: string): string {
  if (/^\/[A-Za-z0-9._\-+@/]+$/.test(folder)) return folder;
  throw new PosternError(
    'usage',
    `--output ${folder}: expected a path of letters, digits and . _ - + @ /`,
  );
}

/** Printable ASCII without what Exim expands or takes for a comment or the end of a line. */
function checkText(text: string): string {
  if (text.length <= 200 && /^(?![#"])[\x20-\x7e]+$/.test(text) && !/[$\\{}]/.test(text))
    return text;
  throw new PosternError(
    'usage',
    '--text: expected one line of at most 200 printable ASCII characters without $ \\ { } and not " or # first',
  );
}

/** What is left to do by hand, in order, with the lines to add. */
export function returnPathSteps(layout: Layout, settings: ReturnPathSettings): string[] {
  return [...WIRING[layout](settings.folder), ...laterSteps(settings)];
}

const SIGNING_NOTE =
  'From now on mail to other servers is signed. Until all servers that send or receive mail for these domains have\n' +
  '   the recipes and the same keys, leave POSTERN_SIGN_VERB at warn.';

function laterSteps({ folder, refusal }: ReturnPathSettings): string[] {
  const check = 'Send yourself a message from another server and look at its Return-Path.';
  if (refusal !== 'warn') return [check];
  return [
    `${check}\n   ${SIGNING_NOTE}\n`,
    `After 12 days, when the last bounce of unsigned mail must have come, look for "bogus notification" in Exim's\n   log. If all of them are forged, write POSTERN_SIGN_VERB = deny (or defer) in\n   ${folder}/${SETTINGS_FILE},\n   remove the line POSTERN_SIGN_OBSERVE, and restart Exim.\n`,
  ];
}

const RESTART = 'Restart Exim:\n\n    update-exim4.conf && systemctl restart exim4\n';

const WIRING: Readonly<Record<Layout, (folder: string) => string[]>> = {
  split: (folder) => [
    `Include the files in Debian's split configuration. No file of the package changes:\n
    printf '.include ${folder}/${SETTINGS_FILE}\\n.include ${folder}/return-path-debian.conf\\n' > /etc/exim4/conf.d/main/001_postern_return_path
    echo '.include ${folder}/return-path-acl.conf' > /etc/exim4/conf.d/acl/11_postern_return_path
    echo '.include ${folder}/return-path-routers.conf' > /etc/exim4/conf.d/router/110_postern_return_path\n`,
    RESTART,
  ],
  single: (folder) => [
    `Include the files in Debian's single configuration file:\n
    printf '.include ${folder}/${SETTINGS_FILE}\\n.include ${folder}/return-path-debian.conf\\n' >> /etc/exim4/exim4.conf.localmacros
    sed -i '/^begin acl$/a .include ${folder}/return-path-acl.conf' /etc/exim4/exim4.conf.template
    sed -i '/^begin routers$/a .include ${folder}/return-path-routers.conf' /etc/exim4/exim4.conf.template\n`,
    RESTART,
  ],
  plain: (folder) => [
    `Add to Exim's configuration, in the main part, behind domainlist local_domains and hostlist relay_from_hosts:\n
    .include ${folder}/${SETTINGS_FILE}
    .include ${folder}/return-path.conf\n`,
    `As the first line of the ACL that acl_smtp_rcpt names:\n
    .include ${folder}/return-path-rcpt.conf\n`,
    `As the first line of the ACL that acl_smtp_predata names; if there is none, set\n   acl_smtp_predata = acl_check_predata in the main part, and add below "begin acl"\n
    acl_check_predata:
    .include ${folder}/return-path-predata.conf
      accept\n`,
    `As the first line below "begin routers":\n
    .include ${folder}/return-path-routers.conf\n`,
    'Restart Exim.\n',
  ],
};
