/**
 * A report as one HTML page that needs nothing else: no picture, no style and no script from elsewhere, and it can be
 * read without its script, which sorts tables. Every value is escaped here. The page tells the browser to load nothing
 * and to run nothing but that script.
 */
import { escapeHtmlField } from '../base/escape.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { buildCharts, type Chart, describeChart, sumSeries } from './chart.ts';
import { renderPage } from './page.ts';
import type { Report } from './period.ts';
import { summarize } from './summary.ts';
import { chartToSvg } from './svg.ts';
import { buildNote, buildTables, buildTitle, type Table } from './tables.ts';

/** The whole page. */
export function reportToHtml(report: Report, style = PLAIN_STYLE): string {
  const charts = buildCharts(report, style).map((chart) => figureToHtml(chart, chartToSvg(chart)));
  return renderPage(buildTitle(report, style), buildBody(report, style, charts));
}

/** The same for mail programs: without a script, and with charts as images that have the names `cid:NAME`. */
export function reportToMailHtml(report: Report, style = PLAIN_STYLE): string {
  const charts = buildCharts(report, style).map((chart) => figureToHtml(chart, toImage(chart)));
  return renderPage(buildTitle(report, style), buildBody(report, style, charts), { isMail: true });
}

function toImage(chart: Chart): string {
  const { labels, name } = chart;
  const text = escapeHtmlField(describeChart(chart));
  const axis = `${labels[0]} to ${labels.at(-1)}, highest bar ${Math.max(...sumAll(chart))}`;
  return `<img src="cid:${name}" width="380" alt="${text}">\n<p class="axis">${escapeHtmlField(axis)}</p>`;
}

function sumAll({ series, labels }: Chart): number[] {
  return labels.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
}

function buildBody(report: Report, style: Style, charts: readonly string[]): string {
  const note = buildNote(report, style);
  const sentences = summarize(report, style).map((text) => `<li>${escapeHtmlField(text)}</li>`);
  const figures = charts.length === 0 ? '' : `<div class="charts">\n${charts.join('\n')}\n</div>\n`;
  return `<main>
<h1>${escapeHtmlField(buildTitle(report, style))}</h1>
${note === undefined ? '' : `<p>${escapeHtmlField(note)}</p>\n`}<ul class="summary">
${sentences.join('\n')}
</ul>
${figures}${buildTables(report, style).map(tableToHtml).join('\n')}
</main>`;
}

/** A chart with its title and what its colours mean. */
export function figureToHtml({ title, series, limit }: Chart, image: string): string {
  const names = series.map(
    (one, at) =>
      `<li><b class="key s${at}"></b>${escapeHtmlField(one.name)} ${sumSeries(one)}</li>`,
  );
  const line =
    limit === undefined ? [] : [`<li><b class="key limit"></b>${escapeHtmlField(limit.name)}</li>`];
  return `<figure>\n<figcaption>${escapeHtmlField(title)}</figcaption>\n${image}\n<ul class="legend">${[...names, ...line].join('')}</ul>\n</figure>`;
}

/** Columns from which on a row is a block of lines on a phone. */
const WIDE = 4;
/** Characters from which on a text may be broken anywhere. */
const LONG = 24;

/** A heading and the table below it. */
export function tableToHtml({ name, title, head, rows, empty }: Table): string {
  const heading = `<h2 id="${name}">${escapeHtmlField(title)}</h2>`;
  if (rows.length === 0) return `${heading}\n<p>${escapeHtmlField(empty)}</p>`;
  const isNumber = (at: number) => rows.every((row) => typeof row[at] === 'number');
  const names = head
    .map(
      (text, at) =>
        `<th scope="col"${isNumber(at) ? ' class="number"' : ''}>${escapeHtmlField(text)}</th>`,
    )
    .join('');
  const isWide = head.length >= WIDE;
  const lines = rows.map((row) => `<tr>${row.map(cellToHtml).join('')}</tr>`);
  return `${heading}\n<div class="scroll" role="region" tabindex="0" aria-labelledby="${name}">\n<table${isWide ? ' class="wide"' : ''}>\n<thead><tr>${names}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table>\n</div>`;
}

function cellToHtml(value: string | number): string {
  if (typeof value === 'number') return `<td class="number">${value}</td>`;
  const long = value.length > LONG ? ' class="long"' : '';
  return `<td${long}>${escapeHtmlField(value)}</td>`;
}
