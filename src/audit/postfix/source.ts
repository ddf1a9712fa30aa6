/** main.cf and master.cf as text: which line sets what. What is in effect, postconf(1) says. Pure but for `readSource`. */
import { readFileSync } from 'node:fs';

/** A logical line: what it says, on one line, and where it begins. */
export interface LogicalLine {
  /** 1-based */
  readonly line: number;
  readonly text: string;
}

/** The logical lines of postconf(5) files: a line that begins with white space continues the last one. */
export function logicalLines(text: string): LogicalLine[] {
  const found: { line: number; text: string }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const last = found.at(-1);
    if (/^\s/.test(line) && last !== undefined) last.text += ` ${line.trim()}`;
    else found.push({ line: index + 1, text: line.trim() });
  }
  return found;
}

/** The lines of a file; none when it cannot be read. */
export function readSource(file: string): LogicalLine[] {
  try {
    return logicalLines(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

/** The line of main.cf that sets a parameter: the last one counts. */
export function findSetting(lines: readonly LogicalLine[], name: string): LogicalLine | undefined {
  return lines.filter(({ text }) => text.split('=', 1)[0]?.trim() === name).at(-1);
}

/** The line of master.cf of a service, `submission/inet`, at which its option is. */
export function findOverride(text: string, service: string, name: string): LogicalLine | undefined {
  const [wanted = '', type = ''] = splitService(service);
  let inside = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    if (/^\S/.test(line)) {
      const [first, second] = line.split(/\s+/);
      inside = first === wanted && second === type;
    }
    const at = inside ? line.search(new RegExp(`(?:-o\\s*\\{?\\s*|\\s)${name}\\s*=`)) : -1;
    if (at >= 0) return { line: index + 1, text: line.trim() };
  }
  return undefined;
}

/** The line at which a service begins in master.cf. */
export function findService(text: string, service: string): LogicalLine | undefined {
  const [wanted = '', type = ''] = splitService(service);
  const index = text.split('\n').findIndex((line) => {
    const [first, second] = line.split(/\s+/);
    return first === wanted && second === type;
  });
  return index < 0 ? undefined : { line: index + 1, text: text.split('\n')[index]?.trim() ?? '' };
}

function splitService(service: string): [string, string] {
  const at = service.lastIndexOf('/');
  return [service.slice(0, at), service.slice(at + 1)];
}
