/** What all pages have in common: head, navigation, messages, tables, forms. */
import type { Visitor } from './gate.ts';
import { type Html, html, type Part } from './html.ts';

/** The pages, in the order of the navigation. */
export const PAGES = [
  ['/', 'Now'],
  ['/blocks', 'Blocks'],
  ['/events', 'Events'],
  ['/report', 'Report'],
  ['/rules', 'Rules'],
  ['/milter', 'Milter'],
  ['/listings', 'Listings'],
  ['/audit', 'Audit'],
  ['/actions', 'Actions'],
] as const;

interface PageOptions {
  readonly title: string;
  /** path of the entry in the navigation */
  readonly current?: (typeof PAGES)[number][0];
  readonly visitor?: Visitor | undefined;
  /** of the server whose mail it is about */
  readonly host: string;
  readonly body: Part;
}

/** A whole page. */
export function page({ title, current, visitor, host, body }: PageOptions): string {
  const links = PAGES.map(
    ([path, name]) =>
      html`<li><a href="${path}"${path === current && html` aria-current="page"`}>${name}</a></li>`,
  );
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="htmx-config" content="{&quot;includeIndicatorCSS&quot;:false,&quot;history&quot;:false}">
<title>${title} – Postern on ${host}</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/uPlot.min.css">
<link rel="stylesheet" href="/assets/desk.css">
<script src="/assets/htmx.min.js" defer></script>
<script src="/assets/uPlot.iife.min.js" defer></script>
<script src="/assets/desk.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<p class="brand"><strong>Postern</strong> <span>${host}</span></p>
${visitor !== undefined && html`<nav aria-label="Pages"><ul>${links}</ul></nav>${who(visitor)}`}
</header>
<main id="main" tabindex="-1">
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.text;
}

function who(visitor: Visitor): Html {
  const { name, role, byProxy } = visitor;
  return html`<div class="who"><span>${name} (${role})</span>${
    !byProxy &&
    html`<form method="post" action="/logout">${token(visitor)}<button>Log out</button></form>`
  }</div>`;
}

/** The hidden field that each form needs. */
export function token(visitor: Visitor): Html {
  return html`<input type="hidden" name="token" value="${visitor.token}">`;
}

/** A message; `bad` ones are read out at once. */
export function message(text: Part, kind: 'good' | 'bad' | 'plain' = 'plain'): Html {
  return html`<div class="message ${kind}" role="${kind === 'bad' ? 'alert' : 'status'}">${text}</div>`;
}

interface TableOptions {
  readonly label: string;
  readonly head: readonly Part[];
  readonly rows: readonly (readonly Part[])[];
  /** shown when there are no rows */
  readonly empty: string;
  /** columns, by their heads, that need little or much room */
  readonly widths?: Readonly<Record<string, 'short' | 'wide'>>;
}

/** A table that becomes a list of cards on a phone; the roles keep it a table for screen readers. */
export function table({ label, head, rows, empty, widths = {} }: TableOptions): Html {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const kinds = head.map((name, at) =>
    rows.some((row) => typeof row[at] === 'number') ? 'number' : widths[String(name)],
  );
  const names = head.map(
    (name, at) => html`<th role="columnheader" scope="col"${kindOf(kinds[at])}>${name}</th>`,
  );
  return html`<table role="table" aria-label="${label}">
<thead role="rowgroup"><tr role="row">${names}</tr></thead>
<tbody role="rowgroup">${rows.map((row) => tableRow(head, row, kinds))}</tbody>
</table>`;
}

function tableRow(
  head: readonly Part[],
  row: readonly Part[],
  kinds: readonly (string | undefined)[],
): Html {
  const cells = row.map((cell, at) => {
    const name = head[at];
    const label = typeof name === 'string' ? html` data-label="${name}"` : undefined;
    return html`<td role="cell"${label}${kindOf(kinds[at])}>${cell}</td>`;
  });
  return html`<tr role="row">${cells}</tr>\n`;
}

function kindOf(kind: string | undefined): Part {
  return kind !== undefined && html` class="${kind}"`;
}

/** A choice of one in a form. */
export function select(
  name: string,
  label: string,
  options: readonly (readonly [string, string])[],
  chosen: string | undefined,
): Html {
  const entries = options.map(
    ([value, text]) =>
      html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`,
  );
  return html`<label>${label} <select name="${name}">${entries}</select></label>`;
}

/** A line of text in a form. */
export function field(name: string, label: string, value = '', hint = ''): Html {
  return html`<label>${label} <input name="${name}" value="${value}" placeholder="${hint}" autocomplete="off"></label>`;
}

/** A chart that desk.js draws from `source` (JSON); `label` says what it shows. */
export function chart(source: string, label: string, every?: number): Html {
  return html`<figure><figcaption>${label}</figcaption><div class="chart" role="img" aria-label="${label}" data-chart="${source}"${
    every !== undefined && html` data-every="${every}"`
  }></div></figure>`;
}
