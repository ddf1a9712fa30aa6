/** Why what somebody typed is not an identity, and what was probably meant. Pure. */
import { PosternError } from '../base/errors.ts';
import { escapeControls, quoteForShell } from '../base/escape.ts';
import { canonicalIp, readClients } from '../model/address.ts';
import { parseIdentity } from '../model/identity.ts';

/** Throws a PosternError (exit status 2). `expected`: examples of what is. */
export function refuseIdentity(text: string, expected: string): never {
  const hint = findHint(text);
  const end = hint === undefined ? '' : ` (${hint})`;
  const typed = escapeControls(JSON.stringify(text));
  throw new PosternError('usage', `not an identity: ${typed}; expected ${expected}${end}`);
}

function findHint(text: string): string | undefined {
  if (/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(text)) return 'it contains control characters';
  if (/^(?:user|client|uid|sender):/i.test(text)) return undefined;
  return findAddressHint(text) ?? findLoginHint(text);
}

/** An address with a port or in brackets, a network with bits behind its prefix, a pattern. */
function findAddressHint(text: string): string | undefined {
  const network = readClients(text);
  if (network !== undefined) return `that network is ${network}`;
  if (/^[\d.:a-f[\]]+\/\d+$/i.test(text)) return 'there is no such network';
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1];
  const address = bare === undefined ? undefined : canonicalIp(bare);
  if (address !== undefined) return `without brackets and port: ${address}`;
  if (/^[\d.*-]*\.[\d.*-]*$|^[\da-f]*:[\da-f:.]*$/i.test(text)) return 'there is no such address';
  return text.includes('*') || text.startsWith('@')
    ? 'patterns and whole domains cannot be blocked'
    : undefined;
}

/** A login with characters that mean something elsewhere, such as a Windows domain with its backslash. */
function findLoginHint(text: string): string | undefined {
  const login = `user:${text}`;
  return parseIdentity(login) && `if it is a login: ${quoteForShell(login)}`;
}
