/** Wordings about the recipient's mailbox: full, not there, closed. What counts as invalid is decided here. */
import { around, either, near, type ReasonEntry, WHO, word } from './entry.ts';

const FULL_THING =
  'mail[- ]?box(?:es)?|inbox|mail ?folder|maildir|account|user|recipient|storage|disk|disk ?space|mail ?drop|space|boite|bal|buzon|bandeja|casella|caixa|postfach|mail ?store|mailuser|directory';

/** Over quota. Before the rates: both speak of limits that were exceeded. */
export const FULL: readonly ReasonEntry[] = [
  {
    name: 'mailbox-full',
    reason: 'mailbox-full',
    literals:
      'full|quota|storage|space|pleine|mailbox|llen|voll|pien|chei|exceed|over limit|maildir|too much mail data|too many messages on|满|滿|いっぱい|一杯|容量|переполнен|p=overquota|capacity|mailfolder|mail folder|mail file|receiving limit|viele mails|viele nachrichten|userdisk|domaindisk',
    pattern: either(
      near(
        FULL_THING,
        'full|over ?full|pleine?|llen[oa]|voll|uberfullt|pien[oa]|chei[oa]|superieure?',
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
      /too much mail data|too many messages on|no space left|storage limit|(?:enough|sufficient) (?:disk )?(?:space|storage)|(?:user|domain)disk|disk ?space quota|receiving limits|user has exceeded|zu ?viele (?:mails|nachrichten) auf|mail file size exceeds/,
      /(?:邮箱|信箱|郵箱|mailbox|容量|空间).{0,12}(?:满|滿|超|不足)|いっぱい|一杯です|容量.{0,12}(?:超|オーバー|不足)|переполнен|квота/,
      /p=overquota|(?:mail[- ]?box|inbox|account)[^.;]{0,20} (?:at|over|exceeds) (?:its )?capacity/,
    ),
    unless:
      /header|insufficient system (?:storage|resources)|submission|sending|hourly|daily|messages? (?:per|quota)|connections?|rate|fully|full(?:y)? (?:qualified|domain|name|log|details|headers?)|mail system full|your quota|relay|system storage|not enough (?:memory|resources)/,
    example: '452 4.2.2 Mailbox of bob@example.org is full',
  },
];

/** What is said of a mailbox that is not there. */
const GONE = [
  'unknown|not (?:a )?(?:known|valid|found|exist\\w*|listed|present|recogni[sz]ed|registered|active|current\\w*|real|local|defined|deliverable|ok)',
  "(?:does|do|did|may|is|are|was|were|has|have|could|can|cannot|can't|isn't|doesn't|don't|wasn't|couldn't)(?: not|n't)? (?:not |currently |appear to |seem to |be )*(?:exist|found|located|known|valid|recogni[sz]ed|resolved|on this (?:server|system)|have (?:an? )?(?:\\S+ )?(?:account|mail[- ]?box))",
  "not exists?|doesn?'?t exists?|does'nt exist|dosn'?t exist|n'existe (?:pas|plus)|non ?-?existent|nonexistant|no longer|not any ?more",
  'invalid|invalide|incorrect|wrong|bad|illegal|undeliverable|unroutable|unrouteable|unresolvable|unrecogni[sz]ed|inexistent',
  'inconnue?|desconhecid[oa]|desconocid[oa]|sconosciut[oa]|inexistente|unbekannt|onbekend|okand|ukjent|nieznany|no existe|nao existe|non esiste|existiert nicht|nicht gefunden|not active|has left|abandoned',
].join('|');

/** What stands before the noun in `unknown user`, `no such mailbox`. */
const NO =
  "unknown|unkown|no such|no|invalid|bad|non-?existent|nonexistant|inactive|disabled|illegal|incorrect|wrong|undefined|unrecogni[sz]ed|unresolvable|undeliverable|not an?|not a (?:valid|known|current|local|registered|real)|not|isn't an?|isn't a (?:valid|known)|not (?:a )?(?:valid|known)|not our|without|archived|suspended|expired|terminated|deactivated|dead|deleted|obsolete|locked|closed|can't accept|cannot accept|not find|cannot find|can't find|couldn't find|unable to find|find alias|failed to find|find";
const TARGET =
  "(?:local |mail |e-?mail |virtual |recipient'?s? |user'?s? |final |destination |envelope |mailbox |rcpt |to |forward-?path |such |active |valid |known |any |delivery |inbound |this |that |the |account |login )*(?:user(?:s|name|id)?|recipients?|rcpt(?:-?to)?|mail[- ]?box(?:es)?|mail ?drop|accounts?|addressee|address(?:es)?|alias(?:es)?|person|customer|subscriber|e-?mail|inbox|local[- ]?part|user\\(s\\)|recipient\\(s\\)|one|adress|recepient|recipent|receipient|destination mailbox|mailaddress)";

/** The mailbox does not exist, or not any more: what counts as an invalid recipient. */
export const PERSON: readonly ReasonEntry[] = [
  {
    name: 'temporary-mailbox',
    reason: 'other',
    literals: 'temporar|busy|locked|in use',
    pattern: either(
      near(
        'mail[- ]?box|account|user|recipient',
        '(?:is |currently )*(?:temporar\\w+|currently|now) (?:unavailable|busy|locked|in use|disabled|inaccessible|not available)|busy',
        25,
      ),
      near('temporar\\w+', '(?:mail[- ]?box|user|account) (?:unavailable|busy|locked|lookup)', 20),
    ),
    unless: /suspended|inactive|disabled|5[.]2[.]1/,
    example: '450 4.2.1 The mailbox is temporarily unavailable',
  },
  {
    name: 'unknown-in-other-tongues',
    reason: 'invalid-recipient',
    literals:
      'inconnu|destinataire|unbekannt|empfanger|desconocid|desconhecid|no existe|nao existe|non esiste|sconosciut|inesistente|inexistente|nessun|usuario|utente|utilisateur|существует|найден|неизвестн|不存在|無効|见つかり|見つかり|存在し|存在しま|不明|ユーザ|宛先|用户|用戶|收件人|禁用|冻结|errato|nie ma|nie istnieje|casilla|zablokowan|nieaktywn|indirizzo|postfach|onbekend|nieznan|okand|bilinmeyen|existiert nicht|gebruiker|gesperrt|deaktiviert|отключ|заблокирован',
    pattern: either(
      near(
        'destinataires?|utilisateur|adresse|compte|boite',
        "inconnue?s?|invalides?|n'existe|inexistante?|desactivee?|ferme|bloque|suspendue?|archivee?",
      ),
      around(
        'benutzer|empfanger|empfangeradresse|konto|postfach|adresse',
        'unbekannt\\w*|existiert nicht|nicht (?:gefunden|vorhanden|bekannt|verfugbar)|ungultig\\w*|gesperrt|deaktiviert',
      ),
      around(
        'usuario|destinatario|direccion|casilla|cuenta|buzon|endereco|conta|utente|casella|indirizzo|persona',
        'desconocid[oa]|no existe|inexistente|invalid[oa]|desconhecid[oa]|nao existe|sconosciut[oa]|non esiste|inesistente|non valid[oa]|no encontrad[oa]|nao encontrad[oa]|nessun|errat[oa]|inactiv[oa]|inattiv[oa]|bloccat[oa]|expirad[oa]|desactivad[oa]|bloquead[oa]|deshabilitad[oa]|suspendid[oa]|simile',
      ),
      near('unbekannter?|onbekende|okand', 'benutzer|empfanger|gebruiker|adresse?|mottagare'),
      near('nie ma takiego', 'konta|adresu|uzytkownika'),
      near(
        'gebruiker|adres|konto|uzytkownik|adresat|mottagare|kullanici|anvandare',
        'onbekend\\w*|nieznan\\w*|okand|bilinmeyen|bestaat niet|nie istnieje|zablokowane|nieaktywne|finns (?:inte|ej)',
      ),
      /(?:пользовател|получател|ящик|адрес|аккаунт|учетная запись|user|mailbox).{0,40}(?:не существует|не найден|неизвестн|отключ|заблокирован|удален)|(?:неизвестн|нет так|несуществующ).{0,30}(?:пользовател|получател|ящик|адрес)/,
      /(?:用户|用戶|收件人|账户|帐号|账号|帳號|邮箱|信箱|地址|mailbox|user).{0,20}(?:不存在|不正确|无效|無效|找不到|禁用|冻结|停用|锁定)|(?:不存在|无效|無效|找不到).{0,10}(?:用户|用戶|收件人|账户|邮箱|信箱|地址)/,
      /(?:ユーザ|宛先|アドレス|メールボックス|受信者|アカウント|利用者).{0,60}(?:見つかり|存在し|存在しま|不明|無効|ありません|誤り|登録されて|停止)|(?:見つかりません|存在しません|不明な|無効な).{0,20}(?:ユーザ|宛先|アドレス|受信者)/,
    ),
    example: '550 5.1.1 Utilisateur inconnu',
  },
  {
    name: 'destination-domain',
    reason: 'invalid-domain',
    literals: 'domain|destination system|host',
    pattern: word('domain|host|destination system'),
    status: ['1.2', '4.4', '4.310', '4.312'],
    unless: /sender|helo|expired|try again|temporar/,
    example: '550 5.1.2 Bad destination system address',
  },
  {
    name: 'verification-pending',
    reason: 'other',
    literals: 'unverified address|verification in progress|recipient verify callout',
    unless: /sender address|undeliverable address|(?:user|recipient|mailbox) unknown|unknown user/,
    example:
      '450 4.1.1 <bob@example.org>: Recipient address rejected: unverified address: Address verification in progress',
  },
  {
    // Exim remembers an earlier callout that was refused at RCPT (verify.c); the words were given then.
    name: 'callout-cache',
    reason: 'invalid-recipient',
    literals: 'callout verification failure',
    pattern: /\(cached\) callout verification failure/,
    example: 'Previous (cached) callout verification failure',
  },
  {
    name: 'exchange-directory',
    reason: 'invalid-recipient',
    literals: 'access denied',
    pattern: /recipient address(?:es)? rejected ?: access denied/,
    // 7.1 is left out: that is what a policy of Postfix answers
    status: ['', '1.0', '1.1', '1.4', '1.10', '4.1', '7.504'],
    example: '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
  },
  {
    name: 'unknown-person',
    reason: 'invalid-recipient',
    literals:
      "unknown|unkown|no such|not|n't|exist|invalid|no longer|undeliverable|unroutable|incorrect|wrong|bad |badrcptto|badrecipientto|validrcptto|illegal|undefined|no one|nobody|no mail|no user|no account|no person|no valid|no recipient|recipientnotfound|address_not_found|fully-qualified address|callout verification failure|reserved by|recipnotfound|unresolvable|missing home|address unknown|no mailbox|userunknown|unable to find|notfound|cannot deliver|unrecogni|no record|left the |p=nosuchuser",
    pattern: either(
      near(WHO, GONE),
      new RegExp(`\\b(?:${NO})[ :,/]{1,3}${TARGET}\\b`),
      word(
        'p=nosuchuser|address_not_found|userunknown|unknownuser|user-unknown|recipientnotfound|recipnotfound|resolver\\.adr\\.\\w+|nosuchuser|no-such-user|badrcptto|badrecipientto|validrcptto|no one (?:at|by) (?:this|that)|nobody (?:here|by that)|missing home directory|not our customer|mailbox not found',
      ),
      /no \S+ in name directory|(?:<@>|@)[ .:]*(?:is |was )?(?:not found|unknown|does(?: not|n't) exist|is not (?:a )?(?:valid|known))/,
      /no such (?!domain|host|command|file|message|sender|header|directory|object|service|process)[a-z]/,
      /recipient (?:is )?not (?:on|in) (?:this|our|the)|reserved by rfc|(?:have|has) an? (?:\S+ )?account|is no longer valid|not found in (?:the )?ldap|mailbox name not allowed|need fully-qualified address|handle mail for (?:that|this) user|callout verification failure|exists? that user|no record of (?:this|that|the) (?:user|recipient|address)|(?:has )?left the (?:company|organi[sz]ation)|cannot deliver mail for/,
    ),
    unless:
      /\b(?:from|sender|return[- ]path|helo|host name|hostname|command(?! output)|header|sequence)\b[^.;]{0,30}\b(?:invalid|unknown|not|bad|wrong|incorrect)|(?:invalid|unknown|bad|wrong) (?:sender|from|return|command|helo|host|domain|ip|sequence|message|header|credentials)|try again later|mail domain mentioned|no valid recipients from|temporar\w+ (?:lookup|failure)/,
    example:
      '550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in local recipient table',
  },
  {
    name: 'closed-mailbox',
    reason: 'invalid-recipient',
    literals:
      'disable|inactive|in-active|suspend|deactivat|terminat|closed|locked|frozen|expired|deleted|removed|discontinued|cancel|archived|retired|moved|replaced by|no longer|blocked|activat|inactiv|new address|changed|p=disableduser',
    pattern: either(
      near(
        WHO,
        '(?:is |are |was |were |has |have |been |currently |temporar(?:y|ily) |permanently |a )*(?:disabled|inactive|in-active|suspended|deactivated|de-activated|terminated|closed|locked|frozen|expired|deleted|removed|discontinued|cancel(?:l)?ed|archived|retired|moved|changed|replaced by|no longer|blocked|suspend the service|not been activated|not activated)',
        45,
      ),
      /p=disableduser/,
      new RegExp(
        `\\b(?:disabled|inactive|suspended|deactivated|terminated|closed|locked|frozen|expired|deleted|archived|invalid/inactive)[ :]{1,2}${TARGET}\\b`,
      ),
    ),
    unless:
      /\b(?:your|sender'?s?|sending|client) (?:[a-z-]+ ){0,2}(?:account|user|address|domain|ip|mail[- ]?box)\b|\b(?:message|e-?mail|mail) (?:has been |was |is )?(?:blocked|removed|deleted|locked|closed|expired)|@:blocked|password|certificate/,
    example: '554 5.2.1 This mailbox is disabled',
  },
  {
    name: 'mailbox-unavailable',
    reason: 'invalid-recipient',
    literals: 'unavailable|unavaiable|not available|recipient|rcpt|address rejected|sorry, no mail',
    pattern: either(
      near(
        'mail[- ]?box(?:es)?|user|recipient|account',
        '(?:is )?(?:unavailable|unavaiable|not available)',
        25,
      ),
      /^(?:<?@>? ?:? ?)?(?:recipient )?address rejected\b ?(?:<?@>?)?[. ]*(?:\(in reply[^)]*\))?$/,
      /^(?:<@>:? ?)?recipient address rejected[. ]*(?:\(|$)|envelope recipient has been denied|recipient (?:is )?(?:not accepted|not allowed|refuses to accept|rejected$|denied$)|rejected recipients?|recipients? not ok/,
      /(?:recipient|rcpt)(?: address)?[^.;:]{0,30} (?:is |was |has been )?(?:rejected|denied|refused)[. ]*$/,
      near('unavailable', '(?:mail )?(?:user|recipient|account|mail[- ]?box)', 2),
      /sorry, no mail[- ]?box|banned recipient|mail[- ]?box unavailable or access deni\w*/,
    ),
    permanent: true,
    unless: /policy|spam|temporar/,
    example: '550 Action not taken: mailbox unavailable here',
  },
];
