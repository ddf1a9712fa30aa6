/** A report in three sentences: what was blocked, who refuses this server, how much mail there was. */
import { counted } from '../base/text.ts';
import { HOUR } from '../base/time.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import type { Report } from './period.ts';
import { nameRefuser } from './reputation.ts';

/** The three sentences, in their order. */
export function summarize(report: Report, style = PLAIN_STYLE): string[] {
  return [
    describeAccounts(report),
    describeReachability(report, style),
    describeVolume(report),
  ].map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`);
}

/** The longest day of a year, when the clocks are set back, ms. */
const LONGEST_DAY = 25 * HOUR;

/**
 * Whether there is anything that somebody should look at. Mail alone is not. The problems of the service are those of
 * `now` (ms): they say nothing about a period that ended more than a day ago.
 */
export function isEventful(report: Report, now: number): boolean {
  const { blocks, verdicts, lasting, near, outages, listings, reputation, backscatter } = report;
  const { notices, returned, complaints } = backscatter;
  const lists = [blocks, verdicts, lasting, near, outages, listings, reputation, notices];
  const problems = now - report.until <= LONGEST_DAY ? (report.service?.problems ?? []) : [];
  return [...lists, returned, complaints, problems].some(({ length }) => length > 0);
}

function describeAccounts({ blocks, verdicts, lasting, near, since }: Report): string {
  const began = blocks.filter(({ start }) => start >= since).length;
  const older = blocks.length - began;
  const met = countKeys([...lasting, ...verdicts].map(({ verdict }) => verdict));
  const parts = [
    ...(began > 0 ? [`${began} blocked`] : []),
    ...(older > 0 ? [`${older} blocked since before`] : []),
    ...(met > 0 ? [`${met} met a limit and ${met === 1 ? 'was' : 'were'} not blocked`] : []),
    ...(near.length > 0 ? [`${countKeys(near)} came near a limit`] : []),
  ];
  if (parts.length === 0) return 'nobody was blocked, and nobody came near a limit';
  return `${began > 0 ? '' : 'nobody was newly blocked; '}${parts.join(', ')}`;
}

function countKeys(ones: readonly { readonly key: { type: string; id: string } }[]): number {
  return new Set(ones.map(({ key }) => `${key.type} ${key.id}`)).size;
}

function describeReachability(report: Report, style: Style): string {
  const [worst, ...others] = report.reputation;
  const lasting = report.listings.filter(({ ended }) => ended === undefined);
  const parts: string[] = [];
  if (worst !== undefined) {
    const { provider, since, ended } = worst;
    const who = `${nameRefuser(provider)}${others.length === 0 ? '' : ` and ${counted(others.length, 'other provider')}`}`;
    parts.push(
      ended === undefined
        ? `${who} ${others.length === 0 ? 'has' : 'have'} refused this server since ${style.minute(since)}`
        : `${who} refused this server from ${style.minute(since)} to ${style.minute(ended)}`,
    );
  }
  if (lasting.length > 0) {
    parts.push(`this server is on ${[...new Set(lasting.map(({ list }) => list))].join(', ')}`);
  }
  const outage = report.outages[0];
  if (outage !== undefined)
    parts.push(`${outage.provider} had an outage, whose refusals do not count`);
  return parts.length === 0
    ? 'no provider refused this server because of its reputation'
    : parts.join('; ');
}

function describeVolume({ figures, before, backscatter }: Report): string {
  const { accepted, dsnsSent } = figures;
  const mail = `${counted(accepted, 'message')} accepted${compare(accepted, before?.figures.accepted)}`;
  const strangers = backscatter.notices.reduce((sum, { count }) => sum + count, 0);
  const complaints = backscatter.complaints.reduce((sum, { count }) => sum + count, 0);
  const parts = [
    mail,
    describeBounces(dsnsSent, strangers),
    ...(complaints > 0 ? [`${counted(complaints, 'complaint')} of recipients`] : []),
  ];
  return parts.join('; ');
}

function describeBounces(sent: number, toStrangers: number): string {
  if (sent === 0 && toStrangers === 0) return 'no bounces sent';
  const strangers = toStrangers === 0 ? 'none of them' : toStrangers;
  return `${counted(sent, 'bounce')} sent, ${strangers} to strangers`;
}

/** `, 12 % more than in the period before` */
export function compare(now: number, before: number | undefined): string {
  if (before === undefined) return '';
  if (before === 0) return now === 0 ? '' : ', none in the period before';
  const percent = Math.round((100 * (now - before)) / before);
  if (percent === 0) return ', as many as in the period before';
  return `, ${Math.abs(percent)} % ${percent > 0 ? 'more' : 'less'} than in the period before`;
}
