/** From the configuration to the parts of the service that carry it out. */

import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import { buildFindPerson } from '../config/leases.ts';
import type { Config } from '../config/load.ts';
import type { BlockPolicy } from '../enforce/decide.ts';
import type { FollowedLog } from '../follow/followed-log.ts';
import { Follower } from '../follow/follower.ts';
import { JournalFollower } from '../follow/journal/follower.ts';
import { isJournalPosition } from '../follow/journal/position.ts';
import { type FollowNotice, noticeText } from '../follow/notice.ts';
import { isFollowPosition } from '../follow/position.ts';
import { type AskedSettings, buildInterpreterOptions } from '../interpret/options.ts';
import type { Judge } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { Family } from '../metrics/family.ts';
import { MetricsServer } from '../metrics/server.ts';
import type { MailEvent } from '../model/event.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import { mailNotifier, type Notifier } from '../notify/mail.ts';
import { Blocklist, DUNNO } from '../policy/blocklist.ts';
import type { RecipientRates } from '../policy/recipient-rates.ts';
import type { PolicyRequest } from '../policy/request.ts';
import { PolicyServer } from '../policy/server.ts';
import { loadStyle } from '../report/style.ts';
import type { Store } from '../store/store.ts';
import { buildBlockPolicy } from './block-policy.ts';
import type { DecisionOptions } from './decisions.ts';
import type { Lasting } from './lasting.ts';
import { ListingWatch } from './listing-watch.ts';
import { READ_SIZE } from './log-reader.ts';
import { DAEMON_MTAS } from './mtas.ts';
import { Notices } from './notices.ts';
import type { SendsAs } from './own-addresses.ts';
import { Pipeline } from './pipeline.ts';
import { Sharing } from './share/sharing.ts';

export interface ServiceOptions extends AskedSettings {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** why the mail server does not say which networks may relay, or not all */
  readonly networksUnknown?: string;
  /** why blocks of whole networks would have no effect: then an IPv6 client is blocked by its address alone */
  readonly noNetworks?: string;
  /** what the mail server is told to send as; asked for only if blocklists are */
  readonly sendsAs?: SendsAs;
  /** how notices leave, instead of as configured */
  readonly notifier?: Notifier;
  /** called when the database is taken over and all parts are made, so that nothing can prevent the start any more */
  readonly started?: () => void;
  /** what goes on over a reload; default: it ends with the service */
  readonly lasting?: Lasting;
  /** ends the service */
  readonly signal: AbortSignal;
}

/** Who else learns of the events. */
interface EventUsers {
  readonly sharing?: Sharing | undefined;
  readonly onEvents?: (events: readonly MailEvent[]) => void;
}

/** The way of the lines through all stages, from where the last commit left it. */
export function buildPipeline(
  store: Store,
  judge: Judge,
  rules: readonly Rule[],
  options: ServiceOptions,
  { sharing, onEvents }: EventUsers = {},
): Pipeline {
  const { config, clock, log, signal } = options;
  return new Pipeline(
    dropUndefined({
      ...buildDecisionOptions(store, rules, options),
      judge,
      sharing,
      onEvents,
      interpreter: buildInterpreterOptions(config, options),
      clock,
      log,
      signal,
    }),
  );
}

/** Rules whose verdicts are sent by mail; undefined if there is nobody to notify. */
export function listNotifying(
  rules: readonly Rule[],
  { notify }: Config,
): ReadonlySet<string> | undefined {
  if (notify === undefined) return undefined;
  return new Set(rules.filter((rule) => rule.notify).map((rule) => rule.name));
}

/** Who may be blocked, and how. */
export function buildPolicy({ config, listed, noNetworks }: ServiceOptions): BlockPolicy {
  return buildBlockPolicy(config, { relayNetworks: listed?.networks, noNetworks });
}

/** How verdicts are decided on. */
function buildDecisionOptions(
  store: Store,
  rules: readonly Rule[],
  options: ServiceOptions,
): DecisionOptions {
  const notifyRules = listNotifying(rules, options.config);
  return dropUndefined({ store, policy: buildPolicy(options), notifyRules });
}

