/** Events for tests of the judge; missing fields are filled in. */
import type { MailEvent } from '../../src/model/event.ts';

/** 2026-11-10T09:00:00Z */
export const START = Date.UTC(2026, 10, 10, 9);

/** An event `at` ms after START. Unless given, the line number is `at` in seconds plus one. */
export function event(at: number, parts: Partial<MailEvent> = {}): MailEvent {
  return {
    source: 'mail.log',
    line: Math.floor(at / 1000) + 1,
    offset: 0,
    time: START + at,
    mta: 'postfix',
    kind: 'bounced',
    ...parts,
  };
}

/** Mail from Alice to a recipient that does not exist. */
export function invalid(at: number, recipient: string, parts: Partial<MailEvent> = {}): MailEvent {
  return event(at, {
    submitter: { type: 'user', id: 'alice@example.net' },
    direction: 'outbound',
    sender: 'alice@example.net',
    recipient,
    reason: 'invalid-recipient',
    ...parts,
  });
}

/** Mail from Alice that was accepted from `address`. */
export function login(at: number, address: string, parts: Partial<MailEvent> = {}): MailEvent {
  return event(at, {
    kind: 'accepted',
    submitter: { type: 'user', id: 'alice@example.net' },
    client: { address },
    direction: 'outbound',
    sender: 'alice@example.net',
    recipients: 1,
    newRecipients: 1,
    ...parts,
  });
}
