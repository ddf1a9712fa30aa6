/** Sends a composed mail by SMTP or through the sendmail program. Rejects when it was not accepted: it stays in the outbox. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport, type SendMailOptions, type Transporter } from 'nodemailer';
import { replaceFile } from '../base/system.ts';

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
  /** Resolves when the next hop has accepted the mail, rejects otherwise. */
  send(mail: Mail): Promise<void>;
}

const TIMEOUT = 30_000;

/** RFC 3834 5: no vacation message and no other robot answers these. */
const HEADERS = { 'Auto-Submitted': 'auto-generated', Precedence: 'bulk' };

/** A notifier for this route; the password is read at every attempt, so that a changed file is enough. */
export function mailNotifier(route: MailRoute, from: string): Notifier {
  return {
    async send(mail) {
      const transport = transportFor(route);
      try {
        await transport.sendMail(optionsOf(mail, from));
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
      const transport = createTransport({ streamTransport: true, buffer: true });
      const { message } = await transport.sendMail(optionsOf(mail, from));
      const name = mail.messageId.replace(/[^\w.-]/g, '');
      replaceFile(join(folder, `${name}.eml`), message as Buffer);
    },
  };
}

function optionsOf(mail: Mail, from: string): SendMailOptions {
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

function transportFor(route: MailRoute): Transporter {
  if (route.kind === 'sendmail') {
    return createTransport({ sendmail: true, path: route.path, newline: 'unix' });
  }
  const { host, port, secure, user, passwordFile } = route;
  const pass =
    passwordFile === undefined ? '' : readFileSync(passwordFile, 'utf8').split('\n', 1)[0];
  return createTransport({
    host,
    port,
    secure,
    connectionTimeout: TIMEOUT,
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
    // The next hop is usually this very machine with a self-signed certificate; a password demands a real one.
    tls: { rejectUnauthorized: user !== undefined },
    ...(user === undefined ? {} : { auth: { user, pass: pass ?? '' } }),
  });
}
