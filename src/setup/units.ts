/** The settings of an installed systemd unit, read from its file and its drop-ins (systemd.unit(5)). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of units, the one that wins first. */
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

/** The settings of the section [Service], each with its values in order; an empty value has reset those before. */
export type UnitSettings = ReadonlyMap<string, readonly string[]>;

/** Undefined if there is no such unit. */
export function readUnit(
  name: string,
  folders: readonly string[] = UNIT_FOLDERS,
): UnitSettings | undefined {
  const unit = folders.map((folder) => readText(join(folder, name))).find(isText);
  if (unit === undefined) return undefined;
  const settings = new Map<string, string[]>();
  for (const text of [unit, ...readDropIns(name, folders)]) addSettings(text, settings);
  return settings;
}

/** By name over all folders; of two with the same name the first folder wins. */
function readDropIns(name: string, folders: readonly string[]): string[] {
  const texts = new Map<string, string>();
  for (const folder of folders) {
    for (const file of listFiles(join(folder, `${name}.d`))) {
      const text = readText(join(folder, `${name}.d`, file));
      if (text !== undefined && !texts.has(file)) texts.set(file, text);
    }
  }
  return [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
}

function addSettings(text: string, settings: Map<string, string[]>): void {
  let section = '';
  for (const line of text.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
    section = /^\[(\w+)\]/.exec(line)?.[1] ?? section;
    const [, key, value = ''] = /^([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== 'Service' || key === undefined) continue;
    settings.set(key, value === '' ? [] : [...(settings.get(key) ?? []), value]);
  }
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.conf'));
  } catch {
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isText(text: string | undefined): text is string {
  return text !== undefined;
}
