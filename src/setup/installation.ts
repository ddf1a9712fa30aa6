/** What `postern init` finds out about a mail server, and the parts that Postfix and Exim share. Writes nothing. */
import { existsSync, statSync } from 'node:fs';
import { readTail } from '../base/tail.ts';
import { canonicalIp, parseNetwork, subtractNetworks } from '../model/address.ts';
import type { Mta } from '../model/event.ts';

/** One mail server of this machine. */
export interface Installation {
  readonly mta: Mta;
  readonly version: string;
  readonly logs: readonly string[];
  /** networks that relay without a password; undefined when none is written as an address */
  readonly networks?: readonly string[];
  /** a domain of this host, for postmaster@ */
  readonly domain?: string;
  readonly hostname?: string;
  /** `targets` and `commands` as they go into the configuration file */
  readonly targets: Readonly<Record<string, unknown>>;
  readonly commands: Readonly<Record<string, unknown>>;
  /** `policy`, where its default does not fit */
  readonly policy?: Readonly<Record<string, unknown>>;
  /** what the settings say about logins */
  readonly loginHints?: LoginHints;
  /** a recipe that blocks by itself, whose limits Postern takes over */
  readonly recipe?: ExistingRecipe;
  /** what the operator should know: a log that is not a file, networks that could not be read */
  readonly notes: readonly string[];
}

/** What the settings of a mail server say about the spellings of a login. */
export interface LoginHints {
  /** the domain that a login without one has for certain, `smtpd_sasl_local_domain` */
  readonly localDomain?: string;
  /** the domain of this host, which a login without one may mean */
  readonly origin?: string;
  /** `recipient_delimiter` */
  readonly delimiter?: string;
  /** what an ACL cuts off before it looks a login up, and its expression */
  readonly cut?: 'domain' | 'word' | undefined;
  readonly cutBy?: string;
}

/** The recipe of docs/mta/exim.md, "The recipe of the mailing list". */
export interface ExistingRecipe {
  /** the file that it appends to */
  readonly file: string;
  readonly limit: number;
  /** as `1h`; undefined if Postern cannot read it */
  readonly period?: string;
  /** WARNTO */
  readonly notify?: string;
}

/** Why there is no such mail server. */
export interface NotFound {
  readonly mta: Mta;
  readonly reason: string;
}

/** The networks that may relay without a password, as the mail server lists them. */
export interface RelayNetworks {
  /** canonical, each once */
  readonly networks: readonly string[];
  /** other words of its lists (host names, tables that are not readable), which Postern cannot read as networks */
  readonly others: readonly string[];
  /** where they come from: `mynetworks`, `relay_from_hosts` */
  readonly setting: string;
}

/** Why the mail server gave no answer, one line. */
export interface NoAnswer {
  readonly failure: string;
}

/** How much of a log is searched, bytes from its end. */
const TAIL = 65_536;

/** The first file with recent lines that contain `word`, else the first that exists. */
export function pickLog(candidates: readonly string[], word: string): string | undefined {
  const files = candidates.filter((path) => existsSync(path) && statSync(path).isFile());
  return files.find((path) => readTail(path, TAIL).includes(word)) ?? files[0];
}

/** Whether the end of a file matches; false for one that cannot be read. */
export function endMatches(path: string, pattern: RegExp): boolean {
  return pattern.test(readTail(path, TAIL));
}

/**
 * The networks in a list, canonical, and its other words (tables, names). The first word that matches decides, so a
 * network lacks what an exception in front of it (`!192.0.2.7`) takes out.
 */
export function networksIn(words: readonly string[]): { networks: string[]; others: string[] } {
  const networks: string[] = [];
  const excluded: string[] = [];
  const others: string[] = [];
  for (const word of words) {
    const isException = word.startsWith('!');
    const text = isException ? word.slice(1) : word;
    const network = parseNetwork(text);
    if (network === undefined) others.push(word);
    // IPv4 written as IPv6: Postfix logs such clients as IPv4, and has those networks in its list, too.
    else if (/^\[?::ffff:/i.test(text)) continue;
    else if (isException) excluded.push(text);
    else networks.push(...subtractNetworks(networkText(text, network[1]), excluded));
  }
  return { networks: [...new Set(networks)], others };
}

function networkText(word: string, bits: number): string {
  const bare = word.replace(/[[\]]/g, '');
  const slash = bare.indexOf('/');
  if (slash < 0) return canonicalIp(bare) as string;
  return `${canonicalIp(bare.slice(0, slash)) ?? bare.slice(0, slash)}/${bits}`;
}

/** A domain name with a dot. */
export function isDomain(name: string | undefined): boolean {
  return name !== undefined && /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(name);
}
