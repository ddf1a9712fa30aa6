/**
 * The stories of several weeks through the interpreter and the judge, with the rules of the package: who is noticed by
 * which rule, and nobody by any other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { firstDay } from '../../bench/detection/acts.ts';
import { writeLog } from '../../bench/detection/files.ts';
import { render } from '../../bench/detection/render.ts';
import { HABITS } from '../../bench/detection/stories/habits.ts';
import { listStories } from '../../bench/detection/story.ts';
import { runReplay } from '../../src/cli/replay.ts';

const FOLDER = mkdtempSync(join(tmpdir(), 'postern-habits-'));
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

const RULES = resolve(import.meta.dirname, '../../rules');
const STORIES = listStories([
  { name: 'habits', on: ['postfix', 'exim'], innocent: HABITS, guilty: [] },
]);

async function listNoticed(files: readonly string[]): Promise<string[]> {
  let printed = '';
  const io = {
    stdout: (text: string) => {
      printed += text;
    },
    stderr: () => {},
  };
  await runReplay(files, { rules: RULES, zone: 'UTC', format: 'json' }, io);
  const { verdicts } = JSON.parse(printed) as {
    verdicts: { rule: string; key: { type: string; id: string } }[];
  };
  return [...new Set(verdicts.map(({ rule, key }) => `${rule} ${key.type}:${key.id}`))].sort();
}

describe('stories of several weeks', () => {
  for (const [index, story] of STORIES.entries()) {
    test(`${story.title}: ${story.says}`, async () => {
      const { files } = writeLog(FOLDER, render(story, firstDay(0)));
      expect(await listNoticed(files)).toEqual(HABITS[index % HABITS.length]?.noticed);
    });
  }
});
