/**
 * One YAML document that knows the line of everything in it, for the configuration and for rules.
 * Reads text only. Mistakes in the syntax are values, in words that the caller may choose.
 */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  type ParsedNode,
  parseDocument,
  type Range,
  visit,
  type YAMLMap,
} from 'yaml';
import { getMessage, located, type Place, PosternError } from './errors.ts';

/** A place in a file, and what was expected there. */
export interface Problem extends Place {
  readonly text: string;
}

/** The error for one problem or many: one line each, in the order of the file. */
export function problemsError(code: string, problems: readonly Problem[]): PosternError {
  const sorted = [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const lines = sorted.map((problem) => located(problem, problem.text));
  const { text: _, ...place } = sorted[0] ?? { text: '' };
  return new PosternError('configuration', lines.join('\n'), { code, place });
}

/** A parsed file that knows the line of every key. */
export interface YamlFile {
  /** the content as plain values, null if the file is empty; undefined if its problems make it unreadable */
  readonly value: unknown;
  /** mistakes in the syntax; a key that appears twice is one, but the value is readable: the last one counts */
  readonly problems: readonly Problem[];
  /** a problem at the key or list item of `path`, or at the nearest section around it */
  problem(path: readonly PropertyKey[], text: string): Problem;
  /** whether the last key of `path` exists */
  has(path: readonly PropertyKey[]): boolean;
  /** the place of the value at `path`, or of the nearest section around it */
  place(path: readonly PropertyKey[]): Place;
  /** the place of the key or list item itself, or of the nearest section around it */
  keyPlace(path: readonly PropertyKey[]): Place;
}

/** How mistakes in the syntax are worded. */
export interface Words {
  /** `what`: the parser's own words, one line */
  mistake(what: string): string;
  readonly secondDocument: string;
  /** for each alias without an anchor before it; without this function, the first one is a mistake of the whole file */
  readonly alias?: (name: string) => string;
  /** also reports what the parser only warns of: an unknown tag, whose value it takes as text */
  readonly strict: boolean;
}

const WORDS: Words = {
  mistake: (what) => `expected YAML: ${what}`,
  secondDocument: 'expected one YAML document',
  alias: (name) => `expected an anchor &${name} before this alias`,
  strict: false,
};

/** Parses `text`; `file` is its name in problems and places. */
export function readYaml(text: string, file: string, words: Words = WORDS): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineAt = (offset: number) => counter.linePos(offset).line;
  const root = document.contents;
  const at = (node: Ranged | null | undefined, path: readonly PropertyKey[]) => ({
    file,
    line: node?.range == null ? 1 : lineAt(node.range[0]),
    ...(path.length === 0 ? {} : { key: dotted(path) }),
  });
  const keyPlace = (path: readonly PropertyKey[]) =>
    at(keyAt(root, path) ?? nodeAt(root, path), path);
  const mistakes = mistakesIn(document, words);
  const wrong = mistakes.map(({ offset, text }) => ({ file, line: lineAt(offset), text }));
  const isReadable = mistakes.every(({ isDuplicate }) => isDuplicate === true);
  const { value, failure } = isReadable ? readContent(document, words) : {};
  return {
    value,
    problems: failure === undefined ? wrong : [...wrong, { file, line: 1, text: failure }],
    problem: (path, text) => ({ ...keyPlace(path), text }),
    has: (path) => keyAt(root, path) !== undefined,
    place: (path) => at(nodeAt(root, path), path),
    keyPlace,
  };
}

interface Ranged {
  readonly range?: Range | null;
}

interface Mistake {
  readonly offset: number;
  readonly text: string;
  /** a key that appeared before: the rest is readable */
  readonly isDuplicate?: boolean;
}

function mistakesIn(document: Document.Parsed, words: Words): Mistake[] {
  const said = words.strict ? [...document.errors, ...document.warnings] : document.errors;
  const mistakes: Mistake[] = said.map(({ code, message, pos }) => ({
    offset: pos[0],
    isDuplicate: code === 'DUPLICATE_KEY',
    text: code === 'MULTIPLE_DOCS' ? words.secondDocument : words.mistake(firstLine(message)),
  }));
  const { alias: tell } = words;
  if (tell === undefined) return mistakes;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      mistakes.push({ offset: alias.range?.[0] ?? 0, text: tell(alias.source) });
    },
  });
  return mistakes;
}

/** Fails for an alias without its anchor, and for aliases that multiply without bound. */
function readContent(
  document: Document.Parsed,
  words: Words,
): { readonly value?: unknown; readonly failure?: string } {
  try {
    return { value: document.toJS() };
  } catch (error) {
    return { failure: words.mistake(firstLine(getMessage(error))) };
  }
}

/** The node of the last key of `path`. */
function keyAt(root: ParsedNode | null, path: readonly PropertyKey[]): Node | undefined {
  const parent = nodeAt(root, path.slice(0, -1));
  if (!isMap(parent)) return undefined;
  const key = findPair(parent, path.at(-1))?.key;
  return isScalar(key) ? key : undefined;
}

/** If a key appears twice, the last one, as for the values. */
function findPair({ items }: YAMLMap, name: PropertyKey | undefined): Pair | undefined {
  return items.findLast(({ key }) => isScalar(key) && String(key.value) === name);
}

/** The node at `path`, or the last one on the way: a missing key is reported at its section. */
function nodeAt(root: ParsedNode | null, path: readonly PropertyKey[]): Node | null {
  let node: Node | null = root;
  for (const step of path) {
    const next: unknown = isMap(node)
      ? findPair(node, step)?.value
      : isSeq(node)
        ? node.get(step, true)
        : null;
    if (next === null || next === undefined) return node;
    node = next as Node;
  }
  return node;
}

/** `targets.postfix.user.type`; list positions count from 1, in brackets. */
export function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step + 1}]` : `${index === 0 ? '' : '.'}${String(step)}`,
    )
    .join('');
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] as string;
}
