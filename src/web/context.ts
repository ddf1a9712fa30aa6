/** Requests to the page, as Hono hands them over. */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { Asking, Visitor } from './gate.ts';

export type Env = { Bindings: HttpBindings; Variables: { visitor: Visitor } };
export type App = Hono<Env>;
export type Ctx = Context<Env>;

/** What of a request says who asks. */
export function asking(c: Ctx): Asking {
  return { headers: c.req.raw.headers, address: c.env?.incoming?.socket.remoteAddress };
}

/** Whether htmx asks for a part of a page. */
export function isPartial(c: Ctx): boolean {
  return c.req.header('hx-request') === 'true';
}
