/** Alias files of Exim's lookups (lsearch): keys with their values and lines. */
import { readFileSync } from 'node:fs';
import type { Evidence } from '../finding.ts';
import type { EximFacts } from './facts.ts';

export interface Alias {
  readonly key: string;
  readonly value: string;
  readonly evidence: Evidence;
}

/** All entries; none, and a note, when the file cannot be read. A missing file has none. */
export function readAliasFile(file: string, facts: EximFacts): Alias[] {
  try {
    return parseAliases(readFileSync(file, 'utf8'), file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      facts.note(`${file} cannot be read (${code}), so its entries were not audited`);
    return [];
  }
}

function parseAliases(text: string, file: string): Alias[] {
  const found: { key: string; value: string; evidence: Evidence }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const last = found.at(-1);
    if (/^\s/.test(line)) {
      if (last !== undefined) last.value += ` ${line.trim()}`;
      continue;
    }
    const match = /^("(?:[^"\\]|\\.)*"|[^\s:]+)\s*:?\s*(.*)$/.exec(line);
    if (match === null) continue;
    const key = (match[1] as string).replace(/^"(.*)"$/, '$1');
    found.push({
      key,
      value: match[2] as string,
      evidence: { file, line: index + 1, text: line.trim() },
    });
  }
  return found;
}
