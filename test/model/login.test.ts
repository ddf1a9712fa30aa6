/** Which spellings of a login are one person. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildCanonicalLogin,
  canonicalLogin,
  LOGIN_CUTS,
  type LoginOptions,
  listImpliedSpellings,
  PLAIN_LOGINS,
} from '../../src/model/login.ts';

const QUALIFIED = { ...PLAIN_LOGINS, defaultDomain: 'example.net' };
const PLUS = { ...QUALIFIED, extension: '+' };
const DOMAIN = { ...PLAIN_LOGINS, cut: 'domain' } as const;
const WORD = { ...PLAIN_LOGINS, cut: 'word' } as const;

const CASES: readonly [LoginOptions, login: string, person: string][] = [
  [PLAIN_LOGINS, 'Alice@Example.NET', 'alice@example.net'],
  [PLAIN_LOGINS, 'alice+phone', 'alice+phone'],
  [QUALIFIED, 'ALICE', 'alice@example.net'],
  [QUALIFIED, 'alice@example.net', 'alice@example.net'],
  [QUALIFIED, 'alice@example.org', 'alice@example.org'],
  [QUALIFIED, 'alice@', 'alice@'],
  [QUALIFIED, '', ''],
  [PLUS, 'alice+phone', 'alice@example.net'],
  [PLUS, 'alice+a+b@example.org', 'alice@example.org'],
  [PLUS, '+phone@example.net', '+phone@example.net'],
  [PLUS, 'alice@sub+x.example.net', 'alice@sub+x.example.net'],
  [{ ...PLUS, extension: '+-' }, 'alice-phone', 'alice@example.net'],
  [DOMAIN, 'alice@example.net', 'alice'],
  [DOMAIN, 'alice.smith@example.net', 'alice.smith'],
  [DOMAIN, 'alice@a@b', 'alice'],
  [DOMAIN, '@example.net', '@example.net'],
  [WORD, 'alice.smith@example.net', 'alice'],
  [WORD, 'alice+phone', 'alice'],
  [WORD, '.alice', '.alice'],
];

const options: fc.Arbitrary<LoginOptions> = fc.record({
  defaultDomain: fc.constantFrom(undefined, 'example.net', 'example.org'),
  cut: fc.constantFrom(...LOGIN_CUTS),
  extension: fc.constantFrom('', '+', '-', '+-', '.'),
});
const login = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'aB.+-_@é'), maxLength: 8 }),
  fc
    .tuple(
      fc.constantFrom('alice', 'Bob', 'a.smith'),
      fc.constantFrom('', '+phone', '-x'),
      fc.constantFrom('', '@example.net', '@Example.ORG'),
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
);

describe('a login', () => {
  it.each(CASES)('with %j: %s is %s', (given, typed, person) => {
    expect(canonicalLogin(given, typed)).toBe(person);
  });

  it('has a form that is its own form', () => {
    fc.assert(
      fc.property(options, login, (given, typed) => {
        const person = canonicalLogin(given, typed);
        expect(canonicalLogin(given, person)).toBe(person);
      }),
    );
  });

  it('has no form that is empty', () => {
    fc.assert(
      fc.property(options, login, (given, typed) => {
        expect(canonicalLogin(given, typed) === '').toBe(typed === '');
      }),
    );
  });

  it('is never one with that of another mailbox unless an option says so', () => {
    fc.assert(
      fc.property(options, login, login, (given, one, other) => {
        if (canonicalLogin(given, one) !== canonicalLogin(given, other)) return;
        expect(mailbox(given, one)).toBe(mailbox(given, other));
      }),
    );
  });

  it('has implied spellings of the same person only', () => {
    fc.assert(
      fc.property(options, login, (given, typed) => {
        const person = canonicalLogin(given, typed);
        for (const spelling of listImpliedSpellings(given, person)) {
          expect(canonicalLogin(given, spelling)).toBe(person);
          expect(spelling).not.toBe(person);
        }
      }),
    );
  });

  it('is left as it is without options', () => {
    expect(buildCanonicalLogin(PLAIN_LOGINS)).toBeUndefined();
    expect(buildCanonicalLogin(DOMAIN)?.('Alice@example.net')).toBe('alice');
  });
});

/** What the options leave of a login, each by itself: written with expressions, unlike the module. */
function mailbox({ defaultDomain, cut, extension }: LoginOptions, typed: string): string {
  const [, local = '', domain] = /^([^@]*)(@.*)?$/s.exec(typed.toLowerCase()) ?? [];
  const delimiter =
    extension === '' ? undefined : new RegExp(`(?<=.)[${extension.replace('-', '\\-')}].*`, 's');
  const isWhole = extension.includes(local[0] ?? '\0');
  const bare = delimiter === undefined || isWhole ? local : local.replace(delimiter, '');
  if (cut === 'word') return /^\w+/.exec(bare)?.[0] ?? bare + (domain ?? '');
  if (cut === 'domain' && bare !== '') return bare;
  const isDefault = domain === undefined && cut === 'none' && bare !== '';
  return bare + (isDefault && defaultDomain !== undefined ? `@${defaultDomain}` : (domain ?? ''));
}
