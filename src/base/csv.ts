/** Rows of comma-separated values, RFC 4180. */

/** One row of cells as they are to be read; `end` of a row: spreadsheets take both, RFC 4180 has CRLF. */
export function csvRow(cells: readonly string[], end: '\n' | '\r\n'): string {
  return `${cells.map(quote).join(',')}${end}`;
}

function quote(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

const FORMULA = /^[=+\-@\t\r]/;

/** Strangers write half of a log: a spreadsheet takes a text that begins like a formula for one, and computes it. */
export function defuse(text: string, formula = FORMULA): string {
  return formula.test(text) ? `'${text}` : text;
}
