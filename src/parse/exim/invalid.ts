/**
 * The one warning that is ours. Postern's recipe accepts mail for an address that does not exist (so that the
 * spammer learns nothing) and says so through `log_message`. Exim writes it as `H=HOST Warning: TEXT`, without
 * the sender and the user, so TEXT carries them itself, in this form (one line):
 *
 *     postern: invalid user=BASE64 sender=BASE64 recipient=BASE64: REPLY
 *
 * In the ACL, below `warn !verify = recipient` (the operators exist since Exim 4.87; no user is an empty value):
 *
 *     log_message = postern: invalid user=${base64:$authenticated_id} \
 *                   sender=${base64:$sender_address} \
 *                   recipient=${base64:${quote_local_part:$local_part}@$domain}: \
 *                   ${sg{$acl_verify_message}{\N[\r\n]+\N}{ }}
 *
 * Base64, because sender and recipient are the client's own words: a quoted local part may hold `: `, ` user=`
 * and line ends, and no other operator takes all of that away. REPLY is why: Exim's `Unrouteable address`, or
 * what the asked server said, with or without Exim's frame. A text that is not exactly so is undefined.
 */
import { decodeText } from '../../model/line.ts';
import type { RejectionRecord } from '../../model/record.ts';
import type { Reader } from '../reader.ts';
import { type RejectionDraft, withText } from './draft.ts';

/** Reads TEXT, from `postern: ` on; `draft` names the client. */
export function parseInvalid(reader: Reader, draft: RejectionDraft): RejectionRecord | undefined {
  if (!reader.literal('postern: invalid user=')) return undefined;
  const user = base64(reader, ' sender=');
  const sender = base64(reader, ' recipient=');
  const recipient = base64(reader, ': ');
  if (user === undefined || sender === undefined || !recipient) return undefined;
  reader.position -= 2;
  draft.stage = 'RCPT';
  draft.accepted = true;
  if (user !== '') draft.user = user;
  draft.sender = sender;
  draft.recipient = recipient;
  return withText(reader, draft);
}

/** Takes base64 up to `next`, and `next`. */
function base64(reader: Reader, next: string): string | undefined {
  const encoded = reader.until(next);
  if (encoded === undefined || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return undefined;
  return decodeText(Buffer.from(encoded, 'base64').toString('latin1'));
}
