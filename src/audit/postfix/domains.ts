/** The domains for which this Postfix takes mail, by address class (ADDRESS_CLASS_README). */
import { readFileSync } from 'node:fs';
import { splitWords } from '../../setup/postfix/restriction-list.ts';
import { parseTable, type Tables } from './tables.ts';

export const CLASSES = [
  'mydestination',
  'virtual_alias_domains',
  'virtual_mailbox_domains',
  'relay_domains',
] as const;
export type AddressClass = (typeof CLASSES)[number];

/** A name that no installation has: what takes it takes everything. */
export const IMPROBABLE = 'postern-audit-1f8c.invalid';

export class Domains {
  readonly #get: (name: string) => string;
  readonly #tables: Tables;

  constructor(get: (name: string) => string, tables: Tables) {
    this.#get = get;
    this.#tables = tables;
  }

  /** Names of a class that are written down, in lower case; a table that cannot be listed has none. */
  async list(which: AddressClass): Promise<string[]> {
    const found = new Set<string>();
    for (const word of this.#words(which)) {
      if (parseTable(word) === undefined) found.add(word.toLowerCase());
      else {
        const entries = (await this.#tables.entries(word)) ?? [];
        for (const { key } of entries)
          if (/^[\w-]+(?:\.[\w-]+)+$/.test(key)) found.add(key.toLowerCase());
      }
    }
    return [...found];
  }

  /** Whether the class has no domain at all; a table counts as one. */
  isEmpty(which: AddressClass): boolean {
    return this.#words(which).length === 0;
  }

  /** Which of these domains are in the class, as Postfix finds it. */
  async matching(which: AddressClass, domains: readonly string[]): Promise<Set<string>> {
    const names = domains.map((domain) => domain.toLowerCase());
    const found = new Set<string>();
    const parents = which === 'relay_domains' && this.#matchesParents();
    for (const word of this.#words(which)) {
      if (parseTable(word) !== undefined) {
        for (const key of (await this.#tables.query(word, names)).keys()) found.add(key);
        continue;
      }
      const plain = word.toLowerCase();
      for (const name of names)
        if (name === plain || (parents && name.endsWith(`.${plain}`))) found.add(name);
    }
    return found;
  }

  /** Which of these domains are not ours in any class: mail to them leaves the server. */
  async foreign(domains: readonly string[]): Promise<Set<string>> {
    const ours = new Set<string>();
    for (const which of CLASSES)
      for (const domain of await this.matching(which, domains)) ours.add(domain);
    return new Set(domains.map((name) => name.toLowerCase()).filter((name) => !ours.has(name)));
  }

  #matchesParents(): boolean {
    return splitWords(this.#get('parent_domain_matches_subdomains')).includes('relay_domains');
  }

  /** A path is a file with such words (postconf(5) mydestination); what begins with `!` is excluded. */
  #words(which: AddressClass): string[] {
    return splitWords(this.#get(which))
      .flatMap((word) => (word.startsWith('/') ? readWords(word) : [word]))
      .filter((word) => !word.startsWith('!'));
  }
}

function readWords(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .flatMap(splitWords);
  } catch {
    return [];
  }
}
