/** What the checks of Postfix look at: settings in effect, services, tables, and where each of them is written. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/load.ts';
import { postconfCommand, postfixSettings } from '../../setup/postfix/find.ts';
import { splitWords } from '../../setup/postfix/restriction-list.ts';
import {
  CLASSES,
  isReinjection,
  type SmtpdService,
  smtpdServices,
} from '../../setup/postfix/services.ts';
import { ask, describeFailure, findProgram, settingsIn } from '../../setup/programs.ts';
import type { Evidence } from '../finding.ts';
import { Domains } from './domains.ts';
import { type Entry, entriesOf, refusesStrangers } from './restrictions.ts';
import { findOverride, findService, findSetting, logicalLines } from './source.ts';
import { Tables } from './tables.ts';

/** One smtpd with what it does to whom. */
export interface Listener {
  readonly service: SmtpdService;
  readonly entries: readonly Entry[];
  /** other hosts can connect */
  readonly isPublic: boolean;
  /** refuses everybody who did not log in */
  readonly needsLogin: boolean;
}

export interface PostfixFacts {
  /** folder of main.cf */
  readonly folder: string;
  /** every parameter of main.cf in effect, `$names` expanded */
  readonly main: ReadonlyMap<string, string>;
  readonly listeners: readonly Listener[];
  readonly classes: ReadonlyMap<string, string>;
  readonly tables: Tables;
  readonly domains: Domains;
  /** Postern's own configuration, if there is one */
  readonly config: Config | undefined;
  /** a copy of the configuration of another machine may be meant: nothing outside its folder counts */
  readonly isGivenFolder: boolean;
  /** its value in effect, empty if it has none */
  get(name: string): string;
  /** where a parameter is set, for a service or in main.cf; for a default its value */
  where(name: string, service?: SmtpdService): Evidence;
  /** a command that sets a parameter, for a service with a value of its own in master.cf */
  assign(name: string, value: string, service?: SmtpdService): string;
  /** the same, with the reload that makes it count */
  set(name: string, value: string, service?: SmtpdService): string;
  /** sentences about what could not be audited */
  note(text: string): void;
}

export interface PostfixOptions {
  /** folder of main.cf, if it is not the default one */
  readonly folder: string | undefined;
  readonly config: Config | undefined;
  readonly notes: Set<string>;
}

/** Gathers them; a text says why that is not possible. */
export async function gatherPostfix(options: PostfixOptions): Promise<PostfixFacts | string> {
  const { notes, config } = options;
  const usual = config?.commands.postconf ?? ['postconf'];
  const program =
    findProgram(options.folder === undefined ? (usual[0] as string) : 'postconf') ??
    findProgram('postconf');
  if (program === undefined) return 'there is no postconf: Postfix is not installed here';
  const postconf =
    options.folder === undefined
      ? [program, ...usual.slice(1)]
      : postconfCommand(options.folder, program);
  const printed = await ask([...postconf, '-x']);
  const failure = describeFailure(postconf, printed);
  if (failure !== undefined) return failure;
  for (const line of printed.stderr.split('\n'))
    if (line.includes('warning:')) notes.add(line.trim());
  const main = settingsIn(printed.stdout);
  const folder = options.folder ?? main.get('config_directory') ?? '/etc/postfix';
  const sources = readSources(folder, notes);
  const [services, classes] = await Promise.all([
    smtpdServices(postconf, main),
    readClasses(postconf, main),
  ]);
  if (services.length === 0)
    notes.add(`${folder}/master.cf has no smtpd that can be read: the services were not audited`);
  const tables = new Tables(postmapCommand(program, postconf), notes);
  const get = (name: string) => main.get(name) ?? '';
  return {
    folder,
    main,
    classes,
    tables,
    config,
    isGivenFolder: options.folder !== undefined,
    domains: new Domains(get, tables),
    listeners: services
      .filter((service) => !isReinjection(service))
      .map((service) => describeListener(service, get)),
    get,
    where: (name, service) => findEvidence(name, service, get, sources),
    assign: writeAssignment,
    set: (name, value, service) => `${writeAssignment(name, value, service)} && postfix reload`,
    note: (text) => void notes.add(text),
  };
}

/** Named lists that restriction lists may contain, by their names. */
async function readClasses(
  postconf: readonly string[],
  main: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const names = splitWords(main.get(CLASSES) ?? '');
  return names.length === 0 ? new Map() : await postfixSettings(postconf, names);
}

function postmapCommand(program: string, postconf: readonly string[]): string[] {
  const postmap = findProgram('postmap') ?? program.replace(/postconf$/, 'postmap');
  return [postmap, ...postconf.slice(1)];
}

interface Sources {
  readonly mainFile: string;
  readonly mainText: string;
  readonly masterFile: string;
  readonly masterText: string;
}

function readSources(folder: string, notes: Set<string>): Sources {
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      notes.add(
        `${file} cannot be read (${(error as NodeJS.ErrnoException).code}): findings name no lines of it`,
      );
      return '';
    }
  };
  const mainFile = join(folder, 'main.cf');
  const masterFile = join(folder, 'master.cf');
  return { mainFile, mainText: read(mainFile), masterFile, masterText: read(masterFile) };
}

function findEvidence(
  name: string,
  service: SmtpdService | undefined,
  get: (name: string) => string,
  { mainFile, mainText, masterFile, masterText }: Sources,
): Evidence {
  if (service?.overrides(name) === true) {
    const found =
      findOverride(masterText, service.name, name) ?? findService(masterText, service.name);
    const text = `${service.name}: ${name}=${service.setting(name)}`;
    return { file: masterFile, line: found?.line ?? null, text };
  }
  const found = findSetting(logicalLines(mainText), name);
  if (found !== undefined) return { file: mainFile, line: found.line, text: found.text };
  return { file: mainFile, line: null, text: `${name} = ${get(name)} (the default)` };
}

/** As a shell command; the value is quoted for the shell. */
function writeAssignment(name: string, value: string, service?: SmtpdService): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  return service?.overrides(name) === true
    ? `postconf -P ${quoted(`${service.name}/${name}=${value.replaceAll(/,?\s+/g, ',')}`)}`
    : `postconf -e ${quoted(`${name} = ${value}`)}`;
}

function describeListener(service: SmtpdService, get: (name: string) => string): Listener {
  const entries = entriesOf(service);
  return {
    service,
    entries,
    isPublic: isPublic(service, get),
    needsLogin: refusesStrangers(entries),
  };
}

/** `10025`, `smtp`, `192.0.2.1:smtp`, `[::1]:25`, with the type behind a slash. */
function isPublic({ name }: SmtpdService, get: (name: string) => string): boolean {
  if (name.endsWith('/unix')) return false;
  const host = /^(.*):[^:\]]+\/inet$/.exec(name)?.[1];
  if (host !== undefined) return !/^(?:127\.|localhost$|\[?::1\]?$)/.test(host);
  const interfaces = get('inet_interfaces')
    .split(/[\s,]+/)
    .filter(Boolean);
  return !interfaces.every((word) =>
    /^(?:loopback-only|localhost|127\.[\d.]+|\[?::1\]?)$/.test(word),
  );
}
