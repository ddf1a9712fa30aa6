/** Rows of CSV with line feeds alone between them, as other programs on this system read them. */
import { defuse, csvRow as joinRow } from '../base/csv.ts';
import { escapeControls } from '../base/escape.ts';

export type Value = string | number | boolean | undefined;

/** One row. An unknown value is empty. */
export function csvRow(values: readonly Value[]): string {
  return joinRow(values.map(formatValue), '\n');
}

function formatValue(value: Value): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? defuse(escapeControls(value)) : String(value);
}
