/** What holds for each request, whoever asks: headers, the name of the host, the origin and size of forms. */
import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import type { Answers } from './answers.ts';
import { findAsset } from './assets.ts';
import { type App, asking, type Ctx, type Env } from './context.ts';
import type { Gate } from './gate.ts';

/** A form is small; so is a note. */
const MOST_BODY = 256 * 1024;

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Adds them, and the files that a login needs, too. */
export function addGuards(app: App, gate: Gate, answers: Answers): void {
  app.use(setHeaders);
  app.use(async (c, next) => {
    if (gate.isOurHost(asking(c))) return await next();
    return c.text('This name is not that of the page (web.origin in the configuration).\n', 421);
  });
  app.get('/assets/:name', (c) => {
    const asset = findAsset(c.req.param('name'));
    if (asset === undefined) return c.notFound();
    return c.body(asset.content, 200, { 'Content-Type': asset.type, 'Cache-Control': 'no-cache' });
  });
  app.post('*', bodyLimit({ maxSize: MOST_BODY }), async (c, next) => {
    if (!gate.isOurOrigin(asking(c)))
      return answers.refuse(c, 'This form was not sent by this page. Nothing was changed.');
    if (await isReadable(c)) return await next();
    return answers.refuse(c, 'This form cannot be read. Nothing was changed.', 400);
  });
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
