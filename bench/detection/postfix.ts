/** How Postfix logs what happens: the grammar of 3.7, one smtpd process for each session. */
import type { Act, Guess, Mail, Refusals } from './acts.ts';
import type { LogBook } from './logbook.ts';
import { deliver } from './postfix-delivery.ts';
import { SECOND, type Story } from './story.ts';

export function logPostfix(book: LogBook, act: Act, story: Story): void {
  switch (act.kind) {
    case 'mail':
      return logMail(book, act, story.filtered === true);
    case 'guess':
      return logGuess(book, act);
    case 'refusals':
      return logRefusals(book, act);
  }
}

function logMail(book: LogBook, mail: Mail, filtered: boolean): void {
  const id = book.queueId();
  const messageId = `${book.random.hex(8).toLowerCase()}.${book.serial()}@pigeon.example`;
  submit(book, mail, id, messageId);
  if (!filtered) return deliver(book, mail, id, mail.at + 300);
  const second = book.queueId();
  const at = mail.at + SECOND;
  const smtpd = `postfix/smtpd[${book.pid()}]:`;
  book.add(at, `${smtpd} ${second}: client=localhost[127.0.0.1]`);
  queue(book, second, mail, messageId, at + 20);
  for (const { address } of mail.to) book.add(at + 60, handOver(book, id, address, second));
  book.add(at + 61, `postfix/qmgr[2918]: ${id}: removed`);
  deliver(book, mail, second, at + 300);
}

/** What the content filter answers: the queue ID under which the message goes on. */
function handOver(book: LogBook, id: string, to: string, second: string): string {
  return `postfix/smtp-amavis/smtp[${book.pid()}]: ${id}: to=<${to}>, relay=127.0.0.1[127.0.0.1]:10024, delay=1.1, delays=0.1/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as ${second})`;
}

function submit(book: LogBook, mail: Mail, id: string, messageId: string): void {
  const { at, by, address, sender, to } = mail;
  if (by.kind === 'account') {
    book.add(at, `postfix/pickup[2917]: ${id}: uid=${by.uid} from=<${sender}>`);
    return queue(book, id, mail, messageId, at + 20);
  }
  const isLogin = by.kind === 'login';
  const client = `${isLogin ? 'unknown' : by.name}[${address}]`;
  const smtpd = `postfix/${isLogin ? 'submission/' : ''}smtpd[${book.pid()}]:`;
  const sasl = isLogin ? `, sasl_method=LOGIN, sasl_username=${by.user}` : '';
  book.add(at, `${smtpd} connect from ${client}`);
  book.add(at + 60, `${smtpd} ${id}: client=${client}${sasl}`);
  queue(book, id, mail, messageId, at + 90);
  const auth = isLogin ? ' auth=1' : '';
  book.add(
    at + 140,
    `${smtpd} disconnect from ${client} ehlo=2 starttls=1${auth} mail=1 rcpt=${to.length} data=1 quit=1 commands=${to.length + 5 + (isLogin ? 1 : 0)}`,
  );
}

function queue(book: LogBook, id: string, mail: Mail, messageId: string, at: number): void {
  const size = 900 + book.random.below(40_000);
  book.add(at, `postfix/cleanup[${book.pid()}]: ${id}: message-id=<${messageId}>`);
  book.add(
    at + 20,
    `postfix/qmgr[2918]: ${id}: from=<${mail.sender}>, size=${size}, nrcpt=${mail.to.length} (queue active)`,
  );
}

function logGuess(book: LogBook, { at, address, user }: Guess): void {
  const smtpd = `postfix/submission/smtpd[${book.pid()}]:`;
  const client = `unknown[${address}]`;
  book.add(at, `${smtpd} connect from ${client}`);
  book.add(
    at + 700,
    `${smtpd} warning: ${client}: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=${user}`,
  );
  book.add(at + 900, `${smtpd} disconnect from ${client} ehlo=1 auth=0/1 quit=1 commands=2/3`);
}

/** Before 3.10 a refusal does not name the login; the first accepted recipient of the session does. */
function logRefusals(book: LogBook, { at, by, address, sender, recipients }: Refusals): void {
  const isLogin = by.kind === 'login';
  const client = `${by.kind === 'stranger' ? by.name : 'unknown'}[${address}]`;
  const smtpd = `postfix/${isLogin ? 'submission/' : ''}smtpd[${book.pid()}]:`;
  book.add(at, `${smtpd} connect from ${client}`);
  recipients.forEach((to, index) => {
    book.add(
      at + 200 * (index + 1),
      `${smtpd} NOQUEUE: reject: RCPT from ${client}: 550 5.1.1 <${to}>: Recipient address rejected: User unknown in virtual mailbox table; from=<${sender}> to=<${to}> proto=ESMTP helo=<${isLogin ? '[10.0.2.15]' : 'mail'}>`,
    );
  });
  const end = at + 200 * (recipients.length + 1);
  if (isLogin)
    book.add(
      end,
      `${smtpd} ${book.queueId()}: client=${client}, sasl_method=LOGIN, sasl_username=${by.user}`,
    );
  book.add(
    end + 50,
    `${smtpd} disconnect from ${client} ehlo=1 mail=1 rcpt=0/${recipients.length} quit=1 commands=3/${3 + recipients.length}`,
  );
}
