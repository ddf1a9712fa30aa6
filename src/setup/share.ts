/** Counting together with other servers, for `postern check`: which rules do, and whether the engine can be used. */
import { getMessage } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import { findJoint } from '../judge/joint.ts';
import { loadRules, type Rule } from '../judge/rule.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { checkPasswordFile } from './password-file.ts';

const LEAST_MAJOR = 7;

/** Nothing if the configuration has no `share`. Never throws for what it checks. */
export async function checkShare(config: Config): Promise<Finding[]> {
  if (config.share === undefined) return [];
  const { passwordFile } = config.share;
  return [
    ...checkRules(config),
    ...checkPasswordFile('share', 'share.passwordFile', passwordFile),
    ...(await checkEngine(config.share)),
  ];
}

function checkRules({ rules: folder }: Config): Finding[] {
  let rules: readonly Rule[];
  try {
    rules = loadRules(folder);
  } catch {
    return []; // said elsewhere
  }
  return rules.filter(({ enabled }) => enabled).map((rule) => ok('share', describeRule(rule)));
}

function describeRule(rule: Rule): string {
  const { types, why } = findJoint(rule);
  if (types === undefined) return `${rule.name} is judged on each server: ${why}`;
  const some = why === undefined ? '' : ` for ${[...types].join(', ')} (${why})`;
  const share = rule.atLeastShare === undefined ? '' : '; at-least-share is that of each server';
  return `${rule.name} counts on all servers together${some}${share}`;
}

async function checkEngine(share: NonNullable<Config['share']>): Promise<Finding[]> {
  const { Engine } = await import('../share/engine.ts');
  const engine = new Engine(share);
  try {
    const info = readInfo(String(await engine.call(['INFO'])));
    return [
      ok('share', `${share.url} answers as ${describeEngine(info)}; this server is ${share.host}`),
      ...findEngineProblems(info),
    ];
  } catch (error) {
    return [wrong('share', `${share.url}: ${getMessage(error)}`, 'see docs/servers.md')];
  } finally {
    engine.close();
  }
}

type Info = ReadonlyMap<string, string>;

function readInfo(text: string): Info {
  const pairs = text.split('\r\n').flatMap((line): [string, string][] => {
    const at = line.indexOf(':');
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
  });
  return new Map(pairs);
}

function describeEngine(info: Info): string {
  const valkey = info.get('valkey_version');
  return valkey === undefined ? `Redis ${info.get('redis_version')}` : `Valkey ${valkey}`;
}

function findEngineProblems(info: Info): Finding[] {
  const findings: Finding[] = [];
  const version = (info.get('redis_version') ?? '').split('.').map(Number);
  const [major = 0] = version;
  if (major < LEAST_MAJOR)
    findings.push(wrong('share', `${describeEngine(info)} is too old`, 'Redis 7.0 or later'));
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    const text = `the engine drops keys when its memory is full (maxmemory-policy ${policy})`;
    findings.push(warning('share', text, 'maxmemory-policy noeviction'));
  }
  if (info.get('cluster_enabled') === '1')
    findings.push(wrong('share', 'the engine is a cluster, which cannot run the script'));
  return findings;
}
