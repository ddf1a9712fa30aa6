/** A day of a busy server in a scratch database: what the report has to show, hostile names among it. */
import { HOUR, MINUTE } from '../../src/base/time.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { Scratch } from '../service/scratch.ts';

/** 2026-11-10, UTC */
export const DAY_BEGIN = Date.UTC(2026, 10, 10);
export const HOSTILE = '<img src=x onerror=alert(1)>"\'&amp;@example.net';
const PROVIDERS = [
  'mx1.mail.protection.outlook.com',
  'gmail-smtp-in.l.google.com',
  'mta5.am0.yahoodns.net',
  'mx00.gmx.net',
  'mx.example.org',
  'a-very-long-name-of-a-mail-host-that-no-column-is-wide-enough-for.mail.example.com',
  'mx.example.edu',
] as const;

/** Fills the store with some 3000 events of two days, a block, a verdict and a note. */
export function fillBusyDay(at: Scratch): void {
  at.withStore((store) => {
    store.commit(() => {
      store.events.insert(buildEvents(DAY_BEGIN - 24 * HOUR, 2));
      store.events.insert(buildEvents(DAY_BEGIN, 3));
      const key = { type: 'user', id: HOSTILE } as const;
      store.blocks.start({ key, cause: 'manual', start: DAY_BEGIN + 9 * HOUR, note: HOSTILE });
    });
  });
}

function buildEvents(begin: number, each: number): MailEvent[] {
  const events: MailEvent[] = [];
  for (let minute = 0; minute < 24 * 60; minute += 4) {
    const host = PROVIDERS[(minute / 4) % PROVIDERS.length] as string;
    const id = minute % 28 === 0 ? HOSTILE : `user${minute % 9}@example.net`;
    const base = {
      source: 'mail.log',
      line: 1,
      time: begin + minute * MINUTE,
      mta: 'postfix',
      submitter: { type: 'user', id },
      client: { address: `192.0.2.${minute % 50}` },
      direction: 'outbound',
    } as const;
    const add = (event: Partial<MailEvent> & Pick<MailEvent, 'kind'>) =>
      events.push({ ...base, offset: events.length, ...event } as MailEvent);
    add({ kind: 'accepted', size: 2000, recipients: each, newRecipients: each });
    for (let to = 0; to < each; to++) {
      const recipient = `r${minute}-${to}@example.org`;
      const sent = { recipient, relay: { host, address: '198.51.100.9', port: 25 } };
      const fate = (minute + to) % 11;
      if (fate < 7) add({ ...sent, kind: 'delivered' });
      else if (fate < 9)
        add({
          ...sent,
          kind: 'deferred',
          reason: 'mailbox-full',
          reply: `452 4.2.2 <${recipient}>: ${HOSTILE} is full`,
        });
      else
        add({
          ...sent,
          kind: 'bounced',
          reason: 'invalid-recipient',
          reply: `550 5.1.1 <${recipient}>: User unknown`,
        });
    }
    if (minute % 12 === 0)
      add({
        kind: 'rejected',
        direction: 'inbound',
        submitter: undefined,
        client: { address: `203.0.113.${minute % 200}`, name: HOSTILE },
        reason: 'invalid-recipient',
      });
  }
  return events;
}
