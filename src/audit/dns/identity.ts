/** Under which names and from which addresses a mail server sends, as its configuration says. Types only. */
import type { Evidence } from '../finding.ts';

export interface MailIdentity {
  /** the name of HELO, and where it is set */
  readonly helo: { readonly name: string; readonly evidence: Evidence };
  /** domains with mailboxes here */
  readonly domains: readonly string[];
  /** addresses from which it sends, when they are configured */
  readonly addresses: readonly string[];
  /** networks that may relay without a password */
  readonly relayNetworks: readonly string[];
  /** another server sends for it, so its own address does not matter */
  readonly hasSmarthost: boolean;
  /** keys with which it signs; undefined: something signs, with a key that the configuration does not show */
  readonly keys: readonly SigningKey[] | undefined;
}

export interface SigningKey {
  readonly domain: string;
  readonly selector: string;
  readonly evidence: Evidence;
}

/** Domains that the DNS can know. */
export function publicDomains(names: readonly string[]): string[] {
  const found = names
    .map((name) => name.toLowerCase())
    .filter((name) => /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/.test(name))
    .filter(
      (name) =>
        !/(?:^|\.)(?:localhost|localdomain|local|lan|internal|home|invalid|test)$/.test(name),
    );
  return [...new Set(found)];
}
