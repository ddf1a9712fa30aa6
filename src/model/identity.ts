/** Identities as operators type them and as they are printed: `alice@example.net`, `192.0.2.7`, `uid:33`. */
import { canonicalClients } from './address.ts';
import type { Block, Key } from './block.ts';
import type { Submitter } from './event.ts';

/** A login that may be typed without `user:`: no characters of networks, other prefixes or shell words. */
const BARE_LOGIN = /^[^\s:;,/\\"'`<>()|&$*[\]]+$/;
/** Something that was meant as an address, such as `999.1.1.1` or `1.2.3`; or a domain. */
const NO_LOGIN = /^(?:[\d.-]*\.[\d.-]*|@.*)$/;
/** Control characters, those of C1 and the Unicode line ends too. */
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;
/** The number or the name of a local account. */
const ACCOUNT = /^(?:\d{1,10}|[a-z_][\w.-]*\$?)$/i;

/**
 * Reads an identity as operators type it: `alice@example.net` or any other login is a user, `192.0.2.7` a client,
 * `192.0.2.0/24` all clients of a network, `uid:33` a local account. A prefix `user:` allows any login. Undefined for
 * everything else, and for any text with control characters or more than 320 bytes.
 */
export function parseIdentity(text: string): Submitter | undefined {
  if (text === '' || Buffer.byteLength(text) > 320 || CONTROLS.test(text)) return undefined;
  const explicit = /^(user|client|uid):(.+)$/i.exec(text);
  const kind = explicit?.[1]?.toLowerCase();
  const rest = explicit?.[2] ?? text;
  if (kind === 'uid') return ACCOUNT.test(rest) ? { type: 'uid', id: rest } : undefined;
  if (kind === 'user') return { type: 'user', id: rest.toLowerCase() };
  const clients = canonicalClients(rest);
  if (clients !== undefined) return { type: 'client', id: clients };
  return kind === undefined && BARE_LOGIN.test(rest) && !NO_LOGIN.test(rest)
    ? { type: 'user', id: rest.toLowerCase() }
    : undefined;
}

/** Reads what can be blocked: identities as `parseIdentity` does, and sender addresses as `sender:alice@example.net`. */
export function parseBlockable(text: string): Block['key'] | undefined {
  const address = /^sender:(.+)$/i.exec(text)?.[1];
  if (address === undefined) return parseIdentity(text);
  const login = parseIdentity(`user:${address}`); // with the same limits, in the same form
  return login && { type: 'sender', id: login.id };
}

/** Who a verdict or a block is about: a sender that is shut out at one gateway with that gateway. */
export function formatTarget({ key, at }: { readonly key: Key; readonly at?: Key }): string {
  return at === undefined ? formatIdentity(key) : `${formatIdentity(key)} at ${formatIdentity(at)}`;
}

/**
 * The form that `parseIdentity` and `parseBlockable` read back, with `user:` only where the login alone would be
 * ambiguous. Keys that cannot be typed (networks, domains, hosts) are shown as type and text.
 */
export function formatIdentity(key: Key): string {
  if (key.type === 'uid' || key.type === 'sender') return `${key.type}:${key.id}`;
  if (key.type === 'client') return key.id;
  if (key.type !== 'user') return `${key.type} ${key.id}`;
  const again = parseIdentity(key.id);
  return again?.type === 'user' && again.id === key.id.toLowerCase() ? key.id : `user:${key.id}`;
}

/** What each command reads back, and means nothing else: a login of digits is not the number of a block. */
export function formatWord(key: Key): string {
  return key.type === 'user' ? `user:${key.id}` : formatIdentity(key);
}

/** Who had an IP address at a time (ms); undefined if nobody knows. */
export type FindPerson = (address: string, time: number) => string | undefined;
