/** Wordings about a mailbox that is full. */
import { around, either, near, type ReasonEntry, word } from './entry.ts';

const FULL_THING =
  'skrzynka|schranka|mailboxen|inboxen|innboksen|postkasse[nt]?|mail[- ]?box(?:es)?|inbox|mail ?folder|maildir|account|user|recipient|storage|disk|disk ?space|mail ?drop|space|boite|bal|buzon|bandeja|casella|caixa|postfach|mail ?store|mailuser|directory';

/** Over quota. Before the rates, because both are about limits that were exceeded. */
export const FULL: readonly ReasonEntry[] = [
  {
    name: 'mailbox-full',
    reason: 'mailbox-full',
    literals:
      'full|quota|storage|space|pleine|limit|reached|over |llen|voll|pien|chei|exceed|over limit|maildir|too much mail data|too many messages on|满|滿|いっぱい|一杯|容量|переполнен|p=overquota|capacity|mailfolder|mail folder|mail file|receiving limit|viele mails|viele nachrichten|zuviele|userdisk|domaindisk|exhausted|speicherplatz|speichervolumen|excedid|disk space|przepeln|przepełn|plna|not able to receive more|messages exceed|room|inbox limit',
    pattern: either(
      near(
        FULL_THING,
        'full|over ?full|pleine?|llen[oa]|voll|uberfullt|pien[oa]|chei[oa]|superieure?|przepe[lł]nion[ae]|plna|fullt',
      ),
      word(
        'full mail[- ]?box|mail[- ]?box(?: is)? full|over ?-?quota|overquota|overquotatemp|overquotaperm|disk ?quota|disc quota',
      ),
      around(
        'quota|kvote|cuota|quote|cota',
        'exceed(?:s|ed|ing)?|full|over|violation|reached|used|used up|depass\\w*|excedid\\w*|superat\\w*|uberschritten|usage|would|limit|insufficient|no',
        45,
      ),
      near(
        'mail[- ]?box|inbox|account|user|recipient|mail ?folder|mail file',
        '(?:has |have |is |been |was |would )*(?:exceed(?:s|ed|ing)?|reached|over)\\b[^.;]{0,40}(?:limit|size|space|storage|quota|allowed|allocation|maximum|capacity)',
      ),
      near(
        'exceed(?:s|ed|ing)?|over|out of|no|not enough|insufficient|not sufficient|lack of|low on',
        "(?:the |its |their |allowed |allocated |available |mailbox |disk |enough |sufficient |user'?s? |free |remaining )*(?:storage(?: space| allocation)?|disk ?space|space(?: left)?|mail[- ]?box (?:size|space|limit|quota)|mail store)",
        30,
      ),
      near(
        '(?:storage|disk ?space|space|mail[- ]?box size|quota)',
        '(?:limit )?(?:is |has been |was )?(?:exceeded|used up|exhausted|reached|full|over)',
        25,
      ),
      /too much mail data|(?:exhausted|used) (?:the |all |his |her |its |their |of )*(?:allowed |available |assigned )?(?:storage|disk) ?space|speicher(?:platz|volumen)[^.;]{0,40}(?:uberschritten|ueberschritten|erschopft|voll)|(?:cuenta|usuario|buzon|caixa|conta)[^.;]{0,30}(?:excedid[oa]|superad[oa]|excedeu)|not able to receive more mail|number of messages exceeds|(?:no|not enough|out of) room|(?:mail[- ]?box|inbox) limit (?:is |was |has been )?(?:reached|exceeded)|run out of space|zuviele mails|too many messages on|no space left|storage limit|(?:enough|sufficient) (?:disk )?(?:space|storage)|(?:user|domain)disk|disk ?space quota|receiving limits|user has exceeded|zu ?viele (?:mails|nachrichten) auf|mail file size exceeds|larger than the (?:available )?space|(?:space|storage|room) (?:is )?not enough/,
      /(?:邮箱|信箱|郵箱|mailbox|容量|空间).{0,12}(?:满|滿|超|不足)|いっぱい|一杯です|容量.{0,12}(?:超|オーバー|不足)|переполнен|квота/,
      /p=overquota|quotaexceeded|(?:mail[- ]?box|inbox|account)[^.;]{0,20} (?:at|over|exceeds) (?:its )?capacity/,
    ),
    unless:
      /header|insufficient system (?:storage|resources)|submission|sending|hourly|daily|messages? (?:per|quota)|connections?|rate|fully|full(?:y)? (?:qualified|domain|name|log|details|headers?)|mail system full|your quota|relay|system storage|not enough (?:memory|resources)|outbound|outgoing|queue quota|per (?:hour|day|minute)|messages they can|insufficient disk space; try again|server storage|write error|rate[- ]?limit|throttl|temporary file|^e-?mail quota/,
    example: '452 4.2.2 Mailbox of bob@example.org is full',
  },
];
