/** Wordings about the recipient's mailbox: missing, closed. They decide what counts as an invalid recipient. */
import { ALONE, either, near, type ReasonEntry, WHO, word } from './entry.ts';
import { FOREIGN_PERSON } from './languages.ts';

/** What servers say about a mailbox that does not exist. */
const GONE = [
  'unknown|not (?:a )?(?:known|valid|found|exist\\w*|listed|present|recogni[sz]ed|registered|active|current\\w*|real|local|defined|deliverable|ok)',
  "(?:(?:does|do|did|may|is|are|was|were|has|have|could|can)(?: not|n't)|cannot|can't) (?:currently |appear to |seem to |be )*(?:exist|found|located|known|valid|recogni[sz]ed|resolved?|in use|in service|provisioned|assigned|allocated|matche?d?|on this (?:server|system)|have (?:an? )?(?:\\S+ )?(?:account|mail[- ]?box)|reside here)",
  'not (?:in use|in service|provisioned|assigned|allocated)|not (?:served|handled|hosted) (?:by|here|on)|obsolete|unallocated|unassigned|vacated|lookup failed: no such',
  "not exists?|doesn?'?t exists?|does'nt exist|dosn'?t exist|n'existe (?:pas|plus)|non ?-?existent|nonexistant|no longer|not any ?more",
  "no exists?|(?:not|n't) (?:in|on|part of|among) (?!(?:[a-z]+ ){0,2}(?:white|allow|safe|approved|permitted|sender|trusted))(?:[a-z]+ ){0,3}?(?:list|table|directory|database|users?)|unregistered|not anymore|(?:does not|doesn't|cannot|can't) (?:accept|receive) (?:any )?(?:e-?)?mails? any ?more",
  'invalid|invalide|incorrect|wrong|bad|illegal|undeliverable|unroutable|unrouteable|unresolvable|unrecogni[sz]ed|inexistent',
  'undefined|no longer (?:works?|employed|at|an? (?:employee|member|customer|user)|with (?:us|the company))|inconnue?|desconhecid[oa]|desconocid[oa]|sconosciut[oa]|inexistente|unbekannt|onbekend|okand|ukjent|nieznany|no existe|nao existe|non esiste|existiert nicht|nicht gefunden|not active|has left|abandoned',
].join('|');

/** The words before the noun in `unknown user`, `no such mailbox`. */
const NO =
  "unknown|unkown|no such|no|invalid|bad|non[- ]?exist(?:ent|ing)|nonexistant|inactive|disabled|illegal|incorrect|wrong|undefined|unrecogni[sz]ed|unresolvable|undeliverable|not an?|not a (?:valid|known|current|local|registered|real|recogni[sz]ed|existing)|not|isn't an?|isn't a (?:valid|known)|not (?:a )?(?:valid|known)|not our|not one of our|without|vacated|archived|suspended|expired|terminated|deactivated|dead|deleted|obsolete|locked|closed|can't accept|cannot accept|not find|(?:cannot|can't|could not|couldn't|unable to|failed to|did not|didn't) (?:find|locate|match|recogni[sz]e)(?: an?)?|(?:doesn't|does not) match (?:any|an?|our)|find alias|find";
const TARGET = `(?:local |mail |e-?mail |virtual |recipient'?s? |user'?s? |final |destination |envelope |mailbox |rcpt |to |forward-?path |such |active |valid |known |any |delivery |inbound |this |that |the |your (?=recipient|addressee)|account |login )*(?:user(?:s|name|id)?|recipients?(?! limit)|rcpt(?:-?to)?(?! ?(?:to )?(?:parameter|command|option))|mail[- ]?box(?:es)?|mail ?drop|accounts?|addressee|address(?:es)?|alias(?:es)?|person|customer|subscriber|e-?mail|inbox|local[- ]?part|user\\(s\\)|recipient\\(s\\)|one|adress|recepient|recipent|receipient|destination mailbox|mailaddress)${ALONE}`;

