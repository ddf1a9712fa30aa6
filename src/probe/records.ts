/**
 * Records of the DNS: addresses, MX, TXT and PTR, with a time limit. What can go wrong is a value. Asks the servers of this
 * host (/etc/resolv.conf) or the one that is given.
 */
import { Resolver } from 'node:dns/promises';
import { getErrno } from '../base/errors.ts';
import { SECOND } from '../base/time.ts';

export interface MailExchanger {
  readonly preference: number;
  /** lower case; empty for a null MX (RFC 7505) */
  readonly name: string;
}

/** Why a question has no answer, the end of a sentence. That a name does not exist is an answer. */
export interface NoAnswer {
  readonly failure: string;
}

export class Records {
  readonly #resolver = new Resolver({ timeout: 3 * SECOND, tries: 2 });

  /** `server`: an address with a port, `127.0.0.1:53` or `[::1]:53`. Throws a TypeError for any other text. */
  constructor(server?: string) {
    if (server !== undefined) this.#resolver.setServers([server]);
  }

  /** A and AAAA records of a name. */
  async addresses(name: string): Promise<readonly string[] | NoAnswer> {
    const four = await this.#ask(() => this.#resolver.resolve4(name));
    const six = await this.#ask(() => this.#resolver.resolve6(name));
    if ('failure' in four) return four;
    return 'failure' in six ? six : [...four, ...six];
  }

  /** MX records, the most preferred first. */
  async exchangers(domain: string): Promise<readonly MailExchanger[] | NoAnswer> {
    const answer = await this.#ask(() => this.#resolver.resolveMx(domain));
    if ('failure' in answer) return answer;
    return answer
      .map(({ priority, exchange }) => ({ preference: priority, name: exchange.toLowerCase() }))
      .sort((a, b) => a.preference - b.preference);
  }

  /** TXT records, the strings of each joined (RFC 7208 3.3). */
  async texts(name: string): Promise<readonly string[] | NoAnswer> {
    const answer = await this.#ask(() => this.#resolver.resolveTxt(name));
    return 'failure' in answer ? answer : answer.map((strings) => strings.join(''));
  }

  /** Names of an IP address (PTR). */
  async names(address: string): Promise<readonly string[] | NoAnswer> {
    return await this.#ask(() => this.#resolver.reverse(address));
  }

  async #ask<T>(question: () => Promise<T[]>): Promise<T[] | NoAnswer> {
    try {
      return await question();
    } catch (error) {
      const code = getErrno(error) ?? 'unknown error';
      return code === 'ENOTFOUND' || code === 'ENODATA' ? [] : { failure: code };
    }
  }
}
