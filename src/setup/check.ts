/** Everything that `postern check` looks at: configuration, rules, files, mail about blocks, the mail server. */

import { PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { formatDuration } from '../base/time.ts';
import { readExceptions } from '../config/exceptions.ts';
import { type Config, type ConfigChoice, loadConfig } from '../config/load.ts';
import { findOverrideTrouble, listPresetRules, loadConfiguredRules } from '../config/rules.ts';
import { findKeptTime } from '../daemon/kept-time.ts';
import type { Rule } from '../judge/rule.ts';
import { listDeferring } from './deferring.ts';
import { checkFiles } from './files.ts';
import { type Finding, ok, warning, wrong } from './finding.ts';
import { checkHooks } from './hooks.ts';
import { checkMilter, type MilterCheckOptions } from './milter.ts';
import { SETUP_MTAS } from './mtas.ts';
import { checkNetworks } from './networks.ts';
import { checkNotify } from './notify.ts';
import { checkOwnService } from './running.ts';
import { findServiceAccounts } from './service-account.ts';
import { checkShare } from './share.ts';

export interface CheckOptions extends MilterCheckOptions {
  /** only the milter */
  readonly milter?: boolean;
}

/** Looks at all of it and changes nothing. Never throws for what it checks: that becomes a finding. */
export async function checkAll(
  configFile: ConfigChoice | undefined,
  options: CheckOptions,
): Promise<Finding[]> {
  const loaded = attempt('configuration', () => loadConfig(configFile));
  if ('findings' in loaded) return loaded.findings;
  const config = loaded.value;
  if (options.milter === true) return await checkMilterAlone(config, options);
  const accounts = findServiceAccounts(config);
  const [files, notify, hooks, wiring, networks, milter, share] = await Promise.all([
    checkFiles(config, accounts),
    checkNotify(config, accounts.run),
    checkHooks(config, accounts.run),
    SETUP_MTAS[config.mta].checkWiring(config, options),
    checkNetworks(config, options),
    checkMilter(config, options),
    checkShare(config),
  ]);
  return [
    ok('configuration', `${config.file} is valid`),
    ...checkMode(config),
    ...checkRules(config),
    ...checkOwnService(config),
    ...files,
    ...notify,
    ...hooks,
    ...wiring,
    ...networks,
    ...milter,
    ...share,
  ];
}

/** For a machine on which the daemon does not run. */
async function checkMilterAlone(config: Config, options: CheckOptions): Promise<Finding[]> {
  const findings = await checkMilter(config, options);
  const { file, milter } = config;
  if (milter === undefined) return [wrong('milter', `${file} has no section milter`, 'milter: {}')];
  return [ok('configuration', `${file} is valid`), ...findings];
}

function checkMode({ mode }: Config): Finding[] {
  if (mode === 'enforce') return [];
  const fix = 'mode: enforce, when you trust the rules';
  return [warning('configuration', 'mode is observe: nobody is blocked', fix)];
}

function checkRules(config: Config): Finding[] {
  const loaded = attempt('rules', () => loadConfiguredRules(config));
  if ('findings' in loaded) return loaded.findings;
  const enabled = loaded.value.filter((rule) => rule.enabled);
  return [
    ok('rules', `${counted(enabled.length, 'rule')} in ${config.rules}`),
    ...checkLimits(config, loaded.value),
    ...checkDeferring(config, loaded.value),
    ...checkRetention(config, loaded.value),
    ...checkExceptions(config, loaded.value),
  ];
}

/** What postern allow and postern except wrote, or somebody by hand. */
function checkExceptions({ exceptions }: Config, rules: readonly Rule[]): Finding[] {
  const read = attempt('configuration', () => readExceptions(exceptions));
  if ('findings' in read) return read.findings;
  const { entries, problems } = read.value;
  const names = new Set(rules.map(({ name }) => name));
  const gone = entries.flatMap(({ rule }) => (rule === undefined || names.has(rule) ? [] : rule));
  return [
    ...problems.map((text) => warning('configuration', text)),
    ...[...new Set(gone)].map((rule) =>
      warning('configuration', `${exceptions}: except ${rule}: there is no such rule any more`),
    ),
  ];
}

/** What changes the limits of the rules. */
function checkLimits(config: Config, rules: readonly Rule[]): Finding[] {
  const { preset, overrides } = config;
  const inForce =
    preset === undefined
      ? 'no preset: the limits are those of the rule files'
      : `preset ${preset} is in force for ${listPresetRules(preset).join(', ')}`;
  const trouble = findOverrideTrouble(config, rules);
  return [
    ok('rules', inForce),
    ...overrides.files
      .filter((file) => !trouble.some((each) => each.file === file))
      .map((file) => ok('rules', `overrides are read from ${file}`)),
    ...trouble.flatMap(({ file, failure, problems }) =>
      failure === undefined
        ? problems.map(({ line, text }) =>
            warning('rules', `${file}:${line}: ${text}`, 'correct the line: it is passed over'),
          )
        : [warning('rules', `overrides cannot be read: ${failure}`, `make ${file} readable`)],
    ),
  ];
}

function checkDeferring({ policy }: Config, rules: readonly Rule[]): Finding[] {
  const names = listDeferring(rules);
  if (names.length === 0 || policy !== undefined) return [];
  const text = `${names.join(', ')}: nobody is put off, since there is no policy service`;
  return [wrong('rules', text, 'policy: {}, and the lines of docs/mta/postfix-policy.md')];
}

function checkRetention({ file, retention }: Config, rules: readonly Rule[]): Finding[] {
  const { events, why } = findKeptTime(retention, rules);
  if (why === undefined) return [];
  const text = `${file}: retention: ${formatDuration(retention)} is too short; events are kept for ${formatDuration(events)}, because ${why}`;
  return [warning('configuration', text, `retention: ${formatDuration(events)}`)];
}

/** What `load` returns, or its problems: one finding for each line of the message. */
function attempt<T>(
  area: 'configuration' | 'rules',
  load: () => T,
): { readonly value: T } | { readonly findings: Finding[] } {
  try {
    return { value: load() };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return { findings: error.message.split('\n').map((line) => wrong(area, line)) };
  }
}
