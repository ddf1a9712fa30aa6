/** The page as an application of Hono: what is asked for, by whom, and what answers. */

import { hostname } from 'node:os';
import type { HttpBindings } from '@hono/node-server';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { deleteCookie, setCookie } from 'hono/cookie';
import { HTTPException } from 'hono/http-exception';
import { randomHex } from '../base/digest.ts';
import { getMessage, PosternError } from '../base/errors.ts';
import { type Clock, SECOND } from '../base/time.ts';
import { loadRules } from '../judge/rule.ts';
import { ACTS, type Outcome } from './acts.ts';
import { findAsset } from './assets.ts';
import type { Chart } from './chart.ts';
import type { Desk } from './desk.ts';
import { type Asking, Gate, type Visitor } from './gate.ts';
import { type Html, html, output, type Part } from './html.ts';
import { message, type PAGES, page } from './layout.ts';
import { LoginLimit } from './login-limit.ts';
import { blocksPage } from './pages/blocks.ts';
import { eventsPage, exportEvents } from './pages/events.ts';
import { Minutes, nowPage, nowPart } from './pages/now.ts';
import { actionsPage, auditPage, auditPart, listingsPage, milterPage } from './pages/others.ts';
import { reportItself, reportPage } from './pages/report.ts';
import { nearPart, rulesPage, tryPart } from './pages/rules.ts';
import { findStory, queuePart, storyPage } from './pages/story.ts';
import { Sessions } from './sessions.ts';
import { measureAgainstLimit } from './story.ts';
import { StrangersLog } from './strangers-log.ts';
import { isPassword, UserFile } from './users.ts';
import { buildView, type View } from './view.ts';

type Env = { Bindings: HttpBindings; Variables: { visitor: Visitor } };
type Ctx = Context<Env>;

/** A form is small; so is a note. */
const MOST_BODY = 256 * 1024;

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** The report brings its own style and script, which have no rights here: it is another origin than the page. */
const REPORT_POLICY =
  "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'";

/** The application, for `fetch`. */
export function buildApp(desk: Desk, clock: Clock): Hono<Env> {
  return new Page(desk, clock).app;
}

class Page {
  readonly app = new Hono<Env>();
  readonly #desk: Desk;
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly #users: UserFile;
  readonly #sessions: Sessions;
  readonly #limit: LoginLimit;
  readonly #strangers: StrangersLog;
  readonly #minutes = new Minutes();
  readonly #outcomes = new Outcomes();

