/** How the page answers: whole pages with what an action printed on top, refusals, failures. */
import { hostname } from 'node:os';
import { HTTPException } from 'hono/http-exception';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import type { Outcome } from './acts.ts';
import { type Ctx, isPartial } from './context.ts';
import type { Desk } from './desk.ts';
import { html, output, type Part } from './html.ts';
import { message, type PAGES, page } from './layout.ts';
import { Outcomes } from './outcomes.ts';
import type { StrangersLog } from './strangers-log.ts';

export class Answers {
  readonly #desk: Desk;
  readonly #strangers: StrangersLog;
  readonly #outcomes = new Outcomes();

  constructor(desk: Desk, strangers: StrangersLog) {
    this.#desk = desk;
    this.#strangers = strangers;
  }

  /** A whole page. `current`: its entry in the navigation. */
  show(c: Ctx, title: string, body: Part, current?: (typeof PAGES)[number][0]): string {
    const visitor = c.get('visitor');
    const host = this.#desk.config.host ?? hostname();
    const outcome = visitor && this.#outcomes.find(visitor, c.req.query('outcome') ?? '');
    const said =
      outcome &&
      html`<div data-focus tabindex="-1">${message(output(outcome.text), outcome.done ? 'good' : 'bad')}</div>`;
    const about = { title, visitor, host, body: [said, body] };
    return page(current === undefined ? about : { ...about, current });
  }

  /** After an action: the page where the reader goes on shows what it printed. */
  goOn(c: Ctx, outcome: Outcome): Response {
    const mark = outcome.next.includes('?') ? '&' : '?';
    const id = this.#outcomes.keep(c.get('visitor'), outcome);
    return c.redirect(`${outcome.next}${mark}outcome=${id}`, 303);
  }

  notFound(c: Ctx): Response | Promise<Response> {
    return c.html(this.show(c, 'Not found', message('There is no such page.', 'bad')), 404);
  }

  /** A request that must not be carried out; `text` says why. */
  refuse(c: Ctx, text: string, status: 400 | 403 = 403): Response | Promise<Response> {
    this.#strangers.warn({ path: c.req.path, reason: text }, 'request to the web page refused');
    return c.html(this.show(c, 'Refused', message(text, 'bad')), status);
  }

  fail(error: Error, c: Ctx): Response | Promise<Response> {
    if (error instanceof HTTPException) return error.getResponse();
    const isWrong = error instanceof PosternError && error.exitStatus === 2;
    const isKnown = error instanceof PosternError || this.#desk.store.isPassing(error);
    // A request that was cut off in the middle says nothing about the page.
    if (getErrno(error) === 'ECONNRESET')
      this.#strangers.warn({ path: c.req.path }, 'request to the web page cut off');
    else if (!isWrong)
      this.#desk.log.error({ error: error.stack ?? error.message }, 'a web page failed');
    const text = isKnown ? getMessage(error) : 'The page failed. The log of postern-web says why.';
    const body = message(output(text), 'bad');
    const status = isWrong ? 400 : 500;
    return c.html(
      isPartial(c) ? body.text : this.show(c, isWrong ? 'Not understood' : 'Failed', body),
      status,
    );
  }
}
