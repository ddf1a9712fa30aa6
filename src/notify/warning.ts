/** Notices that something is wrong beyond one submitter: too many blocks at once, or a provider outage. */
import { quoteForShell } from '../base/escape.ts';
import type { Key } from '../model/block.ts';
import { formatIdentity } from '../model/identity.ts';
import type { BlindChange } from '../model/occurrence.ts';
import type { Outage } from '../model/outage.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { type ComposedNotice, compose, type Section } from './compose.ts';
import { listCommands } from './evidence.ts';

/** Commands that are suggested in one notice. */
const MOST_COMMANDS = 10;

/** The cap on blocks per hour was reached. Until the hour is over, rules only observe. */
export function cappedNotice(
  keys: readonly { key: Key; rule: string; time: number }[],
  cap: number,
  style = PLAIN_STYLE,
): ComposedNotice {
  const names = [...new Set(keys.map(({ key }) => formatIdentity(key)))];
  const lines = keys.map(
    ({ key, rule, time }) => `${style.who(key)}: ${rule}, ${style.time(time)}`,
  );
  const sections: Section[] = [
    {
      title: 'The cap on blocks per hour was reached',
      rows: [
        `More than ${cap} submitters met a limit within an hour. So many at once are rarely all at fault: a provider may be refusing good addresses. The following submitters were NOT blocked.`,
      ],
    },
    {
      title: 'Not blocked',
      rows: [...new Set(lines)],
    },
    {
      title: 'What you can do',
      literal: true,
      rows: [
        'postern report --since 2h',
        ...names.slice(0, MOST_COMMANDS).map((name) => `postern block ${quoteForShell(name)}`),
      ],
    },
  ];
  const subject = `cap of ${cap} blocks an hour reached, ${names.length} not blocked`;
  return compose(subject, sections, style);
}

/** Postern does not see the mail server's lines, or sees them again. */
export function blindNotice(changes: readonly BlindChange[], style = PLAIN_STYLE): ComposedNotice {
  const [latest] = changes.slice(-1);
  const isOver = latest?.ended !== undefined;
  const rows = changes.map(({ why, since, ended }) =>
    ended === undefined
      ? `${why} (noticed ${style.time(since)})`
      : `over since ${style.time(ended)}: ${why}`,
  );
  const sections: Section[] = [
    { title: isOver ? 'Lines are read again' : 'While this is so, nobody is blocked', rows },
    {
      title: 'What you can do',
      literal: true,
      rows: ['postern status', 'postern check', 'tail /var/log/mail.log'],
    },
  ];
  return compose(isOver ? 'no longer blind' : `blind: ${latest?.why}`, sections, style);
}

/** Providers refuse addresses that may exist. During the outage their refusals do not count. */
export function outageNotice(outages: readonly Outage[], style = PLAIN_STYLE): ComposedNotice {
  const names = [...new Set(outages.map(({ provider }) => provider))].join(', ');
  const sections: Section[] = [
    {
      title: 'Refusals that do not count',
      rows: [
        'This provider refuses recipients of many submitters at once, and these submitters usually deliver there. The addresses may exist, so these refusals do not count until the provider is back to normal. Refusals by other providers count as before.',
      ],
    },
    ...outages.flatMap((outage) => buildOutageSections(outage, style)),
  ];
  const subject = `provider outage: ${names} refuses addresses that may exist`;
  return compose(subject, sections, style);
}

function buildOutageSections(
  { provider, began, refused, active, ...rest }: Outage,
  style: Style,
): Section[] {
  const facts: Section = {
    title: provider,
    rows: [
      ['Detected', style.time(began)],
      ['Refused', `${refused} of the ${active} submitters that had just sent mail to it`],
      ['Usual', `${rest.usual} % of them within half an hour`],
    ],
  };
  if (rest.released.length === 0) return [facts];
  const released: Section = {
    title: 'Blocks that were released',
    literal: true,
    rows: [...new Set(rest.released.flatMap(({ key }) => listCommands(key)))],
  };
  return [facts, released];
}
