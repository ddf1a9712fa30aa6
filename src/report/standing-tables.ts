/** The tables of how others take the mail of this server: outages of providers, blocklists, reputation. */
import type { Style } from '../model/style.ts';
import type { Report } from './period.ts';
import { describeSenders, nameRefuser } from './reputation.ts';
import type { Table } from './table.ts';

export function buildOutages({ outages }: Report, style: Style): Table {
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

export function buildListings({ listings }: Report, style: Style): Table {
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

export function buildReputation({ reputation }: Report, style: Style): Table {
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
