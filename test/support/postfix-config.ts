/** main.cf and master.cf of the Postfix that the tests run (postfix.ts), as text. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Folder } from './folder.ts';

/** Debian has moved its daemons more than once. */
export const DAEMONS =
  ['/usr/libexec/postfix', '/usr/lib/postfix/sbin'].find((path) =>
    existsSync(join(path, 'master')),
  ) ?? '/usr/lib/postfix/sbin';
export interface PostfixOptions {
  /** port of the sink */
  readonly sinkPort: number;
  /** lines for the end of main.cf; `{dir}` stands for the configuration folder */
  readonly mainCf?: string;
  /** address of the DNS server that it asks, at port 53; default: those of this host */
  readonly resolver?: string;
  /** lines for the end of master.cf */
  readonly masterCf?: string;
  /** extra `-o` options of the submission service, which are those of Debian's master.cf */
  readonly submission?: readonly string[];
  /** SASL users with their passwords; default: alice and bob @example.net, password `secret` */
  readonly users?: Readonly<Record<string, string>>;
}

/** Where it listens. */
export interface Ports {
  readonly smtpPort: number;
  readonly submissionPort: number;
  readonly ipv6: boolean;
}

export function mainCf(folder: Folder, options: PostfixOptions): string {
  const sink = `smtp:[127.0.0.1]:${options.sinkPort}`;
  return `compatibility_level = 3.6
queue_directory = ${folder.at('queue')}
data_directory = ${folder.at('data')}
command_directory = /usr/sbin
daemon_directory = ${DAEMONS}
maillog_file = ${folder.at('mail.log')}
maillog_file_prefixes = ${folder.path}
myhostname = mx.example.net
mydomain = example.net
mydestination =
relay_domains = example.net
alias_maps =
alias_database =
inet_interfaces = loopback-only
mynetworks = 127.0.0.2/31 [::1]/128 198.51.100.0/24 [2001:db8:1::]/64
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 2000
in_flow_delay = 0
disable_dns_lookups = ${options.resolver === undefined ? 'yes' : 'no'}
default_transport = ${sink}
relay_transport = ${sink}
transport_maps = inline:{ {bad.example.org = smtp:[127.0.0.1]:${options.sinkPort}} }
smtp_tls_security_level = none
smtpd_sasl_path = smtpd
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 5s
${(options.mainCf ?? '').replaceAll('{dir}', folder.at('etc'))}
`;
}

export function masterCf(ports: Ports, options: PostfixOptions): string {
  const listeners = (port: number, command: string) =>
    ['127.0.0.1', ...(ports.ipv6 ? ['[::1]'] : [])]
      .map((address) => `${address}:${port} inet n - n - - ${command}`)
      .join('\n');
  // The options of the submission service in Debian's master.cf, without TLS.
  const overrides = [
    'syslog_name=postfix/submission',
    'smtpd_sasl_auth_enable=yes',
    'smtpd_client_restrictions=',
    'smtpd_helo_restrictions=',
    'smtpd_sender_restrictions=',
    'smtpd_relay_restrictions=',
    'smtpd_recipient_restrictions=permit_sasl_authenticated,reject',
    ...(options.submission ?? []),
  ].map((option) => `\n  -o ${option}`);
  return `${listeners(ports.smtpPort, 'smtpd')}
${listeners(ports.submissionPort, `smtpd${overrides.join('')}`)}
${UNIX_SERVICES}
${options.masterCf ?? ''}
`;
}

const UNIX_SERVICES = `pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp -o syslog_name=postfix/relay
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd`;
