/** Scripts and styles of the page, from the package's own files: nothing is asked of another host. */
import { readFileSync } from 'node:fs';
import { packagePath } from '../base/package.ts';

/** File names, with their types. scripts/build.mjs brings them together in one folder. */
const ASSETS: Readonly<Record<string, string>> = {
  'desk.css': 'text/css; charset=utf-8',
  'desk.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  'htmx.min.js': 'text/javascript; charset=utf-8',
  'uPlot.iife.min.js': 'text/javascript; charset=utf-8',
  'uPlot.min.css': 'text/css; charset=utf-8',
};

export interface Asset {
  readonly type: string;
  readonly content: string;
}

const read = new Map<string, Asset>();

/** A file of the page; undefined if there is none with that name. */
export function findAsset(name: string): Asset | undefined {
  const type = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
  if (type === undefined) return undefined;
  const known = read.get(name) ?? {
    type,
    content: readFileSync(packagePath(`dist/cli/assets/${name}`), 'utf8'),
  };
  read.set(name, known);
  return known;
}
