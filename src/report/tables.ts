/** The tables of a report: what stands in which column. They are shown as text (text.ts) and as HTML (html.ts). */
import { formatDuration } from '../base/time.ts';
import type { EventKind } from '../model/event.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Figures } from '../store/figures.ts';
import type { SubmitterCount } from '../store/sums.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { buildBackscatter } from './backscatter.ts';
import { describeRelease, UNBLOCKABLE_CURE } from './block.ts';
import { buildUnusual } from './past.ts';
import type { Report } from './period.ts';
import { describeSenders, nameRefuser } from './reputation.ts';
import { buildServiceTables } from './service.ts';
import type { Table } from './table.ts';

export type { Row, Table } from './table.ts';

/** The nearest; programs get all. */
const MOST_NEAR = 30;

/** All verdicts of one limit on one key are one row; beyond this many rows nobody reads them. */
const MOST_MET = 40;

/** On one line, with the name of the server. */
export function buildTitle({ since, until }: Report, style = PLAIN_STYLE): string {
  const server = style.host === undefined ? '' : ` of ${style.host}`;
  return `Postern report${server}, ${style.time(since)} to ${style.time(until)}`;
}

/** What a reader has to know before the tables; undefined if there is nothing. */
export function buildNote({ keptSince }: Report, style = PLAIN_STYLE): string | undefined {
  if (keptSince === undefined) return undefined;
  return `Events before ${style.minute(keptSince)} are pruned (retention): they are not counted.`;
}

/** The tables of a report that are shown, in their order: some only if they have rows. */
export function buildTables(report: Report, style = PLAIN_STYLE): Table[] {
  return listTables(report, style).filter(
    ({ name, rows }) => rows.length > 0 || SHOWN_EMPTY.has(name),
  );
}

const SHOWN_EMPTY = new Set([
  ...['mail', 'reasons', 'blocks', 'near', 'met', 'submitters', 'senders', 'providers'],
  ...['refusers', 'deferrals', 'attackers'],
]);

/** All tables, those without rows too. */
export function listTables(report: Report, style = PLAIN_STYLE): Table[] {
  return [
    buildKinds(report),
    buildVolume(report),
    buildReasons(report),
    buildBlocks(report, style),
    buildNear(report, style),
    buildMet(report, style),
    ...buildUnusual(report.verdicts, style),
    buildUnblockable(report, style),
    buildSubmitters(report, style),
    buildSenders(report, style),
    buildProviders(report),
    buildRefusers(report),
    buildDeferrals(report),
    buildOwnMailboxes(report),
    buildOutages(report, style),
    buildListings(report, style),
    buildReputation(report, style),
    buildAttackers(report),
    {
      name: 'dsns',
      title: 'Delivery status notifications',
      head: ['Sent'],
      rows: [[report.dsnsSent]],
      empty: '',
    },
    ...buildBackscatter(report.backscatter),
    ...buildServiceTables(report.service),
  ];
}

/** Where the word of the event would be taken for another: nobody deleted mail that has left the queue. */
const KIND_TEXTS: { readonly [kind in EventKind]?: string } = { removed: 'left the queue' };

