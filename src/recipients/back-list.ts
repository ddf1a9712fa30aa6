/**
 * BackList, the file in which scam-backscatter keeps recipients between two runs: `0 ADDRESS` is valid, `1 ADDRESS` is
 * invalid, and there are no times. Pure, but for the writing.
 */
import { replaceFile } from '../base/files.ts';
import type { LineProblem, Parsed } from '../base/watched-file.ts';
import { parseRecipient } from './address.ts';

export interface ListedRecipient {
  readonly address: string;
  readonly isValid: boolean;
}

/** Reads the text of a file (latin1). Broken lines are problems, and the others count. */
export function parseBackList(text: string): Parsed<ListedRecipient[]> {
  const value: ListedRecipient[] = [];
  const problems: LineProblem[] = [];
  text.split('\n').forEach((raw, index) => {
    const line = raw.replace(/\s+$/, '');
    if (line === '') return;
    const match = /^([01])[ \t]+(.*)$/.exec(line);
    const recipient = parseRecipient(match?.[2] ?? '');
    if (match === null || recipient === undefined)
      problems.push({
        line: index + 1,
        text: `expected 0 ADDRESS or 1 ADDRESS, found ${line.slice(0, 80)}`,
      });
    else value.push({ address: recipient.address, isValid: match[1] === '0' });
  });
  return { value, problems };
}

/** One line, as `parseBackList` reads it. */
export function formatBackListLine({ address, isValid }: ListedRecipient): string {
  return `${isValid ? 0 : 1} ${address}\n`;
}

/** Replaces the file in one step. Throws the system error; then the old file is untouched. */
export function writeBackList(file: string, recipients: Iterable<ListedRecipient>): void {
  const lines = Array.from(recipients, formatBackListLine);
  replaceFile(file, Buffer.from(lines.join(''), 'latin1'));
}
