/** `postern events`: stored events, by submitter, time, kind, reason, message or recipient. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { EVENT_KINDS, type EventKind, REASONS, type Reason } from '../model/event.ts';
import { buildKeyQuery } from '../report/events.ts';
import type { EventQuery } from '../store/events.ts';
import { Store } from '../store/store.ts';
import { eventText } from './event-text.ts';
import type { CommonOptions, Io } from './io.ts';
import { parseCount, parsePeriod, parseTypedIdentity, parseWords } from './typed.ts';

interface EventsOptions extends CommonOptions {
  readonly since?: string;
  readonly until?: string;
  readonly of?: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly queueId?: string;
  readonly recipient?: string;
  readonly limit?: string;
}

/** Oldest first. */
export function runEvents(options: EventsOptions, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const query = buildQuery(options, config);
  const store = new Store(config.database, { readonly: true });
  try {
    for (const { event } of store.events.query(query)) io.stdout(eventText(event, options.format));
    return EXIT.done;
  } finally {
    store.close();
  }
}

function buildQuery(options: EventsOptions, { zone, logins }: Config): EventQuery {
  const { of, kind, reason, queueId, recipient, limit } = options;
  return dropUndefined({
    ...(of === undefined ? {} : buildKeyQuery(parseTypedIdentity(of, logins))),
    ...parsePeriod(options, zone),
    kinds:
      kind === undefined ? undefined : (parseWords('--kind', kind, EVENT_KINDS) as EventKind[]),
    reasons: reason === undefined ? undefined : parseReasons(reason),
    queueId,
    recipient,
    limit: limit === undefined ? undefined : parseCount('--limit', limit),
  });
}

function parseReasons(text: string): Reason[] {
  if (text === 'invalid') return ['invalid-recipient', 'invalid-domain'];
  return parseWords('--reason', text, REASONS) as Reason[];
}
