/** "Did you mean": the known key that is nearest to an unknown one, or nothing when none is near. */
import type { z } from 'zod';
import { dotted } from '../base/yaml.ts';
import { getSection } from './option.ts';

/** A key of the same section that differs by a typing mistake, else the same key in another section. */
export function suggestKey(schema: z.ZodType, path: readonly PropertyKey[]): string | undefined {
  const name = String(path.at(-1));
  const section = path.slice(0, -1).reduce<z.ZodType | undefined>(getChild, schema);
  const siblings = Object.keys((section && getSection(section)?.shape) ?? {});
  return nearest(name, siblings) ?? elsewhere(schema, name, []);
}

function getChild(schema: z.ZodType | undefined, step: PropertyKey): z.ZodType | undefined {
  return schema && (getSection(schema)?.shape[String(step)] as z.ZodType | undefined);
}

function elsewhere(schema: z.ZodType, name: string, path: string[]): string | undefined {
  for (const [key, child] of Object.entries(getSection(schema)?.shape ?? {})) {
    const here = [...path, key];
    if (plain(key) === plain(name)) return dotted(here);
    const below = elsewhere(child as z.ZodType, name, here);
    if (below !== undefined) return below;
  }
  return undefined;
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  const bound = wanted.length < 5 ? 1 : 2;
  return known
    .map((key) => ({ key, distance: editDistance(wanted, plain(key)) }))
    .filter(({ distance }) => distance <= bound)
    .sort((a, b) => a.distance - b.distance)[0]?.key;
}

/** `blocked_users`, `blocked-users` and `blockedUsers` are one word. */
function plain(key: string): string {
  return key.slice(0, 64).toLowerCase().replace(/[-_]/g, '');
}

/** Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
