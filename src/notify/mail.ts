/** Sends a composed mail by SMTP or through sendmail. Rejects if the mail was not accepted; it stays in the outbox. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SendMailOptions, Transporter } from 'nodemailer';
import { type CommandResult, runCommand } from '../base/commands.ts';
import { dropUndefined } from '../base/defined.ts';
import { replaceFile } from '../base/files.ts';
import { formatDuration } from '../base/time.ts';
import { networkSet } from '../model/address.ts';

/** How mails are sent. `passwordFile` is read at every attempt. */
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

/** A mail. `messageId` is the same at every attempt, so that a receiver recognizes a copy. */
export interface Mail {
  readonly messageId: string;
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** that the HTML shows, as `cid:NAME` */
  readonly images?: readonly MailImage[];
  readonly created: number;
}

/** A PNG image. The name is letters and hyphens. */
export interface MailImage {
  readonly name: string;
  readonly content: Buffer;
}

export interface Notifier {
  /** Resolves when the next hop has accepted the mail. Rejects if it has not, and as soon as `signal` is aborted. */
  send(mail: Mail, signal?: AbortSignal): Promise<void>;
}

const TIMEOUT = 30_000;
/** Characters of an error message from sendmail. */
const LONGEST_MESSAGE = 300;

/** RFC 3834 5: vacation programs and other robots do not answer such mail. */
const HEADERS = { 'Auto-Submitted': 'auto-generated', Precedence: 'bulk' };

/** A notifier for this route. It reads the password at every attempt, so you only need to change the file. */
export function mailNotifier(route: MailRoute, from: string): Notifier {
  return {
    async send(mail, signal) {
      if (route.kind === 'sendmail')
        return await sendThroughProgram(route.path, mail, from, signal);
      const transport = await buildTransport(route);
      try {
        await transport.sendMail(dropUndefined({ ...buildOptions(mail, from), signal }));
      } finally {
        transport.close();
      }
    },
  };
}

/** Writes mails into a folder instead of sending them: for the demo, and for trials. */
export function folderNotifier(folder: string, from: string): Notifier {
  return {
    async send(mail) {
      const { message } = await buildMessage(mail, from);
      const name = mail.messageId.replace(/[^\w.-]/g, '');
      replaceFile(join(folder, `${name}.eml`), message);
    },
  };
}

/** As sendmail(1) expects it: sender and recipients as arguments, and -i. Rejects with the program's message. */
async function sendThroughProgram(
  path: string,
  mail: Mail,
  from: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { message, envelope } = await buildMessage(mail, from, { newline: 'unix' });
  const option = [envelope.from, ...envelope.to].find((address) => /^"?-/.test(address));
  if (option !== undefined) throw new Error(`${path}: would read ${option} as an option`);
  const argv = [path, '-i', '-f', envelope.from, ...envelope.to];
  const input = message.toString('utf8');
  const result = await runCommand(argv, dropUndefined({ timeout: TIMEOUT, input, signal }));
  if (result.status === 0) return;
  const said = result.stderr
    .trim()
    .replaceAll(/\s*\n\s*/g, '; ')
    .slice(0, LONGEST_MESSAGE);
  const why = [`${path}: ${describeEnd(result)}`, said].filter((part) => part !== '').join(': ');
  // If it was killed, it may have accepted the mail before.
  const isKilled = result.status === null && result.failure === undefined;
  throw Object.assign(new Error(why), isKilled ? { code: 'ETIMEDOUT' } : {});
}

function describeEnd({ status, timedOut, failure }: CommandResult): string {
  if (failure !== undefined) return `cannot be started: ${failure}`;
  if (timedOut) return `took longer than ${formatDuration(TIMEOUT)}`;
  return status === null ? 'was killed' : `exit status ${status}`;
}

interface Message {
  readonly message: Buffer;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
}

/** The mail as bytes, with CRLF line ends unless `newline` says otherwise. */
async function buildMessage(
  mail: Mail,
  from: string,
  options: { readonly newline?: 'unix' } = {},
): Promise<Message> {
  const { createTransport } = await loadMailer();
  const transport = createTransport({ streamTransport: true, buffer: true, ...options });
  const { message, envelope } = await transport.sendMail(buildOptions(mail, from));
  return {
    message: message as Buffer,
    envelope: { from: envelope.from || from, to: envelope.to },
  };
}

function buildOptions(mail: Mail, from: string): SendMailOptions {
  const { messageId, recipient, subject, text, html, images = [], created } = mail;
  return {
    from,
    to: recipient,
    subject,
    text,
    html,
    attachments: images.map(({ name, content }) => ({
      filename: `${name}.png`,
      cid: name,
      content,
      contentType: 'image/png',
      contentDisposition: 'inline' as const,
    })),
    date: new Date(created),
    messageId,
    headers: HEADERS,
  };
}

/** Loaded with the first mail: most servers send a few in a month, and it takes 1 MB of memory. */
function loadMailer(): Promise<typeof import('nodemailer')> {
  return import('nodemailer');
}

async function buildTransport(route: MailRoute & { readonly kind: 'smtp' }): Promise<Transporter> {
  const { host, port, secure, user, passwordFile } = route;
  const isExposed = user !== undefined && !isThisHost(host);
  const pass =
    passwordFile === undefined ? '' : readFileSync(passwordFile, 'utf8').split('\n', 1)[0];
  const { createTransport } = await loadMailer();
  return createTransport(
    dropUndefined({
      host,
      port,
      secure,
      connectionTimeout: TIMEOUT,
      greetingTimeout: TIMEOUT,
      socketTimeout: TIMEOUT,
      // The next hop is usually this machine, with a self-signed certificate. A password is sent to another machine only
      // over TLS, even if someone in between changes its answers, and only if it has a certificate for that name.
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
