/**
 * The scanner makes the same record of a text of Exim's log as the plain parser, and none where that makes none: of all
 * sample texts, of texts that strangers shaped, and of damaged and recombined ones, whatever form they have.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoggedLine } from '../../src/model/line.ts';
import { createEximParser } from '../../src/parse/exim/parser.ts';
import { ByteCursor } from '../../src/scan/bytes.ts';
import { scanExim } from '../../src/scan/exim.ts';
import { change } from './damage.ts';
import { EXIM_HOSTILE, EXIM_ORDINARY } from './exim-texts.ts';
import { listEximTexts, makeLogs, readSamples } from './logs.ts';

const LONG = process.env.POSTERN_TORTURE === 'long';
const parser = createEximParser();

/** What the scanner says about a text; its neighbours in the block are of no account. */
function scan(text: string): ReturnType<typeof scanExim> {
  const cursor = new ByteCursor();
  const before = '2026-11-01 09:05:07 ';
  cursor.text = `${before}${text}\n${before}${text}\n`;
  cursor.bytes = Buffer.from(cursor.text, 'latin1');
  cursor.at = before.length;
  cursor.end = before.length + text.length;
  return scanExim(cursor);
}

function parse(text: string) {
  return parser.parse({ program: 'exim', text } as LoggedLine);
}

/** Whether the scanner took the text; throws if the parser says something else about it. */
function isTaken(text: string): boolean {
  const scanned = scan(text);
  if (scanned === 'other' || scanned === 'plain') return false;
  expect(parse(text)).toEqual(scanned === 'silent' ? undefined : scanned);
  return true;
}

const TEXTS = [...new Set(listEximTexts([...readSamples(), ...makeLogs(4000)]))];
const OF_MESSAGE = String.raw`^[\w-]{16,23} `;
/** The forms that the scanner is for, and how a line of each shows it. */
const FORMS: readonly RegExp[] = [
  new RegExp(`${OF_MESSAGE}<= `),
  new RegExp(`${OF_MESSAGE}[=-]> `),
  new RegExp(`${OF_MESSAGE}== `),
  new RegExp(`${OF_MESSAGE}\\*\\* `),
  new RegExp(`${OF_MESSAGE}H=`),
  new RegExp(`${OF_MESSAGE}Completed$`),
  /^H=/,
  /^\w+ authenticator failed for /,
];

describe('the scanner of Exim', () => {
  it.each(FORMS)(
    'agrees with the parser about every sample of %s, and takes most of them',
    (form) => {
      const texts = TEXTS.filter((text) => form.test(text));
      const taken = texts.filter(isTaken).length;
      expect(taken / texts.length).toBeGreaterThan(0.4);
    },
  );

  it('agrees with the parser about every other sample', () => {
    for (const text of TEXTS) if (!FORMS.some((form) => form.test(text))) isTaken(text);
  });

  it.each(EXIM_ORDINARY)('takes %s', (text) => {
    expect(isTaken(text)).toBe(true);
  });

  it.each(EXIM_HOSTILE)('agrees with the parser about %s', (text) => {
    isTaken(text);
  });

  it('agrees with the parser about damaged texts', () => {
    const text = fc.constantFrom(...TEXTS, ...EXIM_ORDINARY, ...EXIM_HOSTILE);
    const damaged = fc
      .tuple(text, text, fc.array(change, { minLength: 1, maxLength: 3 }))
      .map(([one, other, changes]) => changes.reduce((all, damage) => damage(all, other), one))
      .map((all) => all.replaceAll('\n', ' '));
    let taken = 0;
    const numRuns = LONG ? 2_000_000 : 50_000;
    fc.assert(
      fc.property(damaged, (all) => {
        taken += Number(isTaken(all));
      }),
      { numRuns },
    );
    // Damage that the scanner never looks at would prove nothing.
    expect(taken / numRuns).toBeGreaterThan(0.1);
  });
});
