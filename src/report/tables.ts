/** The tables of a report: what stands in which column. They are shown as text (text.ts) and as HTML (html.ts). */
import { PLAIN_STYLE } from '../model/style.ts';
import { buildBackscatter } from './backscatter.ts';
import { buildBlocks, buildMet, buildNear, buildUnblockable } from './block-tables.ts';
import { buildUnusual } from './past.ts';
import type { Report } from './period.ts';
import { buildServerTables } from './server-tables.ts';
import { buildServiceTables } from './service.ts';
import { buildListings, buildOutages, buildReputation } from './standing-tables.ts';
import type { Table } from './table.ts';
import {
  buildAttackers,
  buildDeferrals,
  buildKinds,
  buildOwnMailboxes,
  buildProviders,
  buildReasons,
  buildRefusers,
  buildSenders,
  buildSubmitters,
  buildVolume,
} from './traffic-tables.ts';

export type { Row, Table } from './table.ts';

/** On one line, with the name of the server. */
export function buildTitle({ since, until }: Report, style = PLAIN_STYLE): string {
  const server = style.host === undefined ? '' : ` of ${style.host}`;
  return `Postern report${server}, ${style.minute(since)} to ${style.minute(until)}`;
}

/** What a reader has to know before the tables; undefined if there is nothing. */
export function buildNote(
  { keptSince, isNarrow }: Report,
  style = PLAIN_STYLE,
): string | undefined {
  const notes = [
    ...(isNarrow === true ? ['Only the mail that was asked for is counted.'] : []),
    ...(keptSince === undefined
      ? []
      : [`Events before ${style.minute(keptSince)} are pruned (retention): they are not counted.`]),
  ];
  return notes.length === 0 ? undefined : notes.join(' ');
}

/** The tables of a report that are shown, in their order: some only if they have rows. */
export function buildTables(report: Report, style = PLAIN_STYLE): Table[] {
  return listTables(report, style).filter(
    ({ name, rows }) => rows.length > 0 || (SHOWN_EMPTY.has(name) && report.isNarrow !== true),
  );
}

const SHOWN_EMPTY = new Set([
  ...['mail', 'reasons', 'blocks', 'near', 'met', 'submitters', 'senders', 'providers'],
  ...['refusers', 'deferrals', 'attackers', 'servers', 'server-blocks'],
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
    ...buildServerTables(report.servers, style),
    ...buildServiceTables(report.service),
  ];
}
