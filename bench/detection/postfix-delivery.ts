/** How Postfix logs delivery: rounds of attempts, the DSN for what bounced, the end of the message. */
import type { Mail } from './acts.ts';
import type { LogBook } from './logbook.ts';
import { type Round, roundsOf } from './rounds.ts';
import type { Addressee, Answer, Site } from './story.ts';

/** All delivery attempts of a message, the first of them at `at` (ms). */
export function deliver(book: LogBook, mail: Mail, id: string, at: number): void {
  const rounds = roundsOf(mail.to, at);
  for (const [number, round] of rounds.entries()) {
    if (number > 0) {
      book.add(
        round.at - 10,
        `postfix/qmgr[2918]: ${id}: from=<${mail.sender}>, size=2212, nrcpt=${mail.to.length} (queue active)`,
      );
    }
    for (const { to, answer, at } of round.attempts) book.add(at, attempt(book, id, to, answer));
    if (round.attempts.some(({ answer }) => answer.outcome === 'bounced'))
      notify(book, mail, id, round);
  }
  const last = rounds.at(-1) as Round;
  if (last.isOpen) return;
  book.add(last.end + 40, `postfix/qmgr[2918]: ${id}: removed`);
}

function attempt(book: LogBook, id: string, to: Addressee, answer: Answer): string {
  const { site, address, original } = to;
  const seconds = 1 + book.random.below(4);
  const typed = original === undefined ? '' : `, orig_to=<${original}>`;
  return `${daemonOf(site)}[${book.pid()}]: ${id}: to=<${address}>${typed}, relay=${relayOf(site, answer)}, delay=${seconds}.4, delays=0.2/0.01/0.3/${seconds}, dsn=${statusOf(answer)}, status=${answer.outcome} (${textOf(site, answer)})`;
}

function daemonOf({ agent }: Site): string {
  return agent === 'relay' ? 'postfix/relay/smtp' : `postfix/${agent}`;
}

function relayOf(site: Site, { stage }: Answer): string {
  switch (site.agent) {
    case 'lmtp':
      return `${site.host}[private/dovecot-lmtp]`;
    case 'virtual':
    case 'local':
      return site.agent;
    case 'pipe':
      return 'dovecot';
    default:
      return stage === 'none' ? 'none' : `${site.host}[${site.address}]:25`;
  }
}

/** Where a reply has no enhanced status, Postfix makes one of its first digit. */
export function statusOf({ reply, status }: Answer): string {
  const last = reply.at(-1) ?? '';
  return status ?? /^\d{3} (\d\.\d+\.\d+)/.exec(last)?.[1] ?? `${last[0]}.0.0`;
}

const COMMANDS = { MAIL: 'MAIL FROM', RCPT: 'RCPT TO', DATA: 'end of DATA' } as const;

function textOf(site: Site, { outcome, reply, stage }: Answer): string {
  const text = reply.join(' ');
  if (outcome === 'sent' || stage === 'none') return text;
  const host = `host ${site.host}[${site.agent === 'lmtp' ? 'private/dovecot-lmtp' : site.address}]`;
  if (stage === 'CONNECT') return `${host} refused to talk to me: ${text}`;
  return `${host} said: ${text} (in reply to ${COMMANDS[stage]} command)`;
}

/** The notification about what bounced in this round, back to the sender. */
function notify(book: LogBook, { by, sender }: Mail, id: string, { end }: Round): void {
  if (sender === '') return;
  const dsn = book.queueId();
  const relay =
    by.kind === 'stranger'
      ? `mx.${sender.split('@')[1]}[203.0.113.200]:25`
      : 'post.pigeon.example[private/dovecot-lmtp]';
  const agent = by.kind === 'stranger' ? 'smtp' : 'lmtp';
  book.add(
    end + 10,
    `postfix/cleanup[${book.pid()}]: ${dsn}: message-id=<${book.serial()}.dsn@pigeon.example>`,
  );
  book.add(
    end + 20,
    `postfix/bounce[${book.pid()}]: ${id}: sender non-delivery notification: ${dsn}`,
  );
  book.add(end + 30, `postfix/qmgr[2918]: ${dsn}: from=<>, size=3311, nrcpt=1 (queue active)`);
  book.add(
    end + 90,
    `postfix/${agent}[${book.pid()}]: ${dsn}: to=<${sender}>, relay=${relay}, delay=0.1, delays=0.02/0/0/0.08, dsn=2.0.0, status=sent (250 2.0.0 <${sender}> ${book.random.hex(8)} Saved)`,
  );
  book.add(end + 95, `postfix/qmgr[2918]: ${dsn}: removed`);
}
