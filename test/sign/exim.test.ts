/** The same addresses from a real Exim: its `${prvs}`, `${prvscheck}`, `${hash}` and `${hmac}` beside our schemes. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { eximHash } from '../../src/sign/exim-hash.ts';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';
import { eximProgram, hasExim } from '../support/exim.ts';

const { prvs } = RETURN_PATH_SCHEMES;
const hash = RETURN_PATH_SCHEMES['exim-hash'];

/** `\xNN` for each byte, so that nothing in the text means anything to the expansion. */
function bytes(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** What Exim makes of each expression. */
function expand(expressions: readonly string[]): string[] {
  const { stdout } = spawnSync(eximProgram(), ['-C', '/dev/null', '-be'], {
    input: `${expressions.join('\n')}\n`,
    encoding: 'utf8',
  });
  return stdout
    .split('\n')
    .map((line) => line.replace(/^> /, ''))
    .slice(0, expressions.length);
}

/** Texts that look random and are the same in every run. */
function* pseudoRandom(alphabet: string, longest: number): Generator<string> {
  for (let count = 0; ; count++) {
    const digest = createHash('sha256').update(`${alphabet}${count}`).digest();
    const length = 1 + ((digest[0] as number) % longest);
    yield [...digest.subarray(1, 1 + length)]
      .map((byte) => alphabet[byte % alphabet.length])
      .join('');
  }
}

const LOCAL = pseudoRandom('abcXYZ019+-_.=', 20);
const DOMAIN = pseudoRandom('abcXYZ09-.', 20);
const SECRET = pseudoRandom('abcXYZ019 !"$&/()=?:{}\\', 31);
const next = (texts: Generator<string>) => texts.next().value as string;
const CASES = Array.from({ length: 200 }, (_, index) => ({
  address: `${next(LOCAL)}@${next(DOMAIN)}`,
  recipient: `${next(LOCAL)}@${next(DOMAIN)}`,
  key: { number: String(index % 10), secret: next(SECRET) },
})).filter(({ address }) => !/^"?(?:prvs|btv1|msprvs1|srs[01])/i.test(address));

it.runIf(hasExim())('signs the same prvs addresses, and each takes the other’s', () => {
  const before = Date.now();
  const theirs = expand(
    CASES.map(
      ({ address, key }) => `\${prvs{${bytes(address)}}{${bytes(key.secret)}}{${key.number}}}`,
    ),
  );
  const ours = (now: number) =>
    CASES.map(
      ({ address, key }) => (prvs.sign(address, { key, now }) as { address: string }).address,
    );
  // Midnight may pass between the two.
  expect([ours(before), ours(Date.now())]).toContainEqual(theirs);
  for (const [index, { address, key }] of CASES.entries()) {
    expect(prvs.verify(theirs[index] as string, { keys: [key], now: Date.now() })).toEqual({
      outcome: 'valid',
      address,
    });
  }
  const checked = expand(
    CASES.map(({ key }, index) => {
      const signed = bytes(theirs[index] as string);
      return `\${prvscheck{${signed}}{${bytes(key.secret)}}{$prvscheck_result$prvscheck_address}}`;
    }),
  );
  expect(checked).toEqual(CASES.map(({ address }) => `1${address}`));
});

it.runIf(hasExim())('signs the same addresses by hash and hmac', () => {
  const lower = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const texts = CASES.map(({ address, recipient }) => {
    const [sender] = splitLast(address);
    const [local, domain] = splitLast(recipient);
    return `${sender}=${local}=${domain}`;
  });
  const theirs = expand(
    CASES.map(
      ({ key }, index) =>
        `\${hash_8:\${hmac{md5}{${bytes(key.secret)}}{${bytes(lower(texts[index] as string))}}}}`,
    ),
  );
  const ours = CASES.map(({ address, recipient, key }) => {
    const signed = hash.sign(address, { key, now: 0, recipient });
    return 'address' in signed ? splitLast(signed.address)[0].slice(-8) : signed.unsignable;
  });
  expect(ours.map((one, index) => (one === 'length' ? theirs[index] : one))).toEqual(theirs);
  expect(ours.filter((one) => one !== 'length').length).toBeGreaterThan(100);
});

it.runIf(hasExim())('hashes the same texts', () => {
  const some = pseudoRandom('abcXYZ019+-_.=', 31);
  const inputs = Array.from({ length: 100 }, (_, index) => ({
    text: next(some),
    n: 1 + (index % 9),
    m: 1 + (index % 62),
  }));
  const theirs = expand(inputs.map(({ text, n, m }) => `\${hash_${n}_${m}:${bytes(text)}}`));
  expect(inputs.map(({ text, n, m }) => eximHash(text, n, m))).toEqual(theirs);
});

function splitLast(address: string): [string, string] {
  const at = address.lastIndexOf('@');
  return [address.slice(0, at), address.slice(at + 1)];
}
