/**
 * `postern help TOPIC`: the pages of docs/ as `npm run build` has rendered them (scripts/manual/), and every key of the
 * configuration, from its schema.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { findNearest } from '../base/nearest.ts';
import { packagePath } from '../base/package.ts';
import { describeKey, listKeys } from '../config/describe.ts';

const FOLDER = 'dist/help';
const WIDTH = 80;

/** The text on a topic (`rules`, `docs/rules.md`) or on a key of the configuration; undefined if there is none. */
export function findTopic(name: string): string | undefined {
  const page = basename(name, '.md');
  const isPage = listPages().includes(page);
  // `See docs/leases.md` in a message names the page, the key has no folder.
  if (name !== page) return isPage ? readPage(page) : undefined;
  const keys = describeKey(name);
  if (keys.length === 0) return isPage ? readPage(page) : undefined;
  const text = keys
    .map(
      ({ key, about, fallback }) =>
        `${key}\n${indent(`Default: ${fallback}.`)}\n${indent(about)}\n`,
    )
    .join('\n');
  return `${text}${pointToPage(page)}`;
}

/** What to add where a command or a key of the configuration has the name of a page and comes first; empty if none has. */
export function pointToPage(name: string): string {
  return listPages().includes(name)
    ? `\nThere is more on this topic: postern help ${name}.md\n`
    : '';
}

/** All that `findTopic` knows. */
export function listTopics(): string[] {
  return [...listPages(), ...listKeys()];
}

/** The end of a message on a topic that does not exist. */
export function suggestTopic(name: string, commands: readonly string[]): string {
  const nearest = findNearest(basename(name, '.md'), [...commands, ...listTopics()]);
  return nearest === undefined ? '' : `; did you mean '${nearest}'?`;
}

function listPages(): string[] {
  try {
    return readdirSync(packagePath(FOLDER));
  } catch {
    // A tree that was never built has no pages; the keys are there all the same.
    return [];
  }
}

function readPage(page: string): string {
  return readFileSync(packagePath(`${FOLDER}/${page}`), 'utf8');
}

function indent(markdown: string): string {
  const lines = [''];
  for (const word of markdown.replaceAll('`', '').split(/\s+/)) {
    const line = lines.at(-1) as string;
    if (line.length + word.length + 5 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `    ${line}`).join('\n');
}
