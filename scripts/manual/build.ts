/**
 * Writes what is made from the sources beside the program: the manual pages (dist/man), the texts of `postern help TOPIC`
 * (dist/help) and the completions of shells (dist/completion).
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { COMMANDS } from '../../src/cli/commands.ts';
import { completionScript, SHELLS } from '../../src/cli/completion.ts';
import { version } from '../../src/cli/version.ts';
import { describeKey } from '../../src/config/describe.ts';
import { listPages } from './pages.ts';
import { renderPage } from './roff.ts';
import { renderText } from './text.ts';

/** Where each shell looks for a completion of `postern`, by the name of the file. */
const COMPLETIONS = { bash: 'postern', zsh: '_postern', fish: 'postern.fish' } as const;

export function writeManual(): void {
  fillFolder('dist/man', listManual());
  fillFolder('dist/help', listTopics());
  fillFolder(
    'dist/completion',
    SHELLS.map((shell) => [COMPLETIONS[shell], completionScript(shell)]),
  );
}

type File = readonly [name: string, text: string];

function listManual(): File[] {
  return listPages().map(({ name, section, markdown }) => {
    const page = { title: name.toUpperCase(), section, version: version(), markdown };
    return [`${name}.${section}`, renderPage(page, (href) => pageBehind(href, 'docs'))];
  });
}

/** Every page of docs/ by the name of its file; the index is `topics`. */
function listTopics(): File[] {
  return readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => {
      const text = readFileSync(join('docs', path), 'utf8');
      return [topicOf(path), renderText(text, (href) => helpBehind(href))];
    });
}

function topicOf(path: string): string {
  return path === 'README.md' ? 'topics' : basename(path, '.md');
}

/** A link to another page as its path, to another place as it is, and within the page as nothing. */
function pageBehind(href: string, folder: string): string {
  if (href.startsWith('#') || /^[a-z]+:/.test(href)) return href.startsWith('#') ? '' : href;
  return join(folder, href.replace(/#.*$/, '')).replace(/^(?:docs\/)?\.\.\//, '');
}

function helpBehind(href: string): string {
  const path = pageBehind(href, 'docs');
  return path.endsWith('.md') && dirname(path).startsWith('docs')
    ? `postern help ${askFor(topicOf(path.slice('docs/'.length)))}`
    : path;
}

/** With `.md` where a command or a key of the configuration has the name and comes first. */
function askFor(topic: string): string {
  const isCommand = COMMANDS.some(({ usage }) => usage.split(' ')[0] === topic);
  return isCommand || describeKey(topic).length > 0 ? `${topic}.md` : topic;
}

function fillFolder(folder: string, files: readonly File[]): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
}
