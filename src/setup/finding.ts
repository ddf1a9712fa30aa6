/** What `postern check` finds: one statement each, with its fix. Pure. */

/** `wrong` makes the exit status 2; a `warning` is worth reading and hurts nobody. */
type Level = 'ok' | 'warning' | 'wrong';

const AREAS = ['configuration', 'rules', 'files', 'notify', 'mta'] as const;
type Area = (typeof AREAS)[number];

export interface Finding {
  readonly level: Level;
  readonly area: Area;
  readonly text: string;
  /** what to do about it; several lines when it is text for a file */
  readonly fix?: string;
  /** the part of `fix` that goes into a file as it is, where other findings want it in other places */
  readonly lines?: string;
  /** what may be done in place of `fix` */
  readonly instead?: string;
}

/** How a fix begins that is of no use, or does harm, while Postern only observes. */
export const ENFORCE_FIRST = 'set mode: enforce and restart Postern first';

/** What a fix may have beside its text. */
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

/** Findings as people read them, one paragraph each; a fix, and lines for a file, stand there once. */
export function findingsText(findings: readonly Finding[]): string {
  const lines = findings.map((finding, index) => {
    const head = `${finding.level.padEnd(8)} ${finding.area}: ${finding.text}\n`;
    if (finding.fix === undefined) return head;
    const fix = `fix: ${fixText(finding, findings.slice(0, index))}`;
    const instead = finding.instead === undefined ? '' : `or, ${finding.instead}\n`;
    return `${head}${indented(fix)}\n${instead === '' ? '' : `${indented(instead)}\n`}`;
  });
  const count = findings.filter(({ level }) => level === 'wrong').length;
  const end =
    count === 0
      ? 'Nothing is wrong.'
      : `${count} ${count === 1 ? 'thing is' : 'things are'} wrong.`;
  return `${lines.join('')}${end}\n`;
}

/** The fix of a finding, or where it was told among those before. */
function fixText({ fix = '', lines }: Finding, before: readonly Finding[]): string {
  const told = before.filter((finding) => finding.fix !== undefined);
  if (told.at(-1)?.fix === fix) return 'the same';
  const same = told.find((finding) => finding.fix === fix);
  if (same !== undefined) return `the same as for: ${same.text}`;
  const first = lines === undefined ? undefined : told.find((finding) => finding.lines === lines);
  if (first === undefined || lines === undefined) return fix;
  return fix.replace(lines, () => `  (the lines told for: ${first.text})\n`);
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line, index) => (line === '' ? '' : `         ${index === 0 ? '' : '  '}${line}`))
    .join('\n');
}
