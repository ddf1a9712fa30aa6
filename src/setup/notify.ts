/**
 * Whether mail about blocks can leave: the program exists, the server answers, the password file is private. Sends
 * nothing.
 */
import { constants } from 'node:fs';
import type { Config } from '../config/load.ts';
import type { MailRoute } from '../notify/mail.ts';
import { connectFailure } from '../notify/reach.ts';
import { denied, nameOf } from './access.ts';
import type { Asker } from './asker.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { checkPasswordFile } from './password-file.ts';
import { isExecutable } from './programs.ts';

/** ms */
const REACH_TIMEOUT = 3000;

/** `asker`: the account that sends the mail, if that is not this process. */
export async function checkNotify(
  { notify }: Config,
  asker: Asker | undefined,
): Promise<Finding[]> {
  if (notify === undefined)
    return [warning('notify', 'nobody is notified of blocks', 'notify: { to: abuse@YOUR.DOMAIN }')];
  const { transport } = notify;
  const to = notify.to.join(', ');
  if (transport.kind === 'sendmail') return [checkProgram(transport.path, to, asker)];
  const { passwordFile } = transport;
  const password = checkPasswordFile('notify', 'notify.smtp.passwordFile', passwordFile);
  return [...password, await checkServer(transport, to)];
}

function checkProgram(path: string, to: string, asker: Asker | undefined): Finding {
  if (isExecutable(path) && denied(path, constants.X_OK, asker) === undefined)
    return ok('notify', `mail to ${to} goes through ${path}`);
  const text = `notify.sendmail: ${path} is not a program that ${nameOf(asker)} can run`;
  return wrong('notify', text, 'name the sendmail program, or use notify.smtp');
}

type Smtp = Extract<MailRoute, { kind: 'smtp' }>;

/** Only a warning: a mail server that is down for a while is not a mistake in the configuration. */
async function checkServer(server: Smtp, to: string): Promise<Finding> {
  const name = `${server.host}:${server.port}`;
  const failure = await connectFailure(server, REACH_TIMEOUT);
  if (failure === undefined) return ok('notify', `mail to ${to} goes through ${name}`);
  const fix = 'start that server, or correct host and port; until then notices wait';
  return warning('notify', `notify.smtp: ${name} does not answer (${failure})`, fix);
}
