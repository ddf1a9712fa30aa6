import { expect, test } from 'vitest';
import { EVENT_KINDS, REASONS, SUBMITTER_TYPES } from '../../src/model/event.ts';
import { KINDS, REASON_CODES, SUBMITTERS } from '../../src/store/codes.ts';

interface Words {
  readonly numberOf: Readonly<Record<string, number>>;
  readonly words: readonly (string | undefined)[];
}

test.each<[string, Words, readonly string[]]>([
  ['kinds', KINDS, EVENT_KINDS],
  ['reasons', REASON_CODES, REASONS],
  ['submitters', SUBMITTERS, SUBMITTER_TYPES],
])('each of the %s has a number of its own', (_what, list, words) => {
  expect(words.map((word) => list.words[list.numberOf[word] as number])).toEqual(words);
});

// Existing databases contain them.
test('numbers stay what they are', () => {
  expect(KINDS.numberOf).toMatchObject({ accepted: 1, bounced: 4, removed: 11 });
  expect(REASON_CODES.numberOf).toMatchObject({ 'invalid-recipient': 3, other: 6 });
  expect(SUBMITTERS.numberOf).toEqual({ client: 1, uid: 2, user: 3 });
});
