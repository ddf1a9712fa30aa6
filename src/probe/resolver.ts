/**
 * Questions to the DNS: for A records only, a few at once, with a time limit. What can go wrong is a value. Asks the
 * servers of this host (/etc/resolv.conf) or the one that is given. A cut answer (TC) is asked for again by TCP.
 */
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { getErrno } from '../base/errors.ts';
import { SECOND } from '../base/time.ts';

/** The addresses of a name; none if it does not exist. Or why there is no answer. */
export type Answer = { readonly addresses: readonly string[] } | { readonly failure: string };

/** How questions are asked. */
export interface ResolverOptions {
  /** as `parseServer` returns it; default: the servers of this host */
  readonly server?: string | undefined;
  /** ms for one attempt; default 3 s */
  readonly timeout?: number;
  /** ends all questions */
  readonly signal?: AbortSignal;
}

/** Attempts for each question. */
const TRIES = 2;
/** Questions at the same time: a mail server's resolver has other work. */
const AT_ONCE = 8;

/** An IP address with or without a port, as the resolver takes it; undefined for any other text. */
export function parseServer(text: string): string | undefined {
  const [, bracketed, dotted, port = '53'] =
    /^(?:\[([0-9a-f:.]+)\]|([\d.]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? dotted ?? (isIP(text) === 6 ? text : undefined);
  if (
    host === undefined ||
    isIP(host) !== (bracketed === undefined && dotted !== undefined ? 4 : 6)
  ) {
    return undefined;
  }
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export class Questions {
  readonly #resolver: Resolver;
  readonly #waiting: (() => void)[] = [];
  readonly #signal: AbortSignal | undefined;
  #running = 0;
  #isClosed = false;

  constructor({ server, timeout = 3 * SECOND, signal }: ResolverOptions = {}) {
    this.#resolver = new Resolver({ timeout, tries: TRIES });
    if (server !== undefined) this.#resolver.setServers([server]);
    this.#signal = signal;
    if (signal?.aborted === true) this.close();
    signal?.addEventListener('abort', this.close);
  }

  /** Ends what is under way; nothing more is asked. */
  readonly close = (): void => {
    this.#isClosed = true;
    this.#signal?.removeEventListener('abort', this.close);
    this.#resolver.cancel();
  };

  /** The servers that are asked. */
  get servers(): readonly string[] {
    return this.#resolver.getServers();
  }

  /** Looks up the A records of `name`. Never rejects. */
  async askAddresses(name: string): Promise<Answer> {
    await this.#takeTurn();
    try {
      if (this.#isClosed) return { failure: 'the question was cancelled' };
      return { addresses: await this.#resolver.resolve4(name) };
    } catch (error) {
      return describeFailure(getErrno(error));
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  async #takeTurn(): Promise<void> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running++;
  }
}

/** The code only: the message of the error has the name, and with it a key of the Data Query Service. */
function describeFailure(code: string | undefined): Answer {
  switch (code) {
    case 'ENOTFOUND':
    case 'ENODATA':
      return { addresses: [] };
    case 'ETIMEOUT':
      return { failure: 'the resolver does not answer in time' };
    case 'ECONNREFUSED':
      return { failure: 'no resolver listens there' };
    case 'ESERVFAIL':
      return { failure: 'the resolver reports a failure (SERVFAIL)' };
    case 'EREFUSED':
      return { failure: 'the resolver refuses the question (REFUSED)' };
    default:
      return { failure: `the resolver gives no answer (${code ?? 'unknown error'})` };
  }
}

/** Resolvers that are open to everybody, by the address that is asked. Many lists refuse them. */
const PUBLIC: readonly (readonly [string, readonly string[]])[] = [
  ['Google Public DNS', ['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844']],
  ['Cloudflare', ['1.1.1.1', '1.0.0.1', '2606:4700:4700::1111', '2606:4700:4700::1001']],
  ['Quad9', ['9.9.9.9', '149.112.112.112', '2620:fe::fe', '2620:fe::9']],
  ['OpenDNS', ['208.67.222.222', '208.67.220.220', '2620:119:35::35', '2620:119:53::53']],
  ['Verisign', ['64.6.64.6', '64.6.65.6']],
  ['Level 3', ['4.2.2.1', '4.2.2.2', '4.2.2.3', '4.2.2.4']],
  ['AdGuard', ['94.140.14.14', '94.140.15.15']],
  ['DNS4EU', ['86.54.11.100', '86.54.11.200']],
];

/** `Google Public DNS (8.8.8.8)`: those of `servers` that are open to everybody. */
export function namePublicResolvers(servers: readonly string[]): string[] {
  return servers.flatMap((server) => {
    const address =
      isIP(server) === 0 ? server.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') : server;
    const known = PUBLIC.find(([, addresses]) => addresses.includes(address));
    return known === undefined ? [] : [`${known[0]} (${address})`];
  });
}
