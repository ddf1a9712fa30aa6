/** A scratch installation with a page, and requests to it without a browser. */
import { writeFileSync } from 'node:fs';
import { silentLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import { main } from '../../src/cli/commands.ts';
import { buildDesk, loadWebConfig } from '../../src/cli/web.ts';
import { Store } from '../../src/store/store.ts';
import { buildApp } from '../../src/web/app.ts';
import type { Desk } from '../../src/web/desk.ts';
import { formatUsers, hashPassword, type Role, type User } from '../../src/web/users.ts';
import { type Scratch, scratch } from '../service/scratch.ts';

export const PASSWORD = 'correct horse battery';

/** At a low cost: a login takes a while, on purpose. */
const STORED = hashPassword(PASSWORD, { log: 4, r: 8, p: 1 });

export interface Place extends Scratch {
  readonly desk: Desk;
}

/** Users: ann may act, vic may view, pat has no password. `web`: more lines of that section. */
export async function place(web = '', listen = 'inet:127.0.0.1:8025'): Promise<Place> {
  const at = scratch({ extra: `web:\n  users: web.users\n  listen: ${listen}\n${web}` });
  at.write();
  at.withStore(() => {});
  const password = await STORED;
  const user = (name: string, role: Role, stored = password): [string, User] => [
    name,
    { name, role, password: stored },
  ];
  const users = new Map([user('ann', 'act'), user('vic', 'view'), user('pat', 'act', '-')]);
  writeFileSync(at.path('web.users'), formatUsers(users));
  const config = loadWebConfig(at.config);
  const store = new Store(config.database, { readonly: true });
  const program = [process.execPath, 'src/cli/main.ts'];
  const desk = buildDesk({ config, store, log: silentLog, version: '0' }, main, program);
  return {
    ...at,
    desk,
    async remove() {
      store.close();
      await at.remove();
    },
  };
}

const ORIGIN = 'http://127.0.0.1:8025';

/** Somebody with a browser: keeps the cookie, and sends forms as a page of ours does. */
export class Client {
  readonly #app;
  cookie = '';
  headers: Record<string, string> = {};
  /** of the peer; undefined: a unix socket */
  address: string | undefined = '127.0.0.1';

  constructor({ desk }: Pick<Place, 'desk'>, app = buildApp(desk, systemClock)) {
    this.#app = app;
  }

  /** Another browser at the same page. */
  another(): Client {
    return new Client({} as Place, this.#app);
  }

  async get(path: string): Promise<Answer> {
    return await this.#send(path, {});
  }

  async post(path: string, fields: Record<string, string | string[]>): Promise<Answer> {
    const pairs = Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map((each): [string, string] => [name, each]),
    );
    const headers = {
      origin: ORIGIN,
      'content-type': 'application/x-www-form-urlencoded',
      ...this.headers,
    };
    const body = String(new URLSearchParams(pairs));
    return await this.#send(path, { method: 'POST', headers, body });
  }

  async logIn(name: string, password = PASSWORD): Promise<Answer> {
    const answer = await this.post('/login', { name, password, next: '/' });
    this.cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    return answer;
  }

  /** The hidden field of the forms on a page. */
  async token(): Promise<string> {
    return /name="token" value="(\w+)"/.exec((await this.get('/')).text)?.[1] ?? '';
  }

  async #send(
    path: string,
    init: { method?: string; body?: string; headers?: object },
  ): Promise<Answer> {
    const headers = { host: '127.0.0.1:8025', ...this.headers, ...init.headers };
    const cookie = this.cookie === '' ? {} : { cookie: this.cookie };
    const env = { incoming: { socket: { remoteAddress: this.address } } };
    const request = { ...init, headers: { ...headers, ...cookie } as Record<string, string> };
    const response = await this.#app.request(`${ORIGIN}${path}`, request, env as never);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}
