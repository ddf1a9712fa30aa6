/** The frame of a page that stands alone: style for light and dark, narrow and wide; the script that sorts tables. */
import { sha256 } from '../base/digest.ts';
import { escapeHtmlField } from '../base/escape.ts';
import { COLORS } from './colors.ts';

const lightSeries = COLORS.map((color, at) => `--s${at}: ${color}`).join('; ');

const COMMON = `* { box-sizing: border-box }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0; color: var(--text); background: var(--back) }
main { max-width: 75rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem; overflow-wrap: anywhere } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem }
.summary { font-size: 1.05rem; padding-left: 1.2rem; overflow-wrap: anywhere }
.charts { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; flex: 1 1 18rem; max-width: 34rem; min-width: 0 }
figcaption { font-weight: 600; margin-bottom: .3rem }
.legend { list-style: none; margin: .2rem 0; padding: 0; font-size: .85rem; overflow-wrap: anywhere }
.legend li { display: inline-block; margin-right: 1em }
.key { display: inline-block; width: .8em; height: .8em; margin-right: .4em }
table { border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line) }
th, td { white-space: nowrap }
td.long { white-space: normal; overflow-wrap: anywhere }
.number { text-align: right; font-variant-numeric: tabular-nums }
`;

const STYLE = `:root { color-scheme: light dark; --text: #222; --back: #fff; --line: #ddd; --quiet: #595959; ${lightSeries} }
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e4e4; --back: #16181b; --line: #3a3d42; --quiet: #a5a8ad; --s0: #6aaede; --s1: #f0b35a; --s2: #ef7d74; --s3: #86c382; --s4: #b39ddb; --s5: #a8a8a8 }
}
${COMMON}${COLORS.map((_, at) => `.s${at} { fill: var(--s${at}); background: var(--s${at}) }\n`).join('')}svg { display: block; width: 100%; height: auto }
svg text { fill: var(--quiet); font-size: 10px }
.grid { stroke: var(--line) } .limit { stroke: var(--s2); stroke-width: 1.5; stroke-dasharray: 5 3 } .key.limit { background: var(--s2); height: .2em; vertical-align: middle }
.scroll { overflow-x: auto; max-width: 100% }
th button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: left }
th button::after { content: " \\2195"; color: var(--quiet) }
th[aria-sort=ascending] button::after { content: " \\2191" } th[aria-sort=descending] button::after { content: " \\2193" }
@media (max-width: 40rem) {
  .wide td.long { min-width: 14rem }
}
@media print { .scroll { overflow: visible } th button::after { content: "" } }
`;

/** Mail programs know no variables. */
const MAIL_STYLE = `${COMMON.replace('var(--text)', '#222').replace('var(--back)', '#fff').replaceAll('var(--line)', '#ddd')}${COLORS.map((color, at) => `.s${at} { background: ${color} }\n`).join('')}img { max-width: 100%; height: auto }
.axis { margin: 0; font-size: .85rem; color: #595959 }
`;

const SCRIPT = `for (const table of document.querySelectorAll('table')) {
  const rows = () => [...table.tBodies[0].rows];
  [...table.tHead.rows[0].cells].forEach((head, at) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.onclick = () => {
      const turn = head.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
      head.setAttribute('aria-sort', turn === 1 ? 'ascending' : 'descending');
      const text = (row) => row.cells[at].textContent;
      const compare = (a, b) => text(a).localeCompare(text(b), 'en', { numeric: true });
      table.tBodies[0].append(...rows().sort((a, b) => turn * compare(a, b)));
    };
  });
}
`;

/** `title` is escaped here, `body` before. */
export function renderPage(title: string, body: string, { isMail = false } = {}): string {
  const style = isMail ? MAIL_STYLE : STYLE;
  const policy = `default-src 'none'; style-src '${hashSource(style)}'; script-src '${hashSource(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
  const meta = isMail
    ? ''
    : `<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
${meta}<title>${escapeHtmlField(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
${isMail ? '' : `<script>${SCRIPT}</script>\n`}</body>
</html>
`;
}

/** CSP Level 3, 2.3.1: hash-source. */
function hashSource(text: string): string {
  return `sha256-${Buffer.from(sha256(text), 'hex').toString('base64')}`;
}
