/**
 * A report as text in 80 columns. A row that is too long continues on the next line, between two cells; only a cell that
 * is longer than a line is cut.
 */
import { escapeControls } from '../base/escape.ts';
import { PLAIN_STYLE } from '../model/style.ts';
import type { Report } from './period.ts';
import { buildNote, buildTables, buildTitle, type Row, type Table } from './tables.ts';

const WIDTH = 80;
const GAP = '  ';
const INDENT = '      ';
/** A longer cell does not widen its column. */
const WIDEST_COLUMN = 28;

/** The whole report, no line longer than 80 characters. */
export function reportToText(report: Report, style = PLAIN_STYLE): string {
  const note = buildNote(report, style);
  const title = breakTitle(escapeControls(buildTitle(report, style)));
  const head = note === undefined ? title : [...title, note];
  const parts = [head, ...buildTables(report, style).map(listLines)];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** The period on a line of its own when the title is too long. */
function breakTitle(title: string): string[] {
  if (title.length <= WIDTH) return [title];
  return title
    .split(/(?<=,) /)
    .flatMap((part) => part.split(/(?<= to) /))
    .map(cutLine);
}

function listLines({ title, head, rows, empty }: Table): string[] {
  const heading = [title, '-'.repeat(title.length)];
  if (rows.length === 0) return [...heading, empty];
  const columns = head
    .map((name, at) =>
      padColumn(
        name,
        rows.map((row) => row[at] ?? ''),
      ),
    )
    .filter((column) => column !== undefined);
  const lines = [head, ...rows].map((_, at) => columns.map((column) => column[at] ?? ''));
  return [...heading, ...lines.flatMap(breakRow)];
}

/** The name of a column and its cells, all as wide as the widest one; undefined when every cell is empty. */
function padColumn(name: string, cells: Row): string[] | undefined {
  if (cells.every((cell) => cell === '')) return undefined;
  const texts = [name, ...cells].map((cell) => escapeControls(String(cell)));
  const width = Math.min(WIDEST_COLUMN, Math.max(...texts.map((text) => text.length)));
  const isNumber = typeof cells[0] === 'number';
  return texts.map((text) => (isNumber ? text.padStart(width) : text.padEnd(width)));
}

/** The cells side by side, on as many lines as they need. */
function breakRow(cells: readonly string[]): string[] {
  const [first = '', ...others] = cells;
  const lines: string[] = [];
  let line = first;
  for (const cell of others) {
    const longer = line + GAP + cell;
    if (longer.trimEnd().length <= WIDTH) {
      line = longer;
    } else {
      lines.push(line);
      line = INDENT + cell;
    }
  }
  return [...lines, line].map(cutLine);
}

function cutLine(line: string): string {
  const text = line.trimEnd();
  return text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 3)}...`;
}
