/** The options of `postern milter`. Part of `schema.ts`. */

import { z } from 'zod';
import { list, section } from '../base/fields.ts';
import { parseMilterAddress } from '../base/listen-address.ts';
import { metrics } from './metrics.ts';
import { recipientsSchema } from './milter-recipients.ts';
import { path, shown, text } from './option.ts';
import { returnPath } from './return-path-schema.ts';

const MILTER_ADDRESS = 'unix:PATH, inet:ADDRESS:PORT or inet:PORT@ADDRESS';
const socket = text(MILTER_ADDRESS, (value) => parseMilterAddress(value) !== undefined);
const accountName = (what: string) =>
  text(what, (value) => /^(?:\d{1,10}|[A-Za-z_][\w.-]*)$/.test(value));

/** Below Postfix's queue directory, where a chrooted smtpd finds it, too. */
export const MILTER_SOCKET = 'unix:/var/spool/postfix/postern-milter/milter';

export const milter = section({
  listen: shown(
    z
      .preprocess(
        (value) => (typeof value === 'string' ? [value] : value),
        list(socket, `${MILTER_ADDRESS}, or a list of them`).refine((items) => items.length > 0, {
          error: 'at least one address',
        }),
      )
      .prefault([MILTER_SOCKET])
      .describe(
        'Where it listens, one address or a list: `unix:PATH`, or a port, `inet:127.0.0.1:8900` or `inet:8900@127.0.0.1`. Whoever reaches a port may use it: the protocol knows no password.',
      ),
    `\`${MILTER_SOCKET}\``,
  ),
  owner: shown(
    accountName('an account')
      .optional()
      .describe('Owner of its unix sockets. Only root can set it.'),
    'the account that it runs as',
  ),
  group: shown(
    accountName('a group').optional().describe('Group of its unix sockets.'),
    'that of the account, or of the folder if the folder has the set-group-ID bit',
  ),
  permissions: text('octal permissions in quotes, such as "0660"', (value) =>
    /^0[0-7]{3}$/.test(value),
  )
    .default('0660')
    .describe('Permissions of its unix sockets, in quotes. To connect takes the right to write.'),
  state: path
    .default('/run/postern-milter/state.json')
    .describe('The file in which it tells `postern status` how it is.'),
  metrics: shown(
    metrics.optional().describe('Figures of the milter for Prometheus. See docs/monitoring.md.'),
    'no figures are served',
  ),
  recipients: shown(
    recipientsSchema.optional().describe('Recipient verification. See docs/recipients.md.'),
    'recipients are not verified',
  ),
  returnPath: shown(
    returnPath
      .optional()
      .describe(
        'Signed return paths: tells real bounces from forged ones. See docs/return-path.md.',
      ),
    'return paths are not signed',
  ),
});
