/** Finding the mail server of this machine. Changes nothing. */
import { PosternError } from '../base/errors.ts';
import type { Mta } from '../model/event.ts';
import type { Installation } from './installation.ts';
import type { InstallationOptions } from './mail-server.ts';
import { SETUP_MTAS } from './mtas.ts';

/** The one mail server that is here, or `mta`. Throws a PosternError when there is none, or more than one. */
export async function findMailServer(
  options: InstallationOptions,
  mta: Mta | undefined,
): Promise<Installation> {
  const servers = mta === undefined ? Object.values(SETUP_MTAS) : [SETUP_MTAS[mta]];
  const results = await Promise.all(servers.map((server) => server.find(options)));
  const [found, ...others] = results.filter((result) => 'version' in result);
  if (others.length > 0)
    throw new PosternError(
      'usage',
      'found both Postfix and Exim: choose one with --mta postfix or --mta exim',
    );
  if (found !== undefined) return found;
  const reasons = results.map((result) =>
    'reason' in result ? `${result.mta}: ${result.reason}` : '',
  );
  throw new PosternError('environment', `found no mail server (${reasons.join('; ')})`, {
    code: 'init',
  });
}
