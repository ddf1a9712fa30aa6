/**
 * A mail log with its writer and its rotation, on real files, and the model of what a follower must read from it:
 * `expected` holds every line in the order of writing, with its place in its physical file.
 */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface ExpectedLine {
  readonly text: string;
  readonly offset: number;
  readonly line: number;
  /** false: its file was deleted or emptied, so a follower that has not read it yet cannot read it now */
  must: boolean;
}

interface Physical {
  size: number;
  lines: number;
  partial: string;
  readonly expected: ExpectedLine[];
}

export class World {
  readonly path: string;
  readonly expected: ExpectedLine[] = [];
  readonly #folder: string;
  readonly #dated: boolean;
  #fd: number | undefined;
  #file: Physical = { size: 0, lines: 0, partial: '', expected: [] };
  /** the writer's file is no longer the one under the live name */
  #renamed = false;
  #words = 0;
  #rotations = 0;

  constructor(folder: string, dated: boolean) {
    this.#folder = folder;
    this.#dated = dated;
    this.path = join(folder, 'mail.log');
  }

  /** The writer appends to the file that it has open, whatever its name is now. */
  write(text: string): void {
    this.#fd ??= openSync(this.path, 'a');
    writeSync(this.#fd, text);
    const file = this.#file;
    file.partial += text;
    for (let end = file.partial.indexOf('\n'); end >= 0; end = file.partial.indexOf('\n')) {
      this.#expect(file.partial.slice(0, end), end + 1);
      file.partial = file.partial.slice(end + 1);
    }
  }

  line(padding = ''): void {
    this.write(`word ${this.#words++} ${padding}\n`);
  }

  partial(): void {
    this.write(`part ${this.#words++} `);
  }

  /** Renames the live file; its writer continues to write to it until `reopen`. */
  rotate(create: boolean): void {
    this.reopen();
    if (!existsSync(this.path)) return;
    this.#fd = openSync(this.path, 'a');
    renameSync(this.path, this.#nextName());
    this.#renamed = true;
    if (create) writeFileSync(this.path, '');
  }

  /** What HUP does: the writer opens the live name again. A partial line in the old file stays partial. */
  reopen(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    if (this.#renamed) this.#renew();
    this.#renamed = false;
  }

  copytruncate(): void {
    this.reopen();
    if (!existsSync(this.path)) return;
    copyFileSync(this.path, this.#nextName());
    truncateSync(this.path, 0);
    this.#renew();
  }

  /** `: > mail.log`, without a copy */
  empty(): void {
    this.reopen();
    if (!existsSync(this.path)) return;
    truncateSync(this.path, 0);
    this.#lose();
  }

  remove(): void {
    this.reopen();
    if (!existsSync(this.path)) return;
    rmSync(this.path);
    this.#lose();
  }

  /** Compresses every rotated file that is not compressed yet. */
  compress(): void {
    this.reopen();
    for (const name of readdirSync(this.#folder)) {
      if (name === 'mail.log' || name.endsWith('.gz')) continue;
      const path = join(this.#folder, name);
      const bytes = readFileSync(path);
      const half = Math.floor(bytes.length / 2);
      writeFileSync(`${path}.gz`, gzipSync(bytes.subarray(0, half)));
      appendFileSync(`${path}.gz`, gzipSync(bytes.subarray(half)));
      rmSync(path);
    }
  }

  #expect(text: string, bytes: number): void {
    const file = this.#file;
    file.lines++;
    const line = { text, offset: file.size, line: file.lines, must: true };
    file.size += bytes;
    file.expected.push(line);
    this.expected.push(line);
  }

  #renew(): void {
    const { partial } = this.#file;
    if (partial !== '') this.#expect(partial, partial.length);
    this.#file = { size: 0, lines: 0, partial: '', expected: [] };
  }

  #lose(): void {
    const file = this.#file;
    this.#renew();
    for (const line of file.expected) line.must = false;
  }

  #nextName(): string {
    this.#rotations++;
    if (this.#dated) return `${this.path}-${20261100 + this.#rotations}`;
    for (let number = this.#rotations; number > 0; number--) {
      for (const end of ['', '.gz']) {
        const old = `${this.path}.${number}${end}`;
        if (existsSync(old)) renameSync(old, `${this.path}.${number + 1}${end}`);
      }
    }
    return `${this.path}.1`;
  }
}
