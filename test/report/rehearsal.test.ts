/** The outcome of a rehearsal: names of restrictions from texts that clients have a part in, and signs of wanted mail. */
import { afterEach, describe, expect, it } from 'vitest';
import type { MailEvent } from '../../src/model/event.ts';
import { PLAIN_STYLE } from '../../src/model/style.ts';
import { gatherRehearsal, rehearsalText } from '../../src/report/rehearsal.ts';
import { nameRestriction } from '../../src/report/restriction-name.ts';
import { Store } from '../../src/store/store.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

describe('nameRestriction', () => {
  it.each([
    [
      '504 5.5.2 <PC>: Helo command rejected: need fully-qualified hostname',
      'reject_non_fqdn_helo_hostname',
    ],
    ['450 4.7.1 <a.b>: Helo command rejected: Host not found', 'reject_unknown_helo_hostname'],
    ['501 5.5.2 <a..b>: Helo command rejected: Invalid name', 'reject_invalid_helo_hostname'],
    [
      '450 4.1.8 <a@b.c>: Sender address rejected: Domain not found',
      'reject_unknown_sender_domain',
    ],
    [
      '550 5.1.0 <a@b.c>: Sender address rejected: User unknown in local recipient table',
      'reject_unlisted_sender',
    ],
    [
      '450 4.7.1 Client host rejected: cannot find your reverse hostname, [192.0.2.1]',
      'reject_unknown_reverse_client_hostname',
    ],
    [
      '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]',
      'reject_unknown_client_hostname',
    ],
    [
      '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://x',
      'reject_rbl_client zen.spamhaus.org',
    ],
    [
      '554 5.7.1 Service unavailable; Sender address [a@b.c] blocked using dbl.spamhaus.org',
      'reject_rhsbl_sender dbl.spamhaus.org',
    ],
    ['554 5.7.1 <bob@example.net>: Relay access denied', 'reject_unauth_destination'],
    ['554 5.7.1 <x[192.0.2.1]>: Client host rejected: Access denied', 'an access table'],
    ['550 5.7.1 Go away', 'other'],
    // A HELO name that says something else.
    [
      '504 5.5.2 <a>: Sender address rejected: Domain not found>: Helo command rejected: need fully-qualified hostname',
      'reject_non_fqdn_helo_hostname',
    ],
    [
      '450 4.7.1 <Service unavailable; Client host [1] blocked using x.y>: Helo command rejected: Host not found',
      'reject_unknown_helo_hostname',
    ],
  ])('%s', (reply, restriction) => {
    expect(nameRestriction('postfix', reply)).toBe(restriction);
  });

  it('is the word of the statement for Exim', () => {
    expect(nameRestriction('exim', 'helo-name: your HELO name is not a full name')).toBe(
      'helo-name',
    );
    expect(nameRestriction('exim', 'something else')).toBe('other');
    expect(nameRestriction('exim', null)).toBe('other');
  });
});

let folder: Folder | undefined;
afterEach(() => folder?.remove());

const HELO = '504 5.5.2 <PC>: Helo command rejected: need fully-qualified hostname';
let line = 0;

function event(time: number, fields: Partial<MailEvent> & Pick<MailEvent, 'kind'>): MailEvent {
  line += 1;
  return { source: 'mail.log', line, offset: line, time, mta: 'postfix', ...fields };
}
const rehearsed = (time: number, address: string, sender: string, more: Partial<MailEvent> = {}) =>
  event(time, {
    kind: 'rehearsed',
    direction: 'inbound',
    client: { address },
    sender,
    recipient: 'bob@example.net',
    reply: HELO,
    ...more,
  });
const got = (time: number, address: string, sender: string) =>
  event(time, {
    kind: 'delivered',
    direction: 'inbound',
    client: { address },
    sender,
    recipient: 'bob@example.net',
  });
const wrote = (time: number, recipient: string) =>
  event(time, {
    kind: 'delivered',
    direction: 'outbound',
    submitter: { type: 'user', id: 'bob@example.net' },
    client: { address: '192.0.2.200' },
    sender: 'bob@example.net',
    recipient,
  });

