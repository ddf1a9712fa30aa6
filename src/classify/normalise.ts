/**
 * A reply reduced to its wording, in one linear scan: replies that differ only in addresses, hosts and numbers become
 * the same text. Knows nothing about reasons. Never throws, whatever the text is.
 */

/** Characters of a reply that are read; a reply line has at most 512 (RFC 5321 4.5.3.1.5). */
export const TEXT_LIMIT = 4096;

/** Letters and digits of this length, with at least this many digits, are an identifier, not a word. */
export const IDENTIFIER_LENGTH = 12;
export const IDENTIFIER_DIGITS = 3;

/** Domains of public blocklists: a host in one of them is a reason by itself. */
const BLOCKLISTS = new Set([
  'abuseat.org',
  'abusix.zone',
  'abusix.com',
  'backscatterer.org',
  'barracudacentral.org',
  'barracudanetworks.com',
  'blocklist.de',
  'dnsbl.info',
  'dnswl.org',
  'drbl.imedia.ru',
  'dsbl.org',
  'gbudb.net',
  'hostkarma.junkemailfilter.com',
  'junkemailfilter.com',
  'invaluement.com',
  'lashback.com',
  'mailspike.net',
  'manitu.net',
  'mxrate.net',
  'njabl.org',
  'nixspam.net',
  'ordb.org',
  'psbl.org',
  'rfc-clueless.org',
  'rfc-ignorant.org',
  'senderscore.com',
  'senderbase.org',
  'sorbs.net',
  'spamcop.net',
  'spameatingmonkey.net',
  'spamhaus.org',
  'spamhaus.net',
  'spamhaus.com',
  'spamrats.com',
  'support-intelligence.net',
  'surriel.com',
  'surbl.org',
  'uceprotect.net',
  'uribl.com',
  'wpbl.info',
  '0spam.org',
]);
const TLDS = new Set(
  'com net org edu gov mil int info biz name mobi test example invalid localhost local lan arpa email cloud online'.split(
    ' ',
  ),
);
/** Blanks other than ASCII, and characters without width. */
const ODD = /[\u00a0\u1680\u2000-\u200d\u2028\u2029\u202f\u205f\u3000\ufeff]/g;

/** Removes accents from Latin letters; typographic quotes and full-width forms become ASCII. */
function fold(text: string): string {
  return text
    .replace(/[\u2018\u2019\u201b\u00b4\u02bc]/g, "'")
    .replace(/[\u201c\u201d\u00ab\u00bb]/g, '"')
    .replace(/[\u2010-\u2015]/g, '-')
    .replace(ODD, ' ')
    .normalize('NFKD')
    .replace(/([a-z])[\u0300-\u036f]+/g, '$1')
    .normalize('NFC');
}

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const AT = 0x40;
const LARGE_A = 0x41;
const LARGE_Z = 0x5a;

const ATOM = 1;
const SPACE = 2;
const KIND = new Uint8Array(128);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@+=%&/:~*!?#$'") {
  KIND[char.charCodeAt(0)] = ATOM;
}
for (let code = 0; code <= 0x20; code++) KIND[code] = SPACE;
KIND[0x7f] = SPACE;

function getKind(code: number): number {
  return code < 128 ? (KIND[code] as number) : ATOM;
}

/** The wording of `text`; wordings/entry.ts has the placeholders. At most `TEXT_LIMIT` characters are read. */
export function normalise(text: string): string {
  let plain = text.length > TEXT_LIMIT ? text.slice(0, TEXT_LIMIT) : text;
  const original = plain;
  plain = plain.toLowerCase();
  if (/[^\x00-\x7f]/.test(plain)) plain = fold(plain);
  const cased = plain.length === original.length ? original : plain;
  let out = '';
  let blank = true;
  for (let at = 0; at < plain.length; ) {
    const kind = getKind(plain.charCodeAt(at));
    if (kind === SPACE) {
      if (!blank) out += ' ';
      blank = true;
      at++;
      continue;
    }
    let end = at + 1;
    while (end < plain.length && getKind(plain.charCodeAt(end)) === kind) end++;
    out += kind === ATOM ? maskWord(plain.slice(at, end), cased, at) : plain.slice(at, end);
    blank = false;
    at = end;
  }
  return out;
}

