/** Queue files of Exim and Postfix: who handed a message in, whatever its sender wrote into it. */
import { describe, expect, it } from 'vitest';
import { parseEximHeader } from '../../src/enforce/queue/exim-header.ts';
import type { QueuedMessage } from '../../src/enforce/queue/message.ts';
import { PostcatParser } from '../../src/enforce/queue/postcat.ts';
import { type MailOwner, Selection } from '../../src/enforce/queue/selection.ts';
import type { Submitter } from '../../src/model/event.ts';

const ID = '1xXlvq-0002Wk-1d';

/** A header file with these options between the envelope's fixed lines and its recipients. */
function header(
  options: string,
  { login = 'Debian-exim 999 995', rest = 'XX\n1\na@b.example\n' } = {},
) {
  const text = `${ID}-H\n${login}\n<s@example.net>\n1795985734 0\n${options}${rest}\n011  Subject: x\n`;
  return parseEximHeader(text, ID);
}

describe('a header file of Exim', () => {
  it.each<[string, string, Submitter | undefined]>([
    [
      'a user who logged in',
      '--helo_name x\n-host_address [192.0.2.7]:53152\n-host_auth plain\n-received_protocol esmtpa\n--auth_id Alice@Example.Net\n',
      { type: 'user', id: 'Alice@Example.Net' },
    ],
    [
      'a login that was quoted for a lookup',
      '-host_auth plain\n--(mysql)auth_id alice\n',
      { type: 'user', id: 'alice' },
    ],
    [
      'a relay client',
      '-host_address [192.0.2.7]:1\n-ident root\n',
      { type: 'client', id: '192.0.2.7' },
    ],
    [
      'a relay client by IPv6',
      '--host_address [2001:db8::7]:1\n',
      { type: 'client', id: '2001:db8::7' },
    ],
    [
      'a relay client as old versions write it',
      '-host_address 192.0.2.7.4711\n',
      { type: 'client', id: '192.0.2.7' },
    ],
    [
      'a local account, which Exim takes for authenticated',
      '-ident www-data\n-received_protocol local\n-auth_id www-data\n-local\n',
      { type: 'uid', id: 'www-data' },
    ],
    [
      'sendmail -bs with AUTH',
      '-ident www-data\n-host_auth plain\n-auth_id bob\n-local\n',
      { type: 'user', id: 'bob' },
    ],
    [
      'a variable of an ACL that looks like options',
      '-host_address [192.0.2.7]:1\n-aclm 0 37\nx\n-host_auth plain\n-auth_id victim1\nz\n--aclc _n 5\n-auth\n',
      { type: 'client', id: '192.0.2.7' },
    ],
    [
      'a HELO name that looks like an option',
      '--helo_name -auth_id victim\n-host_address [192.0.2.7]:1\n',
      { type: 'client', id: '192.0.2.7' },
    ],
  ])('names %s', (_name, options, submitter) => {
    expect(header(options)?.submitter).toEqual(submitter);
  });

  it('names a local account without an ident, and its number', () => {
    const local = header('-received_protocol local\n', { login: 'web app 33 33' });
    expect(local).toMatchObject({ submitter: { type: 'uid', id: 'web app' }, uid: '33' });
  });

  it.each([
    ['XX\n2\na@b.example\nc@d.example\n', ['a@b.example', 'c@d.example']],
    [
      'YY c@d.example\nNN a@b.example\nNN e@f.example\n2\na@b.example\ng@h.example\n',
      ['g@h.example'],
    ],
    ['XX\n1\na@b.example o@b.example 11,1  0,-1#3\n', ['a@b.example']],
    ['XX\n1\na@b.example  0,1 err@x.example 13,-1#3\n', ['a@b.example']],
    ['XX\n1\na@b.example  0,-1#1\n', ['a@b.example']],
    ['XX\n1\n"a 1"@b.example\n', ['"a 1"@b.example']],
    ['XX\n0\n', []],
  ])('lists who has not got it yet: %j', (rest, recipients) => {
    expect(header('', { rest })?.recipients).toEqual(recipients);
  });

  it('says what is frozen, and what an operator has thawed', () => {
    expect(header('-frozen 1795985736\n')).toMatchObject({ frozen: 1795985736000, thawed: false });
    expect(header('-manual_thaw\n')).toMatchObject({ thawed: true });
    expect(header('')).not.toHaveProperty('frozen');
  });

  it.each([
    ['empty', ''],
    ['cut', `${ID}-H\n`],
    ['of another message', '1mAbCd-0001Xy-7Z-H\nroot 0 0\n<>\n1 0\nXX\n0\n\n'],
    ['cut in an option', `${ID}-H\nroot 0 0\n<>\n1 0\n-local`],
    ['with fewer recipients than it says', `${ID}-H\nroot 0 0\n<>\n1 0\nXX\n3\na@b\n\n`],
    ['with a variable beyond its end', `${ID}-H\nroot 0 0\n<>\n1 0\n-aclm 0 99999\nx\nXX\n0\n\n`],
    ['of zeros after a crash', `${ID}-H\n${'\0'.repeat(500)}`],
  ])('is not one: %s', (_name, text) => {
    expect(parseEximHeader(text, ID)).toBeUndefined();
  });
});

