/** What the tests of the hardening share: `postern audit` in this process, and a log in the database. */
import { readFileSync } from 'node:fs';
import { runAudit } from '../../src/cli/audit.ts';
import { loadConfig } from '../../src/config/load.ts';
import { readEvents } from '../../src/interpret/files.ts';
import { buildInterpreterOptions } from '../../src/interpret/options.ts';
import { Store } from '../../src/store/store.ts';

type Options = Parameters<typeof runAudit>[0];

export interface AuditRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command with these options. */
export async function postern(options: Options): Promise<AuditRun> {
  let stdout = '';
  let stderr = '';
  const status = await runAudit(options, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
  });
  return { status, stdout, stderr };
}

/** Stores the events of a log as the service does. */
export async function storeLog(configFile: string, logFile: string): Promise<void> {
  const config = loadConfig(configFile);
  const store = new Store(config.database);
  try {
    const options = { ...buildInterpreterOptions(config), now: Date.now() };
    for await (const { events } of readEvents([logFile], options))
      store.commit(() => store.events.insert(events));
  } finally {
    store.close();
  }
}

/** How many lines of a log match. */
export function countLines(logFile: string, pattern: RegExp): number {
  return readFileSync(logFile, 'latin1')
    .split('\n')
    .filter((line) => pattern.test(line)).length;
}
