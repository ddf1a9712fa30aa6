/** The parts of the service that follow from its configuration alone: followers, policy service, notices. */
import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { Follower } from '../follow/follower.ts';
import { type FollowNotice, noticeText } from '../follow/notice.ts';
import { isFollowPosition } from '../follow/position.ts';
import type { Rule } from '../judge/rule.ts';
import { mailNotifier, type Notifier } from '../notify/mail.ts';
import type { Blocklist } from '../policy/blocklist.ts';
import type { PolicyRequest } from '../policy/request.ts';
import { PolicyServer } from '../policy/server.ts';
import type { Store } from '../store/store.ts';
import { Notices } from './notices.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** how notices leave instead of as configured */
  readonly notifier?: Notifier;
  /** called when nothing stands in the way any more: the database is taken over, the parts are made */
  readonly started?: () => void;
  /** ends the service */
  readonly signal: AbortSignal;
}

/** The policy service, when the configuration names an address for it. */
export function buildPolicyServer(
  blocklist: Blocklist,
  { config, clock, log }: ServiceOptions,
): PolicyServer | undefined {
  if (config.policy === undefined) return undefined;
  const decide = (request: PolicyRequest) => blocklist.answer(request, clock.now());
  return new PolicyServer({ ...config.policy, decide, log });
}

/** Who tells people, when the configuration names somebody. `isLogRead`: whether all that stands in the logs is known. */
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
    rules: new Map(rules.map((rule) => [rule.name, rule])),
    clock,
    log,
    isLogRead,
    signal,
  });
}

/** A follower for each log, from where the last commit left it. */
export function buildFollowers(
  store: Store,
  { config, clock, log, signal }: ServiceOptions,
): Follower[] {
  const positions = store.state.positions();
  return config.logs.map((path) => {
    const position = positions.get(path);
    return new Follower(
      dropUndefined({
        path,
        from: config.startAt,
        signal,
        clock,
        onNotice: (notice: FollowNotice) => {
          const serious = notice.kind !== 'rotated' && notice.kind !== 'resumed';
          log[serious ? 'warn' : 'info']({ log: path }, noticeText(notice));
        },
        position: isFollowPosition(position) ? position : undefined,
      }),
    );
  });
}
