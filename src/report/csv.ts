/** One table of a report as CSV (RFC 4180), for spreadsheets. */
import { escapeControls } from '../base/escape.ts';
import type { Table } from './table.ts';

/** The table with its head, lines that end with CRLF. */
export function tableToCsv({ head, rows }: Table): string {
  return [head, ...rows].map((row) => `${row.map(toField).join(',')}\r\n`).join('');
}

/** What a spreadsheet computes; a change such as `+50 %` is a number to it. */
const FORMULA = /^[=+\-@](?!\d+ %$)/;

/** A spreadsheet would compute a text that begins like a formula, and strangers write some of these. */
function toField(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const text = escapeControls(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
