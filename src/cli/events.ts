/** `postern events`: stored events, by submitter, time, kind, reason, message or recipient. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { isNetwork } from '../model/address.ts';
import {
  EVENT_KINDS,
  type EventKind,
  REASONS,
  type Reason,
  type Submitter,
} from '../model/event.ts';
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
    ...(of === undefined ? {} : buildKeyQuery(parseOf(of, logins))),
    ...parsePeriod(options, zone),
    kinds:
      kind === undefined ? undefined : (parseWords('--kind', kind, EVENT_KINDS) as EventKind[]),
    reasons: reason === undefined ? undefined : parseReasons(reason),
    queueId,
    recipient,
    limit: limit === undefined ? undefined : parseCount('--limit', limit),
  });
}

/** Events are stored by address. Throws a PosternError (exit status 2) for a network. */
function parseOf(text: string, logins: Config['logins']): Submitter {
  const key = parseTypedIdentity(text, logins);
  if (key.type !== 'client' || !isNetwork(key.id)) return key;
  throw new PosternError('usage', `--of ${text}: expected one address, found a network`);
}

function parseReasons(text: string): Reason[] {
  if (text === 'invalid') return ['invalid-recipient', 'invalid-domain'];
  return parseWords('--reason', text, REASONS) as Reason[];
}
