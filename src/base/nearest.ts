/** "Did you mean": the known word that is nearest to one that was typed. */

/** The known word that differs from `name` by one or two letters at most; undefined if none does. */
export function findNearest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  const bound = wanted.length < 5 ? 1 : 2;
  return known
    .map((key) => ({ key, distance: editDistance(wanted, plain(key)) }))
    .filter(({ distance }) => distance <= bound)
    .sort((a, b) => a.distance - b.distance)[0]?.key;
}

/** `blocked_users`, `blocked-users` and `blockedUsers` are one word. */
export function plain(key: string): string {
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