function maskWord(atom: string, cased: string, at: number): string {
  let digits = 0;
  let dots = 0;
  let special = false;
  for (let index = 0; index < atom.length; index++) {
    const code = atom.charCodeAt(index);
    if (code >= ZERO && code <= NINE) digits++;
    else if (code === DOT) dots++;
    else if (code === AT || code === COLON) special = true;
  }
  if (digits === 0 && !special && (dots === 0 || (dots === 1 && atom.endsWith('.')))) return atom;
  return maskChanging(atom, digits, cased, at);
}

function maskChanging(atom: string, digits: number, cased: string, at: number): string {
  const link = atom.indexOf('://');
  if (link !== -1 || atom.startsWith('www.')) return maskLink(atom, link);
  const tail = getTrailing(atom);
  const core = tail === '' ? atom : atom.slice(0, atom.length - tail.length);
  const sign = core.indexOf('@');
  if (sign > 0 && sign < core.length - 1) {
    const after = core.indexOf(':', sign);
    return after === -1
      ? `@${tail}`
      : `@:${maskWord(core.slice(after + 1), cased, at + after + 1)}${tail}`;
  }
  if (isIp(core)) return `ip#${tail}`;
  if (core.includes(':')) return maskParts(core.split(':'), cased, at) + tail;
  if (core.includes('.')) return maskHost(core, cased, at) + tail;
  return (isIdentifier(core, digits) ? '0' : maskNumbers(core)) + tail;
}

function isIdentifier(core: string, digits: number): boolean {
  return digits >= IDENTIFIER_DIGITS && core.length >= IDENTIFIER_LENGTH;
}

function maskParts(parts: readonly string[], cased: string, at: number): string {
  let from = at;
  const masks = parts.map((part) => {
    const mask = maskWord(part, cased, from);
    from += part.length + 1;
    return mask;
  });
  return masks.join(':');
}

function getTrailing(atom: string): string {
  let end = atom.length;
  while (end > 0 && ".:!?'=*".includes(atom[end - 1] as string)) end--;
  return atom.slice(end);
}

/** Each run of digits becomes `0`. */
function maskNumbers(core: string): string {
  return core.replace(/[0-9]+/g, '0');
}

function isIp(core: string): boolean {
  if (/^[0-9]{1,3}(?:\.[0-9x]{1,3}){3}(?:[:/][0-9]+)?$/.test(core)) return true;
  return /^(?:ipv6:)?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}$/.test(core) && core.length > 3;
}

function maskLink(atom: string, link: number): string {
  const start = link === -1 ? 0 : link + 3;
  const before = link === -1 ? '' : atom.slice(0, link).replace(/(?:https?|ftp)$/, '');
  let end = start;
  while (end < atom.length && !'/?:#'.includes(atom[end] as string)) end++;
  const name = nameLink(atom.slice(start, end));
  // Some links give the reason themselves, such as Google's `?p=NoSuchUser`.
  const hint = /[?&][pc]=([a-z]{2,40})/.exec(atom.slice(end, end + 200))?.[1];
  return before + name + (hint === undefined ? '' : ` p=${hint}`);
}

/** Old SPF checkers answer with nothing but a link to the explanation. */
function nameLink(host: string): string {
  if (/(?:^|\.)(?:openspf\.(?:org|net)|spf\.pobox\.com)$/.test(host)) return 'spf url#';
  return isBlocklist(host) ? 'dnsbl#' : 'url#';
}

function isBlocklist(host: string): boolean {
  const labels = host.split('.');
  return BLOCKLISTS.has(labels.slice(-2).join('.')) || BLOCKLISTS.has(labels.slice(-3).join('.'));
}

/** A dotted word is a host if its last label looks like a top-level domain, else two sentences without a blank. */
function maskHost(core: string, cased: string, at: number): string {
  if (isBlocklist(core)) return 'dnsbl#';
  const dot = core.lastIndexOf('.');
  const last = core.slice(dot + 1);
  const sentence =
    isUpper(cased.charCodeAt(at + dot + 1)) && !isUpper(cased.charCodeAt(at + dot - 1));
  if (!sentence && /^[a-z0-9_.-]+$/.test(core) && (TLDS.has(last) || /^[a-z]{2}$/.test(last)))
    return 'dom#';
  if (!sentence && /[0-9]/.test(core) && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,}$/.test(core))
    return 'dom#';
  return sentence ? maskNumbers(core.split('.').join('. ')) : maskNumbers(core);
}

function isUpper(code: number): boolean {
  return code >= LARGE_A && code <= LARGE_Z;
}
