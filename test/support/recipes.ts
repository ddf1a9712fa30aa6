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

/** The commands of a Postern that asks the Postfix of this configuration folder. */
export function postfixCommands(configuration: string): string {
  const lines = ['postsuper', 'postqueue', 'postcat', 'postconf'].map(
    (name) => `  ${name}: [ /usr/sbin/${name}, -c, ${configuration} ]`,
  );
  return ['commands:', ...lines].join('\n');
}

/** The restrictions of the recipe, for main.cf. */
export function postfixLines(configuration: string, mapType: 'lmdb' | 'hash'): string {
  return (['main.cf.data', 'main.cf.local'] as const)
    .map((name) => postfixRecipe(name, configuration, mapType))
    .join('\n');
}

/** A block of a page that is set off by four spaces (more in a list), with the heading above it. */
export interface PageBlock {
  /** the page below docs/ */
  readonly page: string;
  readonly heading: string;
  readonly text: string;
  /** for a shell, not for a file */
  readonly isCommand: boolean;
}

/** What a line for a shell begins with on these pages. */
const SHELL =
  /^(?:[a-z_]+="?\$|(?:node|npm|export|hash|postern|mkdir|install|cp|rm|touch|cd|echo|for|systemctl|systemd-\w+|postmap|postconf|postfix|postmulti|docker|userdel|printf|update-exim4\.conf|exim4|test|grep|sed)\s)/;

/** The blocks of a page, in the order in which they are printed. */
export function pageBlocks(page: string): PageBlock[] {
  const blocks: PageBlock[] = [];
  let heading = '';
  let lines: string[] = [];
  const end = () => {
    if (lines.length === 0) return;
    const margin = Math.min(...lines.map((line) => line.search(/\S/)));
    const text = lines.map((line) => line.slice(margin)).join('\n');
    blocks.push({ page, heading, text, isCommand: SHELL.test(text) });
    lines = [];
  };
  for (const line of readFileSync(join(resolve('docs'), page), 'utf8').split('\n')) {
    if (/^ {4}\s*\S/.test(line)) lines.push(line);
    else end();
    heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
  }
  end();
  return blocks;
}
