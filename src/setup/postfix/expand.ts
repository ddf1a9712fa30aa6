/** `$name` in a setting of Postfix as it is written in main.cf. Pure. */

/** The names that a text refers to, in any form that mac_parse() of Postfix takes: `$name`, `${name...}`, `$(name)`. */
export function referencesIn(text: string): string[] {
  return [...text.matchAll(/\$[({]*([A-Za-z0-9_]+)/g)].map(([, name]) => name as string);
}

/** The name, if the word is nothing but a reference to it. */
export function referenceOf(word: string): string | undefined {
  const match = /^\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\}|\(([A-Za-z0-9_]+)\))$/.exec(word);
  return match?.[1] ?? match?.[2] ?? match?.[3];
}
