/**
 * What is wrong with a configuration file, in its words: the syntax, and the issues of the schema.
 * Reads text only. A file that is no YAML is one PosternError with exit status 2 that lists the mistakes.
 */
import type { z } from 'zod';
import { type Problem, problemsError, readYaml, type Words, type YamlFile } from '../base/yaml.ts';

const mistake = (what: string) => `expected one YAML document, found a mistake: ${what}`;
const WORDS: Words = { mistake, secondDocument: mistake('a second document'), strict: true };

/** Parses `text`; throws the list of syntax errors, unless there is a value in spite of them. */
export function readConfigText(text: string, file: string): YamlFile {
  const yaml = readYaml(text, file, WORDS);
  if (yaml.value === undefined) throw problemsError('config', yaml.problems);
  return yaml;
}

/** The issues of a schema as problems of a file. `suggest` names a known key that looks like an unknown one. */
export function findProblems(
  yaml: YamlFile,
  issues: readonly z.core.$ZodIssue[],
  suggest: (path: readonly PropertyKey[]) => string | undefined,
): Problem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => {
          const path = [...issue.path, key];
          return yaml.problem(path, unknownKey(suggest(path)));
        })
      : [
          {
            ...yaml.place(issue.path),
            text: `expected ${issue.message}, found ${found(yaml.value ?? {}, issue.path)}`,
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
