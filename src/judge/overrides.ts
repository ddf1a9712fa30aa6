/**
 * Overrides: other limits for some submitters, and who is exempt. The most specific one holds: that of a user, an address,
 * an account or a list, then that of the smallest network, then that of the longest domain. Of those, one that names a
 * rule comes before one that does not, and one with a period before one without; then the first one.
 */
import { getDomain, isNetwork, isWithin, parseNetwork } from '../model/address.ts';
import type { KeyType } from '../model/block.ts';
import type { OverrideKey } from '../model/override-key.ts';

/** A limit in percent is for rules that measure a share. */
export interface OverrideLimit {
  readonly limit: number;
  readonly isPercent: boolean;
}

export interface Override {
  readonly key: OverrideKey;
  /** undefined: all rules whose limits it fits */
  readonly rule?: string | undefined;
  readonly limit: OverrideLimit | 'exempt';
  /** ms: only for the limit with this period; undefined: for all limits of a rule */
  readonly period?: number | undefined;
  readonly why?: string | undefined;
  /** where it is written: `/etc/postern/overrides:3` */
  readonly place: string;
}

/** An override in words, for people: what it says and where. */
export function describeOverride({ key, why, place }: Override): string {
  const where = `override for ${key.type === 'user' ? '' : `${key.type} `}${key.id}, ${place}`;
  return why === undefined ? where : `${why} (${where})`;
}

export class OverrideTable {
  readonly overrides: readonly Override[];
  /** the rules that are named where a list is exempt */
  readonly listRules: ReadonlySet<string>;
  readonly #byType = new Map<OverrideKey['type'], Map<string, Override[]>>();
  /** networks of clients, the smallest first */
  readonly #networks: readonly string[];
  readonly #hasDomains: boolean;

  /** In the order in which they are written. */
  constructor(overrides: readonly Override[]) {
    this.overrides = overrides;
    const rank = ({ rule, period }: Override) =>
      (rule === undefined ? 2 : 0) + (period === undefined ? 1 : 0);
    for (const override of overrides.toSorted((a, b) => rank(a) - rank(b))) {
      const { type, id } = override.key;
      const byId = this.#byType.get(type) ?? new Map<string, Override[]>();
      this.#byType.set(type, byId.set(id, [...(byId.get(id) ?? []), override]));
    }
    const clients = overrides.filter(({ key }) => key.type === 'client').map(({ key }) => key.id);
    const bits = (network: string) => parseNetwork(network)?.[1] ?? 0;
    this.#networks = [...new Set(clients.filter(isNetwork))].sort((a, b) => bits(b) - bits(a));
    this.listRules = new Set(
      overrides.flatMap(({ key, rule, limit }) =>
        key.type === 'list' && limit === 'exempt' && rule !== undefined ? [rule] : [],
      ),
    );
    this.#hasDomains = overrides.some(({ key }) => key.type === 'domain');
  }

  get size(): number {
    return this.overrides.length;
  }

  /** Whether there are any for a key. */
  has(type: KeyType, id: string): boolean {
    return this.overrides.length > 0 && this.find(type, id).next().done !== true;
  }

  /** All that are for a key of a rule, the most specific first. */
  *find(type: KeyType, id: string): Generator<Override> {
    const own = OWN_TYPES[type];
    if (own !== undefined) yield* this.#get(own, id);
    if (type === 'client') {
      for (const network of this.#networks) {
        if (isWithin(id, network)) yield* this.#get('client', network);
      }
    }
    if (!this.#hasDomains || !HAS_DOMAIN.has(type)) return;
    let domain = type === 'sender-domain' ? id : getDomain(id);
    while (domain !== '') {
      yield* this.#get('domain', domain);
      const dot = domain.indexOf('.');
      domain = dot < 0 ? '' : domain.slice(dot + 1);
    }
  }

  /** Those for mail with this sender, lower case. */
  findLists(sender: string): readonly Override[] {
    return this.#get('list', sender);
  }

  #get(type: OverrideKey['type'], id: string): readonly Override[] {
    return this.#byType.get(type)?.get(id) ?? NONE;
  }
}

const NONE: readonly Override[] = Object.freeze([]);
const OWN_TYPES: Readonly<Partial<Record<KeyType, OverrideKey['type']>>> = {
  user: 'user',
  client: 'client',
  uid: 'uid',
  sender: 'list',
};
const HAS_DOMAIN: ReadonlySet<KeyType> = new Set(['user', 'sender', 'sender-domain']);

export const NO_OVERRIDES = new OverrideTable([]);
