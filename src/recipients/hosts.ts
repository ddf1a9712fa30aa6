/**
 * From the name of a back end to addresses: A and AAAA through the system (so /etc/hosts counts), mail exchangers through
 * DNS, RFC 5321 5.1. Answers are kept for a minute, and simultaneous questions are one.
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { getErrno, getMessage } from '../base/errors.ts';
import { type Clock, MINUTE, SECOND } from '../base/time.ts';
import type { Target } from './connection.ts';
import { formatServer, type Server } from './server.ts';

/** The mail exchangers of a domain, as `dns.promises.Resolver` finds them. Rejects with ENODATA or ENOTFOUND. */
export interface MxResolver {
  resolveMx(name: string): Promise<readonly { exchange: string; priority: number }[]>;
}

/** How long an answer and a failure are kept, ms. */
const KEPT = MINUTE;
const FAILURE_KEPT = 5 * SECOND;
/** Addresses of one server that are tried. */
const MOST_TARGETS = 6;
/** Names that are remembered; a transport file can name many. */
const MOST_NAMES = 10_000;

interface Kept {
  readonly targets: Promise<readonly Target[] | string>;
  until: number;
}

export class Hosts {
  readonly #kept = new Map<string, Kept>();
  readonly #clock: Clock;
  readonly #resolver: MxResolver;
  readonly #prefer: 0 | 4 | 6;

  constructor(clock: Clock, resolver: MxResolver, prefer: 0 | 4 | 6) {
    this.#clock = clock;
    this.#resolver = resolver;
    this.#prefer = prefer;
  }

  /** Where to connect to, the best first; or why nowhere. */
  find(server: Server): Promise<readonly Target[] | string> {
    const { host, port } = server;
    if (isIP(host) > 0) return Promise.resolve([{ address: host, port, name: host }]);
    const key = formatServer(server);
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#clock.now() < kept.until) return kept.targets;
    if (this.#kept.size >= MOST_NAMES) this.#kept.clear();
    const targets = this.#look(server);
    const fresh: Kept = { targets, until: this.#clock.now() + KEPT };
    this.#kept.set(key, fresh);
    void targets.then((found) => {
      if (typeof found === 'string') fresh.until = this.#clock.now() + FAILURE_KEPT;
    });
    return targets;
  }

  async #look({ host, port, mx }: Server): Promise<readonly Target[] | string> {
    try {
      const targets = mx ? await this.#findExchangers(host, port) : await this.#resolve(host, port);
      return targets.length === 0 ? `${host} has no address` : targets.slice(0, MOST_TARGETS);
    } catch (error) {
      return `${host}: ${getErrno(error) ?? getMessage(error)}`;
    }
  }

  async #resolve(host: string, port: number): Promise<Target[]> {
    const found = await lookup(host, { all: true, order: 'verbatim' });
    const rank = ({ family }: { family: number }) => (family === this.#prefer ? 0 : 1);
    const sorted = this.#prefer === 0 ? found : found.toSorted((a, b) => rank(a) - rank(b));
    return sorted.map(({ address }) => ({ address, port, name: host }));
  }

  /**
   * In order of preference. If one of them is this host, it and those after it are left out, as for mail (RFC 5321 5.1):
   * we would ask ourselves.
   */
  async #findExchangers(domain: string, port: number): Promise<Target[]> {
    const exchangers = await this.#listExchangers(domain);
    if (exchangers === undefined) return this.#resolve(domain, port);
    const targets: Target[] = [];
    for (const { exchange } of exchangers.toSorted((a, b) => a.priority - b.priority)) {
      const found = await this.#resolve(exchange.replace(/\.$/, ''), port).catch(() => []);
      if (found.some(({ address }) => port === 25 && isOwnAddress(address))) break;
      targets.push(...found);
      if (targets.length >= MOST_TARGETS) break;
    }
    return targets;
  }

  /** Undefined if the domain has none: then it is its own. A null MX (RFC 7505) is one without an address. */
  async #listExchangers(domain: string) {
    try {
      const found = await this.#resolver.resolveMx(domain);
      return found.length === 0 ? undefined : found.filter(({ exchange }) => exchange !== '');
    } catch (error) {
      if (['ENODATA', 'ENOTFOUND'].includes(getErrno(error) ?? '')) return undefined;
      throw error;
    }
  }
}

function isOwnAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((own) => own.address === address),
  );
}
