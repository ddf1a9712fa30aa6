/**
 * `postern audit --probe`: what a mail server answers to a stranger. Twenty classic forms of relaying, a recipient that does
 * not exist, VRFY, the null sender. Every transaction ends with RSET after RCPT: no message is ever sent.
 */
import { networkInterfaces } from 'node:os';
import { networkSet, parseNetwork } from '../model/address.ts';
import type { Mta } from '../model/event.ts';
import { type SmtpAnswer, SmtpSession } from '../probe/smtp-session.ts';
import type { MailIdentity } from './dns/identity.ts';
import { type Finding, type Hit, toFinding } from './finding.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A reserved domain that takes no mail (RFC 2606, RFC 7505). */
const FOREIGN = 'example.org';
const HELO = 'postern-probe.example.org';
/** A local part that nobody has. */
const NOBODY = 'postern-probe-1f8c';

/** Sender and recipient in which a foreign address hides; `own` is a domain of the server, `host` its name. */
interface Form {
  readonly sender: string;
  readonly recipient: string;
  /** the recipient is in an own domain: accepting it shows a relay only if unknown local parts are refused */
  readonly isDisguised: boolean;
}

/** The forms that relay tests try. `ip`: the address of the server. */
export function relayForms(own: string, host: string, ip: string): Form[] {
  const literal = ip.includes(':') ? `[IPv6:${ip}]` : `[${ip}]`;
  const user = `relay@${FOREIGN}`;
  const plain = [
    `probe@${FOREIGN}`,
    '',
    `postmaster@${own}`,
    `postmaster@${host}`,
    `postmaster@${literal}`,
    'postmaster@localhost',
    'postmaster',
  ];
  const bare = [
    `"${user}"`,
    `"relay%${FOREIGN}"`,
    `@${own}:${user}`,
    `@${literal}:${user}`,
    `${FOREIGN}!relay`,
  ];
  const disguised = [
    `relay%${FOREIGN}@${own}`,
    `relay%${FOREIGN}@${literal}`,
    `relay%${FOREIGN}@${host}`,
    `${user}@${own}`,
    `${user}@${literal}`,
    `"${user}"@${own}`,
    `"${user}"@${literal}`,
    `${FOREIGN}!relay@${own}`,
  ];
  const sender = `probe@${FOREIGN}`;
  return [
    ...plain.map((each) => ({ sender: each, recipient: user, isDisguised: false })),
    ...bare.map((recipient) => ({ sender, recipient, isDisguised: false })),
    ...disguised.map((recipient) => ({ sender, recipient, isDisguised: true })),
  ];
}

/** Addresses of this machine. */
export function ownAddresses(): string[] {
  const found = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return found.filter(({ address }) => !address.startsWith('fe80:')).map(({ address }) => address);
}

interface Probe {
  readonly target: Target;
  readonly identity: MailIdentity;
  readonly mta: Mta;
  readonly notes: Set<string>;
}

/** Tries everything; a server that does not answer gives a note. */
export async function probe({ target, identity, mta, notes }: Probe): Promise<Finding[]> {
  const own = identity.domains[0] ?? identity.helo.name;
  const session = await open(target);
  if (typeof session === 'string') {
    notes.add(`${describe(target)} was not probed: ${session}`);
    return [];
  }
  const isTrusted = mayRelay(session.localAddress, identity.relayNetworks);
  if (isTrusted)
    notes.add(
      `the probe reaches ${describe(target)} from ${session.localAddress}, which may relay, so no relaying was tried; name an address of this host that may not: --probe ADDRESS`,
    );
  const find = (id: Finding['id'], hits: readonly Hit[]) =>
    hits.map((hit) => toFinding(id, mta, hit));
  const verified = await tryVerify(session, own, target);
  const bounces = await tryNullSender(session, own, target);
  session.close();
  const unknown = isTrusted
    ? undefined
    : await tryRecipient(target, { sender: `probe@${HELO}`, recipient: `${NOBODY}@${own}` });
  const takesAll = unknown !== undefined && isAccepted(unknown.answer);
  const relays = isTrusted
    ? []
    : await tryForms(target, relayForms(own, identity.helo.name, target.host), takesAll);
  return [
    ...find('open-relay', relays),
    ...find(
      'no-recipient-check',
      takesAll && unknown !== undefined
        ? [
            {
              evidence: unknown.evidence,
              fix: 'run postern audit without --probe: it names the parameter or statement',
            },
          ]
        : [],
    ),
    ...find('null-sender-refused', bounces),
    ...find('vrfy', verified),
  ];
}

