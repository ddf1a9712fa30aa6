/** How Exim logs what happens: the main log of 4.98 with Debian's selectors. */
import type { Act, Guess, Mail, Refusals } from './acts.ts';
import type { LogBook } from './logbook.ts';
import { type Attempt, type Round, roundsOf } from './rounds.ts';
import type { Answer, Site, Submitter } from './story.ts';

const TLS = 'X=TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256';

export function logExim(book: LogBook, act: Act): void {
  switch (act.kind) {
    case 'mail':
      return logMail(book, act);
    case 'guess':
      return logGuess(book, act);
    case 'refusals':
      return logRefusals(book, act);
  }
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

function letters({ random }: LogBook, count: number): string {
  return Array.from({ length: count }, () => BASE62[random.below(62)]).join('');
}

function messageId(book: LogBook): string {
  return `1u${letters(book, 4)}-0000000${letters(book, 4)}-${letters(book, 4)}`;
}

function logMail(book: LogBook, mail: Mail): void {
  const id = messageId(book);
  const size = 900 + book.random.below(40_000);
  const sender = mail.sender === '' ? '<>' : mail.sender;
  const tail = `S=${size} id=${book.random.hex(8).toLowerCase()}@pigeon.example`;
  book.add(mail.at, `${id} <= ${sender} ${originOf(mail)} ${tail}`);
  for (const round of roundsOf(mail.to, mail.at + 300)) logRound(book, mail, id, round);
}

function originOf({ by, address }: Mail): string {
  switch (by.kind) {
    case 'account':
      return `U=${by.account} P=local`;
    case 'login':
      return `${hostOf(by, address)} P=esmtpsa ${TLS} CV=no A=plain:${by.user}`;
    default:
      return `${hostOf(by, address)} P=esmtps ${TLS} CV=no`;
  }
}

function hostOf(by: Submitter, address: string): string {
  if (by.kind === 'login') return `H=([10.0.2.15]) [${address}]`;
  return by.kind === 'account' || by.name === 'unknown'
    ? `H=(mail) [${address}]`
    : `H=${by.name} [${address}]`;
}

function logRound(book: LogBook, mail: Mail, id: string, round: Round): void {
  for (const attempt of round.attempts) book.add(attempt.at, `${id} ${outcomeOf(attempt)}`);
  const failed = round.attempts.some(({ answer }) => answer.outcome === 'bounced');
  if (failed && mail.sender !== '') notify(book, mail.sender, id, round.end + 20);
  if (!round.isOpen) book.add(round.end + 40, `${id} Completed`);
}

function outcomeOf({ to: { address, original, site }, answer }: Attempt): string {
  const who = original === undefined ? address : `${address} <${original}>`;
  const text = answer.reply.join('\\n');
  if (site.agent !== 'smtp' && site.agent !== 'relay') {
    return localOutcome(site.agent, who, address, answer);
  }
  const server = `H=${site.host} [${site.address}]`;
  const route = `R=dnslookup T=remote_smtp`;
  switch (answer.outcome) {
    case 'sent':
      return `=> ${who} ${route} ${server} ${TLS} CV=yes C="${text}"`;
    case 'deferred':
      if (answer.stage === 'none')
        return `== ${who} ${route} defer (110): Connection timed out ${server}`;
      return `== ${who} ${route} defer (${ERRNO[answer.stage]}) ${server}: ${stageText(answer.stage, address)}: ${text}`;
    case 'bounced':
      if (answer.stage === 'none') return `** ${who}: Unrouteable address`;
      return `** ${who} ${route} ${server} ${TLS} CV=yes: ${stageText(answer.stage, address)}: ${text}`;
  }
}

type LocalAgent = Exclude<Site['agent'], 'smtp' | 'relay'>;

const LOCAL_ROUTES = {
  lmtp: 'R=virtual_user T=dovecot_lmtp',
  pipe: 'R=virtual_user T=dovecot_delivery',
  virtual: 'R=virtual_user T=virtual_delivery',
  local: 'R=local_user T=mail_spool',
};

function localOutcome(agent: LocalAgent, who: string, to: string, answer: Answer): string {
  const route = LOCAL_ROUTES[agent];
  const text = answer.reply.join('\\n');
  if (answer.outcome === 'sent') return `=> ${to.split('@')[0]} <${to}> ${route}`;
  if (answer.outcome === 'deferred') return `== ${who} ${route} defer (-1): ${text}`;
  switch (agent) {
    case 'lmtp':
      return `** ${who} ${route}: LMTP error from remote mail server after RCPT TO:<${to}>: ${text}`;
    case 'pipe':
      return `** ${who} ${route}: Child process of dovecot_delivery transport returned 67 (could mean addressee unknown) from command: /usr/lib/dovecot/dovecot-lda`;
    default:
      return `** ${who}: Unrouteable address`;
  }
}

/** Exim's numbers for a 4yz reply to each command. */
const ERRNO = { CONNECT: 0, MAIL: -45, RCPT: -44, DATA: -46 } as const;

function stageText(stage: keyof typeof ERRNO, to: string): string {
  const after = {
    CONNECT: 'initial connection',
    MAIL: 'pipelined MAIL FROM',
    RCPT: `RCPT TO:<${to}>`,
    DATA: 'end of data',
  };
  return `SMTP error from remote mail server after ${after[stage]}`;
}

/** The notification about what bounced, back to the sender. */
function notify(book: LogBook, sender: string, parent: string, at: number): void {
  const id = messageId(book);
  book.add(at, `${id} <= <> R=${parent} U=Debian-exim P=local S=3311`);
  book.add(at + 60, `${id} => ${sender.split('@')[0]} <${sender}> R=virtual_user T=dovecot_lmtp`);
  book.add(at + 61, `${id} Completed`);
}

function logGuess(book: LogBook, { at, address, user }: Guess): void {
  book.add(
    at,
    `plain_login authenticator failed for (User) [${address}]: 535 Incorrect authentication data (set_id=${user})`,
  );
}

function logRefusals(book: LogBook, { at, by, address, sender, recipients }: Refusals): void {
  const auth = by.kind === 'login' ? ` A=plain:${by.user}` : '';
  recipients.forEach((to, index) => {
    book.add(
      at + 200 * index,
      `${hostOf(by, address)} F=<${sender}>${auth} rejected RCPT <${to}>: Unknown user`,
    );
  });
}
