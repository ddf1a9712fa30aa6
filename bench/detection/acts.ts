/** A story in the order of time: each message, failed login and refused session, before any mail server logs it. */
import { type Random, seeded } from '../random.ts';
import { clock, hash } from './clock.ts';
import type { Addressee, Flow, Guessing, Probing, Sending, Story, Submitter } from './story.ts';
import { HOUR } from './story.ts';
import { townFlows } from './town.ts';

/** A message is handed in. */
export interface Mail {
  readonly kind: 'mail';
  /** ms since the epoch */
  readonly at: number;
  readonly by: Submitter;
  /** where it came from; empty for a local account */
  readonly address: string;
  readonly sender: string;
  readonly to: readonly Addressee[];
}

/** A login fails. */
export interface Guess {
  readonly kind: 'guess';
  readonly at: number;
  readonly address: string;
  readonly user: string;
}

/** A session in which all recipients are refused. */
export interface Refusals {
  readonly kind: 'refusals';
  readonly at: number;
  readonly by: Submitter;
  readonly address: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly hostile: boolean;
}

export type Act = Mail | Guess | Refusals;

const FIRST_DAY = Date.UTC(2023, 0, 2);
/** Days between two stories in one log, so that no counter of one is left for the next. */
const DAYS_APART = 3;
/** Recipients that are refused in one session before the client gives up. */
const PER_SESSION = 4;

/** When the given story of a series begins: midnight of its first day, ms. */
export function firstDay(index: number): number {
  return FIRST_DAY + index * DAYS_APART * 24 * HOUR;
}

/** Everything that happens in a story; `midnight` (ms) is its first day. The same story always gives the same. */
export function perform(story: Story, midnight: number): Act[] {
  const random = seeded(hash(story.title));
  const flows = [...story.flows, ...townFlows(story)];
  return flows.flatMap((flow) => actsOf(flow, midnight, random)).sort((a, b) => a.at - b.at);
}

function actsOf(flow: Flow, midnight: number, random: Random): Act[] {
  const start = midnight + clock(flow.at);
  switch (flow.kind) {
    case 'sending':
      return mailsOf(flow, start, random);
    case 'guessing':
      return guessesOf(flow, start, random);
    case 'probing':
      return refusalsOf(flow, start, random);
  }
}

function mailsOf(flow: Sending, start: number, random: Random): Mail[] {
  const next = flow.to(random);
  const { by } = flow;
  const senders = flow.senders ?? [senderOf(by)];
  return moments(flow.mails, start, flow.over, random).map((at, index) => ({
    kind: 'mail',
    at,
    by,
    address: addressOf(by, index),
    sender: senders[index % senders.length] ?? '',
    to: Array.from({ length: flow.each ?? 1 }, next),
  }));
}

function guessesOf(flow: Guessing, start: number, random: Random): Guess[] {
  return moments(flow.tries, start, flow.over, random).map((at, index) => ({
    kind: 'guess',
    at,
    address: flow.from[index % flow.from.length] ?? '',
    user: random.pick(['admin', 'info', 'test', 'scan', 'office', 'postmaster']),
  }));
}

function refusalsOf(flow: Probing, start: number, random: Random): Refusals[] {
  const { by, domain, hostile = false } = flow;
  let serial = 0;
  const sessions = Math.ceil(flow.tries / PER_SESSION);
  return moments(sessions, start, flow.over, random).map((at, index) => ({
    kind: 'refusals',
    at,
    by,
    address: addressOf(by, index),
    sender: senderOf(by),
    recipients: Array.from(
      { length: PER_SESSION },
      () => `${random.hex(4).toLowerCase()}${serial++}@${domain}`,
    ),
    hostile,
  }));
}

/** Evenly over the time, each moved by chance within its share of it. */
function moments(count: number, start: number, over: number, random: Random): number[] {
  const step = over / count;
  return Array.from({ length: count }, (_, index) =>
    Math.floor(start + step * index + random.below(Math.max(1, Math.floor(step * 0.8)))),
  );
}

function addressOf(by: Submitter, index: number): string {
  if (by.kind === 'account') return '';
  if (by.kind !== 'login') return by.address;
  return by.from[index % by.from.length] ?? '';
}

function senderOf(by: Submitter): string {
  switch (by.kind) {
    case 'login':
      return by.user.includes('@') ? by.user.toLowerCase() : `${by.user}@werft.example`;
    case 'account':
      return `${by.account}@pigeon.example`;
    default:
      return by.name === 'unknown' ? 'root@device.example' : `service@${by.name}`;
  }
}