/** What postcat prints about one message. */
function printed(
  id: string,
  records: readonly string[],
  headers: readonly string[] = [],
): string[] {
  return [
    `*** ENVELOPE RECORDS deferred/${id[0]}/${id} ***`,
    'message_size:             265             267               1               0',
    ...records,
    ...(headers.length === 0
      ? []
      : [`*** MESSAGE CONTENTS deferred/${id[0]}/${id} ***`, ...headers]),
    `*** HEADER EXTRACTED deferred/${id[0]}/${id} ***`,
    `*** MESSAGE FILE END deferred/${id[0]}/${id} ***`,
  ];
}

function submitters(ids: readonly string[], lines: readonly string[]) {
  const parser = new PostcatParser(ids);
  for (const line of lines) parser.add(line);
  return Object.fromEntries([...parser.finish()].map(([id, { submitter }]) => [id, submitter]));
}

const attribute = (name: string, value: string) => `named_attribute: ${name}=${value}`;
const CLIENT = [
  attribute('log_client_address', '192.0.2.7'),
  attribute('client_address', '192.0.2.7'),
];
const LOGIN = attribute('sasl_username', 'alice');

describe('a queue file of Postfix', () => {
  const [A, B, C] = ['4AAAAAA', '4BBBBBB', '4CCCCCC'] as const;
  const received = (id: string) => [
    'Received: by mx.example.net (Postfix, from userid 33)',
    `\tid ${id}; Sun, 29 Nov 2026 20:54:38 +0000 (UTC)`,
  ];

  it.each<[string, readonly string[], readonly string[], Submitter | undefined]>([
    ['a user', [LOGIN, 'sender: a@b', ...CLIENT], [], { type: 'user', id: 'alice' }],
    ['a client', ['sender: a@b', ...CLIENT], [], { type: 'client', id: '192.0.2.7' }],
    [
      'a client by IPv6',
      [
        'sender: a@b',
        attribute('log_client_address', 'IPv6:2001:DB8::7'),
        attribute('client_address', '2001:db8::7'),
      ],
      [],
      { type: 'client', id: '2001:db8::7' },
    ],
    [
      'nobody in mail that a filter handed back',
      [
        'sender: a@b',
        attribute('log_client_address', '192.0.2.7'),
        attribute('client_address', '127.0.0.1'),
      ],
      [],
      undefined,
    ],
    ['a local account', ['sender: a@b', 'recipient: c@d'], received(A), { type: 'uid', id: '33' }],
    [
      'nobody by a header that anybody can write',
      ['sender: a@b', ...CLIENT.slice(0, 0)],
      received(B),
      undefined,
    ],
    ['nobody without that header', ['sender: a@b'], ['Subject: x', ...received(A)], undefined],
    [
      'the client, whatever the header says',
      ['sender: a@b', ...CLIENT],
      received(A),
      { type: 'client', id: '192.0.2.7' },
    ],
    [
      'no login from a name that a local account made up',
      [`sender_fullname: x`, LOGIN, 'sender: a@b'],
      received(A),
      { type: 'uid', id: '33' },
    ],
    [
      'no login behind the sender',
      ['sender: a@b', LOGIN, ...CLIENT],
      [],
      { type: 'client', id: '192.0.2.7' },
    ],
    ['no client behind a recipient', ['sender: a@b', 'recipient: x', ...CLIENT], [], undefined],
  ])('names %s', (_name, records, headers, submitter) => {
    expect(submitters([A], printed(A, records, headers))).toEqual({ [A]: submitter });
  });

  it('is not confused by lines that look like the beginning of another one', () => {
    const lines = [
      ...printed(A, [LOGIN, 'sender: a@b', ...CLIENT]),
      ...printed(B, [
        'sender: x',
        `*** ENVELOPE RECORDS deferred/4/${A} ***`,
        'sender: y',
        ...CLIENT,
      ]),
      ...printed(C, ['sender: z', ...CLIENT]),
    ];
    expect(submitters([A, B, C], lines)).toMatchObject({
      [A]: { type: 'user', id: 'alice' },
      [C]: { type: 'client', id: '192.0.2.7' },
    });
  });
});

