/** One check: an id, and what shows it in a configuration. */
import type { AuditId } from '../model/audit.ts';
import type { Mta } from '../model/event.ts';
import { type Finding, type Hit, toFinding } from './finding.ts';

export interface Check<Facts> {
  readonly id: AuditId;
  /** One hit for each place that shows it; none when all is well. */
  find(facts: Facts): Promise<readonly Hit[]> | readonly Hit[];
}

/** Makes all checks of one kind. */
export async function runChecks<Facts>(
  mta: Mta,
  checks: readonly Check<Facts>[],
  facts: Facts,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const check of checks)
    for (const hit of await check.find(facts)) found.push(toFinding(check.id, mta, hit));
  return found;
}
