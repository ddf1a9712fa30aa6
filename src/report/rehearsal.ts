/**
 * The outcome of a rehearsal: what each restriction would have refused, from whom, and whose mail was wanted all the
 * same. It counts only what the mail server itself logged.
 */
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import type { Style } from '../model/style.ts';
import type { RehearsedRefusal } from '../store/rehearsal.ts';
import type { Store } from '../store/store.ts';
import { nameRestriction } from './restriction-name.ts';

/**
 * How wanted the mail is. user: it came from one of our submitters. answered: one of them later wrote to the sender.
 * delivered: mail of this client and sender was delivered later, so no other check stopped it.
 */
const SIGNS = ['user', 'answered', 'delivered', 'none'] as const;
type Sign = (typeof SIGNS)[number];

/** A client with one sender that a restriction would have refused. */
interface RehearsedParty {
  readonly sign: Sign;
  readonly address: string | null;
  readonly name: string | null;
  readonly sender: string | null;
  /** the last recipient */
  readonly recipient: string | null;
  readonly refusals: number;
  /** recipients who got mail of this client and sender afterwards */
  readonly delivered: number;
  /** who wrote to the sender afterwards, `user:bob@example.net` */
  readonly answeredBy: string | null;
  /** who sent it, if it was one of ours */
  readonly submitter: string | null;
  /** one of the texts */
  readonly reply: string | null;
}

interface RehearsedRestriction {
  readonly restriction: string;
  readonly refusals: number;
  /** different client addresses */
  readonly clients: number;
  /** pairs of client and sender, by the best sign that their mail is wanted */
  readonly signs: Readonly<Record<Sign, number>>;
  /** those with a sign, the surest first; at most MOST_PARTIES */
  readonly wanted: readonly RehearsedParty[];
}

export interface Rehearsal {
  /** ms */
  readonly since: number;
  readonly until: number;
  readonly refusals: number;
  /** the most refusals first */
  readonly restrictions: readonly RehearsedRestriction[];
}

const MOST_PARTIES = 100;
const MOST_SHOWN = 10;

/** What is known of a client and sender, whatever the restriction. */
interface Outcome {
  /** first refusal, ms */
  readonly since: number;
  delivered: number;
}

type Party = { -readonly [Key in keyof RehearsedParty]: RehearsedParty[Key] };
interface Found {
  refusals: number;
  readonly addresses: Set<string | null>;
  readonly parties: Map<string, Party>;
}

/** `since` inclusive, `until` exclusive, ms. What was delivered and answered is looked for up to now. */
export function gatherRehearsal(store: Store, since: number, until: number): Rehearsal {
  const found = new Map<string, Found>();
  const outcomes = new Map<string, Outcome>();
  for (const refusal of store.rehearsal.refusals(since, until)) {
    addRefusal(found, refusal);
    const key = pairKey(refusal);
    if (!outcomes.has(key)) outcomes.set(key, { since: refusal.time, delivered: 0 });
  }
  const answers =
    found.size === 0 ? new Map<string, string>() : findOutcomes(store, since, outcomes);
  const restrictions = [...found].map(([restriction, each]) =>
    describe(restriction, each, outcomes, answers),
  );
  restrictions.sort((a, b) => b.refusals - a.refusals || (a.restriction < b.restriction ? -1 : 1));
  const refusals = restrictions.reduce((sum, each) => sum + each.refusals, 0);
  return { since, until, refusals, restrictions };
}

function pairKey({ address, sender }: Pick<RehearsedRefusal, 'address' | 'sender'>): string {
  return `${address ?? ''} ${senderKey(sender)}`;
}

function senderKey(sender: string | null): string {
  return (sender ?? '').toLowerCase();
}

function addRefusal(all: Map<string, Found>, refusal: RehearsedRefusal): void {
  const restriction = nameRestriction(refusal.mta, refusal.reply);
  const found = all.get(restriction) ?? { refusals: 0, addresses: new Set(), parties: new Map() };
  all.set(restriction, found);
  found.refusals += 1;
  found.addresses.add(refusal.address);
  const key = pairKey(refusal);
  const { address, name, sender, recipient, reply, submitter } = refusal;
  const party: Party = found.parties.get(key) ?? {
    sign: 'none',
    address,
    name,
    sender,
    recipient,
    refusals: 0,
    delivered: 0,
    answeredBy: null,
    submitter,
    reply,
  };
  found.parties.set(key, party);
  party.refusals += 1;
  party.recipient = recipient ?? party.recipient;
  party.submitter ??= submitter;
}

