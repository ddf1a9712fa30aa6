/** What `postern audit` finds: one hole each, with the place that shows it and the change that closes it. Pure. */
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { AUDIT_IDS, type AuditId } from '../model/audit.ts';
import type { Mta } from '../model/event.ts';
import { IDS, type Severity } from './ids.ts';

/** The parameter or statement that shows it. */
export interface Evidence {
  readonly file: string;
  /** 1-based; null for what is not written in the file, such as a default */
  readonly line: number | null;
  readonly text: string;
}

/** What a check gives; the rest of the finding comes from the table of ids. */
export interface Hit {
  readonly evidence: Evidence;
  /** the exact change */
  readonly fix: string;
  /** if it is not that of the id */
  readonly severity?: Severity;
  /** if it is not that of the id, two sentences */
  readonly why?: string;
}

export interface Finding {
  readonly id: AuditId;
  readonly severity: Severity;
  readonly evidence: Evidence;
  readonly why: string;
  readonly fix: string;
  /** the page of the manual that describes it */
  readonly manual: string;
}

const ORDER: readonly Severity[] = ['error', 'warning', 'advice'];

/** A finding of what a check of this mail server gave. */
export function toFinding(id: AuditId, mta: Mta, hit: Hit): Finding {
  const { severity, why, manual } = IDS[id];
  return {
    id,
    severity: hit.severity ?? severity,
    evidence: hit.evidence,
    why: hit.why ?? why,
    fix: hit.fix,
    manual: manual[mta],
  };
}

/** The worst first, then in the order of the table of ids. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const rank = ({ severity, id }: Finding) =>
    ORDER.indexOf(severity) * AUDIT_IDS.length + AUDIT_IDS.indexOf(id);
  return [...findings].sort((a, b) => rank(a) - rank(b));
}

/** Whether anything is above advice. */
export function isUnsound(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity !== 'advice');
}

/** Findings as people read them; those that differ only in their place share a paragraph. */
export function findingsText(findings: readonly Finding[], accepted: number): string {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const { id, severity, why, fix } = finding;
    const key = [id, severity, why, fix].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  const count = (severity: Severity) =>
    findings.filter((finding) => finding.severity === severity).length;
  const left = accepted === 0 ? '' : `, ${accepted} accepted in the configuration`;
  const end = `${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}, ${count('advice')} advice${left}.\n`;
  return `${[...groups.values()].map(paragraph).join('')}${end}`;
}

function paragraph(group: readonly Finding[]): string {
  const { id, severity, why, fix, manual } = group[0] as Finding;
  const places = group.map(
    ({ evidence: { file, line, text } }) =>
      `         ${file}${line === null ? '' : `:${line}`}: ${escapeControls(text)}\n`,
  );
  return `${severity.padEnd(8)} ${id}\n${places.join('')}${field('why', why)}${field('fix', fix)}${field('see', manual)}\n`;
}

function field(name: string, text: string): string {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  return `    ${name}: ${[first, ...rest.map((line) => `         ${line}`)].join('\n')}\n`;
}
