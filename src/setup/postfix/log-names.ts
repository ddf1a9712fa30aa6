/**
 * Whether every service of Postfix logs under a name that `syslogNames` lists. Debian's master.cf gives some services
 * `-o syslog_name=postfix/$service_name`, also in an instance, so their lines would be those of nobody.
 */
import type { Config } from '../../config/load.ts';
import { type Finding, ok, wrong } from '../finding.ts';
import { ask, settingsIn } from '../programs.ts';
import { findPlaces } from './places.ts';

/** Nothing without `syslogNames`: then all lines count. */
export async function checkLogNames(
  { syslogNames }: Config,
  postconf: readonly string[],
): Promise<Finding[]> {
  if (syslogNames === undefined) return [];
  const [main, own] = await Promise.all([
    ask([...postconf, '-x', 'syslog_name']),
    ask([...postconf, '-x', '-P', '*/*/syslog_name']),
  ]);
  const isCounted = (name: string) => syslogNames.includes(name.split('/')[0] ?? '');
  const common = settingsIn(main.stdout).get('syslog_name') ?? '';
  const listed = syslogNames.join(', ');
  const places = findPlaces(postconf);
  const findings: Finding[] = [];
  if (!isCounted(common)) {
    const text = `Postfix logs as ${common}, which syslogNames (${listed}) does not have: its lines do not count`;
    findings.push(wrong('mta', text, `syslogNames: [ ${common.split('/')[0]} ]`));
  }
  for (const [key, name] of settingsIn(own.stdout)) {
    if (isCounted(name)) continue;
    const service = key.split('/').slice(0, 2).join('/');
    const text = `${service} logs as ${name}, which syslogNames (${listed}) does not have: its lines do not count`;
    const setting = `${service}/syslog_name=${[syslogNames[0], ...name.split('/').slice(1)].join('/')}`;
    const fix = `${places.postconf} -P '${setting}', then run ${places.reload}`;
    findings.push(wrong('mta', text, fix));
  }
  return findings.length > 0 ? findings : [ok('mta', `all services log as ${listed}`)];
}