/** Something other than the recipient is unknown. */
const SOMETHING_ELSE_UNKNOWN = either(
  /\b(?:from|sender|return[- ]path|reply-to|helo|host name|hostname|command(?! output| rcpt)|header|sequence)\b[^.;]{0,30}\b(?:invalid|unknown|not|bad|wrong|incorrect)/,
  /(?:invalid|unknown|bad|wrong|illegal) (?:sender|from|return|command|helo|host|domain|ip|sequence|message|header|credentials|user[- ]agent|user error|address record)/,
  /\b(?:sending|bounce|reply|client|reply-to|provider|isp) (?:mail[- ]?box|user|account|address)|\b(?:smtp|auth|login) user\b|(?:address|user)[^.;]{0,20} in (?:the )?(?:reply-to|from|sender|header)|(?<!rcpt )\bto: address|\bcc:? address|dns records?|(?:for|of) (?:this|the|your) sender|backscatter/,
  /\byour (?:e-?mail |mail |user )?(?:account|mail[- ]?box|address|user ?name|user|e-?mail)(?: address| account)? (?:is|was|does|do|could|has|cannot|can't|doesn't|isn't)\b|users? (?:of|from|at) your\b/,
  /\b(?:sasl|password|you are (?:sending|using|logged)|you log ?in|logged in as|log in as)\b/,
  /(?:recipient|addressee|destination|user)(?:'s|s|s')? (?:mx|host|domain|(?:mail ?)?server)\b[^.;]{0,15}(?:not|n't|unknown|cannot|could|invalid)|(?:host|domain|mx|server) (?:of|for) (?:the |this )?(?:recipient|addressee)[^.;]{0,8} (?:not|unknown|cannot|could|does|invalid)|mail domain mentioned/,
  /\b(?:client|host|server|ip|domain)\b[^.;]{0,15} not (?:found|listed|present|known) in|\bsender\b[^.;]{0,10} no longer|\byou are not\b|\bour client ip\b/,
  /address(?:es)? of (?:an? |the |your )?(?:link|host|server|sender|client)|connection to (?:the )?(?:directory|ldap|database)[^.;]{0,20} failed/,
  /not one of (?:our|my|the|its|your) (?:[a-z]+ )?(?:domains?|hosts?|servers?|networks?)\b/,
  /no (?:valid )?recipients? (?:from|specified|given|in)|alias database|\.forward|try (?:again )?later|temporar\w+ (?:lookup|failure)/,
);

/** The mailbox does not exist or no longer exists: this is what counts as an invalid recipient. */
export const PERSON: readonly ReasonEntry[] = [
  {
    name: 'temporary-mailbox',
    reason: 'other',
    literals: 'temporar|busy|locked|in use|migrat|moved',
    pattern: either(
      near(
        'mail[- ]?box|account|user|recipient',
        '(?:is |currently )*(?:temporar\\w+|currently|now) (?:unavailable|busy|locked|in use|disabled|inaccessible|not available)|busy',
        25,
      ),
      near('temporar\\w+', '(?:mail[- ]?box|user|account) (?:unavailable|busy|locked|lookup)', 20),
      near(
        'mail[- ]?box|account|user',
        'being (?:moved|migrated)|(?:locked|in use) by (?:another|a) [a-z]+|migration',
        25,
      ),
    ),
    unless: /suspended|inactive|disabled|5[.]2[.]1/,
    example: '450 4.2.1 The mailbox is temporarily unavailable',
  },
  {
    name: 'mailbox-closed-for-now',
    reason: 'other',
    literals: 'locked|blocked|moved|frozen|disabled|unavailable|deferred|temporar|verified',
    pattern: either(
      near(
        WHO,
        '(?:is |was |has been |currently |temporar(?:il)?y )*(?:locked|blocked|moved|frozen|unavailable|deferred)',
        25,
      ),
      near('temporar(?:il)?y', '(?:is |been )*(?:disabled|suspended|closed|inactive)', 10),
      near(WHO, "(?:could not|cannot|can't|not) be verified", 10),
    ),
    temporary: true,
    unless: /unknown|not found|no such|exist/,
    example: '450 4.2.1 The mailbox is locked',
  },
  {
    // To DATA, when no RCPT was accepted. Why not, is in the replies to RCPT: it may have been greylisting.
    name: 'no-recipient-left',
    reason: 'other',
    literals: 'no valid recipients',
    status: ['5.1'],
    example: '554 5.5.1 Error: no valid recipients',
  },
  FOREIGN_PERSON,
  {
    name: 'destination-domain',
    reason: 'invalid-domain',
    literals: 'domain|destination system|host',
    pattern: word('domain|host|destination system'),
    status: ['1.2', '4.4', '4.310', '4.312'],
    unless: /sender|helo|expired|try again|temporar|unable to (?:look ?up|verify)/,
    example: '550 5.1.2 Bad destination system address',
  },
  {
    name: 'recipient-domain',
    reason: 'invalid-domain',
    literals: 'domain|host|mx',
    pattern: near(
      "(?:recipient|destination|target|addressee|remote)(?:'s|s|s')? (?:e-?mail |mail )?(?:domain|host|mx)|(?:domain|host|mx) (?:name )?(?:of|for) (?:the |this )?(?:recipient|addressee)",
      "(?:is |was |name |has |could |can |does |did )*(?:not|n't|unknown|invalid|non-?existent|unresolvable|bad)",
      15,
    ),
    unless:
      /sender|helo|temporar|try again|at the moment|allowed|permitted|hosted|local|relay|tls|require|accept(?:s|ed)? (?:mail|messages|e-?mail) from|polic|mailbox|user/,
    example: '550 The recipient domain does not exist',
  },
  {
    name: 'verification-pending',
    reason: 'other',
    literals:
      'unverified address|verification in progress|verification problem|recipient verify callout',
    unless: /sender address|undeliverable address|(?:user|recipient|mailbox) unknown|unknown user/,
    example:
      '450 4.1.1 <bob@example.org>: Recipient address rejected: unverified address: Address verification in progress',
  },
  {
    name: 'look-up-failed',
    reason: 'other',
    literals: 'look up|lookup|check|verify',
    pattern: near(
      'unable to|failed to|cannot|could not',
      '(?:look ?up|check|verify) (?:the |this )?(?:recipient|user|mail[- ]?box|address)',
      3,
    ),
    temporary: true,
    unless: /sender|unknown|not found|no such|exist/,
    example: '450 4.1.1 Unable to look up the recipient',
  },
  {
    // Exim remembers that an earlier callout was refused at RCPT (verify.c), but not the words.
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
    pattern: /recipient address rejected ?: access denied/,
    // Without 7.1, which is what a policy in Postfix answers.
    status: ['', '1.0', '1.1', '1.4', '1.10', '4.1', '7.504'],
    example: '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
  },
  {
    // Without words about the recipient this may as well be a sender that is blocked.
    name: 'access-denied-to-somebody',
    reason: 'other',
    literals: 'access denied',
    status: ['4.1'],
    unless: /recipient|\b(?:ip|client|host|sender|sending|server|network)\b/,
    example: '550 5.4.1 [bob@example.org]: Access denied [EX1.prod.example.com]',
  },
  {
    name: 'recipient-not-verified',
    reason: 'invalid-recipient',
    literals: 'verif|validat|callout',
    pattern: either(
      near(
        '(?:recipient|rcpt|addressee|mail[- ]?box)(?: address)?',
        '(?:callout |address )?(?:verification|validation|verify|callout)(?: has)? fail(?:ed|ure|s)?',
        3,
      ),
      near(
        "unable to|cannot|can't|could not|couldn't|failed to",
        '(?:verify|validate) (?:the |this |your )?(?:recipient|rcpt|addressee|mail[- ]?box)',
        3,
      ),
    ),
    permanent: true,
    unless: /sender|\bfrom\b|try again|temporar|time[d-]? ?out|polic|connect/,
    example: '550 5.1.1 Recipient address verification failure',
  },
  {
    name: 'impossible-address',
    reason: 'invalid-recipient',
    literals: 'character',
    pattern: near(
      '(?:restricted|illegal|invalid|forbidden|bad|disallowed|unsupported) characters?',
      '(?:in|within) (?:the |this )?(?:recipient|rcpt|address|e-?mail address|local[- ]?part|mail[- ]?box|user ?name)',
      3,
    ),
    permanent: true,
    unless: /sender|\bfrom\b|header|helo|reply-to|\bip\b/,
    example: '550 Illegal characters in the local part',
  },
  {
    name: 'mailbox-accepts-nothing',
    reason: 'invalid-recipient',
    literals: 'accept|receiv',
    pattern: either(
      near(
        "(?:not|n't) (?:currently |being |be )*accepted",
        '(?:for|by|at) (?:this|that|the) (?:mail[- ]?box|account|address|user|recipient)',
        3,
      ),
      near(
        'mail[- ]?box|account|address|user',
        "(?:is |does |has |no longer |can |currently )*(?:not|n't|no longer) (?:currently |longer )?(?:accept(?:s|ing)?|receiv(?:e|es|ing)) (?:any )?(?:e-?mails?|mails?|messages?)(?: any ?more| at (?:this|the) (?:time|moment)| now)?(?=[.,;!)]|$)",
        3,
      ),
    ),
    permanent: true,
    unless:
      /mails? (?:from|that|with|without|over|unless|larger)|messages? (?:from|that|with|without|over|unless|larger)|sender|\byour\b|\bip\b|too (?:many|quickly|fast)|external|outside/,
    example: '550 Mail is not accepted for this account',
  },
  {
    name: 'unknown-recipient',
    reason: 'invalid-recipient',
    literals:
      "unknown|unkown|no such|not|n't|exist|invalid|no longer|undeliverable|unroutable|incorrect|wrong|bad |bad_|badrcptto|badrecipientto|validrcptto|illegal|undefined|no one|nobody|no mail|no user|no account|no person|no local|no known|no active|works here|no longer|not one|vacated|unallocated|unassigned|find |locate |match|no such entry|no valid|no recipient|recipientnotfound|address_not_found|fully-qualified address|callout verification failure|reserved by|recipnotfound|unresolvable|missing home|address unknown|no mailbox|userunknown|unable to find|notfound|cannot deliver|unrecogni|no record|left the |must contain|must have|malformed|misspelled|mistyped|missing|obsolete|p=nosuchuser|has no|have no|unregistered|incorrectly addressed|employee|dead |deceased|delivery point",
    pattern: either(
      near(WHO, GONE),
      new RegExp(`\\b(?:${NO})[ :,/_]{1,3}${TARGET}\\b`),
      word(
        'p=nosuchuser|address_not_found|userunknown|unknownuser|user-unknown|recipientnotfound|recipnotfound|resolver\\.adr\\.\\w+|nosuchuser|no-such-user|badrcptto|badrecipientto|validrcptto|no one (?:at|by) (?:this|that)|nobody (?:here|by that)|missing home directory|mailbox not found',
      ),
      /no \S+ in name directory|(?:<@>|@)[ .:]*(?:is |was )?(?:not found|unknown|does(?: not|n't) exist|is not (?:a )?(?:valid|known|recogni[sz]ed|registered))/,
      /no such (?!(?:mail )?(?:domain|host)|command|file|message|sender|header|directory|object|service|process)[a-z]/,
      near(
        "(?<!\\b(?:you|client|sender|host|domain|server|message|ip#?) )(?:(?:do|does)(?: not|n't) have|has no|have no)",
        `(?:(?:an?|any|this|that|such) )?(?:${WHO})`,
        6,
      ),
      near('(?:mailing|distribution) list', "(?:does not|doesn't) exist|not found|unknown", 5),
      near(
        '(?<!your )e-?mail(?: id| name| account)?',
        "(?:(?:does not|doesn't|not) exists?|is (?:not found|unknown))",
        2,
      ),
      near(
        "(?:do|does)(?: not|n't) know|nobody (?:has|uses|with|by)",
        `(?:that|this|such an?|any) (?:${WHO})(?! (?:of|in|for)(?!\\w))`,
        2,
      ),
      word(
        'not (?:a )?registered (?:address|user|recipient|e-?mail)|no longer works? (?:here|for us|for this company|with us|with the company|at)',
      ),
      /recipient address must (?:contain|have|include)|(?:recipient|destination|mail[- ]?box)(?: address)? (?:is )?(?:missing|malformed|misspelled|mistyped)(?! header)/,
      /recipient (?:is )?not (?:on|in) (?:this|our|the)|reserved by rfc|(?<!\byou )(?:do|does)(?: not|n't) have an? (?:\S+ )?account|recipient(?: address)? (?:cannot|could not|can't) be verified|is no longer valid|not (?:found|listed|present|known) in (?:[a-z]+ ){0,3}(?:ldap|directory|address book)|(?:is )?no longer an? (?:employee|customer)|not (?:our|one of our) (?:[a-z]+ ){0,3}(?:customers?|clients?|subscribers?|users?)|not a member of (?:this |the |our )?domain|incorrectly addressed|mailbox name not allowed|need fully-qualified address|handle mail for (?:that|this) user|callout verification failure|exists? that user|no record of (?:this|that|the|any|such) (?:user|recipient|address|account|mail[- ]?box|e-?mail)|is deceased|(?:has )?left the (?:company|organi[sz]ation)|domain missing or malformed|final (?:e-?mail )?delivery point|(?<!\b(?:domain|host|sender|client|server|command|ip#?|mail) (?:is )?)not known (?:at|on|to) (?:this|our) (?:site|server|system)|cannot deliver mail for/,
    ),
    unless: SOMETHING_ELSE_UNKNOWN,
    example:
      '550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in local recipient table',
  },
  {
    name: 'closed-mailbox',
    reason: 'invalid-recipient',
    literals:
      'disable|inactive|in-active|suspend|deactivat|terminat|closed|locked|frozen|expired|deleted|removed|discontinued|cancel|archived|retired|moved|replaced by|no longer|blocked|activat|inactiv|new address|forbid|changed|p=disableduser|logged|entered|signed|inactivity|accountdisabled|mailboxdisabled',
    pattern: either(
      near(
        WHO,
        '(?:is |are |was |were |has |have |been |currently |temporar(?:y|ily) |permanently |a )*(?:disabled|inactive|in-active|suspended|deactivated|de-activated|terminated|closed|locked|frozen|expired|deleted|removed|discontinued|cancel(?:l)?ed|archived|retired|moved|changed|replaced by|no longer|blocked|suspend the service|not been activated|not activated)',
        45,
      ),
      near(
        WHO,
        "(?:(?:has|was|is)(?: not|n't)|has never|never|not) (?:been )?(?:logged (?:in|on|onto)|signed in|entered (?:during|since|for)|used (?:for|since))",
        5,
      ),
      /(?<!\b(?:connection|session|channel|host|ip#?|server|domain|network) (?:is |was |has been )?)(?:disabled|suspended|deactivated|blocked) (?:due to|because of|for|after) (?:[a-z]+ )?inactivity/,
      /\binactive on this (?:domain|server|system|host)/,
      // Exchange names its exception: `AccountDisabledException`.
      /p=disableduser|(?:account|mailbox)disabled/,
      /^<[^<> ]{1,64}>[:. ]{1,5}(?:is |was |has been |now |currently )*(?:disabled|inactive|suspended|deactivated|closed|expired|deleted)\b/,
      new RegExp(
        `\\b(?:disabled|inactive|suspended|deactivated|terminated|closed|locked|frozen|expired|deleted|archived|discontinued|abandoned|dead|cancel(?:l)?ed|retired|removed|invalid/inactive)[ :]{1,2}${TARGET}\\b`,
      ),
    ),
    unless:
      /\b(?:your|sender'?s?|sending|client) (?:[a-z-]+ ){0,2}(?:account|user|address|domain|ip|mail[- ]?box)\b|\b(?:message|e-?mail|mail) (?:has been |was |is )?(?:blocked|removed|deleted|locked|closed|expired)|@:blocked|password|certificate|account of (?:the sender|sender|your provider)|you are (?:sending|using)|tried to send|from you\b|too many|\b(?:your )?(?:provider|isp)(?:'s)? account|(?:for )?(?:outgoing|outbound)|(?:for|from) sending|external mail|inbounds disabled|administrator has|rejected ?: ?blocked|\b(?:currently|being|is) (?:[a-z]+ )?being (?:moved|migrated)|by (?:another|a) (?:process|session|pop|imap)|pop session/,
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
      /sorry, no mail[- ]?box|banned recipient|check the recipient'?s?'? (?:e-?mail )?address/,
    ),
    permanent: true,
    // These are the words of RFC 5321 4.2.3 for any 550; what follows them may give another reason.
    unless:
      /policy|spam|temporar|try again|failure sending|reject due|invalid dns|\bsender|\byour (?:ip|server|host|domain)|access from/,
    example: '550 Action not taken: mailbox unavailable here',
  },
];
