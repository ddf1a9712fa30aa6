/** The Valkey of Debian 13, out of a bare system that is kept for the next time. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrapDebian } from './debian.ts';

const ROOT = join(tmpdir(), 'postern-valkey');
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';

/** With the libraries of that system, since those of this one may be older. */
export const VALKEY: readonly string[] = [
  join(ROOT, LIBRARIES, 'ld-linux-x86-64.so.2'),
  '--library-path',
  join(ROOT, LIBRARIES),
  join(ROOT, 'usr/bin/valkey-server'),
];

/** Fetches it, unless it is there. */
export async function prepareValkey(): Promise<void> {
  if (existsSync(VALKEY.at(-1) as string)) return;
  const made = `${ROOT}-${process.pid}`;
  try {
    await bootstrapDebian(made, 'trixie', '--include=valkey-server');
    if (!existsSync(ROOT)) renameSync(made, ROOT);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
