/**
 * Month names as syslog daemons and journalctl write them in the languages of Europe (strftime(3), `%b`), also with a
 * dot, and in ISO 8859-1 as well as in UTF-8; and the numbered months of Chinese, Japanese and Korean. Croatian is left
 * out: its names mean other months in Czech and Polish.
 */
const NAMES: readonly string[] = [
  'jan jän janv ene gen sty ian led jaan янв січ яну Ιαν oca tammi',
  'feb févr fév lut fev febr úno veebr фев лют Φεβ Şub şub helmi',
  'mar mär märz mrz mars mrt márc març bře märts мар бер Μαρ maalis',
  'apr avril avr abr kwi ápr dub april апр кві Απρ nis huhti',
  'may mai mag mei maj máj maig kvě май мая тра Μαΐ Μάι touko',
  'jun juni juin giu cze jún iun juny čvn juuni июн чер юни Ιουν haz kesä',
  'jul juli juil lug lip júl iul čvc juuli июл лип юли Ιουλ tem heinä',
  'aug août aou ago sie ag srp avg авг сер Αυγ ağu elo',
  'sep sept set wrz szept zář сен вер сеп Σεπ eyl syys',
  'oct okt ott paź out říj окт жов Οκτ eki loka',
  'nov noi lis ноя лис ное Νοε kas marras',
  'dec dez déc dic gru des pro dets дек гру Δεκ ara joulu',
];

function encodings(name: string): string[] {
  const utf8 = Buffer.from(name, 'utf8').toString('latin1');
  return /^[\x00-\xff]*$/.test(name) ? [utf8, name] : [utf8];
}

const MONTHS: ReadonlyMap<string, number> = new Map(
  NAMES.flatMap((names, month) =>
    names
      .split(' ')
      .flatMap(encodings)
      .map((name) => [name, month] as const),
  ),
);

/** `11月` and `11월`, as UTF-8. */
const NUMBERED = /^ ?([0-9]{1,2})(?:\xe6\x9c\x88|\xec\x9b\x94)$/;

/** The month from 0 that a word names, as a byte string in any case; -1 when it names none. */
export function findMonth(word: string): number {
  const number = NUMBERED.exec(word)?.[1];
  if (number !== undefined) return Number(number) - 1;
  const name = word.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return MONTHS.get(name.endsWith('.') ? name.slice(0, -1) : name) ?? -1;
}
