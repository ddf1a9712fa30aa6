/**
 * Makes text that strangers wrote harmless where it is shown: on a terminal, in a page, in a file, in a shell command.
 * Every output passes one of these functions, and they share one list of characters.
 */

/**
 * Characters that a reader does not see, or that change how others are shown: control characters (C0, DEL, C1), line and
 * paragraph separators, bidirectional marks, zero-width and tag characters, variation selectors, halves of surrogate
 * pairs. By property, so that it stays complete as Unicode grows.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** The same without line feeds and tabs. */
const HIDDEN_IN_TEXT =
  /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
/** Most text has none of these, and this is faster to find out. */
const UNUSUAL = /[^ -~]/;
const UNUSUAL_IN_TEXT = /[^\n\t -~]/;

/** One field: hidden characters as `\uXXXX`, line feeds and tabs too, so that it stays on one line. */
export function escapeControls(text: string): string {
  return UNUSUAL.test(text) ? text.replace(HIDDEN, toEscape) : text;
}

/**
 * Whole output, with its line feeds and tabs. In JSON the parsed values stay the same, because only strings contain such
 * characters.
 */
export function escapeOutput(text: string): string {
  return UNUSUAL_IN_TEXT.test(text) ? text.replace(HIDDEN_IN_TEXT, toEscape) : text;
}

/** The text that `escapeControls` has escaped: for what a reader copies from a screen or a mail. */
export function unescapeControls(text: string): string {
  return text.replace(/(?:\\u[0-9a-f]{4})+/g, (escapes) => {
    const char = escapes.replace(/\\u(.{4})/g, (_, code) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    return escapeControls(char) === escapes ? char : escapes;
  });
}

/** Whether `escapeControls` would change it. */
export function hasHidden(text: string): boolean {
  return escapeControls(text) !== text;
}

/** Each half of a surrogate pair on its own, as JSON has it. */
function toEscape(char: string): string {
  return char
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/** Text as HTML, between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A field of a page: hidden characters and markup are escaped. */
export function escapeHtmlField(text: string): string {
  return escapeHtml(escapeControls(text));
}

/** One word of a command that a reader can paste into a shell. */
export function quoteForShell(text: string): string {
  return /^[\w@.:/+][\w@.:/+-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
