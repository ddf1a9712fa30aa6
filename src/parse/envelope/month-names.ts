/**
 * Month names as syslog daemons write them in the languages of Europe (strftime(3), `%b`): English, German, Spanish,
 * French, Italian, Dutch, Polish and Portuguese, also with a dot, and in ISO 8859-1 as well as in UTF-8.
 */
const NAMES: readonly (readonly string[])[] = [
  ['jan', 'jän', 'janv', 'ene', 'gen', 'sty'],
  ['feb', 'févr', 'fév', 'lut', 'fev'],
  ['mar', 'mär', 'märz', 'mrz', 'mars', 'mrt'],
  ['apr', 'avril', 'avr', 'abr', 'kwi'],
  ['may', 'mai', 'mag', 'mei', 'maj'],
  ['jun', 'juni', 'juin', 'giu', 'cze'],
  ['jul', 'juli', 'juil', 'lug', 'lip'],
  ['aug', 'août', 'aou', 'ago', 'sie'],
  ['sep', 'sept', 'set', 'wrz'],
  ['oct', 'okt', 'ott', 'paź', 'out'],
  ['nov', 'lis'],
  ['dec', 'dez', 'déc', 'dic', 'gru'],
];

function encodings(name: string): string[] {
  return [Buffer.from(name, 'utf8').toString('latin1'), name];
}

const MONTHS: ReadonlyMap<string, number> = new Map(
  NAMES.flatMap((names, month) => names.flatMap(encodings).map((name) => [name, month] as const)),
);

/** The month from 0 that a word names, as a byte string in any case; -1 when it names none. */
export function findMonth(word: string): number {
  const name = word.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return MONTHS.get(name.endsWith('.') ? name.slice(0, -1) : name) ?? -1;
}
