/**
 * Every story of bench/detection through the interpreter and the judge, with the rules of the package: exactly the
 * guilty are blocked, and those who are to be observed are observed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firstDay } from '../../bench/detection/acts.ts';
import { writeLog } from '../../bench/detection/files.ts';
import { replay } from '../../bench/detection/postern.ts';
import { render } from '../../bench/detection/render.ts';
import { STORIES } from '../../bench/detection/stories/index.ts';
import type { Story } from '../../bench/detection/story.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'postern-stories-'));
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

/** The keys with a verdict of each kind. */
async function judge(story: Story): Promise<{ blocked: string[]; observed: string[] }> {
  const verdicts = await replay(writeLog(FOLDER, render(story, firstDay(0))));
  const keys = (action: string) => [
    ...new Set(verdicts.filter((one) => one.action === action).map(({ key }) => key)),
  ];
  return { blocked: keys('block').sort(), observed: keys('observe') };
}

/** The expected keys, each in the spelling that was blocked. */
function expected(story: Story, blocked: readonly string[]): string[] {
  if (story.missed !== undefined) return [];
  const chosen = story.guilty.map((key) => {
    const spellings = key.split('|');
    return spellings.find((one) => blocked.includes(one)) ?? (spellings[0] as string);
  });
  return chosen.sort();
}

describe('stories', () => {
  for (const story of STORIES) {
    test(`${story.title}: ${story.says}`, async () => {
      const { blocked, observed } = await judge(story);
      expect(blocked).toEqual(expected(story, blocked));
      expect(observed).toEqual(expect.arrayContaining([...(story.observe ?? [])]));
    });
  }

  test('have names of their own', () => {
    const titles = STORIES.map(({ title }) => title);
    expect(titles).toEqual([...new Set(titles)]);
  });

  test('are the same each time', () => {
    const [story] = STORIES;
    expect(render(story as Story, 0).files).toEqual(render(story as Story, 0).files);
  });
});
