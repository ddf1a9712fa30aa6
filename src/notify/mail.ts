/** Sends a composed mail by SMTP or through the sendmail program. Rejects when it was not accepted: it stays in the outbox. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { type CommandResult, runCommand } from '../base/commands.ts';
import { dropUndefined } from '../base/defined.ts';
import { replaceFile } from '../base/files.ts';
import { formatDuration } from '../base/time.ts';
import { networkSet } from '../model/address.ts';

/** How mails leave: one of two ways. `passwordFile` is read at every attempt. */
export type MailRoute =
  | {
      readonly kind: 'smtp';
      readonly host: string;
      readonly port: number;
      readonly secure: boolean;
      readonly user?: string;
      readonly passwordFile?: string;
    }
  | { readonly kind: 'sendmail'; readonly path: string };

/** What goes out. `messageId` stays the same at every attempt, so that a receiver can tell a copy. */
export interface Mail {
  readonly messageId: string;
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly created: number;
}

export interface Notifier {
  /** Resolves when the next hop has accepted the mail, rejects otherwise, and as soon as `signal` is aborted. */
  send(mail: Mail, signal?: AbortSignal): Promise<void>;
}

const TIMEOUT = 30_000;
/** Of what a program says, characters. */
const MOST_SAID = 300;

/** RFC 3834 5: no vacation message and no other robot answers these. */
const HEADERS = { 'Auto-Submitted': 'auto-generated', Precedence: 'bulk' };

/** A notifier for this route; the password is read at every attempt, so that a changed file is enough. */
export function mailNotifier(route: MailRoute, from: string): Notifier {
  return {
    async send(mail, signal) {
      if (route.kind === 'sendmail') return await throughProgram(route.path, mail, from, signal);
      const transport = transportFor(route);
      const stopped = signal === undefined ? {} : { signal };
      try {
        await transport.sendMail({ ...buildOptions(mail, from), ...stopped });
      } finally {
        transport.close();
      }
    },
  };
}

/** Writes mails into a folder instead of sending them: the demo, and trying things out. */
export function folderNotifier(folder: string, from: string): Notifier {
  return {
    async send(mail) {
      const { message } = await composed(mail, from);
      const name = mail.messageId.replace(/[^\w.-]/g, '');
      replaceFile(join(folder, `${name}.eml`), message);
    },
  };
}

/** Like sendmail(1): sender and recipients are arguments, a line with a dot is no end. Rejects with what it said. */
async function throughProgram(
  path: string,
  mail: Mail,
  from: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { message, envelope } = await composed(mail, from, { newline: 'unix' });
  const option = [envelope.from, ...envelope.to].find((address) => /^"?-/.test(address));
  if (option !== undefined) throw new Error(`${path}: would take ${option} for an option`);
  const argv = [path, '-i', '-f', envelope.from, ...envelope.to];
  const input = message.toString('utf8');
  const stopped = signal === undefined ? {} : { signal };
  const result = await runCommand(argv, { timeout: TIMEOUT, input, ...stopped });
  if (result.status === 0) return;
  const said = result.stderr
    .trim()
    .replaceAll(/\s*\n\s*/g, '; ')
    .slice(0, MOST_SAID);
  const why = [`${path}: ${howEnded(result)}`, said].filter((part) => part !== '').join(': ');
  // Killed in the middle: it may have taken the mail before.
  const isKilled = result.status === null && result.failure === undefined;
  throw Object.assign(new Error(why), isKilled ? { code: 'ETIMEDOUT' } : {});
}

function howEnded({ status, timedOut, failure }: CommandResult): string {
  if (failure !== undefined) return `cannot be started: ${failure}`;
  if (timedOut) return `took longer than ${formatDuration(TIMEOUT)}`;
  return status === null ? 'was killed' : `exit status ${status}`;
}

interface Composed {
  readonly message: Buffer;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
}

/** The mail as bytes, with the line ends of the wire unless others are asked for. */
async function composed(
  mail: Mail,
  from: string,
  ends: { readonly newline?: 'unix' } = {},
): Promise<Composed> {
  const transport = createTransport({ streamTransport: true, buffer: true, ...ends });
  const { message, envelope } = await transport.sendMail(buildOptions(mail, from));
  return {
    message: message as Buffer,
    envelope: { from: envelope.from || from, to: envelope.to },
  };
}

function buildOptions(mail: Mail, from: string): SendMailOptions {
  const { messageId, recipient, subject, text, html, created } = mail;
  return {
    from,
    to: recipient,
    subject,
    text,
    html,
    date: new Date(created),
    messageId,
    headers: HEADERS,
  };
}

function transportFor(route: MailRoute & { readonly kind: 'smtp' }): Transporter {
  const { host, port, secure, user, passwordFile } = route;
  const isExposed = user !== undefined && !isThisHost(host);
  const pass =
    passwordFile === undefined ? '' : readFileSync(passwordFile, 'utf8').split('\n', 1)[0];
  return createTransport(
    dropUndefined({
      host,
      port,
      secure,
      connectionTimeout: TIMEOUT,
      greetingTimeout: TIMEOUT,
      socketTimeout: TIMEOUT,
      // The next hop is usually this very machine with a self-signed certificate. A password goes to another one only
      // in TLS, whatever somebody in between makes of its answers, and only to who has a certificate for that name.
      requireTLS: isExposed && !secure,
      tls: { rejectUnauthorized: isExposed },
      auth: user === undefined ? undefined : { user, pass: pass ?? '' },
    }),
  );
}

const LOOPBACK = networkSet(['127.0.0.0/8', '::1']);

function isThisHost(host: string): boolean {
  return host.toLowerCase() === 'localhost' || LOOPBACK.has(host);
}
