/** Names of hosts in the engine. */

/** Whether a text can be the name of a host: it is a part of keys, and is shown to operators. */
export function isHostName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(text);
}
