/** The manual of the configuration file, rendered from the schema. docs/config.md is this text. */
import { z } from 'zod';
import { getSection, shownDefault } from './option.ts';
import { configSchema } from './schema.ts';

/** One option as the manual shows it. */
export interface OptionEntry {
  /** dotted path */
  readonly key: string;
  readonly about: string;
  /** Markdown; `must be given` when there is none */
  readonly fallback: string;
}

/** docs/config.md, whole. */
export function describeConfig(): string {
  const sections = Object.entries(configSchema.shape).flatMap(([key, schema]) =>
    getSection(schema) === undefined ? [] : [sectionText(key, schema)],
  );
  const plain = listOptions(configSchema, '').filter(({ key }) => !key.includes('.'));
  return `${[INTRODUCTION, table(plain), ...sections, CLOSING].join('\n\n')}\n`;
}

/** Every key that has a value, as a dotted path, and every section. */
export function listKeys(): string[] {
  const keys = listOptions(configSchema, '').map(({ key }) => key);
  const sections = keys.flatMap((key) => {
    const parts = key.split('.').slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  });
  return [...new Set([...keys, ...sections])];
}

/** The option of this name, or those of the section of this name; empty if there is none. */
export function describeKey(name: string): OptionEntry[] {
  return listOptions(configSchema, '').filter(
    ({ key }) => key === name || key.startsWith(`${name}.`),
  );
}

function sectionText(key: string, schema: z.ZodType): string {
  const absent = shownDefault(schema);
  const about = `${schema.description}${absent === undefined ? '' : ` Without this section ${absent}.`}`;
  return `## ${key}\n\n${about}\n\n${table(listOptions(schema, `${key}.`))}`;
}

/** The options of a section and of the sections inside it, in the order of the schema. */
export function listOptions(schema: z.ZodType, prefix: string): OptionEntry[] {
  return Object.entries(getSection(schema)?.shape ?? {}).flatMap(([name, child]) => {
    const option = child as z.ZodType;
    const key = `${prefix}${name}`;
    if (getSection(option) !== undefined) return listOptions(option, `${key}.`);
    return [{ key, about: option.description ?? '', fallback: describeDefault(option) }];
  });
}

function describeDefault(schema: z.ZodType): string {
  const text = shownDefault(schema);
  if (text !== undefined) return text;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return `\`${renderYaml(schema.def.defaultValue)}\``;
  return schema instanceof z.ZodOptional ? 'none' : 'must be given';
}

/** A default as it would be written in the file. */
function renderYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderYaml).join(', ')}]`;
  const text = String(value);
  return typeof value === 'string' && /^\d+$/.test(text) ? `'${text}'` : text;
}

function table(options: readonly OptionEntry[]): string {
  const rows = options.map(({ key, about, fallback }) => `| \`${key}\` | ${fallback} | ${about} |`);
  return ['| key | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

const INTRODUCTION = `# The configuration file

\`/etc/postern/postern.yaml\`, or what \`--config\` names. \`postern init\` writes it, \`postern check\` tests it.
An empty file is a valid one: every option has a default that suits Debian's packages.

- Durations are written as \`30s\`, \`10m\`, \`1h30m\`, \`7d\`.
- A relative path starts at the folder of the configuration file.
- A key that Postern does not know is refused. All problems are reported at once, with file and line.
- A password is in a file of its own, never here and never on a command line.`;

const CLOSING = `## Postfix maps

A map that is \`false\` (\`sender: false\`) is not written, and blocks of that type have no effect in Postfix.
Postfix sees changes in types that \`postmap\` builds (\`lmdb\`, \`hash\`, ...) without a reload; it reads \`cidr\`,
\`texthash\`, \`pcre\` and \`regexp\` at a reload. For \`uid\`, \`list\` is a plain file of login names. Keep \`cidr\` for
the client map: only that type knows networks and all spellings of an IPv6 address.

If \`text\` is not set, \`HOLD\` logs \`blocked by postern\` and \`REJECT\` answers
\`5.7.1 Sending is blocked for this account, please contact your postmaster\`.

## An example

\`\`\`yaml
mta: postfix
logs: [/var/log/mail.log]
trustedNetworks: [192.0.2.0/24, '2001:db8::/32']
allow:
  users: [newsletter@example.net]
notify:
  to: abuse@example.net
  from: postern@mx.example.net
\`\`\``;
