/** Who gets in: the login, the cookie that keeps it, and the logout. */
import { deleteCookie, setCookie } from 'hono/cookie';
import { type Clock, SECOND } from '../base/time.ts';
import type { Answers } from './answers.ts';
import { type App, asking, type Ctx, isPartial } from './context.ts';
import type { Desk } from './desk.ts';
import type { Gate } from './gate.ts';
import { html } from './html.ts';
import { message } from './layout.ts';
import { LoginLimit } from './login-limit.ts';
import type { Sessions } from './sessions.ts';
import type { StrangersLog } from './strangers-log.ts';
import { isPassword, type UserFile } from './users.ts';

export const WRONG_TOKEN =
  'This form is from an earlier login. Load the page again. Nothing was changed.';

interface Parts {
  readonly desk: Desk;
  readonly clock: Clock;
  readonly gate: Gate;
  readonly users: UserFile;
  readonly sessions: Sessions;
  readonly answers: Answers;
  readonly strangers: StrangersLog;
}

/** Adds the login. All that is added to `app` afterwards is for visitors only. */
export function addLogin(app: App, parts: Parts): void {
  new Login(parts).addTo(app);
}

/** Whether a form has the token of its visitor. */
export async function hasToken(c: Ctx, gate: Gate): Promise<boolean> {
  const fields = await c.req.parseBody();
  return gate.isToken(c.get('visitor'), fields.token);
}

class Login {
  readonly #parts: Parts;
  readonly #limit: LoginLimit;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#limit = new LoginLimit(parts.clock);
  }

  addTo(app: App): void {
    const { gate, answers, sessions } = this.#parts;
    app.get('/login', (c) =>
      gate.identify(asking(c)) === undefined ? this.#ask(c) : c.redirect('/', 303),
    );
    app.post('/login', (c) => this.#logIn(c));
    app.use(async (c, next) => {
      const visitor = gate.identify(asking(c));
      if (visitor === undefined) return this.#send(c);
      c.set('visitor', visitor);
      return await next();
    });
    app.post('/logout', async (c) => {
      if (!(await hasToken(c, gate))) return answers.refuse(c, WRONG_TOKEN);
      sessions.end(gate.readTokens(asking(c)));
      deleteCookie(c, gate.cookieName, this.#cookie());
      return c.redirect('/login', 303);
    });
  }

  async #logIn(c: Ctx): Promise<Response> {
    const { desk, users, gate, sessions, strangers } = this.#parts;
    const { name, password, next } = await readFields(c);
    if (this.#limit.isReached(name)) {
      strangers.warn({ who: name }, 'too many logins on the web page');
      return this.#ask(c, 'Too many wrong passwords. Wait ten minutes.', 429);
    }
    this.#limit.note(name);
    const user = users.find(name);
    if (!(await isPassword(password, user)) || user === undefined) {
      strangers.warn({ who: name, from: asking(c).address }, 'wrong login on the web page');
      return this.#ask(c, 'This name and this password do not belong together.', 401);
    }
    this.#limit.forgive(name);
    desk.log.info({ who: name }, 'login on the web page');
    setCookie(c, gate.cookieName, sessions.begin(user), this.#cookie());
    return c.redirect(isOwnPath(next) ? next : '/', 303);
  }

  /** Lax: a link in a mail must arrive logged in, a form of another page must not. */
  #cookie() {
    const { desk, gate } = this.#parts;
    return {
      httpOnly: true,
      sameSite: 'Lax',
      path: '/',
      secure: gate.isSecure,
      maxAge: desk.config.web.session / SECOND,
    } as const;
  }

  #ask(c: Ctx, trouble?: string, status: 200 | 401 | 429 = 200): Response | Promise<Response> {
    const { gate, answers } = this.#parts;
    const next = c.req.query('next') ?? '';
    const said = trouble ?? gate.explainHeader(asking(c)) ?? this.#explainCookie(c);
    const body = html`${said !== undefined && message(said, 'bad')}
<form method="post" action="/login" aria-label="Log in">
<input type="hidden" name="next" value="${isOwnPath(next) ? next : '/'}">
<p><label>Name <input name="name" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button class="main">Log in</button></p></form>`;
    return c.html(answers.show(c, 'Log in', body), status);
  }

  /** Of a browser whose cookie is not, or no longer, that of a login here. */
  #explainCookie(c: Ctx): string | undefined {
    const isForeign = this.#parts.gate.readTokens(asking(c)).length > 0;
    return isForeign
      ? 'The login of this browser has ended, or its cookie is from another server. Log in again.'
      : undefined;
  }

  #send(c: Ctx): Response | Promise<Response> {
    // The part of a page cannot be a login: the whole page asks for it.
    if (isPartial(c)) return c.body('', 401, { 'HX-Refresh': 'true' });
    if (c.req.method !== 'GET')
      return this.#ask(c, 'You are logged out. Nothing was changed.', 401);
    const { pathname, search } = new URL(c.req.url);
    if (this.#parts.gate.explainHeader(asking(c)) !== undefined)
      return this.#ask(c, undefined, 401);
    return c.redirect(`/login?${new URLSearchParams({ next: pathname + search })}`, 303);
  }
}

async function readFields(c: Ctx): Promise<{ name: string; password: string; next: string }> {
  const fields = await c.req.parseBody();
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return { name: text(fields.name), password: text(fields.password), next: text(fields.next) };
}

/** A path of this page, and nothing that a browser takes for another host. */
function isOwnPath(text: string): boolean {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(text);
}
