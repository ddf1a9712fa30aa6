/** A configuration of Exim that signs return paths with docs/mta/exim/return-path*.conf, beside `test/support/exim.ts`. */
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { eximProgram, type Instance, RECIPES } from './exim.ts';
import { idOf } from './server.ts';

const ACCOUNT = 'Debian-exim';

/** What the settings of `postern init --exim-return-path` would hold, and more for a test. */
export interface SigningOptions {
  readonly verb?: 'warn' | 'deny' | 'defer';
  readonly byHash?: boolean;
  /** lines before return-path.conf */
  readonly settings?: readonly string[];
}

/** Puts a key file where Exim alone reads it. */
export function writeKeys(file: string, text: string): void {
  writeFileSync(file, text);
  chownSync(file, 0, idOf('/etc/group', ACCOUNT) as number);
  chmodSync(file, 0o640);
}

/** example.net is local and signs, with users alice, bob, postmaster; 127.0.0.2 may relay; all other mail goes to the sink. */
export function signingConfiguration(options: SigningOptions) {
  return (instance: Instance): string => {
    const { folder } = instance;
    return `POSTERN_RETURN_PATH = ${RECIPES}
POSTERN_SIGN_KEYS = ${folder.at('return-path.keys')}
POSTERN_SIGN_VERB = ${options.verb ?? 'deny'}
${(options.verb ?? 'deny') === 'warn' ? 'POSTERN_SIGN_OBSERVE = yes' : ''}
${options.byHash === true ? 'POSTERN_SIGN_BY_HASH = yes' : ''}
domainlist postern_signed_domains = example.net
${options.settings?.join('\n') ?? ''}
.include ${RECIPES}/return-path.conf
acl_smtp_predata = acl_check_predata
${mainPart(instance)}
begin acl

acl_check_rcpt:
.include ${RECIPES}/return-path-rcpt.conf
  accept hosts = +relay_from_hosts
  accept authenticated = *
  require message = relay not permitted
          domains = +local_domains
  require verify = recipient
  accept

acl_check_predata:
.include ${RECIPES}/return-path-predata.conf
  accept

begin routers

.include ${RECIPES}/return-path-routers.conf

out:
  driver = manualroute
  domains = ! +local_domains
  transport = remote
  route_list = * 127.0.0.1 byname
  self = send
  no_more

mailbox:
  driver = accept
  local_parts = alice : bob : postmaster : list : bot
  transport = mailbox

begin transports

remote:
  driver = smtp
  port = ${instance.sinkPort}
  hosts_try_fastopen =

mailbox:
  driver = appendfile
  file = ${folder.at('mail')}/\${local_part_data}
  user = ${ACCOUNT}
  return_path_add
  envelope_to_add

begin retry

* * F,1d,5s

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if eq{$auth3}{secret}}
  server_set_id = $auth2
  server_advertise_condition = yes
`;
  };
}

function mainPart({ folder, port }: Instance): string {
  return `
exim_path = ${eximProgram()}
exim_user = ${ACCOUNT}
keep_environment =
spool_directory = ${folder.at('spool')}
log_file_path = ${folder.at('log')}/%slog
pid_file_path = ${folder.at('exim.pid')}
primary_hostname = mx.example.net
qualify_domain = example.net
domainlist local_domains = example.net
hostlist relay_from_hosts = 127.0.0.2
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = acl_check_rcpt
never_users =
trusted_users = root
queue_run_max = 2
deliver_drop_privilege = true
smtp_accept_queue_per_connection = 0
`;
}
