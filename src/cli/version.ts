/** The program's version, from package.json. */
import { readFileSync } from 'node:fs';
import { packagePath } from '../base/package.ts';

export function version(): string {
  const text = readFileSync(packagePath('package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