function describe({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function mayRelay(address: string | undefined, networks: readonly string[]): boolean {
  const known = networks.filter(
    (network) => !network.startsWith('!') && parseNetwork(network) !== undefined,
  );
  return address !== undefined && networkSet(known).has(address.replace(/^::ffff:/, ''));
}

/** A session after EHLO; or why there is none. */
async function open({ host, port }: Target): Promise<SmtpSession | string> {
  const session = new SmtpSession(host, port);
  const greeting = await session.reply();
  const answer =
    'code' in greeting && greeting.code === 220 ? await session.command(`EHLO ${HELO}`) : greeting;
  if ('code' in answer && answer.code === 250) return session;
  session.close();
  return 'failure' in answer ? answer.failure : `it answers ${answer.code} ${answer.text}`;
}

function isAccepted(answer: SmtpAnswer): boolean {
  return 'code' in answer && answer.code >= 200 && answer.code < 300;
}

function shown(answer: SmtpAnswer): string {
  return 'failure' in answer ? answer.failure : `${answer.code} ${answer.text}`;
}

type Tried = { readonly answer: SmtpAnswer; readonly evidence: Hit['evidence'] };

async function tryTransaction(
  session: SmtpSession,
  target: Target,
  { sender, recipient }: Pick<Form, 'sender' | 'recipient'>,
): Promise<Tried> {
  const mail = await session.command(`MAIL FROM:<${sender}>`);
  const answer = isAccepted(mail) ? await session.command(`RCPT TO:<${recipient}>`) : mail;
  await session.command('RSET');
  const text = `MAIL FROM:<${sender}>, RCPT TO:<${recipient}>: ${shown(answer)}`;
  return { answer, evidence: { file: describe(target), line: null, text } };
}

/** In a session of its own: servers hang up after some errors. */
async function tryRecipient(
  target: Target,
  form: Pick<Form, 'sender' | 'recipient'>,
): Promise<Tried | undefined> {
  const session = await open(target);
  if (typeof session === 'string') return undefined;
  const tried = await tryTransaction(session, target, form);
  session.close();
  return tried;
}

/** Errors in one session are counted, and slowed down from the tenth on (Postfix smtpd_soft_error_limit). */
const FORMS_AT_ONCE = 5;

async function tryForms(target: Target, forms: readonly Form[], takesAll: boolean): Promise<Hit[]> {
  const found: Hit[] = [];
  for (let at = 0; at < forms.length; at += FORMS_AT_ONCE) {
    const session = await open(target);
    if (typeof session === 'string') continue;
    for (const form of forms.slice(at, at + FORMS_AT_ONCE)) {
      if (form.isDisguised && takesAll) continue;
      const { answer, evidence } = await tryTransaction(session, target, form);
      if (isAccepted(answer))
        found.push({
          evidence,
          fix: 'run postern audit without --probe: it names the parameter or statement that lets this through',
        });
    }
    session.close();
  }
  return found;
}

/** RFC 5321 3.5.3: 252 for everybody says nothing; another answer for those who do not exist tells who does. */
async function tryVerify(session: SmtpSession, own: string, target: Target): Promise<Hit[]> {
  const known = await session.command(`VRFY postmaster@${own}`);
  const unknown = await session.command(`VRFY ${NOBODY}@${own}`);
  const isRefused = 'code' in unknown && unknown.code >= 550;
  if (!isAccepted(known) || !isRefused) return [];
  const text = `VRFY postmaster@${own}: ${shown(known)}; VRFY ${NOBODY}@${own}: ${shown(unknown)}`;
  return [
    {
      evidence: { file: describe(target), line: null, text },
      fix: "postconf -e 'disable_vrfy_command = yes' && postfix reload; Exim: remove acl_smtp_vrfy",
    },
  ];
}

async function tryNullSender(session: SmtpSession, own: string, target: Target): Promise<Hit[]> {
  const { answer, evidence } = await tryTransaction(session, target, {
    sender: '',
    recipient: `postmaster@${own}`,
  });
  if (!('code' in answer) || answer.code < 500) return [];
  const other = await tryTransaction(session, target, {
    sender: `probe@${HELO}`,
    recipient: `postmaster@${own}`,
  });
  // Where postmaster is refused whoever writes, the sender is not the reason.
  if (!isAccepted(other.answer)) return [];
  return [
    {
      evidence,
      fix: 'accept MAIL FROM:<>; run postern audit without --probe: it names the statement',
    },
  ];
}
