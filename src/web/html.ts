/**
 * Pages as text. Whatever is put into a template is escaped, hidden characters too, unless another template made it: there
 * is no other way to make an `Html`.
 */
import { escapeHtml, escapeHtmlField, escapeOutput } from '../base/escape.ts';

/** A piece of a page, escaped. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type { Html };

/** What a template takes. Nothing is shown for `undefined` and `false`. */
export type Part = string | number | Html | undefined | false | readonly Part[];

/** A template. Attributes must be in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const texts = strings.map((text, at) => (at === 0 ? text : render(parts[at - 1]) + text));
  return new Html(texts.join(''));
}

function render(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(render).join('');
  return escapeHtmlField(String(part));
}

/** Output of a command: its line feeds and tabs stay. */
export function output(text: string): Html {
  return new Html(`<pre>${escapeHtml(escapeOutput(text))}</pre>`);
}