/** Counts what was delivered of each pair after its first refusal; returns who wrote to a sender after it. */
function findOutcomes(
  store: Store,
  since: number,
  outcomes: ReadonlyMap<string, Outcome>,
): Map<string, string> {
  const firsts = new Map<string, number>();
  for (const [key, outcome] of outcomes) {
    const sender = key.slice(key.indexOf(' ') + 1);
    firsts.set(sender, Math.min(firsts.get(sender) ?? Number.POSITIVE_INFINITY, outcome.since));
  }
  const answers = new Map<string, string>();
  for (const mail of store.rehearsal.deliveries(since)) {
    const outcome = outcomes.get(pairKey(mail));
    if (outcome !== undefined && mail.time >= outcome.since) outcome.delivered += 1;
    const to = senderKey(mail.recipient);
    const first = to === '' || mail.submitter === null ? undefined : firsts.get(to);
    if (first !== undefined && mail.time >= first && !answers.has(to))
      answers.set(to, mail.submitter as string);
  }
  return answers;
}

function describe(
  restriction: string,
  { refusals, addresses, parties }: Found,
  outcomes: ReadonlyMap<string, Outcome>,
  answers: ReadonlyMap<string, string>,
): RehearsedRestriction {
  const signs: Record<Sign, number> = { user: 0, answered: 0, delivered: 0, none: 0 };
  for (const [key, party] of parties) {
    party.delivered = outcomes.get(key)?.delivered ?? 0;
    party.answeredBy = answers.get(senderKey(party.sender)) ?? null;
    party.sign = findSign(party);
    signs[party.sign] += 1;
  }
  const rank = ({ sign }: Party) => SIGNS.indexOf(sign);
  const wanted = [...parties.values()]
    .filter(({ sign }) => sign !== 'none')
    .sort((a, b) => rank(a) - rank(b) || b.delivered - a.delivered || b.refusals - a.refusals)
    .slice(0, MOST_PARTIES);
  return { restriction, refusals, clients: addresses.size, signs, wanted };
}

function findSign({ submitter, answeredBy, delivered }: Party): Sign {
  if (submitter !== null) return 'user';
  if (answeredBy !== null) return 'answered';
  return delivered > 0 ? 'delivered' : 'none';
}

/** Whether a restriction would have refused mail that somebody here sent, or answered. */
export function isDoubtful({ signs }: RehearsedRestriction): boolean {
  return signs.user + signs.answered > 0;
}

/** The outcome as people read it. */
export function rehearsalText(
  { since, until, refusals, restrictions }: Rehearsal,
  style: Style,
): string {
  const period = `from ${style.minute(since)} to ${style.minute(until)}`;
  if (refusals === 0)
    return `Nothing was rehearsed ${period}: the log has no refusal of a restriction that only warns.\n`;
  const head = `Rehearsal ${period}: ${counted(refusals, 'refusal')} by ${counted(restrictions.length, 'restriction')}.\n`;
  return `${head}${restrictions.map(restrictionText).join('')}\n${conclusion(restrictions)}`;
}

function restrictionText({
  restriction,
  refusals,
  clients,
  signs,
  wanted,
}: RehearsedRestriction): string {
  const parts = [
    signs.user === 0 ? '' : `${signs.user} from your own users`,
    signs.answered === 0 ? '' : `${signs.answered} answered`,
    signs.delivered === 0 ? '' : `${signs.delivered} delivered`,
    signs.none === 0 ? '' : `${signs.none} neither`,
  ].filter(Boolean);
  const shown = wanted.slice(0, MOST_SHOWN);
  const more = wanted.length - shown.length;
  const rest = more > 0 ? `    ... and ${more} more (--format json)\n` : '';
  return `\n${restriction}: ${counted(refusals, 'refusal')} of ${counted(clients, 'client')}; senders: ${parts.join(', ')}\n${shown.map(partyText).join('')}${rest}`;
}

function partyText({
  sign,
  address,
  name,
  sender,
  recipient,
  refusals,
  delivered,
  answeredBy,
  submitter,
}: RehearsedParty): string {
  const client = `${name ?? 'unknown'}[${address ?? 'unknown'}]`;
  const outcome = [
    submitter === null ? '' : `sent by ${submitter}`,
    answeredBy === null ? '' : `${answeredBy} wrote to this sender`,
    delivered === 0 ? '' : `delivered ${delivered}`,
  ].filter(Boolean);
  const text = `<${sender ?? ''}> to <${recipient ?? ''}> from ${client}, ${counted(refusals, 'refusal')}: ${outcome.join(', ')}`;
  return `    ${sign.padEnd(10)}${escapeControls(text)}\n`;
}

function conclusion(restrictions: readonly RehearsedRestriction[]): string {
  const names = (list: readonly RehearsedRestriction[]) =>
    list.map(({ restriction }) => restriction).join(', ');
  const doubtful = restrictions.filter(isDoubtful);
  const open = restrictions.filter((each) => !isDoubtful(each) && each.signs.delivered > 0);
  const clean = restrictions.filter((each) => !isDoubtful(each) && each.signs.delivered === 0);
  return [
    doubtful.length === 0
      ? ''
      : `Would refuse mail that is wanted, so do not enforce: ${names(doubtful)}\n`,
    open.length === 0
      ? ''
      : `Refuses mail that was delivered; look whether it was spam: ${names(open)}\n`,
    clean.length === 0
      ? ''
      : `Refuses nothing that is wanted, as far as the log shows: ${names(clean)}\n`,
  ].join('');
}
