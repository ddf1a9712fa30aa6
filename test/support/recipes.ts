/** The files of docs/mta as the tests use them: verbatim, but for the paths and the map type of the instance. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A file below docs/mta/postfix; `configuration` stands for /etc/postfix. */
export function postfixRecipe(
  name: 'main.cf.data' | 'main.cf.rcpt' | 'main.cf.local' | 'master.cf.submission',
  configuration: string,
  mapType: 'lmdb' | 'hash',
): string {
  return readFileSync(join(resolve('docs/mta/postfix'), name), 'utf8')
    .replaceAll('/etc/postfix/', `${configuration}/`)
    .replaceAll('lmdb:', `${mapType}:`);
}

/** The `-o` options in such a file, as `startPostfix({ submission })` takes them. */
export function optionsIn(masterCf: string): string[] {
  return masterCf.split('\n').flatMap((line) => /^ +-o (.+)$/.exec(line)?.slice(1, 2) ?? []);
}

/** The targets of a Postern that has its tables in `postern/` below this configuration folder of Postfix. */
export function postfixTargets(configuration: string, mapType: 'lmdb' | 'hash'): string {
  const table = (name: string) => `${configuration}/postern/${name}`;
  return `targets:
  postfix:
    user: { file: ${table('sasl_access')}, type: ${mapType} }
    client: { file: ${table('client_access')}, type: cidr }
    sender: { file: ${table('sender_access')}, type: ${mapType} }
    uid: { file: ${table('submit_users')}, type: texthash }
    postmap: [ /usr/sbin/postmap, -c, ${configuration} ]
    reload: [ /usr/sbin/postfix, -c, ${configuration}, reload ]`;
}
