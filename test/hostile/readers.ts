/** Reads block files as the MTA reads them, with other code than the code that wrote them. */
import { spawnSync } from 'node:child_process';
import { POSTMAP, postmapIn } from '../enforce/real-postmap.ts';

/** All keys of a texthash table: as the real postmap lists them; without postmap, up to the first tab. */
export function texthashKeys(folder: string, file: string, content: string): string[] {
  if (POSTMAP === undefined) {
    return rows(content).map((line) => line.slice(0, line.indexOf('\t')));
  }
  const [program = '', ...args] = postmapIn(folder);
  const { stdout, stderr, status } = spawnSync(program, [...args, '-s', `texthash:${file}`], {
    encoding: 'latin1',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(0, line.lastIndexOf('\t')));
}

/** The networks of a cidr table. */
export function cidrKeys(content: string): string[] {
  return rows(content).map((line) => line.split(/\s+/)[0] as string);
}

/** The keys of a file that Exim searches with lsearch (Exim: lookups/lsearch.c, internal_lsearch_find). */
export function lsearchKeys(content: string): string[] {
  return rows(content).map((line) => {
    if (!line.startsWith('"')) return (/^[^:\s]*/.exec(line) as RegExpExecArray)[0];
    let key = '';
    for (let index = 1; index < line.length && line[index] !== '"'; index++) {
      if (line[index] === '\\') index++;
      key += line[index] ?? '';
    }
    return key;
  });
}

function rows(content: string): string[] {
  return content.split('\n').filter((line) => line !== '' && !/^[#\s]/.test(line));
}
