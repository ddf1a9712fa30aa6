/** One YAML document with the line of everything in it. Reads text only; syntax errors are values. */
import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import { messageOf, type Place } from '../base/errors.ts';

/** A place in a file and what was expected there. */
export interface Problem extends Place {
  readonly text: string;
}

export interface YamlFile {
  /** the content as plain values; undefined when the text is not YAML */
  readonly value: unknown;
  /** what is wrong with the syntax */
  readonly problems: readonly Problem[];
  /** a problem at the value that `path` leads to, or at the nearest thing around it */
  problem(path: readonly PropertyKey[], text: string): Problem;
}

/** `file` is only named in problems. */
export function readYaml(source: string, file: string): YamlFile {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const problems: Problem[] = document.errors.map((error) => ({
    file,
    line: counter.linePos(error.pos[0]).line,
    text:
      error.code === 'MULTIPLE_DOCS'
        ? 'expected one YAML document'
        : `expected YAML: ${oneLine(error.message)}`,
  }));
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const line = counter.linePos(alias.range?.[0] ?? 0).line;
      problems.push({ file, line, text: `expected an anchor &${alias.source} before this alias` });
    },
  });
  let value: unknown;
  try {
    value = problems.length === 0 ? document.toJS({ maxAliasCount: 100 }) : undefined;
  } catch (error) {
    problems.push({ file, line: 1, text: `expected YAML: ${oneLine(messageOf(error))}` });
  }
  return {
    value,
    problems,
    problem: (path, text) => ({
      file,
      line: counter.linePos(offsetOf(document.contents, path)).line,
      key: dotted(path),
      text,
    }),
  };
}

/** Where the key (of a mapping) or the item (of a list) stands that `path` leads to, as far as it exists. */
function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of path) {
    const next = childOf(node, step);
    if (next === undefined) return offset;
    offset = next.offset ?? offset;
    node = next.node;
  }
  return offset;
}

function childOf(
  node: unknown,
  step: PropertyKey,
): { node: unknown; offset: number | undefined } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
    const key = isScalar(pair?.key) ? pair.key : undefined;
    return pair && { node: pair.value, offset: key?.range?.[0] };
  }
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return item === undefined
      ? undefined
      : { node: item, offset: isNode(item) ? item.range?.[0] : undefined };
  }
  return undefined;
}

/** `limits[2].period`; the first item of a list is 1. */
function dotted(path: readonly PropertyKey[]): string | undefined {
  const text = path
    .map((step) => (typeof step === 'number' ? `[${step + 1}]` : `.${String(step)}`))
    .join('');
  return text === '' ? undefined : text.slice(1);
}

function oneLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
