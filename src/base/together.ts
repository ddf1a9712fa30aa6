/** Loops that live and die together. */

/** Waits for all parts; the first that fails ends the others, and its error is thrown when they have ended. */
export async function allOrNone(
  ending: AbortController,
  parts: readonly (Promise<void> | undefined)[],
): Promise<void> {
  const failures: unknown[] = [];
  const settled = parts.map((part) =>
    part?.catch((error: unknown) => {
      failures.push(error);
      ending.abort();
    }),
  );
  await Promise.all(settled);
  if (failures.length > 0) throw failures[0];
}
