/**
 * Who refuses our mail because of our own address or name, and whose mail went there before: the evidence that the log
 * itself has for a listing. Only refusals that name a blocklist or a provider's code for reputation.
 */
import { dropUndefined } from '../base/defined.ts';
import { formatMinute, formatTimes } from '../base/time.ts';
import { findBlockers } from '../classify/blocker.ts';
import { PROVIDERS } from '../judge/outage/provider.ts';
import { canonicalIp, isPublicAddress } from '../model/address.ts';
import type { MailEvent } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import { KINDS, REASON_CODES } from '../store/codes.ts';
import type { NumberedNames, Page } from '../store/page.ts';
import type { Store } from '../store/store.ts';
import { gatherProviderMail, type ProviderSender } from './provider-mail.ts';

/** A provider that refuses us. Times in ms. */
export interface ReputationRefusal {
  /** the domain that its mail hosts have in common, or their network */
  readonly provider: string;
  /** when it first refused us in the period, and when last */
  readonly since: number;
  readonly last: number;
  /** when it took mail again after that; absent while it has not */
  readonly ended?: number;
  /** refusals, repeated ones included */
  readonly refusals: number;
  /** blocklists and codes that it named */
  readonly named: readonly string[];
  readonly reply: string;
  /** whose mail it got in the day before the first refusal, most first */
  readonly before: readonly ProviderSender[];
  /** refused for now and still queued */
  readonly queueIds: readonly string[];
  /** our addresses, as its replies name them */
  readonly addresses: readonly string[];
}

/** Providers that one report shows. */
const MOST_PROVIDERS = 20;
/** Providers that are kept while events are read: made-up hosts must not fill the memory. */
const MOST_KEPT = 2000;
const MOST_SENDERS = 5;
const MOST_QUEUE_IDS = 1000;
const MOST_NAMED = 10;
const MOST_ADDRESSES = 10;

interface Draft {
  since: number;
  last: number;
  refusals: number;
  reply: string;
  readonly named: Set<string>;
  readonly queueIds: Set<string>;
  readonly addresses: Set<string>;
}

/** All of the period from `since` to `until` (ms, exclusive), most refusals first. */
export function gatherReputation(store: Store, since: number, until: number): ReputationRefusal[] {
  const refusals = new ReputationRefusals();
  const kinds = ['bounced', 'deferred', 'expired'] as const;
  store.events.scan({ since, until, kinds }, (page, at) => refusals.add(page, at));
  return describeRefusals(store, refusals, until);
}

/** The refusals of a period that ended at `until` (ms), with what else the store knows of them. */
export function describeRefusals(
  store: Store,
  refusals: ReputationRefusals,
  until: number,
): ReputationRefusal[] {
  const most = [...refusals.drafts]
    .sort(([, a], [, b]) => b.refusals - a.refusals)
    .slice(0, MOST_PROVIDERS);
  const mails = gatherProviderMail(store.outcomes, new Map(most), until, MOST_SENDERS);
  return most.map(([provider, { named, queueIds, addresses, ...rest }]) =>
    dropUndefined({
      provider,
      ...rest,
      before: mails.get(provider)?.before ?? [],
      ended: mails.get(provider)?.ended,
      named: [...named],
      queueIds: store.state.findQueued([...queueIds]),
      addresses: [...addresses],
    }),
  );
}

/** Refusals for our reputation, by provider. */
export class ReputationRefusals {
  readonly drafts = new Map<string, Draft>();

  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void {
    if (!REPUTATION.has(page.reason(at)) || !FAILED.has(page.kind(at))) return;
    const event = page.event(at, NAMELESS);
    const provider = findRefuser(event);
    const named = provider === undefined ? [] : findBlockers(event.reply ?? '');
    if (provider === undefined || named.length === 0) return;
    const draft = this.drafts.get(provider) ?? startDraft(event);
    if (this.drafts.size < MOST_KEPT || this.drafts.has(provider)) this.drafts.set(provider, draft);
    addRefusal(draft, event, named);
  }
}

