/** One table of a report as CSV, for spreadsheets. */
import { csvRow, defuse } from '../base/csv.ts';
import { escapeControls } from '../base/escape.ts';
import type { Table } from './table.ts';

/** The table with its head, lines that end with CRLF. */
export function tableToCsv({ head, rows }: Table): string {
  return [head, ...rows].map((row) => csvRow(row.map(toCell), '\r\n')).join('');
}

/** What a spreadsheet computes; a change such as `+50 %` is a number to it. */
const FORMULA = /^[=+\-@](?!\d+ %$)/;

function toCell(value: string | number): string {
  return typeof value === 'number' ? String(value) : defuse(escapeControls(value), FORMULA);
}
