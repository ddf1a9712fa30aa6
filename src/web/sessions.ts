/** Logins that last: in memory, so that a restart ends them. Only digests of the tokens are kept. */
import { createHmac, randomBytes } from 'node:crypto';
import { randomHex, sha256 } from '../base/digest.ts';
import type { Clock } from '../base/time.ts';

interface Session {
  readonly name: string;
  /** the stored password with which it began: a new one ends it */
  readonly password: string;
  /** ms */
  readonly until: number;
}

/** More than that many people do not log in; the oldest login makes room. */
const MOST = 10_000;

export class Sessions {
  readonly #clock: Clock;
  readonly #length: number;
  readonly #sessions = new Map<string, Session>();
  readonly #secret = randomBytes(32);

  /** `length`: how long one lasts, ms. */
  constructor(clock: Clock, length: number) {
    this.#clock = clock;
    this.#length = length;
  }

  /** Begins one; returns the token for the cookie. */
  begin(user: { readonly name: string; readonly password: string }): string {
    const token = randomHex(32);
    const until = this.#clock.now() + this.#length;
    this.#sessions.set(sha256(token), { name: user.name, password: user.password, until });
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST && oldest !== undefined) this.#sessions.delete(oldest);
    return token;
  }

  /** That of the first token that has one: a browser also sends cookies that another server of this host name set. */
  find(tokens: readonly string[]): (Session & { readonly token: string }) | undefined {
    for (const token of tokens) {
      const session = this.#sessions.get(sha256(token));
      if (session === undefined) continue;
      if (session.until > this.#clock.now()) return { ...session, token };
      this.#sessions.delete(sha256(token));
    }
    return undefined;
  }

  end(tokens: readonly string[]): void {
    for (const token of tokens) this.#sessions.delete(sha256(token));
  }

  /** What each form must send back; `who`: the token of the session, or the name that a proxy vouches for. */
  formToken(who: string): string {
    return createHmac('sha256', this.#secret).update(who).digest('hex');
  }
}