const REPUTATION = new Set<number>([
  REASON_CODES.numberOf.reputation,
  REASON_CODES.numberOf['rate-limited'],
]);
const FAILED = new Set<number>([
  KINDS.numberOf.bounced,
  KINDS.numberOf.deferred,
  KINDS.numberOf.expired,
]);
/** Who handed the mail in is no matter here. */
const NAMELESS: NumberedNames = { path: () => '', who: () => undefined };

/** What a host of our own network refuses of others' mail is about them: it looks up who wrote to us. */
function findRefuser({ relay, direction }: MailEvent): string | undefined {
  const address = relay?.address === undefined ? undefined : canonicalIp(relay.address);
  const isOwnHost = address !== undefined && !isPublicAddress(address);
  if (relay === undefined || direction === 'local') return undefined;
  return isOwnHost && direction !== 'outbound' ? undefined : PROVIDERS.get(relay);
}

function startDraft({ time, reply = '' }: MailEvent): Draft {
  return {
    since: time,
    last: time,
    refusals: 0,
    reply,
    named: new Set(),
    queueIds: new Set(),
    addresses: new Set(),
  };
}

function addRefusal(draft: Draft, event: MailEvent, named: readonly string[]): void {
  const { time, kind, queueId, reply = '' } = event;
  draft.refusals++;
  draft.since = Math.min(draft.since, time);
  draft.last = Math.max(draft.last, time);
  addBounded(draft.named, named, MOST_NAMED);
  if (kind === 'deferred' && queueId !== undefined) {
    addBounded(draft.queueIds, [queueId], MOST_QUEUE_IDS);
  }
  addBounded(draft.addresses, findAddresses(reply), MOST_ADDRESSES);
}

function addBounded(set: Set<string>, values: readonly string[], most: number): void {
  for (const value of values) if (set.size < most) set.add(value);
}

/** IP addresses in a reply. */
function findAddresses(reply: string): string[] {
  const words = reply.match(
    /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{1,4}:[0-9a-f:]{2,39})(?![\w:])/gi,
  );
  return (words ?? []).map(canonicalIp).filter((address) => address !== undefined);
}

/** Names that people use for the providers behind these domains. */
const KNOWN_AS: Readonly<Record<string, string>> = {
  'outlook.com': 'Microsoft',
  'hotmail.com': 'Microsoft',
  'google.com': 'Google',
  'googlemail.com': 'Google',
  'yahoodns.net': 'Yahoo',
  'icloud.com': 'Apple',
  't-online.de': 'T-Online',
  'gmx.net': 'GMX',
  'web.de': 'Web.de',
  'comcast.net': 'Comcast',
};

/** `Microsoft (outlook.com)`. */
export function nameRefuser(provider: string): string {
  const name = KNOWN_AS[provider];
  return name === undefined ? provider : `${name} (${provider})`;
}

/** What happened, as one sentence or two. */
export function describeReputation(refusal: ReputationRefusal): string {
  const { provider, since, ended, refusals, named, before } = refusal;
  const period =
    ended === undefined
      ? `has refused us since ${formatMinute(since)}`
      : `refused us from ${formatMinute(since)} to ${formatMinute(ended)}`;
  const times = refusals === 1 ? 'once' : `${refusals} times`;
  const said = `${nameRefuser(provider)} ${period} (${times}: ${named.join(', ')})`;
  if (before.length === 0) return `${said}.`;
  return `${said}; in the day before that ${describeSenders(before)}.`;
}

/** `alice@example.net sent it 412 (31 refused), bob@example.net 3` */
export function describeSenders(senders: readonly ProviderSender[]): string {
  return senders
    .map((sender, index) => {
      const refused = sender.refused === 0 ? '' : ` (${sender.refused} refused)`;
      return `${formatIdentity(sender)} ${index === 0 ? 'sent it ' : ''}${sender.recipients}${refused}`;
    })
    .join(', ');
}

/** For programs: times as RFC 3339. */
export function reputationToJson(refusal: ReputationRefusal): Record<string, unknown> {
  return formatTimes(refusal, 'since', 'last', 'ended');
}
