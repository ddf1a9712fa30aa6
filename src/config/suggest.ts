/** "Did you mean": the known key that is nearest to an unknown one, or nothing when none is near. */
import type { z } from 'zod';
import { findNearest, plain } from '../base/nearest.ts';
import { dotted } from '../base/yaml.ts';
import { getSection } from './option.ts';

/** A key of the same section that differs by a typing mistake, else the same key in another section. */
export function suggestKey(schema: z.ZodType, path: readonly PropertyKey[]): string | undefined {
  const name = String(path.at(-1));
  const section = path.slice(0, -1).reduce<z.ZodType | undefined>(getChild, schema);
  const siblings = Object.keys((section && getSection(section)?.shape) ?? {});
  return findNearest(name, siblings) ?? elsewhere(schema, name, []);
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
