/** The parts of signed return paths that need no mail server: restoring recipients, guesses, the wait before refusing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Guesses } from '../../../src/daemon/milter/return-path/guesses.ts';
import {
  type Restorable,
  restoreRecipients,
} from '../../../src/daemon/milter/return-path/restore.ts';
import { endOfWait, recordSigning } from '../../../src/daemon/milter/return-path/since.ts';
import { parseEnvelopeAddress } from '../../../src/milter/handler.ts';
import { AddressSet, isListable } from '../../../src/sign/address-set.ts';
import { isMailbox } from '../../../src/sign/envelope.ts';

const DAY = 86_400_000;

/** `signed -> plain`, or a plain one; parameters behind it. */
function restorable(text: string): Restorable {
  const [received = '', plain] = text.split(' -> ');
  const recipient = parseEnvelopeAddress(received.split(' '));
  return plain === undefined ? { recipient } : { recipient, plain: parseEnvelopeAddress([plain]) };
}

describe('restored recipients', () => {
  it.each([
    [['<a@x>'], []],
    [['<s1=a@x> -> a@x'], ['- <s1=a@x>', '+ a@x ORCPT=rfc822;s1+3Da@x']],
    [
      ['<s1=a@x> -> a@x', '<a@X>', '<s2=a@x> -> a@x', '<b@x>'],
      ['- <s1=a@x>', '- <s2=a@x>', '- <a@X>', '+ a@x ORCPT=rfc822;a@X'],
    ],
    [
      ['<s1=a@x> -> a@x', '<s1=b@x> -> b@x'],
      ['- <s1=a@x>', '+ a@x ORCPT=rfc822;s1+3Da@x', '- <s1=b@x>', '+ b@x ORCPT=rfc822;s1+3Db@x'],
    ],
    // The same one twice: one deletion is enough for both servers.
    [
      ['<s1=a@x> -> a@x', '<s1=a@x> -> a@x'],
      ['- <s1=a@x>', '+ a@x ORCPT=rfc822;s1+3Da@x'],
    ],
    [
      ['<s1=a@x> NOTIFY=NEVER ORCPT=rfc822;o@x -> a@x'],
      ['- <s1=a@x>', '+ a@x NOTIFY=NEVER ORCPT=rfc822;o@x'],
    ],
    // Local parts may differ in case.
    [
      ['<s1=A@x> -> A@x', '<a@x>'],
      ['- <s1=A@x>', '+ A@x ORCPT=rfc822;s1+3DA@x'],
    ],
  ])('%j: %j', (recipients, expected) => {
    const changes = restoreRecipients(recipients.map(restorable)).map((change) => {
      if (change.kind === 'delete-recipient') return `- ${change.argument}`;
      if (change.kind !== 'add-recipient') return change.kind;
      return `+ ${[change.address, ...(change.parameters ?? [])].join(' ')}`;
    });
    expect(changes).toEqual(expected);
  });

  it('are never lost, whatever mixture comes', () => {
    const one = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 2 }));
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (mixture) => {
        const all = mixture.map(([name, form]) =>
          restorable(form === 0 ? `<${name}@x>` : `<s${form}=${name}@x> -> ${name}@x`),
        );
        const left = new Set(all.map(({ recipient }) => recipient.argument));
        const added: string[] = [];
        for (const change of restoreRecipients(all)) {
          if (change.kind === 'delete-recipient') left.delete(change.argument);
          if (change.kind === 'add-recipient') added.push(`<${change.address}>`);
        }
        const reached = [...left, ...added].sort();
        const people = [...new Set(mixture.map(([name]) => `<${name}@x>`))].sort();
        expect(reached).toEqual(people);
      }),
    );
  });
});

describe('guesses', () => {
  it('are counted by client and hour, IPv6 by /64', () => {
    let now = 0;
    const guesses = new Guesses({ now: () => now });
    for (let tries = 0; tries < 20; tries++) {
      expect(guesses.isGuessing('2001:db8::1')).toBe(false);
      guesses.count(`2001:db8::${tries + 1}`);
    }
    expect(guesses.isGuessing('2001:db8::ffff')).toBe(true);
    expect(guesses.isGuessing('2001:db8:0:1::1')).toBe(false);
    expect(guesses.isGuessing(undefined)).toBe(false);
    now = 3_600_000;
    expect(guesses.isGuessing('2001:db8::1')).toBe(false);
  });

  it('of many clients do not fill the memory', () => {
    const guesses = new Guesses({ now: () => 0 });
    for (let tries = 0; tries < 20; tries++) guesses.count('192.0.2.1');
    for (let client = 0; client < 10_000; client++)
      guesses.count(`10.${client >> 8}.${client & 255}.1`);
    expect(guesses.isGuessing('192.0.2.1')).toBe(false);
  });
});

describe('the wait before refusing', () => {
  let file = '';
  beforeEach(() => {
    file = join(mkdtempSync(join(tmpdir(), 'postern-since-')), 'record.json');
  });
  afterEach(() => rmSync(join(file, '..'), { recursive: true, force: true }));

  it('begins when a domain begins to sign, and survives restarts', () => {
    expect(endOfWait(recordSigning(file, ['a.example'], 0))).toBe(12 * DAY);
    expect(endOfWait(recordSigning(file, ['a.example'], 5 * DAY))).toBe(12 * DAY);
    expect(endOfWait(recordSigning(file, ['a.example', 'b.example'], 6 * DAY))).toBe(18 * DAY);
  });

  it('begins anew for a domain that did not sign for a while', () => {
    recordSigning(file, ['a.example'], 0);
    recordSigning(file, [], DAY);
    expect(endOfWait(recordSigning(file, ['a.example'], 2 * DAY))).toBe(14 * DAY);
  });

  it.each(['', '{', '[]', '{"a.example":"soon"}'])('begins anew with a record of %j', (text) => {
    writeFileSync(file, text);
    expect(endOfWait(recordSigning(file, ['a.example'], DAY))).toBe(13 * DAY);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      'a.example': '1970-01-02T00:00:00.000Z',
    });
  });

  it('is not cut short by a clock that was ahead', () => {
    recordSigning(file, ['a.example'], 100 * DAY);
    expect(endOfWait(recordSigning(file, ['a.example'], 50 * DAY))).toBe(62 * DAY);
  });
});

describe('lists of addresses', () => {
  const set = new AddressSet(['Alice@Example.net', '@lists.example']);
  it.each([
    ['alice@example.NET', true],
    ['bob@example.net', false],
    ['x@lists.example', true],
    ['x@sub.lists.example', false],
    ['lists.example', false],
  ])('%s: %s', (address, expected) => expect(set.has(address)).toBe(expected));

  it.each([
    ['a@b.example', true],
    ['@b.example', true],
    ['b.example', false],
    ['a b@', false],
  ])('may hold %s: %s', (entry, expected) => expect(isListable(entry)).toBe(expected));
});

describe('an envelope takes', () => {
  it.each([
    ['a@b.example', true],
    ['"a b"@b.example', true],
    ['"a\\"b"@b.example', true],
    ['a b@b.example', false],
    ['a,b@b.example', false],
    ['"a"b"@b.example', false],
    ['a@b.example>', false],
    ['ä@b.example', false],
    ['a@', false],
  ])('%s: %s', (address, expected) => expect(isMailbox(address)).toBe(expected));
});
