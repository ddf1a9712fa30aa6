/** What `postern check` finds: one statement each, with its fix. Pure. */
import { counted } from '../base/text.ts';

/** `wrong` makes the exit status 2; a `warning` is worth reading and harms nobody. */
type Level = 'ok' | 'warning' | 'wrong';

type Area = 'configuration' | 'rules' | 'files' | 'notify' | 'hooks' | 'mta' | 'milter' | 'share';

export interface Finding {
  readonly level: Level;
  readonly area: Area;
  readonly text: string;
  /** what to do about it; several lines when it contains text for a file */
  readonly fix?: string;
  /** the part of `fix` that is text for a file, when other findings need it in other places */
  readonly lines?: string;
  /** what you can do in place of `fix` */
  readonly instead?: string;
}

/** How a fix begins that is useless or harmful while Postern only observes. */
export const ENFORCE_FIRST = 'set mode: enforce and restart Postern first';

/** What a finding may have in addition to its fix. */
export type FixParts = Pick<Finding, 'lines' | 'instead'>;

export function ok(area: Area, text: string): Finding {
  return { level: 'ok', area, text };
}

export function warning(area: Area, text: string, fix?: string, parts: FixParts = {}): Finding {
  return { level: 'warning', area, text, ...(fix === undefined ? {} : { fix, ...parts }) };
}

export function wrong(area: Area, text: string, fix?: string, parts: FixParts = {}): Finding {
  return { level: 'wrong', area, text, ...(fix === undefined ? {} : { fix, ...parts }) };
}

/** Findings as people read them, one paragraph each; a fix, and lines for a file, are printed once. */
export function findingsText(findings: readonly Finding[]): string {
  const paragraphs = findings.map((finding, index) => {
    const head = `${finding.level.padEnd(8)} ${finding.area}: ${finding.text}\n`;
    if (finding.fix === undefined) return head;
    const fix = indented(`fix: ${fixText(finding, findings.slice(0, index))}`);
    const instead = finding.instead === undefined ? '' : `${indented(`or, ${finding.instead}`)}\n`;
    return `${head}${fix}\n${instead}`;
  });
  const count = findings.filter(({ level }) => level === 'wrong').length;
  const end = count === 0 ? 'No problems found.' : `${counted(count, 'problem')} found.`;
  return `${paragraphs.join('')}${end}\n`;
}

/** The fix of a finding, or where it is among those printed before. */
function fixText({ fix = '', lines }: Finding, before: readonly Finding[]): string {
  const printed = before.filter((finding) => finding.fix !== undefined);
  if (printed.at(-1)?.fix === fix) return 'the same';
  const same = printed.find((finding) => finding.fix === fix);
  if (same !== undefined) return `the same as for: ${same.text}`;
  const first =
    lines === undefined ? undefined : printed.find((finding) => finding.lines === lines);
  if (first === undefined || lines === undefined) return fix;
  return fix.replace(lines, () => `  (the lines given for: ${first.text})\n`);
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line, index) => (line === '' ? '' : `         ${index === 0 ? '' : '  '}${line}`))
    .join('\n');
}