describe('a selection', () => {
  const message = (more: Partial<QueuedMessage>): QueuedMessage => ({
    queueId: 'X',
    time: 1000,
    size: 1,
    sender: 's@example.net',
    recipients: [],
    state: 'deferred',
    held: false,
    ...more,
  });
  const by = (type: Submitter['type'], id: string) => ({ submitter: { type, id } });
  const alice = { type: 'user', id: 'alice' } as const;
  const known = (submitter: Submitter, sender?: string) => [{ queueId: 'X', submitter, sender }];

  it.each<[string, MailOwner, Partial<QueuedMessage>, boolean | undefined]>([
    ['a spelling', alice, by('user', 'ALICE'), true],
    ['another user', alice, by('user', 'alice2'), false],
    ['an unknown submitter', alice, {}, undefined],
    [
      'an address in the network',
      { type: 'client', id: '192.0.2.0/24' },
      by('client', '192.0.2.9'),
      true,
    ],
    [
      'an address outside',
      { type: 'client', id: '192.0.2.0/28' },
      by('client', '192.0.2.99'),
      false,
    ],
    ['what is no network', { type: 'client', id: 'x/y' }, by('client', '192.0.2.99'), false],
    [
      'a bounce that a client handed in',
      { type: 'client', id: '192.0.2.9' },
      { ...by('client', '192.0.2.9'), sender: '' },
      false,
    ],
    ['mail with the null sender of a user', alice, { ...by('user', 'alice'), sender: '' }, true],
    [
      'an account by number',
      { type: 'uid', id: '33' },
      { ...by('uid', 'www-data'), uid: '33' },
      true,
    ],
    ['a sender', { type: 'sender', id: 's@example.net' }, { sender: 'S@Example.Net' }, true],
    [
      'a sender at another gateway',
      { type: 'sender', id: 's@example.net', at: alice },
      by('user', 'bob'),
      false,
    ],
  ])('by owner: %s', (_name, owner, more, expected) => {
    expect(new Selection({ owners: [owner] }).find(message(more))).toBe(expected);
  });

  it.each<[string, ReturnType<typeof known>, Partial<QueuedMessage>, boolean | undefined]>([
    [
      'knows the submitter of filtered mail',
      known(alice, 's@example.net'),
      by('client', '127.0.0.1'),
      true,
    ],
    ['does not overrule a login', known(alice, 's@example.net'), by('user', 'bob'), false],
    [
      'meant an earlier message with this ID',
      known(alice, 'other@example.net'),
      by('client', '192.0.2.1'),
      false,
    ],
    [
      'meant an earlier message, and the file is not read yet',
      known(alice, 'other@example.net'),
      {},
      undefined,
    ],
    ['writes an address without quotes', known(alice, '"s"@Example.net'), {}, true],
    ['knows no sender', known(alice), {}, true],
  ])('the log %s', (_name, log, more, expected) => {
    expect(new Selection({ owners: [alice], known: log }).find(message(more))).toBe(expected);
  });

  it('follows a person by the leases', () => {
    const findPerson = (address: string, time: number) =>
      address === '192.0.2.7' && time === 1000 ? 'alice' : undefined;
    const selection = new Selection({ owners: [alice], findPerson });
    expect(selection.has(message(by('client', '192.0.2.7')))).toBe(true);
    expect(selection.has(message({ ...by('client', '192.0.2.7'), time: 2000 }))).toBe(false);
  });
});
