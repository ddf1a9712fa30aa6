/** Comma-separated values (RFC 4180), with line feeds alone between the rows, for spreadsheets and databases. */
import { escapeControls } from '../base/escape.ts';

export type Value = string | number | boolean | undefined;

/** One row. An unknown value is empty. */
export function csvRow(values: readonly Value[]): string {
  return `${values.map(formatValue).join(',')}\n`;
}

function formatValue(value: Value): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = defuse(escapeControls(value));
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Strangers write half of a log: a spreadsheet takes a text that begins so for a formula, and computes it. */
function defuse(text: string): string {
  return /^[=+@-]/.test(text) ? `'${text}` : text;
}
