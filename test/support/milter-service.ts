/** `postern milter` in this process, configured as an operator would, with its socket at `milter` in a folder. */
import { writeFileSync } from 'node:fs';
import { createLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import type { Config, MilterConfig } from '../../src/config/load.ts';
import { parseConfig } from '../../src/config/load.ts';
import { MilterService } from '../../src/daemon/milter/service.ts';
import { readMilterStatus } from '../../src/daemon/milter/status.ts';
import type { Folder } from './folder.ts';

export class TestMilter {
  readonly #folder: Folder;
  readonly #section: string;
  readonly #ending = new AbortController();
  readonly #service: MilterService;
  readonly #running: Promise<void>;

  /** `section`: lines below `milter:`; `more`: lines behind them, which `configure` replaces. */
  constructor(folder: Folder, section: string, more = '') {
    this.#folder = folder;
    this.#section = section;
    this.#service = new MilterService({
      config: this.read(more).milter,
      clock: systemClock,
      log: createLog('silent'),
      version: 'test',
      patience: 0,
    });
    this.#running = this.#service.run(this.#ending.signal);
  }

  /** The configuration; also written to postern.yaml in the folder. */
  read(more = ''): Config & { readonly milter: MilterConfig } {
    const listen = `  listen: unix:${this.#folder.path}/milter\n`;
    const text = `milter:\n${listen}  permissions: "0666"\n  state: state.json\n${this.#section}${more}`;
    const file = this.#folder.at('postern.yaml');
    writeFileSync(file, text);
    return parseConfig(text, file) as Config & { readonly milter: MilterConfig };
  }

  configure(more = ''): void {
    this.#service.reload(this.read(more).milter);
  }

  status() {
    return readMilterStatus(this.read());
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }
}
