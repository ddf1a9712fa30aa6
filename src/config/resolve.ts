/** From the options as they stand in the file to those the program works with: paths, durations, defaults of the host. */

import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dropUndefined } from '../base/defined.ts';
import { parseDuration } from '../base/time.ts';
import type { Mta } from '../model/event.ts';
import type { MailRoute } from '../notify/mail.ts';
import { parseListenAddress } from '../policy/address.ts';
import type { Config, NotifyConfig, PolicyConfig, PostfixTargets } from './resolved.ts';
import type { RawConfig } from './schema.ts';

/** The folder of the rules that come with the package; the same beside `src` and beside `dist`. */
export const SHIPPED_RULES = fileURLToPath(new URL('../../rules', import.meta.url));

/** Relative paths are meant from the folder of `file`, which is absolute. */
export function resolveConfig(raw: RawConfig, file: string): Config {
  const at = (path: string) => resolve(dirname(file), path);
  const logs = raw.logs ?? [raw.mta === 'postfix' ? '/var/log/mail.log' : '/var/log/exim4/mainlog'];
  const notify = raw.notify === undefined ? undefined : resolveNotify(raw.notify, at);
  return dropUndefined({
    file,
    mta: raw.mta,
    logs: [...new Set(logs.map(at))],
    // Asked for late: the first use of Intl takes 30 ms, and most commands read no log.
    get zone() {
      return raw.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    },
    host: raw.host,
    startAt: raw.startAt,
    database: at(raw.database),
    rules: raw.rules === undefined ? SHIPPED_RULES : at(raw.rules),
    mode: raw.mode,
    enforcer: raw.enforcer,
    retention: milliseconds(raw.retention),
    trustedNetworks: raw.trustedNetworks,
    allow: { ...raw.allow, users: raw.allow.users.map((user) => user.toLowerCase()) },
    caps: raw.caps,
    targets: {
      postfix: resolvePostfix(raw.targets.postfix, at),
      exim: {
        blockedUsers: at(raw.targets.exim.blockedUsers),
        blockedSenders: at(raw.targets.exim.blockedSenders),
      },
    },
    policy: raw.policy === undefined ? undefined : resolvePolicy(raw.policy, raw.mta),
    queue: raw.queue,
    commands: resolveCommands(raw),
    notify,
    report: { to: raw.report.to ?? notify?.to ?? [] },
    logLevel: raw.logLevel,
  });
}

type At = (path: string) => string;

function resolvePostfix(raw: RawConfig['targets']['postfix'], at: At): PostfixTargets {
  const { user, client, sender, uid, postmap, reload } = raw;
  return dropUndefined({
    user: user === undefined ? undefined : resolveMap(user, at),
    client: client === undefined ? undefined : resolveMap(client, at),
    sender: sender === undefined ? undefined : resolveMap(sender, at),
    uid: uid === undefined ? undefined : resolveMap(uid, at),
    postmap: resolveBeside(reload, postmap),
    reload,
  });
}

/** Commands of Postfix speak of the same instance as the reload command: `postfix -c DIR reload` names it. */
function resolveBeside(reload: readonly string[], command: readonly string[]): readonly string[] {
  const at = reload.indexOf('-c');
  const folder = at < 0 ? undefined : reload[at + 1];
  return folder === undefined || command.includes('-c') ? command : [...command, '-c', folder];
}

function resolveCommands({ commands, targets }: RawConfig): Config['commands'] {
  const { exim, ...postfix } = commands;
  const { reload } = targets.postfix;
  return {
    exim,
    postsuper: resolveBeside(reload, postfix.postsuper),
    postqueue: resolveBeside(reload, postfix.postqueue),
    postconf: resolveBeside(reload, postfix.postconf),
  };
}

/** The text of a refusal, and of a hold; RFC 3463 3.8: 5.7.1 is "delivery not authorized". */
export const ACTION_TEXTS = {
  HOLD: 'blocked by postern',
  REJECT: '5.7.1 Sending is blocked for this account, please contact your postmaster',
} as const;

function resolveMap<
  T extends { file: string; action: 'HOLD' | 'REJECT'; text?: string | undefined },
>(raw: T, at: At): T & { text: string } {
  return { ...raw, file: at(raw.file), text: raw.text ?? ACTION_TEXTS[raw.action] };
}

/** Below its queue directory a chrooted smtpd finds the socket, too. */
const POLICY_SOCKETS: Readonly<Record<Mta, string>> = {
  postfix: '/var/spool/postfix/postern/policy',
  exim: '/run/postern/policy',
};

function resolvePolicy(raw: NonNullable<RawConfig['policy']>, mta: Mta): PolicyConfig {
  const { listen, group } = raw;
  const given = listen === undefined ? undefined : parseListenAddress(listen);
  return dropUndefined({
    listen: given ?? { kind: 'unix', path: POLICY_SOCKETS[mta] },
    group,
  });
}

function resolveNotify(raw: NonNullable<RawConfig['notify']>, at: At): NotifyConfig {
  return {
    to: raw.to,
    from: raw.from ?? `postern@${hostname()}`,
    transport: resolveTransport(raw, at),
    digest: milliseconds(raw.digest),
  };
}

function resolveTransport(raw: NonNullable<RawConfig['notify']>, at: At): MailRoute {
  if (raw.smtp === undefined)
    return { kind: 'sendmail', path: at(raw.sendmail ?? '/usr/sbin/sendmail') };
  const { user, passwordFile, ...server } = raw.smtp;
  return dropUndefined({
    kind: 'smtp' as const,
    ...server,
    user,
    passwordFile: passwordFile === undefined ? undefined : at(passwordFile),
  });
}

/** The schema let only durations through. */
function milliseconds(duration: string): number {
  return parseDuration(duration) as number;
}
