/** Wordings about the sending host: blocklists, reverse DNS, HELO, rates. */
import { around, either, near, REFUSED, type ReasonEntry, word } from './entry.ts';

/** The sending host. Before content and recipients, because such texts often have words about these, too. */
export const HOSTS: readonly ReasonEntry[] = [
  {
    name: 'greylisting',
    reason: 'rate-limited',
    // Some policy servers call it an intentional rejection.
    literals:
      'greylist|graylist|grey-list|gray-list|grey list|postgrey|intentional policy rejection',
    example: '451 4.7.1 Greylisting in action, please come back later',
  },
  {
    name: 'dictionary-attack',
    reason: 'reputation',
    literals:
      'too many|excessive|many|dictionary|harvest|guess|often|number of|to invalid|to unknown|to non',
    pattern: either(
      near(
        'too many|excessive|so many|many|high (?:number|rate|percentage) of|number of',
        '(?:invalid|unknown|bad|non-?existent|non-?existing|rejected|wrong|failed) (?:users?|recipients?|rcpts?|addresses|mail ?boxes)|(?:user(?:id)?s?|recipients?) (?:unknowns?|failures)|invalid rcpts?|bounces',
        20,
      ),
      word('dictionary attacks?|directory harvest(?:ing)?(?: attacks?)?|address harvest(?:ing)?'),
      near('(?:users|recipients|addresses)', '(?:invalid|unknown|rejected) (?:too )?often', 45),
      near(
        'sending|sends?|sent|mailing|delivering|deliver(?:y|ies)|attempts?',
        '(?:e-?mails? |mails? |messages? )?to (?:invalid|unknown|non-?existent|non-?existing) (?:users|recipients|addresses|mail ?boxes|accounts)',
        3,
      ),
    ),
    example: '421 4.7.1 Too many unknown users from 192.0.2.7',
  },
  {
    name: 'reputation',
    reason: 'reputation',
    literals: 'reputation|senderscore|sender score|senderbase',
    unless: /does not affect/,
    example: '554 Connections from mx.example.net refused due to poor reputation',
  },
  {
    name: 'content-blocklist',
    reason: 'spam-or-content',
    literals: 'url|uri|link|surbl',
    pattern: either(
      near('black-?listed|blocked|listed|malicious|bad|spam', '(?:url|uri|link)s?(?!#)', 20),
      near(
        '(?:url|uri|link)s?(?!#)|body|contains?',
        'black-?listed|blacklist|blocklist|listed',
        30,
      ),
      word('uribl|surbl'),
    ),
    unless: /\b(?:ip|(?<!url )host|client)\b/,
    example: '550 5.7.1 Blacklisted URL in message',
  },
  {
    name: 'recipient-blocks-sender',
    reason: 'other',
    literals:
      'notauthorized|recipient|user|member|destinataire|subscriber|permission|to this|to the|challenge',
    pattern: either(
      near(
        'recipient|user|subscriber',
        '(?:only accept(?:s|ing)?|accept(?:s|ing)? (?:mail|e-?mail|messages?) only|has (?:not )?restricted|refuses? to (?:receive|accept)|has blocked|does not want|(?:is )?not accepting (?:any )?(?:mail|messages|e-?mail))',
        30,
      ),
      near(
        'protected by|rejected by|blocked by|user rules|rules? of|preferences of|(?:refused|rejected) due to',
        "(?:the |this )?(?:recipient|user)(?:'s)?(?: preferences| rules)?|user rules|a challenge",
        12,
      ),
      near(
        "(?:do not|don't|does not|not) have (?:the )?permissions?|not (?:allowed|permitted|authori[sz]ed)|no permission",
        'to (?:send|post|write|mail|deliver)(?: (?:mail|e-?mail|messages?))? to (?:it|this|the|that)(?: (?:recipient|user|member|group|list|mailing list|distribution list|mailbox|address))?',
        3,
      ),
      word(
        "challenge[- ]response|resolver\\.rst\\.notauthorized|recipient'?s? (?:preferences|rules|personal|white ?list|allow ?list)",
      ),
    ),
    unless:
      /access denied|\bip\b|black ?listed by recipient|policy|refuses to accept your mail|attachment|image/,
    example: '550 5.7.1 The recipient only accepts mail from known senders',
  },
  {
    name: 'reverse-dns',
    reason: 'reputation',
    literals:
      'ptr|reverse|rdns|hostname|host name|name lookup|dynamic|dialup|dial-up|residential|fcrdns|generic|inverse|forward dns|forward-dns|unresolvable relay|mismatches client|unverifyable|unverifiable|invalid dns',
    pattern: either(
      word(
        'ptr|rdns|fcrdns|reverse[- ]?(?:dns|lookups?|hostnames?|names?|mapping|resolution|address(?:es)?|ips?|records?|entry|entries)|dns reverse|resolution inverse|inverse dns|forward[- ]dns|forward-confirmed',
      ),
      near(
        'cannot|no|not|unable to',
        '(?:find|resolve|verify) your (?:reverse )?(?:host ?name|ip|address)|ip name lookup',
        15,
      ),
      near(
        'dynamic|dial-?up|residential|generic',
        'ips?|ip#|hosts?|addresses|address|pool|ranges?|dns|hostnames?',
        30,
      ),
      /unresolvable relay host|invalid dns (?:mx|a|ptr)|mismatches client ip|unverif[iy]able sending ips?/,
      near(
        'ip name lookup|host ?name',
        "failed|invalid|not found|mismatch|(?:does not|doesn't|not) match|unresolvable|does not resolve",
        20,
      ),
    ),
    unless: /name service error|hostname for dom#/,
    example: '550 5.7.25 No PTR record for 192.0.2.7',
  },
  {
    name: 'helo',
    reason: 'reputation',
    literals: 'helo|ehlo',
    pattern: either(
      /\bhelohost\b/,
      around(
        'helo|ehlo',
        `${REFUSED}|invalid|valid|bad|need|fully[- ]qualified|not (?:a )?(?:resolve|match|found|valid)|mismatch|does(?: not|n't)|malformed|must|fake|forged|spoof\\w*|bogus|your|my|wrong|literal|unknown|missing|policy|requires?`,
        60,
      ),
    ),
    unless:
      /(?:send|say|polite|expected|sequence|issue|must issue|no|before|after)\b[^.;]{0,20}\b[he][eh]lo\b|[he][eh]lo (?:first|command out)|handshake/,
    example: '550 5.7.1 <localhost>: Helo command rejected: invalid name',
  },
  {
    name: 'helo-domain',
    reason: 'reputation',
    literals: 'invalid domain name',
    status: ['5.4'],
    example: '501 5.5.4 Invalid domain name',
  },
  {
    name: 'blocklist',
    reason: 'reputation',
    literals:
      'black|block|deny|denied by|rbl|dnsbl|bl)|spamhaus|spamcop|barracuda|sorbs|listed|abusix|uceprotect|zen.|liste noire|lista negra|lista nera|schwarze|blocage',
    pattern: either(
      word(
        'black[- ]?list(?:ed|s|ing)?|block[- ]?list(?:ed|s|ing)?|deny[- ]?list(?:ed|s|ing)?|rbls?|dnsbls?|spamhaus|spamcop|sorbs|uceprotect|abusix|liste noire|lista negra|lista nera|black list|(?:xbl|sbl|pbl|css|zen) (?:list|database)',
      ),
      /dnsbl#/,
      /\(bl\)|schwarze[nr]? liste/,
      word('blocked (?:using|by|at|- see|see)'),
      near(
        'ip|ip#|host|server|domain|network',
        '(?:is |was |are )?(?:currently )?listed (?:in|by|at|on|as)',
        30,
      ),
    ),
    unless:
      /header|blocked using (?:a )?spam(?!haus|cop|rats| ?list)|may be blacklisted|may not exist|blocked by (?:the |an )?admin|blocked by (?:our |the )?(?:dcc|razor|pyzor|bulk|content|spam(?!haus|cop|rats)|recipient|filter|antivirus|virus|message|policy)|(?:spam|virus|content|attachment)[^.;]{0,20} blocked$/,
    example: '554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example.org',
  },
  {
    name: 'unusual-rate',
    reason: 'rate-limited',
    literals: 'unusual|server busy',
    pattern: either(
      near('unusual', '(?:sending )?(?:rate|volume|amount|traffic|number|activity)'),
      /server busy\b.{0,30} from \[?ip#/,
    ),
    unless: /reputation/,
    example: '421 4.7.28 An unusual rate of unsolicited mail comes from your IP address',
  },
  {
    name: 'spamming-host',
    reason: 'reputation',
    literals:
      'spam|trap|abus|unwanted|unsolicited|virus|suspicious|complaints|go away|bounce attack|permanently deferred|dnsrbl',
    pattern: either(
      near(
        'spams?|spam(?:mer|ming)s?|abuse|abusive|unwanted messages|unsolicited|suspicious\\w*|junk',
        '(?:from|of|by|on) (?:your|this|the|that) (?:following )?(?:ip|host|server|network|domain|mail ?server|address|isp)|your (?:ip|host|server|network)|ip address|(?:from|by) \\[?ip#',
        45,
      ),
      near(
        'ip|ip#|host|server|network|remotehost|client|sender|you|mta',
        '(?:is |are |has |have |was |been |looks |recently |currently |suspiciously |like |known |a |as |for |to be |sending |sent )+(?:spam(?:mer|ming|s)?|abus\\w+|unsolicited|junk)',
        3,
      ),
      /\b(?:this|your|sending|the) (?:ip|host|server|network)\b[^.;]{0,40}\b(?:blocked|banned|refused|rejected)\b[^.;]{0,80}(?:spam|abuse|invalid)/,
      /\b(?:client host|serveur|servidor|(?:adresse|direccion|endereco|indirizzo) ip|ip(?: address|-adresse)?)\b[^.;]{0,25}(?:blocked|rejected|banned|bloqu\w+|bloccat\w|gesperrt)[^.;]{0,30}(?:spam|abus)/,
      word(
        'spam ?traps?|honey ?pots?|spammers?|abus detecte|spam source|source of spam|spam ips?|permanently deferred|dnsrbl|spam abuse|go away|blocked for abuse|block for (?:spam(?:ming)?|abuse)|currently sending spam|(?:user|because of|due to|of) complaints|bounce attacks?',
      ),
    ),
    unless: /spam(?:my)? content|content of/,
    example: '554 Too many spams from your IP (192.0.2.7)',
  },
  {
    // These words are enough, even in a text about a mailbox.
    name: 'rate-limit',
    reason: 'rate-limited',
    literals: 'rate limit|ratelimit|rate-limit|short period|short time',
    pattern: either(
      near('rate[- ]?limits?', '(?:is |was |has been )?(?:exceeded|reached|hit)', 25),
      near('exceeded|reached|hit|over', '(?:[a-z]+ ){0,3}rate[- ]?limits?', 10),
      near('too (?:much|many) (?:e-?mails?|mails?|messages?)', 'short (?:period|time)', 15),
    ),
    unless: /reputation/,
    example: '451 Ratelimit exceeded for mailbox bob',
  },
  {
    name: 'rate',
    reason: 'rate-limited',
    literals:
      'too many|too much|rate|throttl|slow|fast|limit|frequen|flood|exceed|quota|unusual|concurren|maximum|max |trop de|demasiad|muitas|troppe|zu viele|per hour|per day|per minute|excessive|volume|numerous|reached|quick|thread|threshold|permitted limits|p=receivingrate|out of allow|number of|лимит|频率|頻率|频繁|頻繁',
    pattern: either(
      near(
        'too many|too much|trop de|demasiad[oa]s|muitas|troppe|zu viele|excessive|maximum number of|max(?:imum)? |numerous|many concurrent',
        '(?:concurrent |simultaneous |open |smtp |recent |parallel )*(?:connections?|sessions?|messages?|letters|mails?|e-?mails|recipients?|rcpts?|requests?|errors|attempts|transactions|deliver(?:y|ies)|destinataires|connexions|conexiones|destinatarios|connessioni|conexoes|verbindungen|empfanger|nachrichten|hosts?|threads|processes|traffic|failures)',
        25,
      ),
      word(
        'rate[- ]?limit(?:ed|s|ing)?|throttl(?:ed|ing|e)|slow(?:er)? (?:down)?|slower|too (?:fast|quickly|frequent(?:ly)?|often)|flood(?:ing|ed)?|sending rate|message rate|connection rate|at a rate|rate that prevents|receiving mail too',
      ),
      near(
        'exceed(?:s|ed|ing)?|reached|over|hit|surpass\\w*',
        '(?:the |your |its |our |my )?(?:[a-z]+ )?(?:[a-z]+ )?(?:rate|connections?|frequency|hourly|daily|per[- ](?:hour|day|minute|second|domain|ip)|sending|messages? (?:per|limit|quota|allowed)|recipients? (?:limit|per)|number of|volume|concurren\\w+|threshold|permitted limits|outbound thread)',
        30,
      ),
      near(
        '(?:thread|hourly|daily|send(?:ing)?|submission|connection|message|recipient|concurren\\w+|traffic|volume|session|frequency|rate|smtp|batch)',
        '(?:[a-z]+ )?(?:limits?|quota|threshold)(?: (?:is |was |has been )?(?:exceeded|reached|hit))?',
        12,
      ),
      near(
        'max(?:imum)?',
        '(?:messages?|mails?|recipients?|connections?) (?:per|reached|exceeded)',
        15,
      ),
      near('rate', 'exceed(?:s|ed|ing)?', 45),
      /лимит|频率|頻率|频繁|頻繁/,
      near(
        'max(?:imum)? number of (?:[a-z/-]+ )?(?:messages|e-?mails|mails|recipients)',
        'reached|exceeded|over',
        20,
      ),
      near('(?:number|count) of (?:rcpts?|recipients?)', 'over|exceed\\w*|limits?|too|maximum', 20),
      near('limits? of', '(?:per (?:hour|day|minute|second)|reached|exceeded)', 30),
      word(
        'p=receivingrate\\w*|too much fail|unexpected volume|excessive volume|frequency limited|limit exceeded: (?:connection|rate)|rate control|out of allow(?:ed)? rcpt|(?:out|in)bound limit|sending too (?:much|many)|quota for messages per (?:hour|day|minute)',
      ),
    ),
    unless:
      /mail[- ]?box(?! received| quota for messages per)|inbox|message size|size limit|storage|disk|quota exceeded for user|boite|reputation|maximum (?:message )?size|hop|too (?:large|big)|header|corrupt|ptr\b|(?:complaint|spam|bounce) rate|score/,
    example: '421 4.7.0 Too many connections from 192.0.2.7',
  },
  {
    // A server that answers with a code did not refuse the connection as the network does.
    name: 'connection-refused-by-rule',
    reason: 'reputation',
    literals: 'connection refused|connection rejected|connection denied',
    status: ['7.0', '7.1'],
    unless: /tls|try again/,
    example: '550 5.7.1 Connection refused',
  },
  {
    // Yahoo's TS01 to TS03 and similar: too much mail, or too many complaints.
    name: 'host-deferred',
    reason: 'rate-limited',
    literals: 'temporarily deferred',
    pattern: near('(?:messages?|mails?|e-?mails?|connections?) from', 'temporarily deferred', 60),
    temporary: true,
    example: '421 4.7.0 [TS01] Messages from 192.0.2.7 temporarily deferred',
  },
  {
    // Greylisting that does not call itself by that name.
    name: 'retry-later',
    reason: 'rate-limited',
    literals: 'again in|again after|retry in|retry after|back in',
    pattern:
      /(?:try|come|retry)(?: again| back)? (?:in|after) 0 ?(?:s|secs?|seconds?|mins?|minutes?|hours?)(?!\w)/,
    temporary: true,
    unless: /fail|error|unavailable|maintenance|down|full|lookup|verif/,
    example: '450 4.7.1 Please try again in 300 seconds',
  },
];
