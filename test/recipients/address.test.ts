/** Recipient addresses, back ends and replies, as they come from outside. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutExtension, parseRecipient } from '../../src/recipients/address.ts';
import { parseAddressList } from '../../src/recipients/address-list.ts';
import { ReplyReader } from '../../src/recipients/reply.ts';
import { formatServer, parseServer } from '../../src/recipients/server.ts';

describe('parseRecipient', () => {
  it.each([
    ['<user@Example.NET>', 'user@example.net'],
    ['user@example.net', 'user@example.net'],
    [' <User@example.net> ', 'User@example.net'],
    ['<@relay.example,@b.example:x@y.example>', 'x@y.example'],
    ['<"a b"@c.example>', '"a b"@c.example'],
    ['<"a>b"@c.example>', '"a>b"@c.example'],
    ['<"a\\">b"@c.example> NOTIFY=NEVER', '"a\\">b"@c.example'],
    ['<a@b.example> NOTIFY=NEVER', 'a@b.example'],
    ['<"a@b"@c.example>', '"a@b"@c.example'],
    ['<a..b@c.example.>', 'a..b@c.example'],
    ['<a+b=c@d.example>', 'a+b=c@d.example'],
  ])('reads %s', (text, address) => {
    expect(parseRecipient(text)?.address).toBe(address);
  });

  it.each([
    '<>',
    '<postmaster>',
    'user',
    '<user@[192.0.2.1]>',
    '<a b@c.example>',
    '<a@b c.example>',
    '<@c.example>',
    '<a@>',
    '<a@.example>',
    '<a@b.example\r\nRSET>',
    '<"a@b.example>',
    `<${'a'.repeat(300)}@b.example>`,
    '<@relay.example>',
  ])('refuses %j', (text) => {
    expect(parseRecipient(text)).toBeUndefined();
  });

  it('gives nothing that could end a command or an address', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), fc.boolean(), (text, wrapped) => {
        const found = parseRecipient(wrapped ? `<${text}@b.example>` : text);
        if (found === undefined) return;
        expect(found.address).not.toMatch(/[\x00-\x1f\x7f]/);
        if (!found.local.startsWith('"')) expect(found.address).not.toMatch(/[<> ]/);
        expect(parseRecipient(`<${found.address}>`)).toEqual(found);
      }),
    );
  });
});

it('cutExtension keeps what is not an extension', () => {
  expect(cutExtension('user+tag', '+-')).toBe('user');
  expect(cutExtension('user-tag', '+')).toBe('user-tag');
  expect(cutExtension('+user', '+')).toBe('+user');
  expect(cutExtension('"a+b"', '+')).toBe('"a+b"');
});

describe('parseServer', () => {
  it.each([
    ['[192.0.2.1]', { host: '192.0.2.1', port: 25, mx: false }],
    ['192.0.2.1:2525', { host: '192.0.2.1', port: 2525, mx: false }],
    ['[2001:db8::1]:587', { host: '2001:db8::1', port: 587, mx: false }],
    ['[IPv6:2001:DB8::1]', { host: '2001:db8::1', port: 25, mx: false }],
    ['2001:db8::1', { host: '2001:db8::1', port: 25, mx: false }],
    ['[Mail.example.net]', { host: 'mail.example.net', port: 25, mx: false }],
    ['example.net:26', { host: 'example.net', port: 26, mx: true }],
    ['exchange', { host: 'exchange', port: 25, mx: true }],
  ])('reads %s', (text, server) => {
    expect(parseServer(text)).toEqual(server);
    expect(parseServer(formatServer(server))).toEqual(server);
  });

  it.each([
    '',
    '[]',
    '192.0.2',
    '192.0.2.1:0',
    '192.0.2.1:70000',
    'a b',
    '[a]x',
    'a..b',
    '-x.example',
    '999.1.1.1',
  ])('refuses %j', (text) => {
    expect(parseServer(text)).toBeUndefined();
  });
});

describe('ReplyReader', () => {
  it('reads replies, however the bytes are cut', () => {
    const bytes = Buffer.from('220 hi\r\n250-a\r\n250-b c\r\n250 d\r\n550 5.1.1 no\n354\r\n');
    const whole = new ReplyReader().feed(bytes);
    expect(whole).toEqual([
      { code: 220, text: 'hi' },
      { code: 250, text: 'a\nb c\nd' },
      { code: 550, text: '5.1.1 no' },
      { code: 354, text: '' },
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 })), (cuts) => {
        const reader = new ReplyReader();
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const replies = places
          .slice(1)
          .flatMap((end, index) => [reader.feed(bytes.subarray(places[index], end))].flat());
        expect(replies).toEqual(whole);
      }),
    );
  });

  it.each([
    ['HTTP/1.1 400\r\n', 'sent what is not a reply'],
    ['2500 ok\r\n', 'sent what is not a reply'],
    ['150 ok\r\n', 'sent what is not a reply'],
    ['250-a\r\n550 b\r\n', 'sent a reply with two codes'],
    ['250-a\r\n'.repeat(101), 'sent a reply without an end'],
    [`250 ${'x'.repeat(3000)}`, 'sent a line without an end'],
  ])('refuses %j', (text, why) => {
    expect(new ReplyReader().feed(Buffer.from(text))).toBe(why);
  });

  it('keeps little, whatever it is fed', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 4000 }), { maxLength: 20 }), (chunks) => {
        const reader = new ReplyReader();
        for (const chunk of chunks) {
          const result = reader.feed(Buffer.from(chunk));
          if (typeof result === 'string') return;
        }
      }),
    );
  });
});

describe('parseAddressList', () => {
  const text =
    '# people\nAlice@Example.net\n\n@cat.example\nbob@example.net  OK\nnobody\n"a b"@example.net\n';
  const { value, problems } = parseAddressList(text);

  it.each([
    ['alice@example.net', true],
    ['ALICE@example.net', true],
    ['anybody@cat.example', true],
    ['bob+tag@example.net', true],
    ['"a b"@example.net', true],
    ['carol@example.net', false],
    ['x@sub.cat.example', false],
  ])('%s: %s', (address, expected) => {
    expect(value.has(parseRecipient(address)!, '+')).toBe(expected);
  });

  it('names what it passes over', () => {
    expect(problems).toEqual([{ line: 6, text: 'expected an address or @domain, found nobody' }]);
  });
});
