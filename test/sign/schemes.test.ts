/** Signed return paths: known addresses, what is left alone, and what time and other servers make of a signature. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTagged } from '../../src/sign/envelope.ts';
import { eximHash } from '../../src/sign/exim-hash.ts';
import { LIFETIME_DAYS, type SchemeName } from '../../src/sign/scheme.ts';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';

const DAY = 86_400_000;
const { prvs } = RETURN_PATH_SCHEMES;
const hash = RETURN_PATH_SCHEMES['exim-hash'];
const at = (date: string) => Date.parse(`${date}T12:00:00Z`);

describe('prvs', () => {
  // What Exim 4.96 makes of `${prvs{ADDRESS}{SECRET}{NUMBER}}` at noon of the day.
  it.each([
    ['2024-01-01', 'user@example.com', 'secret', '0', 'prvs=0730576ed6=user@example.com'],
    ['2024-01-01', 'User.Name@Example.COM', 'secret', '0', 'prvs=0730327309=User.Name@Example.COM'],
    ['2024-01-01', 'user@example.com', 'secret', '7', 'prvs=77307cfb8f=user@example.com'],
    ['2024-09-26', 'a+tag=x@b.example', 'k', '0', 'prvs=0999029bb0=a+tag=x@b.example'],
    ['2024-09-27', 'a@b.example', '0123456789abcdef'.repeat(4), '1', 'prvs=1000c4cb1a=a@b.example'],
    [
      '2026-11-21',
      'bounce@lists.example.org',
      'correct horse battery staple',
      '3',
      'prvs=3785ddd12a=bounce@lists.example.org',
    ],
  ])('%s %s signed by %j as key %s is %4$s', (date, address, secret, number, expected) => {
    const key = { number, secret };
    expect(prvs.sign(address, { key, now: at(date) })).toEqual({ address: expected });
    expect(prvs.verify(expected, { keys: [key], now: at(date) })).toEqual({
      outcome: 'valid',
      address,
    });
  });

  const key = { number: '0', secret: 'secret' };
  it.each([
    ['2023-12-31', 'prvs=0730576ed6=user@example.com', 'too far ahead'],
    ['2024-01-01', 'prvs=0730576ed6=user@example.com', 'valid'],
    ['2024-01-08', 'prvs=0730576ed6=user@example.com', 'valid'],
    ['2024-01-09', 'prvs=0730576ed6=user@example.com', 'expired'],
    ['2024-10-03', 'prvs=099999d073=user@example.com', 'valid'],
    // The days begin again at 000. Exim takes this one for another thousand days.
    ['2024-10-04', 'prvs=099999d073=user@example.com', 'expired'],
    ['2024-10-03', 'prvs=0006dfec31=user@example.com', 'valid'],
    ['2024-10-10', 'prvs=0006dfec31=user@example.com', 'valid'],
    ['2024-10-11', 'prvs=0006dfec31=user@example.com', 'expired'],
    // Relays change letters.
    ['2024-01-01', 'PRVS=0730576ED6=user@EXAMPLE.com', 'valid'],
    ['2024-01-01', 'prvs=0730576ed6=USER@EXAMPLE.COM', 'valid'],
    ['2024-01-01', 'prvs=0730576ed7=user@example.com', 'wrong signature'],
    ['2024-01-01', 'prvs=0731576ed6=user@example.com', 'wrong signature'],
    ['2024-01-01', 'prvs=1730576ed6=user@example.com', 'wrong signature'],
    ['2024-01-01', 'prvs=0730576ed6=user@example.org', 'wrong signature'],
    ['2024-01-01', 'prvs=0730576ed=user@example.com', 'unsigned'],
    ['2024-01-01', 'prvs=user=0730576ed6@example.com', 'unsigned'],
    ['2024-01-01', 'xprvs=0730576ed6=user@example.com', 'unsigned'],
    ['2024-01-01', 'prvs=0730576ed6=@example.com', 'unsigned'],
    ['2024-01-01', 'user@example.com', 'unsigned'],
    ['2024-01-01', '', 'unsigned'],
  ])('on %s %s is %s', (date, address, outcome) => {
    expect(prvs.verify(address, { keys: [key], now: at(date) }).outcome).toBe(outcome);
  });

  it('puts the tag inside the quotes', () => {
    const now = at('2026-11-21');
    const signed = prvs.sign('"a b"@example.com', { key, now });
    expect(signed).toEqual({
      address: expect.stringMatching(/^"prvs=0785[0-9a-f]{6}=a b"@example\.com$/),
    });
    const { address } = signed as { address: string };
    expect(prvs.verify(address, { keys: [key], now })).toEqual({
      outcome: 'valid',
      address: '"a b"@example.com',
    });
  });

  it('verifies for seven days and on no other day of the next three thousand', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 19_000, max: 22_000 }),
        (later, day) => {
          const signed = prvs.sign('a@example.com', { key, now: day * DAY }) as { address: string };
          const { outcome } = prvs.verify(signed.address, {
            keys: [key],
            now: (day + later) * DAY,
          });
          // A thousand days later the same three digits mean the same day again, and only then.
          expect(outcome === 'valid').toBe(later % 1000 <= LIFETIME_DAYS);
        },
      ),
    );
  });
});

describe('exim-hash', () => {
  it.each([
    [
      's3cr3t',
      'User.Name@Example.com',
      'friend@example.net',
      'User.Name=friend=example.net=sirbyxwj@Example.com',
    ],
    [
      's3cr3t',
      'user@example.com',
      'friend@example.net',
      'user=friend=example.net=ynklhvjh@example.com',
    ],
    [
      's3cr3t',
      'user@example.com',
      'friend@example.org',
      'user=friend=example.org=cvwiotae@example.com',
    ],
    ['secret', 'a@d.example', 'b@c.example', 'a=b=c.example=fdmjrpxo@d.example'],
    [
      'another key with spaces',
      'bounce+tag@lists.example',
      'a=b@example.org',
      'bounce+tag=a=b=example.org=edmajbak@lists.example',
    ],
    [
      'x'.repeat(80),
      'postmaster@example.org',
      'info@example.net',
      'postmaster=info=example.net=uxwnyvel@example.org',
    ],
  ])('%j signs %s to %s', (secret, sender, recipient, expected) => {
    const key = { number: '0', secret };
    expect(hash.sign(sender, { key, now: 0, recipient })).toEqual({ address: expected });
    const other = { number: '1', secret: 'another' };
    expect(hash.verify(expected, { keys: [other, key], now: 0 })).toEqual({
      outcome: 'valid',
      address: sender,
      recipient,
    });
    expect(hash.verify(expected, { keys: [other], now: 0 }).outcome).toBe('wrong signature');
  });

  it.each([
    ['abcdefghi', 8, 26, 'xuvwxyza'],
    ['abcdefgh', 8, 26, 'abcdefgh'],
    ['monty', 3, 26, 'jmg'],
    ['monty', 5, 26, 'monty'],
    ['monty python', 4, 62, 'fbWx'],
  ])('hash of %s in %i of %i letters', (text, n, m, expected) => {
    expect(eximHash(text, n, m)).toBe(expected);
  });

  it('splits where the left part is a local user', () => {
    const key = { number: '0', secret: 's' };
    const { address } = hash.sign('a=b@d.example', { key, now: 0, recipient: 'c@c.example' }) as {
      address: string;
    };
    const isLocalUser = (name: string) => name === 'a=b';
    expect(hash.verify(address, { keys: [key], now: 0, isLocalUser })).toMatchObject({
      address: 'a=b@d.example',
      recipient: 'c@c.example',
    });
  });

  it.each(['a=b@d.example', 'a=b=c=short@d.example', 'a@d.example', '=b=c=abcdefgh@d.example'])(
    '%s is unsigned',
    (address) => {
      expect(hash.verify(address, { keys: [{ number: '0', secret: 's' }], now: 0 }).outcome).toBe(
        'unsigned',
      );
    },
  );
});

describe('is not signed', () => {
  const context = { key: { number: '0', secret: 's' }, now: 0, recipient: 'r@c.example' };
  it.each([
    ['', 'form'],
    ['user', 'form'],
    ['@example.com', 'form'],
    ['user@', 'form'],
    ['"a"b@example.com', 'form'],
    ['a@b c', 'form'],
    ['prvs=0730576ed6=user@example.com', 'tagged'],
    ['"prvs=0730576ed6=user"@example.com', 'tagged'],
    ['prvs=user=0730576ed6@example.com', 'tagged'],
    ['btv1==0000==user@example.com', 'tagged'],
    ['msprvs1=abc=bounces-1@example.com', 'tagged'],
    ['SRS0=xx=yy=example.org=user@example.com', 'tagged'],
    ['SRS1+xx=a==yy@example.com', 'tagged'],
    [`${'a'.repeat(60)}@example.com`, 'length'],
  ])('%s: %s', (address, unsignable) => {
    expect(prvs.sign(address, context)).toEqual({ unsignable });
    expect(hash.sign(address, context)).toEqual({ unsignable });
  });

  it('exim-hash without a recipient', () => {
    expect(hash.sign('a@b.example', { key: context.key, now: 0 })).toEqual({
      unsignable: 'recipient',
    });
  });
});

const SAFE = "abcXYZ019!#$%&'*+-/=?^_`{|}~.";
const letters = (alphabet: string, max: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: max });
const local = fc.oneof(
  letters(SAFE, 30),
  letters(`${SAFE} @<>()`, 20).map((inner) => `"${inner}"`),
);
const domain = letters('abZ09-.', 20);
const address = fc.tuple(local, domain).map(([left, right]) => `${left}@${right}`);
const secret = fc.string({ minLength: 1, maxLength: 64 });

describe.each(['prvs', 'exim-hash'] as const)('%s, for any address', (name: SchemeName) => {
  const scheme = RETURN_PATH_SCHEMES[name];

  it('gives back what was signed, by its key alone', () => {
    fc.assert(
      fc.property(address, secret, fc.integer({ min: 0, max: 9 }), (sender, text, number) => {
        fc.pre(!isTagged(sender));
        const key = { number: String(number), secret: text };
        const now = at('2026-11-21');
        const signed = scheme.sign(sender, { key, now, recipient: 'r@c.example' });
        if ('unsignable' in signed) return;
        const isLocalUser = (user: string) =>
          sender.startsWith(`${user}@`) || sender.startsWith(`"${user}"@`);
        const verified = scheme.verify(signed.address, { keys: [key], now, isLocalUser });
        expect(verified).toMatchObject({ outcome: 'valid', address: sender });
        const stranger = { number: key.number, secret: `${text}x` };
        // Three bytes: one forgery in sixteen million is right.
        expect(scheme.verify(signed.address, { keys: [stranger], now }).outcome).not.toBe('valid');
      }),
    );
  });

  it('never throws on what a stranger sends', () => {
    const keys = [{ number: '0', secret: 's' }];
    const hostile = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom('prvs=0730', 'a=b=c='), fc.string()).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(hostile, (text) => {
        const { outcome } = scheme.verify(text, { keys, now: at('2024-01-01') });
        expect(['unsigned', 'wrong signature']).toContain(outcome);
      }),
    );
  });
});
