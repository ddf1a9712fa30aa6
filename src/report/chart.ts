/** The charts of a report as data: what is drawn as SVG (svg.ts), as an image (png.ts) and as text (text.ts). */
import { DAY } from '../base/time.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import type { Course, Series } from './course.ts';
import type { Report } from './period.ts';

/** Stacked bars over time, all series of the same length. */
export interface Chart {
  /** for addresses and file names: letters and hyphens */
  readonly name: string;
  readonly title: string;
  readonly series: readonly Series[];
  /** begin of each bar, short, for an axis */
  readonly labels: readonly string[];
  /** a value that is drawn as a line, and what it is */
  readonly limit?: { readonly value: number; readonly name: string };
}

/** The charts that have something to show. */
export function buildCharts({ course }: Report, style = PLAIN_STYLE): Chart[] {
  const labels = buildLabels(course, style);
  const charts = [
    { name: 'mail', title: 'Recipients over time', series: course.mail, labels },
    {
      name: 'refusals',
      title: 'Deferred or refused by others, by provider',
      series: course.refusals,
      labels,
    },
    { name: 'outside', title: 'Refused from outside', series: course.outside, labels },
  ];
  return charts.filter((chart) => findHighest(chart) > 0);
}

function buildLabels({ since, step, mail }: Course, style: Style): string[] {
  const count = mail[0]?.values.length ?? 0;
  return Array.from({ length: count }, (_, at) => shorten(style.minute(since + at * step), step));
}

/** `2026-11-10 10:05+01:00` as `10:05`, or as `11-10` for steps of days, or as both. */
function shorten(minute: string, step: number): string {
  if (step >= DAY) return minute.slice(5, 10);
  return step * 32 <= 2 * DAY ? minute.slice(11, 16) : minute.slice(5, 16);
}

/** The height of the highest bar. */
export function findHighest({ series }: Chart): number {
  return Math.max(0, ...sumSteps(series));
}

/** All series added up, for each step. */
export function sumSteps(series: readonly Series[]): number[] {
  const [first, ...others] = series;
  return (first?.values ?? []).map((value, at) =>
    others.reduce((sum, { values }) => sum + (values[at] ?? 0), value),
  );
}

export function sumSeries({ values }: Series): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** What somebody hears who does not see the chart. */
export function describeChart(chart: Chart): string {
  const sums = chart.series.map((one) => `${one.name} ${sumSeries(one)}`).join(', ');
  const totals = sumSteps(chart.series);
  const highest = findHighest(chart);
  return `${chart.title}: ${sums}. Highest: ${highest}, at ${chart.labels[totals.indexOf(highest)]}.`;
}
