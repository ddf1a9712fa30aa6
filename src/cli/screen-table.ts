/**
 * Tables on a terminal: cells side by side in columns, in as many characters as there are. A row that is too long goes on
 * in the next line, between two cells, and a cell that is longer than a line between two words. Nothing is cut off.
 */
import { escapeControls } from '../base/escape.ts';
import { type Colour, type Io, print, type Span } from './io.ts';

const GAP = '  ';
/** Cells that are longer do not widen their column beyond this part of the line. */
const SHARE = 3;
/** Longer lines are hard to read. */
const WIDEST = 200;

/** A cell, or one in a colour. Text is not escaped yet. */
export type Cell = string | { readonly text: string; readonly colour: Colour };

/** Prints rows part by part; columns only get wider. */
export class ScreenTable {
  readonly #io: Io;
  readonly #head: readonly string[];
  readonly #widths: number[];
  #isFirst = true;

  constructor(io: Io, head: readonly string[]) {
    this.#io = io;
    this.#head = head;
    this.#widths = head.map(() => 0);
  }

  /** Prints these rows, below the names of the columns if they are the first. */
  print(rows: readonly (readonly Cell[])[]): void {
    const width = Math.min(this.#io.screen?.columns ?? WIDEST, WIDEST);
    const head = this.#head.map((text): Cell => ({ text, colour: 'bold' }));
    const all = this.#isFirst ? [head, ...rows] : rows;
    this.#isFirst = false;
    this.#measure(all, width);
    print(
      this.#io,
      all.flatMap((row) => layRow(row, this.#widths, width)),
    );
  }

  #measure(rows: readonly (readonly Cell[])[], width: number): void {
    const most = Math.max(8, Math.floor(width / SHARE));
    for (const row of rows) {
      row.forEach((cell, at) => {
        const length = Math.min(most, escapeControls(getText(cell)).length);
        this.#widths[at] = Math.max(this.#widths[at] ?? 0, length);
      });
    }
  }
}

function getText(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

function layRow(row: readonly Cell[], widths: readonly number[], width: number): Span[] {
  const indent = ' '.repeat(Math.min(6, Math.floor(width / 10)));
  const spans: Span[] = [];
  let used = 0;
  let pad = '';
  row.forEach((cell, at) => {
    const text = escapeControls(getText(cell));
    if (text === '' && at > 0) {
      pad += GAP + ' '.repeat(widths[at] ?? 0);
      return;
    }
    const before = at === 0 ? '' : pad + GAP;
    const fits = used + before.length + text.length <= width;
    const lines = fits ? [text] : wrap(text, width - indent.length);
    const start = fits ? before : used === 0 ? '' : `\n${indent}`;
    spans.push(start, paint(lines.join(`\n${indent}`), cell));
    used = fits ? used + before.length + text.length : indent.length + (lines.at(-1) ?? '').length;
    pad = ' '.repeat(Math.max(0, (widths[at] ?? 0) - text.length));
  });
  return [...spans, '\n'];
}

function paint(text: string, cell: Cell): Span {
  return typeof cell === 'string' ? text : { text, colour: cell.colour };
}

/** Lines of text as wide as the screen, if there is one. */
export function fitLines(io: Io, text: string): string {
  if (io.screen === undefined) return text;
  const width = Math.min(io.screen.columns, WIDEST);
  return text
    .split('\n')
    .map((line) => wrap(line, width).join('\n'))
    .join('\n');
}

/** The text in lines of at most `width` characters, broken between words where there are any. */
export function wrap(text: string, width: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const isWord = space > indent.length + width / 3;
    lines.push(rest.slice(0, isWord ? space : width).trimEnd());
    rest = `${indent}${isWord ? '  ' : ''}${rest.slice(isWord ? space + 1 : width)}`;
  }
  return [...lines, rest];
}
