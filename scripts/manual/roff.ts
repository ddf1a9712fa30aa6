/** Markdown as a manual page with the macros of man(7), which groff and mandoc both read. */
import { lexer, type Token, type Tokens } from 'marked';
import { listColumns } from './columns.ts';

export interface Page {
  /** in the header, in capitals by convention */
  readonly title: string;
  readonly section: number;
  readonly version: string;
  readonly markdown: string;
}

const WIDTH = 78;

/** `showLink` says how a link is shown: its target in, text out. A heading of depth 1 or 2 begins a section. */
export function renderPage(page: Page, showLink: (href: string) => string): string {
  const { title, section, version, markdown } = page;
  const head = `.TH ${title} ${section} "" "postern ${version}" "Postern"`;
  return `${[COMMENT, head, LEFT, ...blocks(lexer(markdown))].join('\n')}\n`;

  function blocks(tokens: readonly Token[], first = '.PP'): string[] {
    const out: string[] = [];
    // A heading begins a paragraph itself.
    let isFresh = first === '';
    for (const token of tokens) {
      const lines = block(token, isFresh);
      if (lines.length === 0) continue;
      out.push(...lines);
      isFresh = token.type === 'heading';
    }
    return out;
  }

  function block(token: Token, isFresh: boolean): string[] {
    const start = isFresh ? [] : ['.PP'];
    switch (token.type) {
      case 'heading':
        return [heading(token as Tokens.Heading)];
      case 'paragraph':
      case 'text':
        return [...start, ...fill(inline(token.tokens))];
      case 'code':
        return [...start, ...example((token as Tokens.Code).text.trimEnd())];
      case 'list':
        return list(token as Tokens.List);
      case 'table':
        return table(token as Tokens.Table);
      case 'blockquote':
        return ['.RS', ...blocks(token.tokens ?? []), '.RE'];
      default:
        return [];
    }
  }

  function heading({ depth, tokens }: Tokens.Heading): string {
    const text = inline(tokens).replaceAll(/\\f[BIR]/g, '');
    if (depth > 2) return `.SS "${text}"`;
    return `.SH "${text.toUpperCase().replaceAll(/\\\[(\w+)\]/g, (name) => name.toLowerCase())}"`;
  }

  function list({ items, ordered, start }: Tokens.List): string[] {
    return items.flatMap((item, index) => {
      const mark = ordered ? `.IP ${Number(start) + index}. 4` : '.IP \\(bu 3';
      return [mark, ...inner(item.tokens)];
    });
  }

  /** What follows a mark: more than its first paragraph keeps the margin. */
  function inner(tokens: readonly Token[]): string[] {
    const [first, ...rest] = tokens.filter(({ type }) => type !== 'space' && type !== 'checkbox');
    if (first === undefined) return [];
    const lines = block(first, true);
    return rest.length === 0 ? lines : [...lines, '.RS', ...blocks(rest), '.RE'];
  }

  function table(token: Tokens.Table): string[] {
    return listColumns(token).flatMap(({ term, parts }) => {
      const [first, ...rest] = parts.map(({ label, tokens }) =>
        fill(escapeText(label) + inline(tokens)),
      );
      const body = rest.flatMap((lines) => ['.br', ...lines]);
      return ['.TP 8', guard(inline(term)), ...(first ?? []), ...body];
    });
  }

  function inline(tokens: readonly Token[] = []): string {
    return tokens.map(span).join('');
  }

  function span(token: Token): string {
    switch (token.type) {
      case 'codespan':
        return `\\fB${escapeCode((token as Tokens.Codespan).text)}\\fR`;
      case 'strong':
        return `\\fB${inline(token.tokens)}\\fR`;
      case 'em':
        return `\\fI${inline(token.tokens)}\\fR`;
      case 'link': {
        const { href } = token as Tokens.Link;
        const text = inline(token.tokens);
        const shown = escapeText(showLink(href));
        if (shown === '') return text;
        return href.endsWith((token as Tokens.Link).text) ? shown : `${text} (${shown})`;
      }
      case 'escape':
        return escapeText((token as Tokens.Escape).text);
      default:
        if ('tokens' in token && token.tokens !== undefined) return inline(token.tokens);
        return escapeText('text' in token ? (token as Tokens.Text).text : token.raw);
    }
  }
}

const COMMENT = '.\\" Made by "npm run build" from the sources of Postern.';
/** Not justified, and no words divided: commands and paths stay as they are. */
const LEFT = '.ad l\n.nh';

function example(text: string): string[] {
  const lines = text.split('\n').map((line) => guard(escapeCode(line)));
  return ['.RS 4', '.nf', ...lines, '.fi', '.RE'];
}

/** Characters that roff would read as its own, or print as another one, groff_char(7). */
const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '^': '\\[ha]',
  '~': '\\[ti]',
  '`': '\\[ga]',
  '"': '\\[dq]',
};

function escapeText(text: string): string {
  return text
    .replaceAll(/[\\^~`"]/g, (character) => SPECIAL[character] as string)
    .replaceAll(/[^\x00-\x7f]/gu, (character) => {
      const code = character.codePointAt(0) as number;
      return `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
    });
}

/** Text that is typed: with the ASCII hyphen and apostrophe, so that it can be copied. */
function escapeCode(text: string): string {
  return escapeText(text).replaceAll('-', '\\-').replaceAll("'", '\\[aq]');
}

/** A line that begins with a control character of roff is text all the same. */
function guard(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function fill(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(guard(line));
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, guard(line)];
}
