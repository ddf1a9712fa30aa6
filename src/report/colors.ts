/** The colours of series in charts, in their order, on a light page and in images. */
export const COLORS: readonly string[] = [
  '#2f6f9f',
  '#d98a1f',
  '#b3372f',
  '#4f8a4c',
  '#7a5aa6',
  '#8a8a8a',
];
