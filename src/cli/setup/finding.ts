/** What `postern check` finds: one statement each, with its fix. Pure. */

/** `wrong` makes the exit status 2; a `warning` is worth reading and hurts nobody. */
export type Level = 'ok' | 'warning' | 'wrong';

export const AREAS = ['configuration', 'rules', 'files', 'notify', 'mta'] as const;
export type Area = (typeof AREAS)[number];

export interface Finding {
  readonly level: Level;
  readonly area: Area;
  readonly text: string;
  /** what to do about it; several lines when it is text for a file */
  readonly fix?: string;
}

export function ok(area: Area, text: string): Finding {
  return { level: 'ok', area, text };
}

export function warning(area: Area, text: string, fix?: string): Finding {
  return { level: 'warning', area, text, ...(fix === undefined ? {} : { fix }) };
}

export function wrong(area: Area, text: string, fix?: string): Finding {
  return { level: 'wrong', area, text, ...(fix === undefined ? {} : { fix }) };
}

/** Findings as people read them, one paragraph each. */
export function findingsText(findings: readonly Finding[]): string {
  const lines = findings.map(({ level, area, text, fix }, index) => {
    const head = `${level.padEnd(8)} ${area}: ${text}\n`;
    if (fix === undefined) return head;
    const again = findings[index - 1]?.fix === fix;
    return `${head}${indented(`fix: ${again ? 'the same' : fix}`)}\n`;
  });
  const count = findings.filter(({ level }) => level === 'wrong').length;
  const end =
    count === 0
      ? 'Nothing is wrong.'
      : `${count} ${count === 1 ? 'thing is' : 'things are'} wrong.`;
  return `${lines.join('')}${end}\n`;
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line, index) => (line === '' ? '' : `         ${index === 0 ? '' : '  '}${line}`))
    .join('\n');
}
