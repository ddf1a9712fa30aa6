/**
 * Draws a chart as a PNG image, for mail programs, which do not show SVG. It has no text, since a server has no fonts:
 * what the bars are stands beside it in the mail.
 */
import { encode } from 'fast-png';
import type { Chart } from './chart.ts';
import { COLORS } from './colors.ts';
import { CHART_HEIGHT, CHART_WIDTH, layOut } from './svg.ts';

/** Pixels for a unit: screens of today have two. */
const SCALE = 2;

type Color = readonly [number, number, number];

const GRID: Color = [221, 221, 221];

/** The bytes of the image, CHART_WIDTH by CHART_HEIGHT in its double size. */
export function chartToPng(chart: Chart): Buffer {
  const width = CHART_WIDTH * SCALE;
  const height = CHART_HEIGHT * SCALE;
  const data = new Uint8Array(3 * width * height).fill(255);
  const { bars, ticks } = layOut(chart);
  const paint = (color: Color, x: number, y: number, across: number, down: number) => {
    const [left, top] = [Math.round(x * SCALE), Math.round(y * SCALE)];
    const right = Math.max(left + 1, Math.round((x + across) * SCALE));
    const bottom = Math.max(top + 1, Math.round((y + down) * SCALE));
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) data.set(color, 3 * (row * width + column));
    }
  };
  for (const { y } of ticks) paint(GRID, 0, y, CHART_WIDTH, 0.5);
  for (const bar of bars) {
    const color = parseColor(COLORS[bar.series % COLORS.length] as string);
    paint(color, bar.x, bar.y, bar.width, bar.height);
  }
  return Buffer.from(encode({ width, height, data, channels: 3 }));
}

function parseColor(text: string): Color {
  const value = Number.parseInt(text.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
