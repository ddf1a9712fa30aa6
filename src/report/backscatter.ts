/** The tables of a report about notifications (DSNs): what this server sends to strangers, and what comes back. */
import type { DsnWay } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import type { Backscatter, NoticeCount } from '../store/backscatter.ts';
import type { Table } from './table.ts';

/** What to do about each way in which a notice to a stranger comes about; docs/backscatter.md says more. */
const REMEDIES: Readonly<Record<DsnWay, string>> = {
  forward: 'filter before forwarding, or end the forward',
  'own-delivery': 'refuse unknown recipients at RCPT',
  filter: 'filter before the queue, not behind it',
  relayed: 'check the recipients of this domain at RCPT',
};

/** All of them, empty ones too. */
export function buildBackscatter(backscatter: Backscatter): Table[] {
  return [
    buildNotices(backscatter),
    buildReturned(backscatter),
    buildForged(backscatter),
    buildRefused(backscatter),
    buildComplaints(backscatter),
  ];
}

function buildNotices({ notices }: Backscatter): Table {
  return {
    name: 'backscatter',
    title: 'Notices to strangers (backscatter), by cause',
    head: ['Sent', 'Cause', 'Through', 'Refused by', 'Why', 'Clients', 'What to do', 'Reply'],
    rows: notices.map((notice) => [
      notice.count,
      nameCause(notice),
      notice.through ?? '',
      nameRefuser(notice),
      notice.reason ?? '',
      notice.clients,
      adviseOn(notice),
      notice.reply ?? '',
    ]),
    empty: 'None.',
  };
}

function nameCause({ way, about }: NoticeCount): string {
  if (way === null) return about ?? 'unknown';
  return about === 'delay' ? `delay, ${way}` : way;
}

function adviseOn({ way, about }: NoticeCount): string {
  if (about === 'delay') return 'tell no stranger of a delay';
  return way === null ? '' : REMEDIES[way];
}

function nameRefuser({ way, host }: NoticeCount): string {
  return host ?? (way === 'own-delivery' ? 'this server' : '');
}

function buildReturned({ returned }: Backscatter): Table {
  return {
    name: 'returned',
    title: 'Notices that came back for mail of a submitter: stolen account, or an old list',
    head: ['Came', 'From clients', 'Submitter'],
    rows: returned.map((one) => [one.count, one.clients, formatIdentity(one)]),
    empty: 'None.',
  };
}

function buildForged({ forged }: Backscatter): Table {
  return {
    name: 'forged',
    title: 'Notices about mail that others sent with a forged address: sign return paths',
    head: ['Came', 'From clients', 'Address'],
    rows: forged.map(({ count, clients, recipient }) => [count, clients, recipient]),
    empty: 'None.',
  };
}

function buildRefused({ refused }: Backscatter): Table {
  return {
    name: 'refused-notifications',
    title: 'Notifications refused',
    head: ['Refused', 'To addresses', 'Client', 'Name', 'One of the replies'],
    rows: refused.map(({ count, recipients, address, name, reply }) => [
      count,
      recipients ?? '',
      address,
      name ?? '',
      reply ?? '',
    ]),
    empty: 'None.',
  };
}

function buildComplaints({ complaints }: Backscatter): Table {
  return {
    name: 'complaints',
    title: 'Complaints of recipients, by submitter',
    head: ['Messages', 'Submitter'],
    rows: complaints.map((one) => [one.count, formatIdentity(one)]),
    empty: 'None.',
  };
}
