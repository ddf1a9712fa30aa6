/** The options of notices: who gets them, and how they are sent. Part of `schema.ts`. */
import { duration, section, truth, whole } from '../base/fields.ts';
import { address, addresses, path, shown, text } from './option.ts';

const smtp = section({
  host: text('a host name or an address', (value) => /^[A-Za-z0-9.:_-]+$/.test(value))
    .default('127.0.0.1')
    .describe('Host that takes the mail.'),
  port: whole(65_535, 'a port from 1 to 65535').default(25).describe('Its port.'),
  secure: truth
    .default(false)
    .describe(
      'TLS from the first byte (port 465). If `false`, STARTTLS is used when the host offers it; see `user`.',
    ),
  user: text('a login name')
    .optional()
    .describe(
      'User name for AUTH. To another host than this one it is sent only over TLS with a certificate that is valid for `host`: a server without STARTTLS gets no mail then.',
    ),
  passwordFile: path
    .optional()
    .describe('File with the password in its first line; let only the service read it.'),
});

export const notify = section({
  to: addresses.describe('Who is notified, usually the abuse address. One address or a list.'),
  from: shown(
    address.optional().describe('Sender of the mail.'),
    '`postern@` and the name of this host',
  ),
  smtp: smtp.optional().describe('Send by SMTP to this host.'),
  sendmail: shown(
    path.optional().describe('Send by this program instead (not together with `smtp`).'),
    '`/usr/sbin/sendmail`',
  ),
  digest: duration('a duration such as 30s')
    .prefault('30s')
    .describe('How long a notice waits for others, to be sent with them in one mail.'),
});
