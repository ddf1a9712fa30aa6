/** Whether notices can leave: the program is there, the host answers, the password file is private. Sends nothing. */
import { constants, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { getErrno } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import type { MailRoute } from '../notify/mail.ts';
import { account, denied } from './access.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { isExecutable } from './programs.ts';

const REACH_TIMEOUT = 3000;

/** For mail about blocks, by the configured way. */
export async function checkNotify(config: Config): Promise<Finding[]> {
  const { notify } = config;
  if (notify === undefined)
    return [warning('notify', 'nobody is told of blocks', 'notify: { to: abuse@YOUR.DOMAIN }')];
  const to = notify.to.join(', ');
  if (notify.transport.kind === 'sendmail') {
    const { path } = notify.transport;
    return isExecutable(path)
      ? [ok('notify', `mail to ${to} leaves through ${path}`)]
      : [
          wrong(
            'notify',
            `notify.sendmail: ${path} is no program that ${account()} may run`,
            'name the sendmail program, or use smtp',
          ),
        ];
  }
  return [...checkPassword(notify.transport), await checkServer(notify.transport, to)];
}

type Smtp = Extract<MailRoute, { kind: 'smtp' }>;

function checkPassword({ passwordFile }: Smtp): Finding[] {
  if (passwordFile === undefined) return [];
  const reason = denied(passwordFile, constants.R_OK);
  if (reason !== undefined)
    return [
      wrong(
        'notify',
        `notify.smtp.passwordFile: ${passwordFile} ${reason}`,
        'write the password into its first line',
      ),
    ];
  if (readFileSync(passwordFile, 'utf8').split('\n', 1)[0] === '')
    return [
      wrong(
        'notify',
        `notify.smtp.passwordFile: the first line of ${passwordFile} is empty`,
        'write the password there',
      ),
    ];
  return (statSync(passwordFile).mode & 0o007) === 0
    ? []
    : [
        wrong(
          'notify',
          `notify.smtp.passwordFile: everybody can read ${passwordFile}`,
          `chmod 600 ${passwordFile}`,
        ),
      ];
}

/** A mail server that is down for a while is no mistake in the configuration. */
function checkServer({ host, port }: Smtp, to: string): Promise<Finding> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: REACH_TIMEOUT });
    const end = (finding: Finding) => {
      socket.destroy();
      resolve(finding);
    };
    const fails = (why: string) =>
      end(
        warning(
          'notify',
          `notify.smtp: ${host}:${port} does not answer (${why})`,
          'start that server, or correct host and port; notices wait until then',
        ),
      );
    socket.on('connect', () => end(ok('notify', `mail to ${to} leaves through ${host}:${port}`)));
    socket.on('timeout', () => fails('timeout'));
    socket.on('error', (error) => fails(getErrno(error) ?? error.message));
  });
}
