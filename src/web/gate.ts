/**
 * Who asks, and whether the request comes from this page: names of hosts, the header of a reverse proxy, cookies, and the
 * origin and token of each form.
 */
import { timingSafeEqual } from 'node:crypto';
import type { WebConfig } from '../config/web.ts';
import { canonicalIp } from '../model/address.ts';
import type { Sessions } from './sessions.ts';
import { isUserName, type Role, type UserFile } from './users.ts';

/** Somebody who may use the page. */
export interface Visitor {
  readonly name: string;
  readonly role: Role;
  /** for forms */
  readonly token: string;
  /** named by the reverse proxy, so that nobody logs out here */
  readonly byProxy: boolean;
}

/** What of a request decides. */
export interface Asking {
  readonly headers: Headers;
  /** absent: a unix socket */
  readonly address: string | undefined;
}

export class Gate {
  readonly #web: WebConfig;
  readonly #users: UserFile;
  readonly #sessions: Sessions;

  constructor(web: WebConfig, users: UserFile, sessions: Sessions) {
    this.#web = web;
    this.#users = users;
    this.#sessions = sessions;
  }

  /** `__Host-`: only this host itself can have set it, and only over TLS. */
  get cookieName(): string {
    return this.isSecure ? '__Host-postern' : 'postern';
  }

  get isSecure(): boolean {
    return this.#web.origin?.startsWith('https:') === true;
  }

  /** Whether the page has that name. A foreign name that points here (DNS rebinding) gets nothing. */
  isOurHost({ headers }: Asking): boolean {
    const host = headers.get('host') ?? '';
    if (this.#web.origin !== undefined && new URL(this.#web.origin).host === host) return true;
    return /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(?::\d{1,5})?$/.test(host);
  }

  /** Whether a form was sent by a page of ours. Browsers name the origin of every POST. */
  isOurOrigin({ headers }: Asking): boolean {
    const origin = headers.get('origin');
    if (origin === null) return false;
    const host = headers.get('host') ?? '';
    const isOwn = this.#web.origin !== undefined && new URL(this.#web.origin).host === host;
    return origin === (isOwn ? this.#web.origin : `http://${host}`);
  }

  /** Who asks; undefined: nobody whom we know. */
  identify(asking: Asking): Visitor | undefined {
    return this.#identifyByProxy(asking) ?? this.#identifyByCookie(asking);
  }

  /** Why the header of a proxy does not count, as a sentence; undefined if there is none, or it counts. */
  explainHeader(asking: Asking): string | undefined {
    const { proxy } = this.#web;
    const name = proxy && asking.headers.get(proxy.userHeader);
    if (proxy === undefined || name === null || name === undefined) return undefined;
    if (!this.#isProxy(asking))
      return `The header ${proxy.userHeader} came from ${asking.address}, which is not the reverse proxy, and does not count (web.proxy.from).`;
    if (this.#users.find(name) !== undefined) return undefined;
    return `The reverse proxy names ${name}, who is not in ${this.#web.users} (postern web password NAME --proxy).`;
  }

  /** Whether the token of a form is that of this visitor. */
  isToken(visitor: Visitor, token: unknown): boolean {
    const expected = Buffer.from(visitor.token);
    const found = Buffer.from(typeof token === 'string' ? token : '');
    return expected.length === found.length && timingSafeEqual(expected, found);
  }

  /** All cookies with our name: another port of this host name may have set one as well. */
  readTokens({ headers }: Asking): string[] {
    const start = `${this.cookieName}=`;
    return (headers.get('cookie') ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(start))
      .map((pair) => pair.slice(start.length))
      .slice(0, 10);
  }

  #isProxy({ address }: Asking): boolean {
    if (this.#web.listen.kind === 'unix') return true;
    const from = address === undefined ? undefined : canonicalIp(address);
    return from !== undefined && this.#web.proxy?.from.includes(from) === true;
  }

  #identifyByProxy(asking: Asking): Visitor | undefined {
    const name = this.#web.proxy && asking.headers.get(this.#web.proxy.userHeader);
    if (name === null || name === undefined || !isUserName(name) || !this.#isProxy(asking))
      return undefined;
    const user = this.#users.find(name);
    if (user === undefined) return undefined;
    const token = this.#sessions.formToken(`proxy ${name}`);
    return { name, role: user.role, token, byProxy: true };
  }

  #identifyByCookie(asking: Asking): Visitor | undefined {
    const session = this.#sessions.find(this.readTokens(asking));
    const user = session && this.#users.find(session.name);
    if (session === undefined || user === undefined || user.password !== session.password)
      return undefined;
    const token = this.#sessions.formToken(`session ${session.token}`);
    return { name: user.name, role: user.role, token, byProxy: false };
  }
}
