/** The evidence for a verdict, as sections of a mail and of `postern explain`. */

import { quoteForShell } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { formatDuration } from '../base/time.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { Evidence, Measures, OutageRefusals, ValueFormat } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import type { Style } from '../model/style.ts';
import { describePast } from '../model/usual.ts';
import type { Row, Section } from './compose.ts';

/** Everything about one verdict. */
export function buildEvidenceSections(
  evidence: Evidence,
  measures: Measures,
  formatValue: ValueFormat,
  style: Style,
): Section[] {
  return [
    buildSummary(evidence, measures, formatValue, style),
    ...buildDetails(evidence),
    ...buildCommands(evidence),
  ];
}

/** What the rule counted, and what was done. */
export function buildSummary(
  evidence: Evidence,
  measures: Measures,
  formatValue: ValueFormat,
  style: Style,
): Section {
  const { verdict, block, description, outages = [], senders } = evidence;
  const { rule, count, limit, limitWhy, period } = verdict;
  const measured = `${formatValue(count, rule)} (limit ${formatValue(limit, rule)})`;
  return {
    title: `${style.who(verdict.key)} met the rule ${rule}`,
    rows: [
      ...(description === undefined ? [] : [description]),
      ['Counted', `${measured} in ${formatDuration(period)}`],
      ...(limitWhy === undefined ? [] : [['Limit', limitWhy] as const]),
      ...(verdict.past === undefined
        ? []
        : [['Usual', describePast(verdict.past, period)] as const]),
      ...buildServers(verdict),
      ...outages.map((outage) => buildOutageRow(outage, style)),
      ...buildShare(evidence),
      ['First event', style.time(evidence.first)],
      ['Last event', style.time(evidence.last)],
      ...buildDifferent('Recipients', evidence.recipients),
      ...buildDifferent('Client addresses', evidence.addresses),
      ...(senders.length > 0 ? [['Senders', senders.join(', ')] as const] : []),
      ...(block === undefined
        ? []
        : [['Block', `number ${block.id}, ${describeEnd(block, style)}`] as const]),
      ...[...new Set(measures)].map((measure) => ['Status', measure] as const),
    ],
  };
}

/** What follows is about this server alone. */
function buildServers({ hosts }: Verdict): Row[] {
  if (hosts === undefined) return [];
  const counts = Object.entries(hosts).map(([host, count]) => `${host} ${count}`);
  return [['On each server', counts.join(', ')]];
}

/** A number says little without what it is a part of. */
function buildShare({ outcomes }: Evidence): Row[] {
  if (outcomes === undefined) return [];
  const { invalid, recipients } = outcomes;
  const percent = Math.min(100, Math.round((100 * invalid) / recipients));
  return [
    ['Share', `${invalid} of ${counted(recipients, 'recipient')} did not exist (${percent} %)`],
  ];
}

function buildOutageRow({ counted: isCounted, ...refused }: OutageRefusals, style: Style): Row {
  const { provider, refusals, since, ended } = refused;
  const when =
    ended === undefined
      ? `since ${style.time(since)}`
      : `from ${style.time(since)} to ${style.time(ended)}`;
  const label = isCounted ? 'Counted before the outage was detected' : 'Not counted';
  return [label, `${counted(refusals, 'refusal')} by ${provider} during its outage ${when}`];
}

function buildDifferent(title: string, number: number): Row[] {
  return number === 0 ? [] : [[title, `${number} different`]];
}

function describeEnd({ end, released }: NonNullable<Evidence['block']>, style: Style): string {
  if (released !== undefined) return `ended ${style.time(released)}`;
  return end === undefined ? 'until released' : `until ${style.time(end)}`;
}

/** Clients, recipients and log lines, as far as there are some. */
export function buildDetails({ clients, sample, lines }: Evidence): Section[] {
  const sections: Section[] = [
    {
      title: 'Where the mail came from',
      rows: clients.map(({ address, name, count }) => [
        address,
        `${counted(count, 'event')}${name === undefined ? '' : `, ${name}`}`,
      ]),
    },
    {
      title: 'Refused recipients (the latest)',
      rows: sample.map(({ recipient, reply, relay, reason }) => [
        recipient,
        [reason, reply ?? 'no reply', relay === undefined ? undefined : `from ${relay}`]
          .filter((part) => part !== undefined)
          .join(' - '),
      ]),
    },
    {
      title: 'Log lines',
      literal: true,
      rows: lines.map(({ source, line, text }) => `${source}:${line}: ${text}`),
    },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}

function buildCommands({ verdict: { key }, block }: Evidence): Section[] {
  const rows = listCommands(key);
  if (block !== undefined && block.released === undefined)
    rows.push(`postern unblock ${quoteForShell(formatIdentity(key))}`);
  return rows.length === 0 ? [] : [{ title: 'What you can do', literal: true, rows }];
}

/** Commands about a key. Networks, domains and hosts cannot be typed, and only a submitter has queued mail. */
export function listCommands(key: Key): string[] {
  const id = quoteForShell(formatIdentity(key));
  switch (key.type) {
    case 'user':
    case 'client':
    case 'uid':
      return [`postern explain ${id}`, `postern queue ${id}`];
    case 'sender':
      return [`postern explain ${id}`];
    default:
      return [];
  }
}
