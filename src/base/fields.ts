/**
 * The fields of YAML files that operators write, the configuration and the rules: each kind of value is a zod schema
 * whose message names what was expected, and `findProblems` makes sentences of what a file has instead.
 * Knows no field by name.
 */
import { z } from 'zod';
import { parseDuration } from './time.ts';
import type { Problem, YamlFile } from './yaml.ts';

/** What `read` makes of the value; undefined refuses it. The message is the same whatever was wrong with it. */
export function field<T>(expected: string, read: (value: unknown) => T | undefined) {
  return z.unknown().transform((value, context): T => {
    const result = read(value);
    if (result !== undefined) return result;
    context.issues.push({ code: 'custom', message: expected, input: value });
    return z.NEVER;
  });
}

/** One of these words. */
export function choice<const T extends string>(values: readonly T[]) {
  const isKnown = (value: unknown): value is T => (values as readonly unknown[]).includes(value);
  return field(`one of ${values.join(', ')}`, (value) => (isKnown(value) ? value : undefined));
}

/** A switch. */
export const truth = z.boolean({ error: 'true or false' });

/** A whole number from 1 to `most`. */
export function whole(most: number, expected = `a whole number from 1 to ${most}`) {
  return field(expected, (value) => readWhole(value, most));
}

/** `value` as a whole number from 1 to `most`; undefined when it is not one. */
export function readWhole(value: unknown, most: number): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  return value >= 1 && value <= most ? value : undefined;
}

/** A duration such as `10m`; ms. */
export function duration(expected: string, most = Number.POSITIVE_INFINITY) {
  return field(expected, (value) => readDuration(value, most));
}

/** `value` as ms, when it is the text of a duration of at most `most` ms. */
export function readDuration(value: unknown, most: number): number | undefined {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  return ms !== undefined && ms <= most ? ms : undefined;
}

/** A YAML list, also an empty one. */
export function list<T extends z.ZodType>(item: T, expected: string) {
  return z.array(item, { error: expected });
}

/** A mapping with these keys and no others. */
export function section<T extends z.ZodRawShape>(
  shape: T,
  expected = 'a section with keys of its own',
) {
  return z.strictObject(shape, { error: expected });
}

/** The issues of a schema as problems of the file; `unknownKey` says what to write in place of a key nobody knows. */
export function findProblems(
  yaml: YamlFile,
  issues: readonly z.core.$ZodIssue[],
  unknownKey: (path: readonly PropertyKey[]) => string,
): Problem[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') {
      const text = `expected ${issue.message}, found ${describeFound(yaml.value, issue.path)}`;
      return [yaml.problem(issue.path, text)];
    }
    const paths = issue.keys.map((key) => [...issue.path, key]);
    return paths.map((path) => yaml.problem(path, unknownKey(path)));
  });
}

/** A wrong value in short, on one line. */
function describeFound(root: unknown, path: readonly PropertyKey[]): string {
  const value = valueAt(root, path);
  if (value === undefined) return 'nothing';
  if (value === null) return path.length === 0 ? 'an empty file' : 'an empty value';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a section';
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value === 'string' && step === 0) return value; // a single value where a list may be, too
    value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  }
  return value;
}
