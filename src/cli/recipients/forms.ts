/** How an answer is printed: as text, JSON and CSV. */
import { formatTime } from '../../base/time.ts';
import type { StoredAnswer } from '../../store/recipients.ts';
import { csvRow } from '../csv.ts';
import { jsonLine } from '../io.ts';
import { shown, toText } from './address.ts';
import type { RecipientsOptions, Work } from './work.ts';

export const COLUMNS = ['recipient', 'valid', 'time'];

export function toCsv({ address, isValid, time }: StoredAnswer): string {
  return csvRow([toText(address), isValid, formatTime(time)]);
}

export const FORMS = {
  text: listLine,
  json: (answer: StoredAnswer) => jsonLine(toJson(answer)),
  csv: toCsv,
} as const;

export function isText({ format = 'text' }: RecipientsOptions): boolean {
  return format === 'text';
}

function listLine(answer: StoredAnswer): string {
  const word = answer.isValid ? 'valid  ' : 'invalid';
  return `${word}  ${formatTime(answer.time).slice(0, 19)}Z  ${shown(answer.address)}\n`;
}

export function toJson({ address, isValid, time }: StoredAnswer) {
  return { address: toText(address), valid: isValid, time: formatTime(time) };
}

/** What an action has done: as one JSON object, as CSV with a line of names, or as `text`. */
export function printCounts(
  counts: Readonly<Record<string, number>>,
  text: string,
  { options, io }: Pick<Work, 'options' | 'io'>,
): void {
  if (options.format === 'json') io.stdout(jsonLine(counts));
  else if (options.format === 'csv')
    io.stdout(csvRow(Object.keys(counts)) + csvRow(Object.values(counts)));
  else io.stdout(text);
}
