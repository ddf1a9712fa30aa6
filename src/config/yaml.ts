/**
 * A YAML file to a checked value: every problem with its line and key, all at once.
 * Reads one document only; the caller reads the file. Fails with one PosternError that lists the problems.
 */
import {
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Range,
  type YAMLParseError,
  type YAMLWarning,
} from 'yaml';
import type { z } from 'zod';
import { located, messageOf, type Place, PosternError } from '../base/errors.ts';

/** One thing that is wrong, and where. */
export interface Problem {
  readonly place: Place;
  readonly text: string;
}

/** Thrown for one problem or many: one line each, in the order of the file. Exit status 2. */
export function problemsError(code: string, problems: readonly Problem[]): PosternError {
  const sorted = [...problems].sort((a, b) => (a.place.line ?? 0) - (b.place.line ?? 0));
  const lines = sorted.map(({ place, text }) => located(place, text));
  return new PosternError(code, lines.join('\n'), { place: sorted[0]?.place ?? {} });
}

/** A parsed file that knows the line of every key. */
export interface YamlFile {
  readonly value: unknown;
  /** whether the key that `path` ends with is there */
  has(path: readonly PropertyKey[]): boolean;
  /** place of the value at `path`, or of the nearest section around it */
  place(path: readonly PropertyKey[]): Place;
  /** place of the key itself, for keys that should not be there */
  keyPlace(path: readonly PropertyKey[]): Place;
}

/** Parses `text`; throws the list of syntax errors. An empty file is an empty mapping. */
export function readYaml(text: string, file: string, code: string): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineAt = (offset: number) => counter.linePos(offset).line;
  const at = (node: { range?: Range | null } | null | undefined, path: readonly PropertyKey[]) => ({
    file,
    line: node?.range == null ? 1 : lineAt(node.range[0]),
    ...(path.length === 0 ? {} : { key: dotted(path) }),
  });
  // A warning is a tag that nobody knows: its value would silently be taken for a string.
  const wrong = [...document.errors, ...document.warnings];
  if (wrong.length > 0) {
    const problems = wrong.map((error) =>
      syntaxProblem(error, { file, line: lineAt(error.pos[0]) }),
    );
    throw problemsError(code, problems);
  }
  return {
    value: contentOf(document, file, code),
    has: (path) => keyAt(document.contents, path) !== undefined,
    place: (path) => at(nodeAt(document.contents, path), path),
    keyPlace: (path) => at(keyAt(document.contents, path) ?? nodeAt(document.contents, path), path),
  };
}

function syntaxProblem(error: YAMLParseError | YAMLWarning, place: Place): Problem {
  const what = error.code === 'MULTIPLE_DOCS' ? 'a second document' : firstLine(error.message);
  return { place, text: `expected one YAML document, found a mistake: ${what}` };
}

/** The node of the key that `path` ends with. */
function keyAt(root: ParsedNode | null, path: readonly PropertyKey[]): Node | undefined {
  const parent = nodeAt(root, path.slice(0, -1));
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === path.at(-1));
  return isScalar(pair?.key) ? pair.key : undefined;
}

function contentOf(document: { toJS(): unknown }, file: string, code: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    // An alias without its anchor, or a bomb of aliases.
    throw problemsError(code, [
      {
        place: { file, line: 1 },
        text: `expected one YAML document, found a mistake: ${firstLine(messageOf(error))}`,
      },
    ]);
  }
}

/** The node at `path`, or the last one on the way there: a missing key is reported at its section. */
function nodeAt(root: ParsedNode | null, path: readonly PropertyKey[]): Node | null {
  let node: Node | null = root;
  for (const step of path) {
    const next: unknown = node !== null && 'get' in node ? (node as LookUp).get(step, true) : null;
    if (next === null || next === undefined) return node;
    node = next as Node;
  }
  return node;
}

interface LookUp {
  get(key: PropertyKey, keepScalar: true): unknown;
}

/** The issues of a schema as problems of a file. `suggest` names a known key that looks like an unknown one. */
export function problemsOf(
  file: YamlFile,
  issues: readonly z.core.$ZodIssue[],
  suggest: (path: readonly PropertyKey[]) => string | undefined,
): Problem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          place: file.keyPlace([...issue.path, key]),
          text: unknownKey(suggest([...issue.path, key])),
        }))
      : [
          {
            place: file.place(issue.path),
            text: `expected ${issue.message}, found ${found(file.value, issue.path)}`,
          },
        ],
  );
}

function unknownKey(suggestion: string | undefined): string {
  const hint = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`;
  return `expected a known key, found an unknown one${hint}`;
}

/** How a wrong value is shown: short, on one line. */
function found(root: unknown, path: readonly PropertyKey[]): string {
  let value = root;
  for (const step of path) {
    if (typeof value === 'string' && step === 0) break; // one value in place of a list of one
    value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  }
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a section';
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
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
