/** What the notice says when many people write through one client: who is shut out, where, and how many that hits. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { type Scratch, scratch } from './scratch.ts';

let at: Scratch | undefined;
afterEach(() => at?.remove());

const PEOPLE = Array.from({ length: 12 }, (_, n) => `clerk${n}@example.net`);
const THIEF = 'thief@example.net';

let serial = 0;

/** Mail of the web server 10.0.0.80, as Postfix logs it: to somebody, or to nobody. */
function postfixMail(sender: string, isDead: boolean): string[] {
  const id = `A${(++serial).toString(16).toUpperCase().padStart(9, '0')}`;
  const prefix = `${new Date().toISOString()} mx1 postfix`;
  const outcome = isDead
    ? 'dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 User unknown (in reply to RCPT TO command))'
    : 'dsn=2.0.0, status=sent (250 2.0.0 Ok)';
  return [
    `${prefix}/smtpd[811]: ${id}: client=web.lan[10.0.0.80]`,
    `${prefix}/qmgr[700]: ${id}: from=<${sender}>, size=1000, nrcpt=1 (queue active)`,
    `${prefix}/smtp[822]: ${id}: to=<r${serial}@example.org>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, ${outcome}`,
    `${prefix}/qmgr[700]: ${id}: removed`,
  ];
}

/** The same as Exim logs it. */
function eximMail(sender: string, isDead: boolean): string[] {
  const id = `1xU${(++serial).toString(16).padStart(3, '0')}-0000000abcD-0efG`;
  const stamp = new Date().toISOString().slice(0, 19).replace('T', ' ');
  const server = 'R=dnslookup T=remote_smtp H=mx.example.org [198.51.100.9]';
  return [
    `${stamp} ${id} <= ${sender} H=web.lan [10.0.0.80] P=esmtp S=1000`,
    isDead
      ? `${stamp} ${id} ** r${serial}@example.org ${server}: SMTP error from remote mail server after RCPT TO:<r${serial}@example.org>: 550 5.1.1 User unknown`
      : `${stamp} ${id} => r${serial}@example.org ${server} C="250 OK"`,
    `${stamp} ${id} Completed`,
  ];
}

type WriteMail = typeof postfixMail;

/** Honest mail of a dozen people, then ten refusals of these senders in turn. */
function mails(mail: WriteMail, bad: readonly string[]): string[] {
  const sound = PEOPLE.flatMap((sender) => mail(sender, false));
  return [
    ...sound,
    ...Array.from({ length: 10 }, (_, n) => mail(bad[n % bad.length] ?? '', true)).flat(),
  ];
}

/** The text of a quoted-printable mail (RFC 2045 6.7) in one line. */
function unfold(mail: string): string {
  return mail.replace(/=\r?\n/g, '').replace(/\s+/g, ' ');
}

async function noticeOf(installation: Scratch, lines: readonly string[]): Promise<string> {
  at = installation;
  at.write(...lines);
  at.start();
  const notices = () => installation.mails().map(unfold);
  await expect.poll(() => notices().length, { timeout: 30_000 }).toBe(1);
  return notices()[0] ?? '';
}

it('a sender at a gateway, with the policy service', async () => {
  const postfix = scratch();
  const plain = readFileSync(postfix.config, 'utf8');
  const mapped = plain.replace('sender: false', 'sender: { file: maps/senders, type: texthash }');
  writeFileSync(postfix.config, `${mapped}policy: { listen: "unix:${postfix.path('policy')}" }\n`);
  const notice = await noticeOf(postfix, mails(postfixMail, [THIEF]));
  expect(notice).toContain('The sender is shut out at 10.0.0.80 only, by the policy service.');
});

it('a sender at a gateway, with block files alone', async () => {
  const exim = scratch({ mta: 'exim', extra: 'zone: UTC\n' });
  const notice = await noticeOf(exim, mails(eximMail, [THIEF]));
  expect(notice).toContain(
    'The sender is shut out everywhere, since block files know no places. It was found at 10.0.0.80.',
  );
});

it('a gateway whose senders are made up', async () => {
  const forged = Array.from({ length: 10 }, (_, n) => `forged${n}@example.net`);
  const exim = scratch({ mta: 'exim', extra: 'zone: UTC\n' });
  const notice = await noticeOf(exim, mails(eximMail, forged));
  expect(notice).toMatch(/10\.0\.0\.80.*This hits 17 different senders that wrote through it/);
});
