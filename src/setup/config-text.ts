/** The text of the configuration file that `postern init` writes: what was found, each option under its meaning. Pure. */
import { stringify } from 'yaml';
import { configSchema } from '../config/schema.ts';
import type { Preset } from '../model/preset.ts';
import { type Installation, isDomain } from './installation.ts';
import type { LoginProposal } from './logins.ts';
import { SETUP_MTAS } from './mtas.ts';

interface ConfigWishes {
  /** who is notified of blocks; default: postmaster of the domain that was found */
  readonly notify?: string;
  /** only observe */
  readonly observe?: boolean;
  readonly preset?: Preset;
  /** with the policy service; otherwise its section is a comment */
  readonly policy?: boolean;
  /** with the milter */
  readonly milter?: boolean;
  /** which spellings of a login are one person, if several are */
  readonly logins?: LoginProposal | undefined;
  /** for a configuration that is only looked at: another database than that of the service */
  readonly database?: string | undefined;
  /** folder of rules; default: the shipped ones */
  readonly rules?: string | undefined;
}

type Key = keyof typeof configSchema.shape;

/** YAML that `parseConfig` accepts. */
export function configText(found: Installation, wishes: ConfigWishes = {}): string {
  const { name } = SETUP_MTAS[found.mta];
  return [
    `# Configuration of Postern, written by "postern init" for ${name} ${found.version}.\n# All options with their defaults: docs/config.md. Test a change with: postern check`,
    option('mta', found.mta),
    option('logs', found.logs),
    ...(wishes.database === undefined ? [] : [databaseOption(wishes.database)]),
    option('mode', wishes.observe === true ? 'observe' : 'enforce'),
    ...(found.networks === undefined ? [] : [option('trustedNetworks', found.networks)]),
    ...loginsSection(wishes.logins),
    ...(wishes.rules === undefined ? [] : [option('rules', wishes.rules)]),
    ...(wishes.preset === undefined ? [] : [option('preset', wishes.preset)]),
    section('targets', found.targets),
    section('commands', found.commands),
    policySection(found, wishes.policy),
    ...(wishes.milter === true ? [option('milter', {})] : []),
    notifySection(found, wishes.notify ?? found.recipe?.notify),
  ].join('\n\n');
}

function option(key: Key, value: unknown): string {
  return `${comment(key)}\n${key}: ${inline(value)}`;
}

function databaseOption(file: string): string {
  const why =
    '# This one is for trying this file out. The service has its own: leave this out there.';
  return `${comment('database')}\n${why}\ndatabase: ${inline(file)}`;
}

function section(key: Key, value: Readonly<Record<string, unknown>>): string {
  return `${comment(key)}\n${block({ [key]: value }, '')}`.trimEnd();
}

/** Nested sections on lines of their own; the last level, and lists, on one line. */
function block(value: Readonly<Record<string, unknown>>, indent: string): string {
  return Object.entries(value)
    .map(([key, child]) =>
      isSection(child) && Object.values(child).some(isSectionOrList)
        ? `${indent}${key}:\n${block(child, `${indent}  `)}`
        : isSection(child) && indent === ''
          ? `${key}:\n${block(child, '  ')}`
          : `${indent}${key}: ${inline(child)}\n`,
    )
    .join('');
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSectionOrList(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function comment(key: Key): string {
  return `# ${configSchema.shape[key].description}`;
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

function loginsSection(proposal: LoginProposal | undefined): string[] {
  if (proposal === undefined) return [];
  const why = proposal.why.map((sentence) => `# ${sentence}\n`).join('');
  return [`${comment('logins')}\n${why}logins: ${inline(proposal.options)}`];
}

function policySection({ policy }: Installation, wanted = false): string {
  return `${comment('policy')}\n${wanted ? '' : '# '}policy: ${inline(policy ?? {})}`;
}

/** A mail address needs a domain with a dot; on a host without one the section is a comment. */
function notifySection({ domain, hostname }: Installation, to: string | undefined): string {
  const address = to ?? (isDomain(domain) ? `postmaster@${domain}` : undefined);
  const from = `postern@${[hostname, domain].find(isDomain) ?? 'mx.example.net'}`;
  const lines = [
    'notify:',
    `  to: ${inline(address ?? 'abuse@example.net')}`,
    `  from: ${from}`,
    '  smtp: { host: 127.0.0.1, port: 25 }',
  ];
  const text = address === undefined ? lines.map((line) => `# ${line}`) : lines;
  return `${[comment('notify'), ...text].join('\n')}\n`;
}
