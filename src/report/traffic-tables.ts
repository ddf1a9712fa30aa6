/** The tables of mail that went through: how much, whose, to where, and what was refused. */
import type { EventKind } from '../model/event.ts';
import type { Style } from '../model/style.ts';
import type { Figures } from '../store/figures.ts';
import type { SubmitterCount } from '../store/sums.ts';
import type { Report } from './period.ts';
import { nameRefuser } from './reputation.ts';
import type { Table } from './table.ts';

/** Where the word of the event would be taken for another: nobody deleted mail that has left the queue. */
const KIND_TEXTS: { readonly [kind in EventKind]?: string } = { removed: 'left the queue' };

export function buildKinds({ kinds }: Report): Table {
  return {
    name: 'mail',
    title: 'Mail',
    head: ['Event', 'Number'],
    rows: kinds.map(({ kind, count }) => [KIND_TEXTS[kind] ?? kind, count]),
    empty: 'No mail was seen.',
  };
}

const FIGURES: readonly (readonly [keyof Figures, string])[] = [
  ['accepted', 'messages accepted'],
  ['recipients', 'recipients of these'],
  ['bytes', 'bytes of these'],
  ['delivered', 'recipients delivered'],
  ['deferred', 'recipients deferred'],
  ['bounced', 'recipients bounced'],
  ['expired', 'recipients expired'],
  ['invalid', 'recipients that do not exist'],
  ['rejected', 'refused in the dialogue'],
  ['authFailed', 'failed logins'],
  ['dsnsSent', 'bounces sent'],
];

export function buildVolume({ figures, before }: Report): Table {
  return {
    name: 'volume',
    title: 'Volume, beside the period before',
    head: ['What', 'Number', 'Before', 'Change'],
    rows: FIGURES.map(([name, text]) => [
      text,
      figures[name],
      before === undefined ? '' : before.figures[name],
      formatChange(figures[name], before?.figures[name]),
    ]),
    empty: '',
  };
}

function formatChange(now: number, before: number | undefined): string {
  if (before === undefined || before === 0) return '';
  const percent = Math.round((100 * (now - before)) / before);
  return `${percent > 0 ? '+' : ''}${percent} %`;
}

export function buildReasons({ reasons }: Report): Table {
  return {
    name: 'reasons',
    title: 'Refusals by reason',
    head: ['Reason', 'Number'],
    rows: reasons.map(({ reason, count }) => [reason, count]),
    empty: 'None.',
  };
}

export function buildSubmitters({ submitters }: Report, style: Style): Table {
  return {
    name: 'submitters',
    title: 'Most invalid recipients by submitter',
    head: ['Invalid', 'Recipients', 'Share', 'Clients', 'Submitter'],
    rows: submitters.map((one) => [
      one.invalid,
      one.recipients,
      formatShare(one),
      one.clients,
      style.who(one),
    ]),
    empty: 'None.',
  };
}

/** Invalid recipients in percent of all; empty for a submitter without a recipient. */
function formatShare({ invalid, recipients }: SubmitterCount): string {
  return recipients === 0 ? '' : `${Math.min(100, Math.round((100 * invalid) / recipients))} %`;
}

export function buildSenders({ senders }: Report, style: Style): Table {
  return {
    name: 'senders',
    title: 'Who sends most',
    head: ['Messages', 'Recipients', 'Bytes', 'Submitter'],
    rows: senders.map((one) => [one.messages, one.recipients, one.bytes, style.who(one)]),
    empty: 'Nobody.',
  };
}

export function buildProviders({ providers }: Report): Table {
  return {
    name: 'providers',
    title: 'Where our mail goes',
    head: ['Delivered', 'Deferred', 'Refused', 'Provider'],
    rows: providers.map(({ provider, delivered, deferred, refused }) => [
      delivered,
      deferred,
      refused,
      nameRefuser(provider),
    ]),
    empty: 'Nowhere.',
  };
}

export function buildRefusers({ refusers }: Report): Table {
  return {
    name: 'refusers',
    title: 'Who refuses our mail, and why',
    head: ['Number', 'Reason', 'Host', 'One of its replies'],
    rows: refusers.map(({ host, reason, count, reply }) => [count, reason, host, reply ?? '']),
    empty: 'Nobody.',
  };
}

export function buildDeferrals({ deferrals }: Report): Table {
  return {
    name: 'deferrals',
    title: 'Deferred, by host and reason',
    head: ['Recipients', 'Attempts', 'Reason', 'Host', 'One of the replies'],
    rows: deferrals.map(({ host, reason, recipients, attempts, reply }) => [
      recipients,
      attempts,
      reason ?? '',
      host ?? 'no answer',
      reply ?? '',
    ]),
    empty: 'None.',
  };
}

export function buildOwnMailboxes({ ownMailboxes }: Report): Table {
  return {
    name: 'own-mailboxes',
    title: 'Own mailboxes not found after acceptance: nobody is blamed',
    head: ['Recipients', 'One of them', 'Delivery', 'One of its replies'],
    rows: ownMailboxes.map(({ host, recipients, recipient, reply }) => [
      recipients,
      recipient,
      host ?? 'local',
      reply ?? '',
    ]),
    empty: 'None.',
  };
}

export function buildAttackers({ attackers }: Report): Table {
  return {
    name: 'attackers',
    title: 'Refused from outside, by client',
    head: ['Client', 'Unknown recipients', 'Failed logins', 'Refused', 'Name'],
    rows: attackers.map(({ address, name, invalid, auth, rejected }) => [
      address,
      invalid,
      auth,
      rejected,
      name ?? '',
    ]),
    empty: 'Nothing.',
  };
}
