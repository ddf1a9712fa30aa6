/**
 * A report as text, in 80 columns if nothing else is asked for. A row that is too long continues on the next line,
 * between two cells; only a cell that is longer than a line is cut, or broken at spaces in a table that says so.
 */
import { escapeControls } from '../base/escape.ts';
import { PLAIN_STYLE } from '../model/style.ts';
import { buildCharts, type Chart, findHighest, sumSeries, sumSteps } from './chart.ts';
import type { Report } from './period.ts';
import { summarize } from './summary.ts';
import { buildNote, buildTables, buildTitle, type Row, type Table } from './tables.ts';

const WIDTH = 80;
const GAP = '  ';
const INDENT = '      ';
/** A longer cell does not widen its column. */
const WIDEST_COLUMN = 28;

/** The whole report, no line longer than `width` characters. */
export function reportToText(report: Report, style = PLAIN_STYLE, width = WIDTH): string {
  const note = buildNote(report, style);
  const title = breakTitle(escapeControls(buildTitle(report, style)), width);
  const head = note === undefined ? title : [...title, cutLine(note, width)];
  const parts = [
    head,
    summarize(report, style).flatMap((sentence) => breakSentence(sentence, width)),
    ...buildCharts(report, style).map((chart) => drawLines(chart, width)),
    ...buildTables(report, style).map((table) => tableToLines(table, width)),
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function breakSentence(sentence: string, width: number): string[] {
  return breakWords(escapeControls(sentence), width);
}

/** At spaces. */
function breakWords(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line) => cutLine(line, width));
}

/** Characters that stand for the series of a chart, in their order. */
const MARKS = '#=%+o.';

/** Horizontal bars, one for each step, below a title. Each series has a character of its own. `width` in characters. */
export function drawLines(chart: Chart, width = WIDTH): string[] {
  const { title, series, labels, limit } = chart;
  const legend = series.map((one, at) => `${MARKS[at]} ${one.name} ${sumSeries(one)}`);
  const highest = Math.max(1, findHighest(chart), limit?.value ?? 0);
  const sums = sumSteps(series);
  const label = Math.max(...labels.map(({ length }) => length));
  const number = String(Math.max(...sums)).length;
  const room = width - label - number - 2 * GAP.length;
  const rows = labels.map((text, at) => {
    const bar = drawBar(series, at, room / highest);
    const sum = String(sums[at]).padStart(number);
    return `${text.padEnd(label)}${GAP}${sum}${GAP}${limit === undefined ? bar : markLimit(bar, Math.round((limit.value * room) / highest) - 1)}`;
  });
  const lines = [
    title,
    '-'.repeat(title.length),
    ...breakRow(legend.map(escapeControls), width).map((line) => cutLine(line, width)),
    ...rows,
  ];
  return (limit === undefined ? lines : [...lines, `| ${limit.name}`]).map((line) =>
    cutLine(line, width),
  );
}

/** Parts end where their sum so far ends, so that rounding does not add up. */
function drawBar(series: Chart['series'], at: number, scale: number): string {
  let bar = '';
  let sum = 0;
  series.forEach(({ values }, one) => {
    const value = values[at] ?? 0;
    sum += value;
    const end = Math.max(Math.round(sum * scale), bar.length + (value > 0 ? 1 : 0));
    bar += (MARKS[one] ?? '#').repeat(Math.max(0, end - bar.length));
  });
  return bar;
}

function markLimit(bar: string, place: number): string {
  return `${bar.slice(0, place).padEnd(place)}|${bar.slice(place + 1)}`;
}

/** The period on a line of its own when the title is too long. */
function breakTitle(title: string, width: number): string[] {
  if (title.length <= width) return [title];
  return title
    .split(/(?<=,) /)
    .flatMap((part) => (part.length <= width ? part : part.split(/(?<= to) /)))
    .map((line) => cutLine(line, width));
}

/** A heading, and the table in columns below it; no line is longer than `width` characters. */
export function tableToLines(table: Table, width = WIDTH): string[] {
  const { title, head, rows, empty, isWhole = false } = table;
  const heading = [title, '-'.repeat(title.length)].map((line) => cutLine(line, width));
  if (rows.length === 0) return [...heading, empty];
  const columns = head
    .map((name, at) =>
      padColumn(
        name,
        rows.map((row) => row[at] ?? ''),
        Math.max(WIDEST_COLUMN, Math.floor(width / 4)),
      ),
    )
    .filter((column) => column !== undefined);
  const lines = [head, ...rows].map((_, at) => columns.map((column) => column[at] ?? ''));
  return [
    ...heading,
    ...lines
      .flatMap((row) => breakRow(row, width))
      .flatMap((line) => fitLine(line, width, isWhole)),
  ];
}

/** What strangers wrote may be endless, and is cut, except where all of it matters. */
function fitLine(line: string, width: number, isWhole: boolean): string[] {
  if (!isWhole || line.trimEnd().length <= width) return [cutLine(line, width)];
  const text = line.trimStart();
  const indent = ' '.repeat(line.length - text.length);
  return breakWords(text.trimEnd(), width - indent.length).map((part) => indent + part);
}

/** The name of a column and its cells, all as wide as the widest one; undefined when every cell is empty. */
function padColumn(name: string, cells: Row, widest: number): string[] | undefined {
  if (cells.every((cell) => cell === '')) return undefined;
  const texts = [name, ...cells].map((cell) => escapeControls(String(cell)));
  const width = Math.min(widest, Math.max(...texts.map((text) => text.length)));
  const isNumber = typeof cells[0] === 'number';
  return texts.map((text) => (isNumber ? text.padStart(width) : text.padEnd(width)));
}

/** The cells side by side, on as many lines as they need. */
function breakRow(cells: readonly string[], width: number): string[] {
  const [first = '', ...others] = cells;
  const lines: string[] = [];
  let line = first;
  for (const cell of others) {
    const longer = line + GAP + cell;
    if (longer.trimEnd().length <= width) {
      line = longer;
    } else {
      lines.push(line);
      line = INDENT + cell;
    }
  }
  return [...lines, line];
}

function cutLine(line: string, width: number): string {
  const text = line.trimEnd();
  return text.length <= width ? text : `${text.slice(0, width - 3)}...`;
}
