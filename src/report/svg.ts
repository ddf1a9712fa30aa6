/** Draws a chart as SVG, with d3's scales and stacks. Colours come from the style of the page (`.s0` ...). */
import { scaleBand, scaleLinear } from 'd3-scale';
import { stack } from 'd3-shape';
import { escapeHtmlField } from '../base/escape.ts';
import { type Chart, describeChart, findHighest } from './chart.ts';

export const CHART_WIDTH = 380;
export const CHART_HEIGHT = 190;
const LEFT = 40;
const RIGHT = CHART_WIDTH - 6;
const TOP = 12;
const BOTTOM = CHART_HEIGHT - 24;
/** Labels of the axis below that fit side by side. */
const MOST_LABELS = 5;

/** A part of a bar. */
export interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** number of the series, and of the step */
  readonly series: number;
  readonly step: number;
}

export interface Layout {
  readonly bars: readonly Bar[];
  readonly ticks: readonly { readonly y: number; readonly text: string }[];
  readonly labels: readonly { readonly x: number; readonly text: string }[];
  readonly limit?: number;
}

/** Where everything stands, in the units of CHART_WIDTH and CHART_HEIGHT. */
export function layOut({ series, labels, limit, ...rest }: Chart): Layout {
  const steps = labels.map((_, at) => at);
  const x = scaleBand(steps, [LEFT, RIGHT]).paddingInner(0.2);
  const highest = Math.max(1, findHighest({ series, labels, ...rest }), limit?.value ?? 0);
  const y = scaleLinear([0, highest], [BOTTOM, TOP]).nice(4);
  const stacked = stack<number, number>()
    .keys(series.map((_, at) => at))
    .value((step, one) => series[one]?.values[step] ?? 0)(steps);
  const bars = stacked.flatMap((parts, one) =>
    parts.flatMap(([low, high], step) =>
      high <= low
        ? []
        : {
            x: x(step) ?? LEFT,
            y: y(high),
            width: x.bandwidth(),
            height: y(low) - y(high),
            series: one,
            step,
          },
    ),
  );
  const every = Math.max(1, Math.ceil(labels.length / MOST_LABELS));
  return {
    bars,
    ticks: y
      .ticks(4)
      .filter(Number.isInteger)
      .map((value) => ({ y: y(value), text: shortNumber(value) })),
    labels: labels.flatMap((text, at) =>
      at % every === 0 ? [{ x: (x(at) ?? LEFT) + x.bandwidth() / 2, text }] : [],
    ),
    ...(limit === undefined ? {} : { limit: y(limit.value) }),
  };
}

/** The whole image. It takes the width that it is given. */
export function chartToSvg(chart: Chart): string {
  const { bars, ticks, labels, limit } = layOut(chart);
  const { series } = chart;
  const parts = [
    `<title id="chart-${chart.name}">${escapeHtmlField(describeChart(chart))}</title>`,
    ...ticks.map(
      ({ y, text }) =>
        `<path class="grid" d="M${LEFT} ${cut(y)}H${RIGHT}"/><text x="${LEFT - 4}" y="${cut(y + 3.5)}" text-anchor="end">${text}</text>`,
    ),
    ...bars.map(({ x, y, width, height, ...bar }) => {
      const { name = '', values = [] } = series[bar.series] ?? {};
      const tip = `${chart.labels[bar.step]} ${name}: ${values[bar.step]}`;
      return `<rect class="s${bar.series}" x="${cut(x)}" y="${cut(y)}" width="${cut(width)}" height="${cut(height)}"><title>${escapeHtmlField(tip)}</title></rect>`;
    }),
    ...labels.map(
      ({ x, text }) =>
        `<text x="${cut(x)}" y="${CHART_HEIGHT - 8}" text-anchor="middle">${escapeHtmlField(text)}</text>`,
    ),
    ...(limit === undefined ? [] : [`<path class="limit" d="M${LEFT} ${cut(limit)}H${RIGHT}"/>`]),
  ];
  return `<svg viewBox="0 0 ${CHART_WIDTH} ${CHART_HEIGHT}" role="img" aria-labelledby="chart-${chart.name}">${parts.join('')}</svg>`;
}

function cut(value: number): number {
  return Math.round(value * 10) / 10;
}

/** `1500` as `1.5k`. */
function shortNumber(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1000 ? `${value / 1000}k` : String(value);
}