  constructor(desk: Desk, clock: Clock) {
    const { web } = desk.config;
    this.#desk = desk;
    this.#clock = clock;
    this.#users = new UserFile(web.users);
    this.#sessions = new Sessions(clock, web.session);
    this.#gate = new Gate(web, this.#users, this.#sessions);
    this.#limit = new LoginLimit(clock);
    this.#strangers = new StrangersLog(desk.log, clock);
    this.#addGuards();
    this.#addLogin();
    this.#addPages();
    this.#addParts();
    this.#addActs();
    this.app.notFound((c) =>
      c.html(this.#show(c, 'Not found', message('There is no such page.', 'bad')), 404),
    );
    this.app.onError((error, c) => this.#fail(error, c));
  }

  #addGuards(): void {
    this.app.use(setHeaders);
    this.app.use(async (c, next) => {
      if (this.#gate.isOurHost(asking(c))) return await next();
      return c.text('This name is not that of the page (web.origin in the configuration).\n', 421);
    });
    this.app.get('/assets/:name', (c) => {
      const asset = findAsset(c.req.param('name'));
      if (asset === undefined) return c.notFound();
      return c.body(asset.content, 200, {
        'Content-Type': asset.type,
        'Cache-Control': 'no-cache',
      });
    });
    this.app.post('*', bodyLimit({ maxSize: MOST_BODY }), async (c, next) => {
      if (!this.#gate.isOurOrigin(asking(c)))
        return this.#refuse(c, 'This form was not sent by this page. Nothing was changed.');
      if (await isReadable(c)) return await next();
      return this.#refuse(c, 'This form cannot be read. Nothing was changed.', 400);
    });
  }

  #addLogin(): void {
    this.app.get('/login', (c) =>
      this.#gate.identify(asking(c)) === undefined ? this.#askLogin(c) : c.redirect('/', 303),
    );
    this.app.post('/login', async (c) => {
      const { name, password, next } = await readFields(c);
      if (this.#limit.isReached(name)) {
        this.#strangers.warn({ who: name }, 'too many logins on the web page');
        return this.#askLogin(c, 'Too many wrong passwords. Wait ten minutes.', 429);
      }
      this.#limit.note(name);
      const user = this.#users.find(name);
      if (!(await isPassword(password, user)) || user === undefined) {
        this.#strangers.warn({ who: name, from: asking(c).address }, 'wrong login on the web page');
        return this.#askLogin(c, 'This name and this password do not belong together.', 401);
      }
      this.#limit.forgive(name);
      this.#desk.log.info({ who: name }, 'login on the web page');
      setCookie(c, this.#gate.cookieName, this.#sessions.begin(user), this.#cookie());
      return c.redirect(isOwnPath(next) ? next : '/', 303);
    });
    this.app.use(async (c, next) => {
      const visitor = this.#gate.identify(asking(c));
      if (visitor === undefined) return this.#sendToLogin(c);
      c.set('visitor', visitor);
      return await next();
    });
    this.app.post('/logout', async (c) => {
      if (!(await this.#hasToken(c))) return this.#refuse(c, WRONG_TOKEN);
      this.#sessions.end(this.#gate.readTokens(asking(c)));
      deleteCookie(c, this.#gate.cookieName, this.#cookie());
      return c.redirect('/login', 303);
    });
  }

  /** Lax: a link in a mail must arrive logged in, a form of another page must not. */
  #cookie() {
    const secure = this.#gate.isSecure;
    return {
      httpOnly: true,
      sameSite: 'Lax',
      path: '/',
      secure,
      maxAge: this.#desk.config.web.session / SECOND,
    } as const;
  }

  #addPages(): void {
    const pages: readonly [
      (typeof PAGES)[number][0],
      string,
      (view: View) => Html | Promise<Html>,
    ][] = [
      ['/', 'Now', nowPage],
      ['/blocks', 'Blocks', blocksPage],
      ['/events', 'Events', eventsPage],
      ['/report', 'Report', reportPage],
      ['/rules', 'Rules', rulesPage],
      ['/milter', 'Milter', milterPage],
      ['/listings', 'Listings', listingsPage],
      ['/audit', 'Audit', auditPage],
      ['/actions', 'Actions', actionsPage],
    ];
    for (const [path, title, make] of pages)
      this.app.get(path, async (c) =>
        c.html(this.#show(c, title, await make(this.#view(c)), path)),
      );
    this.app.get('/story', async (c) => {
      const view = this.#view(c);
      const story = findStory(view);
      if (story === undefined) return c.notFound();
      return c.html(this.#show(c, toTitle(story), await storyPage(view, story), '/blocks'));
    });
  }

  #addParts(): void {
    const parts: readonly [string, string, (view: View) => Html | Promise<Html>][] = [
      ['/now/part', 'Now', nowPart],
      ['/story/queue', 'In the queue', queuePart],
      ['/rules/near', 'Near misses', nearPart],
      ['/rules/try', 'Another limit', tryPart],
      ['/audit/run', 'Audit', auditPart],
    ];
    for (const [path, title, make] of parts)
      this.app.get(path, async (c) => {
        const part = await make(this.#view(c));
        // Without script it is a page of its own.
        return c.html(isPartial(c) ? part.text : this.#show(c, title, part));
      });
    this.app.get('/now/minutes', (c) =>
      this.#sendChart(c, this.#minutes.read(this.#desk.store, this.#clock.now())),
    );
    this.app.get('/story/chart', (c) => {
      const story = findStory(this.#view(c));
      if (story === undefined) return c.notFound();
      const rule = loadRules(this.#desk.config.rules).find(
        ({ name }) => name === story.verdict?.verdict.rule,
      );
      return this.#sendChart(
        c,
        measureAgainstLimit(this.#desk.store, story, rule, this.#clock.now()),
      );
    });
    this.app.get('/report/page', async (c) => {
      const result = await reportItself(this.#view(c));
      if ('failure' in result) throw new PosternError('usage', result.failure.trim());
      return c.html(result.page, 200, { 'Content-Security-Policy': REPORT_POLICY });
    });
    for (const [form, type] of [
      ['csv', 'text/csv'],
      ['jsonl', 'application/x-ndjson'],
    ] as const)
      this.app.get(`/events.${form}`, async (c) => {
        const ran = await exportEvents(this.#view(c), form);
        if (ran.status !== 0) throw new PosternError('usage', ran.err.trim());
        const disposition = `attachment; filename="postern-events.${form}"`;
        return c.body(ran.out, 200, {
          'Content-Type': `${type}; charset=utf-8`,
          'Content-Disposition': disposition,
        });
      });
  }

  #sendChart(c: Ctx, chart: Chart): Response {
    return c.json({ ...chart, zone: this.#desk.config.zone });
  }

  #addActs(): void {
    this.app.post('/act/:name', async (c) => {
      const visitor = c.get('visitor');
      const act = Object.hasOwn(ACTS, c.req.param('name')) ? ACTS[c.req.param('name')] : undefined;
      if (act === undefined) return c.notFound();
      if (!(await this.#hasToken(c))) return this.#refuse(c, WRONG_TOKEN);
      if (visitor.role !== 'act')
        return this.#refuse(
          c,
          `${visitor.name} may look at everything and change nothing (role: view).`,
        );
      const fields = await c.req.parseBody({ all: true });
      const form = (name: string) =>
        [fields[name] ?? []].flat().filter((value) => typeof value === 'string');
      const outcome = await act({ desk: this.#desk, visitor, form });
      const mark = outcome.next.includes('?') ? '&' : '?';
      return c.redirect(
        `${outcome.next}${mark}outcome=${this.#outcomes.keep(visitor, outcome)}`,
        303,
      );
    });
  }

  #view(c: Ctx): View {
    return buildView(this.#desk, c.get('visitor'), new URL(c.req.url));
  }

  /** A whole page, with what an action printed on top. */
  #show(c: Ctx, title: string, body: Part, current?: (typeof PAGES)[number][0]): string {
    const visitor = c.get('visitor');
    const host = this.#desk.config.host ?? hostname();
    const outcome = visitor && this.#outcomes.find(visitor, c.req.query('outcome') ?? '');
    const said =
      outcome &&
      html`<div data-focus tabindex="-1">${message(output(outcome.text), outcome.done ? 'good' : 'bad')}</div>`;
    const about = { title, visitor, host, body: [said, body] };
    return page(current === undefined ? about : { ...about, current });
  }

  #askLogin(c: Ctx, trouble?: string, status: 200 | 401 | 429 = 200): Response | Promise<Response> {
    const next = c.req.query('next') ?? '';
    const said = trouble ?? this.#gate.explainHeader(asking(c));
    const body = html`${said !== undefined && message(said, 'bad')}
<form method="post" action="/login" aria-label="Log in">
<input type="hidden" name="next" value="${isOwnPath(next) ? next : '/'}">
<p><label>Name <input name="name" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
<p><button class="main">Log in</button></p></form>`;
    return c.html(this.#show(c, 'Log in', body), status);
  }

  #sendToLogin(c: Ctx): Response | Promise<Response> {
    // The part of a page cannot be a login: the whole page asks for it.
    if (isPartial(c)) return c.body('', 401, { 'HX-Refresh': 'true' });
    if (c.req.method !== 'GET')
      return this.#askLogin(c, 'You are logged out. Nothing was changed.', 401);
    const { pathname, search } = new URL(c.req.url);
    if (this.#gate.explainHeader(asking(c)) !== undefined) return this.#askLogin(c, undefined, 401);
    return c.redirect(`/login?${new URLSearchParams({ next: pathname + search })}`, 303);
  }

  async #hasToken(c: Ctx): Promise<boolean> {
    const fields = await c.req.parseBody();
    return this.#gate.isToken(c.get('visitor'), fields.token);
  }

  #refuse(c: Ctx, text: string, status: 400 | 403 = 403): Response | Promise<Response> {
    this.#strangers.warn({ path: c.req.path, reason: text }, 'request to the web page refused');
    return c.html(this.#show(c, 'Refused', message(text, 'bad')), status);
  }

  #fail(error: Error, c: Ctx): Response | Promise<Response> {
    if (error instanceof HTTPException) return error.getResponse();
    const isWrong = error instanceof PosternError && error.exitStatus === 2;
    const isKnown = error instanceof PosternError || this.#desk.store.isPassing(error);
    if (!isWrong)
      this.#desk.log.error({ error: error.stack ?? error.message }, 'a web page failed');
    const text = isKnown ? getMessage(error) : 'The page failed. The log of postern-web says why.';
    const body = message(output(text), 'bad');
    const status = isWrong ? 400 : 500;
    return c.html(
      isPartial(c) ? body.text : this.#show(c, isWrong ? 'Not understood' : 'Failed', body),
      status,
    );
  }
}

const WRONG_TOKEN = 'This form is from an earlier login. Load the page again. Nothing was changed.';

const setHeaders: MiddlewareHandler<Env> = async (c, next) => {
  await next();
  const { headers } = c.res;
  if (!headers.has('Content-Security-Policy')) headers.set('Content-Security-Policy', POLICY);
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store');
  headers.set('X-Content-Type-Options', 'nosniff');
  headers.set('Referrer-Policy', 'same-origin');
  headers.set('Cross-Origin-Opener-Policy', 'same-origin');
  headers.set('Cross-Origin-Resource-Policy', 'same-origin');
};

function asking(c: Ctx): Asking {
  return { headers: c.req.raw.headers, address: c.env?.incoming?.socket.remoteAddress };
}

/** Whether htmx asks for a part of a page. */
function isPartial(c: Ctx): boolean {
  return c.req.header('hx-request') === 'true';
}

/** Whether the body is a form: it may be cut off, or something else. What was read is kept. */
async function isReadable(c: Ctx): Promise<boolean> {
  return await c.req.parseBody({ all: true }).then(
    () => true,
    (error) => {
      if (error instanceof HTTPException) throw error;
      return false;
    },
  );
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

function toTitle({
  key,
}: {
  readonly key: { readonly type: string; readonly id: string };
}): string {
  return key.type === 'user' ? key.id : `${key.type} ${key.id}`;
}

/** What actions printed, until their page is shown. */
class Outcomes {
  readonly #kept = new Map<string, Outcome & { readonly name: string }>();

  keep({ name }: Visitor, outcome: Outcome): string {
    const id = randomHex(8);
    this.#kept.set(id, { ...outcome, name });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > 1000 && oldest !== undefined) this.#kept.delete(oldest);
    return id;
  }

  find({ name }: Visitor, id: string): Outcome | undefined {
    const outcome = this.#kept.get(id);
    return outcome?.name === name ? outcome : undefined;
  }
}
