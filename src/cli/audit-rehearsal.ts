/** `postern audit --rehearsal`: what the restrictions that only warn would have refused, and whose mail was wanted. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { loadConfig } from '../config/load.ts';
import { gatherRehearsal, isDoubtful, rehearsalText } from '../report/rehearsal.ts';
import { loadStyle } from '../report/style.ts';
import { Store } from '../store/store.ts';
import { becomeDatabaseOwner } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { parsePeriod } from './typed.ts';

interface RehearsalOptions extends CommonOptions {
  readonly since?: string;
  readonly until?: string;
}

/** Exit status 1 when one of them would have refused mail that somebody here sent or answered. */
export async function printRehearsal(options: RehearsalOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const now = systemClock.now() + 1;
  const typed = { since: options.since ?? '24h', until: options.until };
  const { since = now, until = now } = parsePeriod(typed, config.zone);
  becomeDatabaseOwner(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const rehearsal = gatherRehearsal(store, since, until);
    io.stdout(
      options.format === 'json'
        ? jsonLine(rehearsal)
        : rehearsalText(rehearsal, await loadStyle(config, [])),
    );
    return rehearsal.restrictions.some(isDoubtful) ? EXIT.failed : EXIT.done;
  } finally {
    store.close();
  }
}
