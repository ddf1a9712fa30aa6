/** Makes text that strangers wrote harmless where it is shown: on a terminal, in a page, in a shell command. */

/** Control characters, line separators and bidirectional marks as `\uXXXX`, so that one field stays on one line. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
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

/** A field of a page: control characters and markup are escaped. */
export function escapeHtmlField(text: string): string {
  return escapeHtml(escapeControls(text));
}

/** One word of a command that a reader can paste into a shell. */
export function quoteForShell(text: string): string {
  return /^[\w@.:/+][\w@.:/+-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
