/** A folder of rules beside the configuration: the shipped ones, with LIM and PERIOD of a recipe that was there before. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { getMessage, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { SHIPPED_RULES } from '../config/load.ts';
import { parseRule } from '../judge/rule.ts';
import { makeOpenFolder } from './config-file.ts';

/** The rule that does what the recipe did. */
const RULE = 'invalid-recipients.yaml';

interface RecipeLimit {
  readonly limit: number;
  /** as `1h` */
  readonly period: string;
}

/** Whether the shipped rule has this limit and this period already. */
export function isShippedLimit(recipe: RecipeLimit): boolean {
  const text = readFileSync(join(SHIPPED_RULES, RULE), 'utf8');
  return changeRule(text, recipe) === undefined;
}

/** Writes the folder. Throws a PosternError (exit status 1) when it cannot. */
export function copyRules(folder: string, recipe: RecipeLimit): void {
  try {
    makeOpenFolder(folder);
    for (const name of readdirSync(SHIPPED_RULES).filter((file) => file.endsWith('.yaml'))) {
      const text = readFileSync(join(SHIPPED_RULES, name), 'utf8');
      const changed = name === RULE ? changeRule(text, recipe) : undefined;
      replaceFile(join(folder, name), changed ?? text, 0o644);
    }
  } catch (error) {
    throw new PosternError('environment', `${folder}: cannot be written: ${getMessage(error)}`, {
      code: 'init',
      place: { file: folder },
      cause: error,
    });
  }
}

/** The text of the rule with another limit; undefined if it has that limit. Throws if that makes no valid rule. */
function changeRule(text: string, { limit, period }: RecipeLimit): string | undefined {
  const rule = parseDocument(text);
  const at = rule.has('limits') ? ['limits', 0] : [];
  const isSame = rule.getIn([...at, 'limit']) === limit && rule.getIn([...at, 'period']) === period;
  if (isSame) return undefined;
  setLimit(rule, at, { limit, period });
  const changed = rule.toString();
  parseRule(changed, RULE);
  return changed;
}

function setLimit(rule: Document, at: readonly (string | number)[], recipe: RecipeLimit): void {
  rule.setIn([...at, 'limit'], recipe.limit);
  rule.setIn([...at, 'period'], recipe.period);
  const source = `LIM = ${recipe.limit} and PERIOD = ${recipe.period} of the recipe that Exim's configuration had when postern init ran.`;
  rule.set('source', source);
}
