/** The options of the policy service. Part of `schema.ts`. */
import { section } from '../base/fields.ts';
import { parseListenAddress } from '../base/listen-address.ts';
import { shown, text } from './option.ts';

export const policy = section({
  listen: shown(
    text(
      'unix:PATH with an absolute path, or inet:127.0.0.1:PORT',
      (value) => parseListenAddress(value) !== undefined,
    )
      .optional()
      .describe('Where it listens: `unix:PATH`, or a loopback port, `inet:127.0.0.1:PORT`.'),
    '`unix:/var/spool/postfix/postern/policy`, for Exim `unix:/run/postern/policy`',
  ),
  group: shown(
    text('a group', (value) => /^(?:\d{1,10}|[A-Za-z_][\w.-]*)$/.test(value))
      .optional()
      .describe('Group that may connect to the unix socket.'),
    'everybody who may enter its folder',
  ),
});
