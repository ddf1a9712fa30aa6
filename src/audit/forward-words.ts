/** What the right side of an alias and the lines of a .forward file say (aliases(5)); Exim reads the same. */
import { readFileSync } from 'node:fs';
import type { Evidence } from './finding.ts';

/** Addresses; what has another form is a command, a file or `:include:`. */
export function addressesIn(value: string): string[] {
  return value
    .split(/[\s,]+/)
    .map((word) => word.replace(/^\\/, '').replace(/^<(.*)>$/, '$1'))
    .filter((word) => /^[^\s|"/:@][^\s|"@]*@[\w.-]+$/.test(word));
}

interface IncludedLine {
  readonly value: string;
  readonly evidence: Evidence;
}

const INCLUDE = /:include:\s*"?(\/[^\s,"]+)/g;
/** Files that include each other end somewhere. */
const DEEPEST = 5;

/** The lines of the files that `value` includes; `note` gets a sentence for each that cannot be read. */
export function includedLines(
  value: string,
  note: (text: string) => void,
  depth = 0,
): IncludedLine[] {
  return [...value.matchAll(INCLUDE)].flatMap(([, file = '']) =>
    readLines(file, note).flatMap((each) =>
      depth < DEEPEST ? [each, ...includedLines(each.value, note, depth + 1)] : [each],
    ),
  );
}

function readLines(file: string, note: (text: string) => void): IncludedLine[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((text, index) => ({
        value: text,
        evidence: { file, line: index + 1, text: text.trim() },
      }))
      .filter(({ value }) => !/^\s*(?:#|$)/.test(value));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    note(`${file}, which an alias includes, cannot be read (${code}), so it was not audited`);
    return [];
  }
}
