/**
 * Exim's configuration as it is written: `.include`, macros and `.ifdef` as Exim reads them (readconf.c), each line with
 * its place. `exim -bP config` prints no comments and no lines. On Debian, lines of the generated file are traced to
 * their piece in conf.d, or to the template.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

/** A logical line, with macros expanded. */
export interface EximLine {
  readonly file: string;
  /** 1-based */
  readonly line: number;
  readonly text: string;
}

interface Reader {
  readonly macros: Map<string, string>;
  readonly lines: EximLine[];
  readonly notes: Set<string>;
  /** whether each open `.ifdef` is in effect, and whether one of its branches was */
  readonly open: { on: boolean; done: boolean }[];
  /** a logical line that goes on */
  pending: EximLine | undefined;
}

/** Reads `file`. `builtins`: macros that this Exim defines by itself. Throws a system error if `file` cannot be read. */
export function readEximSource(
  file: string,
  builtins: ReadonlyMap<string, string>,
  notes: Set<string>,
): EximLine[] {
  const reader: Reader = {
    macros: new Map(builtins),
    lines: [],
    notes,
    open: [],
    pending: undefined,
  };
  readInto(reader, file, 0);
  return traceToPieces(reader.lines, file);
}

function readInto(reader: Reader, file: string, depth: number): void {
  const text = readFileSync(file, 'utf8');
  for (const [index, raw] of text.split('\n').entries()) {
    const trimmed = raw.trim();
    if (trimmed === '' && reader.pending === undefined) continue;
    if (trimmed.startsWith('#')) continue;
    const expanded = expandMacros(trimmed, reader.macros);
    if (readDirective(reader, expanded, trimmed, file, depth)) continue;
    if (reader.open.some(({ on }) => !on)) continue;
    addLine(reader, { file, line: index + 1, text: expanded }, trimmed);
  }
}

/** Whether the line was a directive. */
function readDirective(
  reader: Reader,
  expanded: string,
  raw: string,
  file: string,
  depth: number,
): boolean {
  const [, word = '', rest = ''] = /^\.(\w+)\s*(.*)$/.exec(raw) ?? [];
  const isOn = () => reader.open.every(({ on }) => on);
  const isDefined = () => [...reader.macros.keys()].some((name) => rest.includes(name));
  const last = reader.open.at(-1);
  if (word === 'ifdef' || word === 'ifndef') {
    const on = isDefined() === (word === 'ifdef');
    reader.open.push({ on, done: on });
  } else if ((word === 'elifdef' || word === 'elifndef') && last !== undefined) {
    last.on = !last.done && isDefined() === (word === 'elifdef');
    last.done ||= last.on;
  } else if (word === 'else' && last !== undefined) {
    last.on = !last.done;
    last.done = true;
  } else if (word === 'endif') reader.open.pop();
  else if (word === 'include' || word === 'include_if_exists') {
    if (isOn())
      include(reader, /^\.\w+\s+"?([^"]*)"?$/.exec(expanded)?.[1] ?? '', word, file, depth);
  } else return false;
  return true;
}

function include(reader: Reader, name: string, word: string, file: string, depth: number): void {
  const path = isAbsolute(name) ? name : join(dirname(file), name);
  try {
    if (depth < 20) readInto(reader, path, depth + 1);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (word === 'include_if_exists' && code === 'ENOENT') return;
    reader.notes.add(
      `${file} includes ${path}, which cannot be read (${code}): what is in it was not audited`,
    );
  }
}

/** Longer names that contain an earlier one are found by their own turn: Exim replaces in the order of definition. */
function expandMacros(text: string, macros: ReadonlyMap<string, string>): string {
  if (!/[A-Z_]/.test(text)) return text;
  const own = /^([A-Z]\w*)\s*==?/.exec(text)?.[0] ?? '';
  let rest = text.slice(own.length);
  for (const [name, value] of macros)
    if (rest.includes(name)) rest = rest.replaceAll(name, () => value);
  return own + rest;
}

function addLine(reader: Reader, line: EximLine, raw: string): void {
  const { pending } = reader;
  const goesOn = /\\$/.test(raw);
  const body = goesOn ? line.text.replace(/\\$/, '') : line.text;
  const whole =
    pending === undefined ? { ...line, text: body } : { ...pending, text: pending.text + body };
  reader.pending = goesOn ? whole : undefined;
  if (goesOn) return;
  const macro = /^([A-Z]\w*)\s*==?\s*(.*)$/.exec(whole.text);
  if (macro !== null) reader.macros.set(macro[1] as string, (macro[2] as string).trim());
  else if (whole.text.trim() !== '') reader.lines.push({ ...whole, text: whole.text.trim() });
}

const SECTIONS = ['main', 'acl', 'router', 'transport', 'retry', 'rewrite', 'auth'];

/** Both have the same lines in the same order; what update-exim4.conf itself wrote stays where it is. */
function traceToPieces(lines: readonly EximLine[], file: string): EximLine[] {
  const written = readPieces(file);
  if (written.length === 0) return [...lines];
  const [start, end] = findOwnMacros(file);
  const generated = readPlain(file).filter(({ line }) => line < start || line > end);
  const places = new Map<number, EximLine>();
  let at = 0;
  for (const [index, { line, text }] of generated.entries()) {
    const next = generated[index + 1]?.text;
    const found = written.findIndex(
      (piece, position) =>
        position >= at &&
        piece.text === text &&
        (position === at || written[position + 1]?.text === next),
    );
    if (found < 0) continue;
    at = found + 1;
    places.set(line, written[found] as EximLine);
  }
  return lines.map((line) => {
    const place = line.file === file ? places.get(line.line) : undefined;
    return place === undefined ? line : { ...line, file: place.file, line: place.line };
  });
}

/** Where update-exim4.conf has written macros of its own, which look like lines of the pieces: first and last line. */
function findOwnMacros(file: string): [number, number] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const start = lines.indexOf('# the following macro definitions were created');
  if (start < 0) return [0, 0];
  const length = lines.slice(start).findIndex((line) => line.startsWith('#####'));
  return [start + 1, start + 1 + Math.max(0, length)];
}

/** The lines that update-exim4.conf has read; none where the file was not generated. */
function readPieces(file: string): EximLine[] {
  const folders = [dirname(file), ...(file.startsWith('/var/lib/exim4/') ? ['/etc/exim4'] : [])];
  for (const folder of folders) {
    const files = SECTIONS.flatMap((section) => listFiles(join(folder, 'conf.d', section)));
    const template = join(folder, 'exim4.conf.template');
    const isSplit = files.length > 0 && !isUnsplit(folder);
    const found = (isSplit ? files : [template]).flatMap(readPlain);
    if (found.length > 0) return found;
  }
  return [];
}

function isUnsplit(folder: string): boolean {
  const settings = readPlain(join(folder, 'update-exim4.conf.conf'));
  return settings.some(({ text }) => /^dc_use_split_config=['"]?false/.test(text));
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[\w-]+$/.test(name))
      .sort((a, b) => (a < b ? -1 : 1))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function readPlain(file: string): EximLine[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((text, index) => ({ file, line: index + 1, text: text.trim() }))
      .filter(({ text }) => text !== '' && !text.startsWith('#'));
  } catch {
    return [];
  }
}