function gather(events: readonly MailEvent[], since = 0, until = 1000) {
  folder = scratchFolder();
  const store = new Store(folder.at('postern.db'));
  try {
    store.commit(() => store.events.insert(events));
    return gatherRehearsal(store, since, until);
  } finally {
    store.close();
  }
}

describe('gatherRehearsal', () => {
  it('says for each client and sender whether the mail was wanted', () => {
    const { refusals, restrictions } = gather([
      rehearsed(100, '192.0.2.1', 'anna@answered.example'),
      rehearsed(110, '192.0.2.1', 'Anna@answered.example'),
      got(120, '192.0.2.1', 'anna@answered.example'),
      wrote(130, 'ANNA@answered.example'),
      rehearsed(200, '192.0.2.2', 'news@delivered.example'),
      got(201, '192.0.2.2', 'news@delivered.example'),
      rehearsed(300, '192.0.2.3', 'x@spam.example'),
      rehearsed(400, '192.0.2.4', '', { recipient: 'carol@example.net' }),
      rehearsed(500, '192.0.2.5', 'bob@example.net', {
        submitter: { type: 'user', id: 'bob@example.net' },
        direction: 'outbound',
      }),
    ]);
    expect(refusals).toBe(6);
    expect(restrictions).toHaveLength(1);
    const [found] = restrictions;
    expect(found).toMatchObject({
      restriction: 'reject_non_fqdn_helo_hostname',
      refusals: 6,
      clients: 5,
      signs: { user: 1, answered: 1, delivered: 1, none: 2 },
    });
    expect(found?.wanted.map(({ sign, sender, delivered }) => [sign, sender, delivered])).toEqual([
      ['user', 'bob@example.net', 0],
      ['answered', 'anna@answered.example', 1],
      ['delivered', 'news@delivered.example', 1],
    ]);
  });

  it('takes only what came after the refusal, from the same client and sender, and no stranger for an answer', () => {
    const { restrictions } = gather([
      wrote(50, 'anna@one.example'),
      got(60, '192.0.2.1', 'anna@one.example'),
      rehearsed(100, '192.0.2.1', 'anna@one.example'),
      got(110, '192.0.2.9', 'anna@one.example'),
      got(120, '192.0.2.1', 'anna@two.example'),
      event(130, {
        kind: 'delivered',
        direction: 'inbound',
        client: { address: '192.0.2.8' },
        sender: 'x@two.example',
        recipient: 'anna@one.example',
      }),
      event(140, {
        kind: 'bounced',
        direction: 'outbound',
        submitter: { type: 'user', id: 'bob' },
        sender: 'bob@example.net',
        recipient: 'anna@one.example',
      }),
    ]);
    expect(restrictions[0]?.signs).toEqual({ user: 0, answered: 0, delivered: 0, none: 1 });
  });

  it('counts the refusals of the period, and what came of them up to now', () => {
    const { refusals, restrictions } = gather(
      [
        rehearsed(99, '192.0.2.1', 'a@one.example'),
        rehearsed(100, '192.0.2.1', 'a@one.example'),
        rehearsed(200, '192.0.2.1', 'a@one.example'),
        wrote(5000, 'a@one.example'),
      ],
      100,
      200,
    );
    expect(refusals).toBe(1);
    expect(restrictions[0]?.signs.answered).toBe(1);
  });

  it('shows characters that are not visible as such', () => {
    const text = rehearsalText(
      gather([
        rehearsed(100, '192.0.2.1', 'a\u001b@x.example'),
        got(101, '192.0.2.1', 'a\u001b@x.example'),
      ]),
      PLAIN_STYLE,
    );
    expect(text).toContain('a\\u001b@x.example');
    expect(text).toContain(
      'Refuses mail that was delivered; look whether it was spam: reject_non_fqdn_helo_hostname\n',
    );
  });

  it('is nothing without a rehearsal', () => {
    expect(rehearsalText(gather([got(100, '192.0.2.1', 'a@x.example')]), PLAIN_STYLE)).toContain(
      'Nothing was rehearsed',
    );
  });
});
