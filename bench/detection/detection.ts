/**
 * How often Postern and others are wrong: all stories of `stories/` through each of them. Prints two tables.
 * `--json=FILE` also writes everything as JSON, `--docs` puts the tables into docs/detection.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { contest } from './contest.ts';
import { STORIES } from './stories/index.ts';
import { contestJson, storyTable, summaryTable } from './tables.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/detection.md');
const BEGIN = '<!-- begin: printed by the benchmark -->';
const END = '<!-- end -->';

/** Plays all stories; `folder` is for the logs. */
export async function detection(folder: string): Promise<void> {
  const players = await contest(STORIES, folder);
  const text = `${summaryTable(STORIES, players)}\n\n${storyTable(STORIES, players)}`;
  console.log(text);
  const json = process.argv.find((word) => word.startsWith('--json='))?.slice('--json='.length);
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify(contestJson(STORIES, players), undefined, 2)}\n`);
  }
  if (process.argv.includes('--docs'))
    writeFileSync(PAGE, replaced(readFileSync(PAGE, 'utf8'), text));
}

function replaced(page: string, text: string): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length;
  return `${page.slice(0, begin)}\n\n${text}\n\n${page.slice(page.indexOf(END))}`;
}
