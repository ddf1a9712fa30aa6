/**
 * Does a reply speak of somebody else than the recipient? Modest on purpose: aliases and forwarders rewrite
 * addresses, and only a reply whose every `<address>` differs in local part and in domain is somebody else's.
 */
import { getDomain } from '../model/address.ts';

const ADDRESS = /<([^<>@\s]{1,256}@[^<>@\s]{1,255})>/g;
const HELP_DESKS = new Set([
  'postmaster',
  'abuse',
  'support',
  'hostmaster',
  'help',
  'helpdesk',
  'mailer-daemon',
]);

/** True when the reply names addresses in angle brackets, and none of them can be the recipient's. */
export function namesOnlyOthers(reply: string, recipient: string | undefined): boolean {
  if (recipient === undefined || recipient === '' || !reply.includes('<')) return false;
  const text = reply.toLowerCase();
  const own = recipient.toLowerCase();
  if (text.includes(getLocalPart(own))) return false;
  const others = [...text.matchAll(ADDRESS)]
    .map((match) => match[1] as string)
    .filter((address) => !HELP_DESKS.has(getLocalPart(address)));
  return others.length > 0 && others.every((address) => !sameDomain(address, own));
}

function getLocalPart(address: string): string {
  const sign = address.lastIndexOf('@');
  return sign === -1 ? address : address.slice(0, sign);
}

function sameDomain(one: string, other: string): boolean {
  const a = getDomain(one);
  const b = getDomain(other);
  return a === b || a.endsWith(`.${b}`) || b.endsWith(`.${a}`);
}
