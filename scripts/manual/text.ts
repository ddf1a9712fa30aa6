/** Markdown as plain text for a terminal of 80 columns: what `postern help TOPIC` prints. */
import { lexer, type Token, type Tokens } from 'marked';
import { listColumns } from './columns.ts';

const WIDTH = 80;
const INDENT = 4;

/** `showLink` says how a link to another page is shown: its target in, text out. */
export function renderText(markdown: string, showLink: (href: string) => string): string {
  const blocks = (tokens: readonly Token[], margin: number): string[] =>
    tokens.map((token) => block(token, margin)).filter((text) => text !== '');
  return `${blocks(lexer(markdown), INDENT).join('\n\n')}\n`;

  function block(token: Token, margin: number): string {
    switch (token.type) {
      case 'heading':
        return (token as Tokens.Heading).depth === 1
          ? inline(token.tokens).toUpperCase()
          : `${' '.repeat((token as Tokens.Heading).depth - 2)}${inline(token.tokens)}`;
      case 'paragraph':
      case 'text':
        return fill(inline(token.tokens), margin);
      case 'code':
        return shift((token as Tokens.Code).text.trimEnd(), margin + INDENT);
      case 'list':
        return list(token as Tokens.List, margin);
      case 'table':
        return table(token as Tokens.Table, margin);
      case 'blockquote':
        return blocks(token.tokens ?? [], margin + INDENT).join('\n\n');
      default:
        return '';
    }
  }

  function list({ items, ordered, start, loose }: Tokens.List, margin: number): string {
    const shown = items.map((item, index) => {
      const mark = ordered ? `${Number(start) + index}. ` : '- ';
      const text = blocks(item.tokens, margin + mark.length).join('\n\n');
      return `${' '.repeat(margin)}${mark}${text.trimStart()}`;
    });
    return shown.join(loose ? '\n\n' : '\n');
  }

  function table(token: Tokens.Table, margin: number): string {
    const rows = listColumns(token).map(({ term, parts }) => {
      const body = parts.map(({ label, tokens }) => fill(label + inline(tokens), margin + INDENT));
      return [fill(inline(term), margin), ...body].join('\n');
    });
    return rows.join('\n');
  }

  function inline(tokens: readonly Token[] = []): string {
    return tokens.map(span).join('');
  }

  function span(token: Token): string {
    if (token.type === 'link') {
      const text = inline(token.tokens);
      const shown = showLink((token as Tokens.Link).href);
      if (shown === '') return text;
      return (token as Tokens.Link).href.endsWith(text) ? shown : `${text} (${shown})`;
    }
    if (token.type === 'br') return '\n';
    if ('tokens' in token && token.tokens !== undefined) return inline(token.tokens);
    return 'text' in token ? (token as Tokens.Text).text : token.raw;
  }
}

function shift(text: string, margin: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(margin));
}

function fill(text: string, margin: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    if (line !== '' && margin + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return shift([...lines, line].join('\n'), margin);
}
