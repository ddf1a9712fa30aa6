/**
 * Debian's own Exim configuration (package exim4-config) with the lines that docs/mta/exim.md adds to it, assembled as
 * update-exim4.conf does: from the files of conf.d, or from a single file.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eximProgram, type Instance, RECIPES } from './exim.ts';
import { available, missingParts } from './server.ts';

const SECTIONS = ['main', 'acl', 'router', 'transport', 'retry', 'rewrite', 'auth'];

export type Style = 'split' | 'single';

/** The folder of the package's configuration. */
export function etcExim(): string {
  const unpacked = join(tmpdir(), 'postern-exim/config/etc/exim4');
  const candidates = [process.env.POSTERN_EXIM_CONFIG, unpacked, '/etc/exim4'];
  return (
    candidates.find((path) => path !== undefined && existsSync(join(path, 'conf.d'))) ?? unpacked
  );
}

export function hasDebianConfiguration(): boolean {
  return available("Debian's Exim configuration", missingParts([join(etcExim(), 'conf.d')], []));
}

/** Lines for a section, as a file of conf.d or in the place of the template that `init --exim-return-path` names. */
export interface MoreParts {
  readonly main: string;
  readonly acl: string;
  readonly router: string;
}

interface DebianOptions {
  /** sets POSTERN_CALLOUT */
  readonly callout?: boolean;
  /** POSTERN_POLICY, in the folder of the instance */
  readonly policy?: string;
  /** lines before those of Postern */
  readonly before?: string;
  /** lines behind them */
  readonly more?: MoreParts;
}

/** The whole configuration file. */
export function debianConfiguration(style: Style, options: DebianOptions = {}) {
  return (instance: Instance): string => {
    const main = [
      `POSTERN_RECIPES = ${RECIPES}`,
      `POSTERN_BLOCKED_USERS = ${instance.folder.at('blocked_users')}`,
      `POSTERN_BLOCKED_SENDERS = ${instance.folder.at('blocked_senders')}`,
      `POSTERN_BLOCKED_NETWORKS = ${instance.folder.at('blocked_networks')}`,
      options.callout === true ? 'POSTERN_CALLOUT = yes' : '',
      options.policy === undefined ? '' : `POSTERN_POLICY = ${instance.folder.at(options.policy)}`,
      options.before ?? '',
      `.include ${RECIPES}/debian.conf`,
      ownPaths(instance),
    ].join('\n');
    const acl = `.include ${RECIPES}/debian-acl.conf`;
    const build = style === 'split' ? splitConfiguration : singleConfiguration;
    const text = build(main, acl, options.more ?? { main: '', acl: '', router: '' });
    return adapt(text, instance);
  };
}

/** The files of conf.d in the order of run-parts, ours among them: main/000_postern, acl/10_postern, auth/10_test. */
function splitConfiguration(main: string, acl: string, more: MoreParts): string {
  const ours: Record<string, readonly (readonly [string, string])[]> = {
    main: [
      ['000_postern', main],
      ['001_postern_return_path', more.main],
    ],
    acl: [
      ['10_postern', acl],
      ['11_postern_return_path', more.acl],
    ],
    router: [['110_postern_return_path', more.router]],
    auth: [['10_test', AUTHENTICATOR]],
  };
  return SECTIONS.flatMap((section) => {
    const folder = join(etcExim(), 'conf.d', section);
    const parts = readdirSync(folder).map((name) => [name, readText(join(folder, name))] as const);
    return [...parts, ...(ours[section] ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, text]) => text);
  }).join('\n');
}

/** exim4.conf.localmacros and the template. */
function singleConfiguration(main: string, acl: string, more: MoreParts): string {
  const template = readText(join(etcExim(), 'exim4.conf.template'))
    .replace('begin acl\n', `begin acl\n${more.acl}\n${acl}\n`)
    .replace('begin routers\n', `begin routers\n${more.router}\n`)
    .replace('begin authenticators\n', `begin authenticators\n${AUTHENTICATOR}\n`);
  return `${main}\n${more.main}\n${template}`;
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/** What dpkg-reconfigure and the package's paths would have set. */
function adapt(text: string, { port, sinkPort, folder }: Instance): string {
  const macros = [
    `MAIN_LOCAL_INTERFACES = 127.0.0.1.${port}`,
    'MAIN_LOCAL_DOMAINS = mx.example.net',
    'MAIN_RELAY_TO_DOMAINS =',
    'MAIN_RELAY_NETS = 127.0.0.2 : 198.51.100.0/24',
    'ETC_MAILNAME = example.net',
    'MAIN_HARDCODE_PRIMARY_HOSTNAME = mx.example.net',
    'LOCAL_DELIVERY = mail_spool',
    'DCreadhost =',
    `DCsmarthost = 127.0.0.1::${sinkPort}`,
    'DC_eximconfig_configtype = smarthost',
    'DCconfig_smarthost = 1',
    `SPOOLDIR = ${folder.at('spool')}`,
  ];
  return text
    .replace('UPEX4CmacrosUPEX4C = 1', `UPEX4CmacrosUPEX4C = 1\n${macros.join('\n')}`)
    .replace('CONFDIR = /etc/exim4', `CONFDIR = ${folder.path}`)
    .replaceAll('/etc/email-addresses', folder.write('email-addresses', ''))
    .replace('DCsmarthost byname', 'DCsmarthost byname\n  self = send')
    .replace('exim_path = /usr/sbin/exim4', `exim_path = ${eximProgram()}`);
}

function ownPaths({ folder }: Instance): string {
  return [
    `log_file_path = ${folder.at('log')}/%slog`,
    `pid_file_path = ${folder.at('exim.pid')}`,
    'exim_user = Debian-exim',
    'deliver_drop_privilege = true',
    'MAIN_TLS_ADVERTISE_HOSTS =',
    'rfc1413_hosts =',
    'MAIN_HOST_LOOKUP =',
    'DISABLE_DKIM_VERIFY = yes',
  ].join('\n');
}

const AUTHENTICATOR = `test_plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if eq{$auth3}{secret}}
  server_set_id = $auth2
  server_advertise_condition = yes
`;
