/**
 * A hook that is a web server: each event is a POST with a JSON body, signed as standardwebhooks.com describes, so that
 * its receivers in every language can check it. A reply 2xx says that it was taken.
 */
import { createHmac } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import { formatDuration, SECOND, systemClock } from '../base/time.ts';
import { HookFailure } from './failure.ts';
import type { Notifier } from './mail.ts';

interface WebhookRoute {
  readonly url: string;
  readonly secretFile?: string;
}

/** Replies that are about this one event. Others (401, 404, 5xx) are about the receiver, which is asked again later. */
const ABOUT_THE_EVENT: ReadonlySet<number> = new Set([400, 409, 413, 415, 422]);

/** Posts to `route.url`; an attempt ends after `timeout` ms, whatever the receiver does. Redirections are not followed. */
export function webhook({ url, secretFile }: WebhookRoute, timeout: number): Notifier {
  return {
    async send({ messageId, text }, signal) {
      const headers = {
        'Content-Type': 'application/json',
        'User-Agent': 'postern',
        ...sign(messageId, text, secretFile),
      };
      const status = await post(url, { headers, body: text, timeout, signal });
      if (status >= 200 && status < 300) return;
      const isMoved = status >= 300 && status < 400;
      const why = isMoved ? `HTTP ${status}: it has moved, name the new address` : `HTTP ${status}`;
      throw new HookFailure(why, ABOUT_THE_EVENT.has(status) ? 'mail' : 'hop');
    },
  };
}

interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

/** The status of the reply. What else it says is not read. */
async function post(url: string, { headers, body, timeout, signal }: Post): Promise<number> {
  const limit = AbortSignal.timeout(timeout);
  const until = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: until,
    });
    await reply.body?.cancel();
    return reply.status;
  } catch (error) {
    throw new HookFailure(
      limit.aborted ? `no answer within ${formatDuration(timeout)}` : describe(error),
      'hop',
    );
  }
}

/** The reason is in the cause: fetch itself says only that it failed. The address may hold a secret and is not shown. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = getErrno(cause);
  return code?.startsWith('E') === true ? code : getMessage(cause);
}

/** The headers of a signed event; `webhook-id` alone without a secret. */
function sign(id: string, body: string, secretFile: string | undefined): Record<string, string> {
  const timestamp = String(Math.floor(systemClock.now() / SECOND));
  const unsigned = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secretFile === undefined) return unsigned;
  const signatures = readSecrets(secretFile).map((secret) => signWith(secret, id, timestamp, body));
  return { ...unsigned, 'webhook-signature': signatures.join(' ') };
}

/** `v1,` and the HMAC-SHA256 of number, time and body in base64. */
export function signWith(secret: Buffer, id: string, timestamp: string, body: string): string {
  const hash = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`);
  return `v1,${hash.digest('base64')}`;
}

/** A secret that can be guessed protects nothing; the length that standardwebhooks.com asks for. */
const SHORTEST_SECRET = 24;

/**
 * The secrets of a file, one a line: `whsec_` and base64, or any other text as it is. Several while a secret is being
 * replaced: then each signs. Throws a PosternError when there is none, or everybody can read it.
 */
export function readSecrets(file: string): Buffer[] {
  const fail = (text: string) =>
    new PosternError('configuration', `${file}: ${text}`, { place: { file } });
  let lines: string[];
  try {
    if ((statSync(file).mode & 0o007) !== 0)
      throw fail(`everybody can read the secret: chmod 640 ${file}`);
    lines = readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw fail(`the secret cannot be read (${getErrno(error) ?? getMessage(error)})`);
  }
  const secrets = lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) =>
      line.startsWith('whsec_') ? Buffer.from(line.slice(6), 'base64') : Buffer.from(line),
    );
  if (secrets.length === 0) throw fail('expected a secret in its first line, found nothing');
  if (secrets.some(({ length }) => length < SHORTEST_SECRET))
    throw fail(`expected a secret of at least ${SHORTEST_SECRET} bytes`);
  return secrets;
}
