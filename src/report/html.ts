/**
 * A report as one HTML page that needs nothing else: no script, no picture, no style from elsewhere. Every value is
 * escaped here. The page tells the browser to load nothing.
 */
import { escapeHtmlField } from '../base/escape.ts';
import { PLAIN_STYLE } from '../model/style.ts';
import type { Report } from './period.ts';
import { buildNote, buildTables, buildTitle, type Table } from './tables.ts';

const STYLE = `body { font-family: sans-serif; margin: 2em; color: #222; background: #fff }
h1 { font-size: 1.3em } h2 { font-size: 1.05em; margin-top: 1.6em }
table { border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .25em .8em .25em 0; border-bottom: 1px solid #ddd }
td { overflow-wrap: anywhere }
.number { text-align: right }`;

/** The whole page. */
export function reportToHtml(report: Report, style = PLAIN_STYLE): string {
  const title = escapeHtmlField(buildTitle(report, style));
  const note = buildNote(report, style);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>
${STYLE}
</style>
</head>
<body>
<h1>${title}</h1>
${note === undefined ? '' : `<p>${escapeHtmlField(note)}</p>\n`}${buildTables(report, style).map(tableToHtml).join('\n')}
</body>
</html>
`;
}

function tableToHtml({ title, head, rows, empty }: Table): string {
  const heading = `<h2>${escapeHtmlField(title)}</h2>`;
  if (rows.length === 0) return `${heading}\n<p>${escapeHtmlField(empty)}</p>`;
  const names = head.map((name) => `<th scope="col">${escapeHtmlField(name)}</th>`).join('');
  const lines = rows.map((row) => `<tr>${row.map(cellToHtml).join('')}</tr>`);
  return `${heading}\n<table>\n<tr>${names}</tr>\n${lines.join('\n')}\n</table>`;
}

function cellToHtml(value: string | number): string {
  return typeof value === 'number'
    ? `<td class="number">${value}</td>`
    : `<td>${escapeHtmlField(value)}</td>`;
}
