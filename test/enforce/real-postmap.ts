/** The installed postmap, if there is one, with a configuration folder of its own; else a stand-in that copies the text. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export const POSTMAP = ['/usr/sbin/postmap', '/usr/bin/postmap'].find((path) => existsSync(path));

/** Map types that the installed postmap knows; empty without one. */
export const REAL_TYPES: readonly string[] = POSTMAP === undefined ? [] : knownTypes(POSTMAP);

if (POSTMAP === undefined) {
  console.warn(
    'postmap is not installed: a stand-in makes the indexes, nothing is looked up in them',
  );
}

function knownTypes(postmap: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'postern-postconf-'));
  const postconf = join(dirname(postmap), 'postconf');
  const argv = ['-c', configIn(folder), '-m'];
  const { stdout } = spawnSync(postconf, argv, { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return stdout.split('\n').filter(Boolean);
}

/** An old time stamp: Postfix waits two seconds for a main.cf that was changed just now. */
function configIn(folder: string): string {
  const config = join(folder, 'config');
  mkdirSync(config, { recursive: true });
  for (const name of ['main.cf', 'master.cf']) {
    writeFileSync(join(config, name), '');
    utimesSync(join(config, name), 1e9, 1e9);
  }
  return config;
}

/** The argument vector to which `TYPE:FILE` is added. `folder` must exist. */
export function postmapIn(folder: string): readonly string[] {
  const config = configIn(folder);
  if (POSTMAP !== undefined) return [POSTMAP, '-c', config];
  return script(
    join(config, 'postmap'),
    'case $1 in lmdb:*) end=.lmdb;; *) end=.db;; esac; file=`echo "$1" | cut -d: -f2-`; cp "$file" "$file"$end',
  );
}

/** What the real postmap finds in `TYPE:FILE`, key by key; keys that it does not find are left out. */
export function lookUp(
  postmap: readonly string[],
  table: string,
  keys: readonly string[],
): Map<string, string> {
  const [file = '', ...args] = postmap;
  const found = new Map<string, string>();
  for (const key of keys) {
    const { stdout } = spawnSync(file, [...args, '-q', key, table], { encoding: 'utf8' });
    if (stdout !== '') found.set(key, stdout.trimEnd());
  }
  return found;
}

/** An executable shell script, as an argument vector. */
export function script(path: string, text: string): readonly string[] {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return [path];
}
