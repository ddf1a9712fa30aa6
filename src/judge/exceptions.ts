/** Events that a rule leaves alone: the exceptions in its `except`. */
import { getDomain, networkSet } from '../model/address.ts';
import type { CanonicalLogin } from '../model/login.ts';
import type { CountedEvent } from './counted-event.ts';
import { getClientAddress, getKeyId, MAX_ID } from './key.ts';
import type { Exceptions, Rule } from './rule.ts';

/** A test whether a rule leaves an event alone; undefined when the rule has no exceptions. */
export function buildExceptionTest(
  except: Exceptions,
): ((event: CountedEvent) => boolean) | undefined {
  const users = new Set(except.users);
  const addresses = new Set(except.addresses);
  const domains = new Set(except.domains);
  const networks = networkSet(except.networks);
  if (users.size + addresses.size + domains.size + networks.size === 0) return undefined;
  return (event) => {
    const login = getKeyId('user', event);
    if (login !== undefined && (users.has(login) || isInDomains(domains, login))) return true;
    const sender = event.sender?.toLowerCase() ?? '';
    if (addresses.has(sender) || isInDomains(domains, sender)) return true;
    const address = getClientAddress(event);
    return address !== undefined && networks.has(address);
  };
}

/** Whether the address is in one of the domains, or in a subdomain of one. */
function isInDomains(domains: ReadonlySet<string>, address: string): boolean {
  if (domains.size === 0) return false;
  let domain = address.length > MAX_ID ? '' : getDomain(address);
  while (domain !== '') {
    if (domains.has(domain)) return true;
    const dot = domain.indexOf('.');
    domain = dot < 0 ? '' : domain.slice(dot + 1);
  }
  return false;
}

/** The same rules, whose exceptions name users in the one form of their logins; undefined: as they are written. */
export function withCanonicalUsers(
  rules: readonly Rule[],
  canonical: CanonicalLogin | undefined,
): readonly Rule[] {
  if (canonical === undefined) return rules;
  return rules.map((rule) => {
    const users = rule.except.users.map(canonical);
    return { ...rule, except: { ...rule.except, users } };
  });
}
