/** Exim's configuration by its parts: options, named lists, ACLs, routers, transports, authenticators. Pure. */

import { listItems } from '../../setup/exim/list.ts';
import type { Evidence } from '../finding.ts';
import type { EximLine } from './source.ts';

/** A condition or modifier of an ACL statement: `!verify = recipient`. */
export interface Condition {
  readonly name: string;
  readonly negated: boolean;
  readonly value: string;
  readonly evidence: Evidence;
}

export interface Statement {
  readonly verb: string;
  readonly conditions: readonly Condition[];
  readonly evidence: Evidence;
}

/** A router, transport or authenticator. */
export interface Driver {
  readonly name: string;
  readonly options: ReadonlyMap<string, Condition>;
  readonly evidence: Evidence;
}

export interface EximModel {
  readonly options: ReadonlyMap<string, Condition>;
  /** definitions of `domainlist`, `hostlist`, ... by name */
  readonly lists: ReadonlyMap<string, Condition>;
  readonly acls: ReadonlyMap<string, readonly Statement[]>;
  readonly routers: readonly Driver[];
  readonly transports: readonly Driver[];
  readonly authenticators: readonly Driver[];
}

const VERB = /^(accept|defer|deny|discard|drop|require|warn)\b\s*(.*)$/;

/** Sorts the lines into the parts. */
export function buildModel(lines: readonly EximLine[]): EximModel {
  const options = new Map<string, Condition>();
  const lists = new Map<string, Condition>();
  const acls = new Map<string, Statement[]>();
  const drivers: Record<string, Driver[]> = { routers: [], transports: [], authenticators: [] };
  let section = 'main';
  let acl: Statement[] | undefined;
  for (const line of lines) {
    const begin = /^begin\s+(\w+)$/.exec(line.text)?.[1];
    if (begin !== undefined) section = begin;
    else if (section === 'main') readOption(line, options, lists);
    else if (section === 'acl') {
      const label = /^(\w+)\s*:$/.exec(line.text)?.[1];
      if (label === undefined) readStatement(line, acl ?? []);
      else {
        acl = [];
        acls.set(label, acl);
      }
    } else readDriver(line, drivers[section]);
  }
  for (const statements of acls.values())
    for (const [index, each] of statements.entries())
      statements[index] = {
        ...each,
        evidence: { ...each.evidence, text: shorten(statementText(each)) },
      };
  const { routers = [], transports = [], authenticators = [] } = drivers;
  return { options, lists, acls, routers, transports, authenticators };
}

function place({ file, line, text }: EximLine): Evidence {
  return { file, line, text };
}

/** `name = value`, `name`, `no_name`, `!name = value` */
function readCondition(text: string, line: EximLine): Condition {
  const [, bang = '', name = text, value = ''] =
    /^(!?)\s*([\w ]+?)\s*(?:=\s*(.*))?$/s.exec(text) ?? [];
  return {
    name,
    negated: bang === '!',
    value: value.replace(/^"(.*)"$/s, '$1'),
    evidence: place(line),
  };
}

function readOption(
  line: EximLine,
  options: Map<string, Condition>,
  lists: Map<string, Condition>,
): void {
  const text = line.text.replace(/^hide\s+/, '');
  const list = /^(?:domain|host|address|localpart)list(?:_cache)?\s+(.*)$/.exec(text)?.[1];
  const option = readCondition(list ?? text, line);
  (list === undefined ? options : lists).set(option.name, option);
}

function readStatement(line: EximLine, acl: Statement[]): void {
  const [, verb, rest = ''] = VERB.exec(line.text) ?? [];
  if (verb !== undefined) acl.push({ verb, conditions: [], evidence: place(line) });
  const last = acl.at(-1);
  const text = verb === undefined ? line.text : rest;
  if (last === undefined || text === '') return;
  acl[acl.length - 1] = { ...last, conditions: [...last.conditions, readCondition(text, line)] };
}

function readDriver(line: EximLine, drivers: Driver[] | undefined): void {
  const label = /^([\w-]+)\s*:$/.exec(line.text)?.[1];
  if (drivers === undefined) return;
  if (label !== undefined) drivers.push({ name: label, options: new Map(), evidence: place(line) });
  const last = drivers.at(-1);
  if (label !== undefined || last === undefined) return;
  const option = readCondition(line.text, line);
  drivers[drivers.length - 1] = {
    ...last,
    options: new Map([...last.options, [option.name, option]]),
  };
}

/** Items of a list with named lists in it expanded; `!` stays in front of an item. */
export function itemsOf(value: string, lists: EximModel['lists'], depth = 0): string[] {
  return listItems(value).flatMap((item) => {
    const [, bang = '', name = ''] = /^(!?)\s*\+(\w+)$/.exec(item) ?? [];
    const list = lists.get(name);
    if (list === undefined || depth > 5) return [item];
    const inside = itemsOf(list.value, lists, depth + 1);
    return inside.map((each) =>
      bang === '' ? each : each.startsWith('!') ? each.slice(1) : `!${each}`,
    );
  });
}

/** Modifiers change nothing about whether a statement applies. */
const MODIFIERS =
  /^(?:add_header|continue|control|delay|endpass|log_message|log_reject_target|logwrite|message|queue|remove_header|set(?: .*)?|udpsend)$/;

export function isModifier({ name }: Condition): boolean {
  return MODIFIERS.test(name);
}

/** Characters of a statement that a finding shows. */
const SHOWN = 160;

function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}...`;
}

/** A statement on one line. */
export function statementText({ verb, conditions }: Statement): string {
  const parts = conditions.map(
    ({ name, negated, value }) =>
      `${negated ? '!' : ''}${name}${value === '' ? '' : ` = ${value}`}`,
  );
  return [verb, ...parts].join(' ');
}