/** What joins this server with others, if the configuration has that. */
export function buildSharing(
  store: Store,
  rules: readonly Rule[],
  options: ServiceOptions,
): Sharing | undefined {
  const { config, clock, log, version, signal } = options;
  const { share } = config;
  if (share === undefined) return undefined;
  const decisions = buildDecisionOptions(store, rules, options);
  return new Sharing({ share, rules, decisions, store, clock, log, version, signal });
}

/** The blocks as the policy service looks them up, with its answer for each kind; in observe mode it blocks nobody. */
export function buildBlocklist(config: Config): Blocklist {
  return new Blocklist(
    config.mode === 'observe' ? {} : DAEMON_MTAS[config.mta].policyActions(config),
    buildCanonicalLogin(config.logins),
    buildFindPerson(config),
  );
}

/** The policy service, if the configuration has an address for it. */
export function buildPolicyServer(
  blocklist: Blocklist,
  rates: RecipientRates | undefined,
  { config, clock, log }: ServiceOptions,
): PolicyServer | undefined {
  if (config.policy === undefined) return undefined;
  const decide = (request: PolicyRequest) => {
    const now = clock.now();
    const action = blocklist.answer(request, now);
    return action === DUNNO ? (rates?.answer(request, now) ?? DUNNO) : action;
  };
  return new PolicyServer({ ...config.policy, decide, log });
}

/**
 * What sends notices, if the configuration has an address for them. `isLogRead`: whether everything in the logs has
 * been read.
 */
export function buildNotices(
  store: Store,
  rules: readonly Rule[],
  options: ServiceOptions,
  isLogRead: () => boolean,
): Notices | undefined {
  const { config, clock, log, signal } = options;
  if (config.notify === undefined) return undefined;
  const { transport, from, to, digest } = config.notify;
  return new Notices({
    store,
    notifier: options.notifier ?? mailNotifier(transport, from),
    from,
    to,
    digest,
    cap: config.caps.blocksPerHour,
    loadStyle: (keys) => loadStyle(config, keys),
    rules: new Map(rules.map((rule) => [rule.name, rule])),
    journals: { sources: config.journals, command: config.commands.journalctl },
    clock,
    log,
    isLogRead,
    signal,
  });
}

/** What serves figures to Prometheus, if the configuration has an address for it. */
export function buildMetricsServer(
  families: readonly Family[],
  { config, log }: ServiceOptions,
): MetricsServer | undefined {
  if (config.metrics === undefined) return undefined;
  return new MetricsServer({ ...config.metrics, setting: 'metrics', families, log });
}

/** What asks blocklists about this server, if the configuration wants that. */
export function buildListingWatch(
  store: Store,
  options: ServiceOptions,
  onNotice: () => void,
): ListingWatch | undefined {
  const { config, sendsAs, clock, log, signal } = options;
  if (config.listings === undefined) return undefined;
  const notifies = config.notify !== undefined;
  const watched = { config: config.listings, sendsAs, notifies };
  return new ListingWatch({ store, ...watched, clock, log, signal, onNotice });
}

/** A follower for each log, from where the last commit left it. */
export function buildFollowers(store: Store, options: ServiceOptions): FollowedLog[] {
  const { config, clock, signal } = options;
  const positions = store.state.positions();
  const files = config.logs.map((path) => {
    const position = positions.get(path);
    return new Follower(
      dropUndefined({
        path,
        from: config.startAt,
        maxBatchBytes: READ_SIZE,
        signal,
        clock,
        onNotice: (notice: FollowNotice) => logNotice(notice, path, options),
        position: isFollowPosition(position) ? position : undefined,
      }),
    );
  });
  const journals = config.journals.map((source) => {
    const position = positions.get(source.name);
    return new JournalFollower(
      dropUndefined({
        source,
        command: config.commands.journalctl,
        since: config.startAt === 'end' ? clock.now() : undefined,
        signal,
        onNotice: (notice: FollowNotice) => logNotice(notice, source.name, options),
        position: isJournalPosition(position) ? position : undefined,
      }),
    );
  });
  return [...files, ...journals];
}

/** What is not a warning. */
const USUAL: ReadonlySet<FollowNotice['kind']> = new Set(['rotated', 'resumed', 'journal-resumed']);

function logNotice(notice: FollowNotice, name: string, { log }: ServiceOptions): void {
  log[USUAL.has(notice.kind) ? 'info' : 'warn']({ log: name }, noticeText(notice));
}
