/** The policy protocol: bytes in any portions to requests. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_POLICY_REQUEST, RequestReader } from '../../src/policy/request.ts';
import { requestText } from './client.ts';

const ALICE = {
  state: 'RCPT',
  user: 'alice@example.net',
  client: '192.0.2.7',
  sender: 'alice@example.net',
  recipient: 'x@example.org',
  instance: '123.456.7',
};
const MINIMAL = 'request=smtpd_access_policy\n';
const NOBODY = { state: '', user: '', client: '', sender: '', recipient: '', instance: '' };

const CASES: readonly [name: string, bytes: string, expected: readonly unknown[]][] = [
  ['a request of Postfix', requestText(), [ALICE]],
  [
    'two at once',
    requestText() + requestText({ sasl_username: '' }),
    [ALICE, { ...ALICE, user: '' }],
  ],
  ['one and a half', `${requestText()}request=smtpd_access`, [ALICE]],
  ['no end yet', requestText().slice(0, -1), []],
  ['CRLF line ends', requestText().replaceAll('\n', '\r\n'), [ALICE]],
  ['attributes that nobody knows', `${MINIMAL}future=x=y\n=`.replace(/=$/, '\n'), [NOBODY]],
  [
    'a value with equals signs',
    `${MINIMAL}sender=a=b@example.net\n\n`,
    [{ ...NOBODY, sender: 'a=b@example.net' }],
  ],
  ['UTF-8', `${MINIMAL}sasl_username=j\xc3\xb6rg\n\n`, [{ ...NOBODY, user: 'jörg' }]],
  ['broken UTF-8', `${MINIMAL}sasl_username=j\xf6rg\n\n`, [{ ...NOBODY, user: 'j\ufffdrg' }]],
  ['the null reverse-path', `${MINIMAL}sender=\n\n`, [NOBODY]],
  [
    'an attribute twice: the first counts',
    `${MINIMAL}sasl_username=a\nsasl_username=b\n\n`,
    [{ ...NOBODY, user: 'a' }],
  ],
  ['nothing but an end', '\n', [undefined]],
  ['another request', 'request=junk_policy\nsasl_username=a\n\n', [undefined]],
  ['no request', 'sasl_username=a\n\n', [undefined]],
  ['a line without equals sign', `${MINIMAL}sasl_username\n\n`, [undefined]],
  ['a line without name', `${MINIMAL}=x\n\n`, [undefined]],
  ['a good one behind a bad one', `nonsense\n\n${requestText()}`, [undefined, ALICE]],
  ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', [undefined]],
];

describe('requests', () => {
  it.each(CASES)('%s', (_, bytes, expected) => {
    expect(new RequestReader().read(bytes)).toEqual(expected);
  });

  it.each(CASES)('%s, byte by byte', (_, bytes, expected) => {
    const reader = new RequestReader();
    expect([...bytes].flatMap((byte) => reader.read(byte))).toEqual(expected);
  });

  it('stops reading one without an end, and keeps nothing of it', () => {
    const reader = new RequestReader();
    for (let sent = 0; sent <= LONGEST_POLICY_REQUEST; sent += 1024)
      expect(reader.read('x'.repeat(1024))).toEqual([]);
    expect(reader.isTooLong).toBe(true);
    expect(reader.read(`\n\n${requestText()}`)).toEqual([]);
  });

  it('stops reading one with too many attributes', () => {
    const reader = new RequestReader();
    expect(reader.read(MINIMAL + 'a=b\n'.repeat(LONGEST_POLICY_REQUEST / 4))).toEqual([]);
    expect(reader.isTooLong).toBe(true);
  });

  it('takes any number of requests, however long all of them are', () => {
    const reader = new RequestReader();
    const many = LONGEST_POLICY_REQUEST / 64;
    expect(reader.read(requestText().repeat(many))).toHaveLength(many);
    expect(reader.isTooLong).toBe(false);
    expect(reader.isWaiting).toBe(false);
  });
});

describe('portions', () => {
  const byte = fc.constantFrom(
    '\n',
    '\n',
    '\r',
    '=',
    'a',
    '\0',
    '\xff',
    'request=smtpd_access_policy\n',
    'sender=',
  );
  const bytes = fc.oneof(
    fc.array(byte).map((parts) => parts.join('')),
    fc.array(fc.constantFrom(...CASES.map(([, text]) => text))).map((parts) => parts.join('')),
    fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array).toString('latin1')),
  );

  it('of any size give the same requests, one for each end, whatever the bytes', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(50)), (text, sizes) => {
        const whole = new RequestReader();
        const expected = whole.read(text);
        const reader = new RequestReader();
        const found: unknown[] = [];
        let at = 0;
        for (const size of sizes) {
          found.push(...reader.read(text.slice(at, at + size)));
          at += size;
        }
        found.push(...reader.read(text.slice(at)));
        expect(found).toEqual(expected);
        const ends = text.split('\n').slice(0, -1);
        expect(found).toHaveLength(ends.filter((line) => line === '' || line === '\r').length);
        expect(reader.isWaiting).toBe(whole.isWaiting);
      }),
    );
  });
});