function buildKinds({ kinds }: Report): Table {
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

function buildVolume({ figures, before }: Report): Table {
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

function buildSenders({ senders }: Report, style: Style): Table {
  return {
    name: 'senders',
    title: 'Who sends most',
    head: ['Messages', 'Recipients', 'Bytes', 'Submitter'],
    rows: senders.map((one) => [one.messages, one.recipients, one.bytes, style.who(one)]),
    empty: 'Nobody.',
  };
}

function buildProviders({ providers }: Report): Table {
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

function buildDeferrals({ deferrals }: Report): Table {
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

function buildReasons({ reasons }: Report): Table {
  return {
    name: 'reasons',
    title: 'Refusals by reason',
    head: ['Reason', 'Number'],
    rows: reasons.map(({ reason, count }) => [reason, count]),
    empty: 'None.',
  };
}

function buildBlocks({ blocks }: Report, style: Style): Table {
  return {
    name: 'blocks',
    title: 'Blocks',
    head: ['Number', 'Who', 'Cause', 'Began', 'Ended', 'Note'],
    rows: blocks.map((block) => [
      block.id,
      style.target(block),
      block.cause,
      style.minute(block.start),
      describeEnd(block, style),
      block.note ?? '',
    ]),
    empty: 'None.',
  };
}

function describeEnd(block: StoredBlock, style: Style): string {
  if (block.released === undefined) return 'runs';
  return `${style.minute(block.released)}: ${describeRelease(block)}`;
}

function buildNear({ near, formatValue }: Report, style: Style): Table {
  return {
    name: 'near',
    title: 'Came near a limit',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'Time'],
    rows: near
      .slice(0, MOST_NEAR)
      .map(({ key, rule, highest, limit, time }) => [
        style.who(key),
        rule,
        formatValue(highest, rule),
        formatValue(limit, rule),
        style.minute(time),
      ]),
    empty: 'Nobody.',
  };
}

function buildMet({ lasting, verdicts, formatValue }: Report, style: Style): Table {
  return {
    name: 'met',
    title: 'Met a limit, not blocked',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'Why not', 'Times', 'Within', 'Since'],
    rows: groupVerdicts([...lasting, ...verdicts]).map(({ times, highest, first, last }) => [
      style.who(first.verdict.key),
      first.verdict.rule,
      formatValue(highest, first.verdict.rule),
      formatValue(first.verdict.limit, first.verdict.rule),
      last.outcome,
      times,
      formatDuration(first.verdict.period),
      style.minute(first.verdict.time),
    ]),
    empty: 'Nobody.',
  };
}

/** Whom Postern cannot block, so that nobody takes the row above for a block that is on its way. */
function buildUnblockable({ verdicts }: Report, style: Style): Table {
  const keys = verdicts
    .filter(({ outcome }) => outcome === 'unblockable')
    .map(({ verdict }) => style.who(verdict.key));
  return {
    name: 'unblockable',
    title: 'Cannot be blocked (postern status says why)',
    head: ['Who', 'What to do'],
    rows: [...new Set(keys)].slice(0, MOST_MET).map((who) => [who, UNBLOCKABLE_CURE]),
    empty: 'Nobody.',
  };
}

/** All verdicts of one limit of a rule on one key. */
interface MetLimit {
  readonly times: number;
  readonly highest: number;
  readonly first: StoredVerdict;
  readonly last: StoredVerdict;
}

/** One entry for each limit and key, in the order of their first verdicts. The counts of two limits do not compare. */
function groupVerdicts(verdicts: readonly StoredVerdict[]): MetLimit[] {
  const met = new Map<string, MetLimit>();
  for (const stored of verdicts) {
    const { rule, key, count, limit, period } = stored.verdict;
    const name = `${rule} ${limit} ${period} ${key.type} ${key.id}`;
    const known = met.get(name);
    met.set(name, {
      times: (known?.times ?? 0) + 1,
      highest: Math.max(known?.highest ?? 0, count),
      first: known?.first ?? stored,
      last: stored,
    });
  }
  return [...met.values()].slice(0, MOST_MET);
}

function buildSubmitters({ submitters }: Report, style: Style): Table {
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

function buildRefusers({ refusers }: Report): Table {
  return {
    name: 'refusers',
    title: 'Who refuses our mail, and why',
    head: ['Number', 'Reason', 'Host', 'One of its replies'],
    rows: refusers.map(({ host, reason, count, reply }) => [count, reason, host, reply ?? '']),
    empty: 'Nobody.',
  };
}

function buildOwnMailboxes({ ownMailboxes }: Report): Table {
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

function buildOutages({ outages }: Report, style: Style): Table {
  return {
    name: 'outages',
    title: 'Provider outages: refusals that did not count',
    head: ['Provider', 'Detected', 'Ended', 'Refused at once'],
    rows: outages.map(({ provider, began, ended, refused, active }) => [
      provider,
      style.minute(began),
      ended === undefined ? 'lasts' : style.minute(ended),
      `${refused} of ${active} submitters`,
    ]),
    empty: 'None.',
  };
}

function buildListings({ listings }: Report, style: Style): Table {
  return {
    name: 'listings',
    title: 'This server on blocklists',
    head: ['Address', 'List', 'Seen', 'Ended', 'Meaning'],
    rows: listings.map(({ address, list, began, ended, meaning }) => [
      address,
      list,
      style.minute(began),
      ended === undefined ? 'lasts' : style.minute(ended),
      meaning,
    ]),
    empty: 'None.',
  };
}

function buildReputation({ reputation }: Report, style: Style): Table {
  return {
    name: 'reputation',
    title: 'Who refuses this server because of its reputation',
    head: ['Refusals', 'Provider', 'Names', 'Since', 'Ended', 'Queued', 'The day before'],
    rows: reputation.map(({ provider, refusals, named, since, ended, queueIds, before }) => [
      refusals,
      nameRefuser(provider),
      named.join(', '),
      style.minute(since),
      ended === undefined ? 'lasts' : style.minute(ended),
      queueIds.length,
      describeSenders(before),
    ]),
    empty: 'Nobody.',
  };
}

function buildAttackers({ attackers }: Report): Table {
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
