/** Wordings about this message: its size, its content, a policy about messages. */
import { around, either, near, REFUSED, type ReasonEntry, word } from './entry.ts';

/** Larger than a limit. Before most others, because these are about limits that were exceeded, too. */
export const SIZE: readonly ReasonEntry[] = [
  {
    name: 'header-too-big',
    reason: 'too-big',
    literals: 'header',
    pattern: near('headers?', 'limits?|too large|too big', 40),
    status: ['3.4'],
    example: '552 5.3.4 The header of this message exceeds the limit',
  },
  {
    name: 'too-big',
    reason: 'too-big',
    literals:
      'too big|too large|larger than|bigger than|size|too long|length|taille|grande|zu gross|zu groß|too heavy|oversize|line limit|太大|大きすぎ|サイズ',
    pattern: either(
      near(
        'message|messages|mail|mails|e-?mail|msg|attachments?|size|content|body|data|file|nachricht|mensaje|messaggio|mensagem',
        'too (?:big|large|long|heavy)|(?:larger|bigger) than|over-?sized?|zu gro(?:ss|ß)|demasiado grande|troppo grande|muito grande|trop (?:gros|volumineux|grand)',
      ),
      around(
        'size|mailsize|msgsize|length|taille|tamano|dimensione?|tamanho',
        'exceed(?:s|ed|ing)?|limits?|limit(?:e|ation)s?|maximum|max|over|larger|greater|more than|depasse\\w*|excede|supera|atteinte',
      ),
      /^too (?:big|large)\b|^message size\b|\bfilter size$/,
      word('line limit exceeded|recipsizelimit|sendersizelimit|oversized?'),
      /太大|大きすぎ|サイズ.{0,20}(?:超|オーバー|制限)/,
    ),
    unless:
      /headers?\b[^.;]{0,25}(?:size|too|limit|exceed|long|large)|size of (?:the )?headers?|mail[- ]?box[^.;]{0,25}(?:limit|exceed|over|size)|(?:rate|number)[^.;]{0,15} limit|lines? (?:is |are )?too long|domain name|mail ?folder|command|quota|queue too long|mailbox is full|than the (?:available )?space|in (?:the )?queue|deliver\w* for|mail file|recipient list|(?:number|count) of (?:rcpts?|recipients?)/,
    example: '552 5.3.4 Message size exceeds fixed limit',
  },
];

/** This message is spam, infected or malformed. */
export const CONTENT: readonly ReasonEntry[] = [
  {
    name: 'virus',
    reason: 'spam-or-content',
    literals: 'virus|malware|infected|trojan|phish|worm|executable|ransom|spoofed',
    pattern: word(
      'spoofed (?:messages?|mails?|e-?mails?)|virus(?:es)?|malware|infected|trojan|phish(?:ing)?|worm|executable|ransomware',
    ),
    // The scanner itself does not work.
    unless:
      /(?:virus[- _]?scan\w*|anti-?virus|scanners?)[^.;]{0,15} (?:fail(?:ed|ure)|error|unavailable|not available|timed? ?out)|(?:unable|failed) to scan|could not be scanned/,
    example: '554 5.7.1 Virus found in message',
  },
  {
    name: 'spam',
    reason: 'spam-or-content',
    literals:
      'spam|scam|unsolicited|bulk|junk|uce|ube|score|suspicious|pourriel|indesirable|no deseado|indesejad|mass mail|reject, id|gtube|dt:spm|спам|垃圾|迷惑メール|スパム|advertis',
    pattern: either(
      /спам|垃圾|迷惑メール|スパム/,
      /spam|reject, id=|gtube|\bdt:spm\b/,
      word(
        'mass mail(?:er|ing)?|scam|unsolicited|bulk(?: e-?mail| mail)?|junk(?: ?mail)?|uce|ube|pourriel|indesirable|no deseado|indesejad[ao]|advertis(?:ing|ements?)|suspicious',
      ),
      near('score', 'too high|exceed\\w*|above|over|threshold'),
    ),
    unless: /bulk senders|suspicious(?:ly)? (?:ip|host|activity|account)/,
    example: '554 5.7.1 Message identified as SPAM',
  },
  {
    name: 'attachment',
    reason: 'spam-or-content',
    literals:
      'attach|archive|piece jointe|file type|filename|extension|zip|adjunto|anhang|anexo|allegat',
    pattern: either(
      around(
        'attach(?:ment|ments|ed)|archives?|pieces? jointes?|file types?|filename|file name|extensions?|anhang|adjunto|anexo|allegato',
        `${REFUSED}|illegal|dangerous|not accept|potential\\w*|unsafe|type|contains?|count|number|too many|nicht|interdite?|suspect|bad|invalid`,
      ),
    ),
    unless: /service extension/,
    example: '550 5.7.1 Attachment type .exe is not allowed',
  },
  {
    name: 'malformed-message',
    reason: 'spam-or-content',
    literals:
      'header|mime|rfc|without|blank|empty|conform|message-id|from:|multiple from|bare lf|bare line|bare cr|malformed|encoded-word|improperly|invalid characters|0-bit|0bit|base0|subject|date:|from header|nul |charset|line too long|lines longer|line length|not compliant|compliance|comply|violation|parse|too long|address in |lone lf|lone cr',
    pattern: either(
      around(
        'headers?|mime|message-id|date:|from: header|(?:from|to|subject|date|reply-to) (?:header|field|line)|charset|0-?bit',
        `error|invalid|missing|malformed|duplicate|illegal|bad|not (?:valid|accept\\w*|compliant|conform\\w*)|large|limit|exceed\\w*|too (?:many|large|long|big)|improper|multiple|incorrect|more than one|no|syntax|violat\\w*|complexity|corrupt|${REFUSED}`,
        60,
      ),
      near(
        'message|mail|e-?mail|messages',
        "must be rfc|(?:is |are |does |do )*(?:not|n't|non)[- ](?:be )?(?:rfc|compl\\w+|conform\\w*)|malformed|improperly[- ]formatted|rfc[ -]?0? (?:non-?)?complian\\w*",
        30,
      ),
      near(
        'without|missing|blank|empty|no',
        '(?:an? |any )?(?:valid )?"?(?:from|to|date|subject|cc|sender)"?(?:: ?|-| )(?:addresses|address|headers?|fields?|lines?)',
        3,
      ),
      /\b(?:bare|lone) (?:lf|cr|linefeed|newline|line ?feed)|nul (?:character|byte)s?|lines? (?:is |are )?(?:too long|longer)|unnecessary base0|not a valid rfc|p=rfcmessagenoncompliant|(?:failed|unable|could not|cannot) (?:to )?parse (?:the )?(?:message|mail|header)|address in (?:the )?"?(?:from|to|cc|sender)\b|not allowed as a from|\bformat (?:restriction )?violation|encoded-word|invalid characters|(?:not|non-?) ?rfc|headers? are not/,
    ),
    unless:
      /bad sequence|server response|protocol|command|helo|review rfc .* (?:bad|sequence)|domain is invalid|(?:recipient|destination) address(?! header)/,
    example: '550 5.6.0 Message is missing a valid From: header',
  },
  {
    name: 'content-refused',
    reason: 'spam-or-content',
    literals:
      'content|malicious|body|filter|macro|quarantin|by dcc|html|inhalt|contenu|contenido|conteudo|contenuto|内容|pattern|banned|forbidden|prohibited',
    pattern: either(
      around(
        'contents?|inhalt|contenu|contenido|conteudo|contenuto',
        `${REFUSED}|violat\\w*|filter(?:ed|s|ing)?|suspicious|nature|restriction|inappropriate|invalid|improperly|binary|check|potential|scan\\w*|policy|unerwunscht|gesperrt\\w*|verboten\\w*|interdit\\w*|rechazad[oa]|rejet\\w*|prohibid[oa]|rifiutat[oa]|recusad[oa]|malicious|harmful|inacceptable|detect\\w*|because|due`,
        50,
      ),
      near('(?:message|mail|e-?mail)', '(?:was |has been |is )?(?:filtered|quarantined)', 20),
      /\bquarantined (?:message|e-?mail|mail)/,
      near('unacceptable|forbidden|illegal', '(?:message )?(?:body|text)', 3),
      around('html', REFUSED, 20),
      around('macros?', 'document|office|attachment|file', 20),
      near(
        'blocked by|rejected by|stopped by|caught by',
        '(?:[a-z]+ ){0,3}(?:filter|filters|filtering|scanner|engine)',
        20,
      ),
      word(
        '(?:rejected|blocked) by (?:dcc|razor|pyzor)|(?:url|word|keyword|body|subject|phone number) filter|recurrent pattern detection|banned (?:content|words?|phrases?|subject|file)|forbidden (?:content|words?|links?|urls?|files?)|prohibited (?:content|words?)',
      ),
      /内容/,
    ),
    unless: /senderfilter|sender filter|recipient filter/,
    example: '550 5.7.1 Message content rejected',
  },
];

/** The message was refused, and the reply does not say why. Among the last entries. */
export const MESSAGE_REFUSED: readonly ReasonEntry[] = [
  {
    name: 'message-refused',
    reason: 'spam-or-content',
    literals: 'message|mail|transaction',
    pattern: near('message|mail|e-?mail', `(?:is |was |has been |been )*(?:${REFUSED})`, 12),
    unless: /recipient|mail[- ]?box|connect/,
    permanent: true,
    example: '554 5.7.1 Message rejected',
  },
];

/** A policy about messages, or a closed list. */
export const POLICY: readonly ReasonEntry[] = [
  {
    name: 'closed-list',
    reason: 'spam-or-content',
    literals: 'members-only|members only|mailing list|subscribed|moderat',
    pattern: word(
      'members[- ]only|closed (?:mailing )?list|closed mailing list|not (?:a )?(?:subscribed|subscriber)(?: to)?|only (?:subscribers|members)|moderated',
    ),
    example: '550 5.7.2 This is a closed mailing list',
  },
  {
    // Some providers say so when they have shut a mailbox, others when they refuse a sender.
    name: 'policy-on-recipient',
    reason: 'other',
    literals: 'polic',
    pattern: /polic(?:y|ies)[^.;]{0,20} on the (?:target|recipient|destination) address/,
    example: '550 5.7.1 Policy rejection on the target address',
  },
  {
    name: 'policy',
    reason: 'spam-or-content',
    literals:
      'polic|politique|richtlinie|security reason|politica|organizational|ポリシー|local rule|administratively|mail rule|rules reject|transport.rules|rejectmessage|acceptable use|terms|our rules',
    pattern: either(
      around(
        '(?:mail|e-?mail)?polic(?:y|ies)|politique|politicas?|richtlinien?',
        `${REFUSED}|violat\\w*|reasons?|detected|due|because|against|breach\\w*|not comply|conform\\w*|by|organization|violacion|restriction|match\\w*|local|verletz\\w*|grunde\\w*`,
        60,
      ),
      near(
        'violat\\w*|against|breach\\w*',
        '(?:our |the |your )?(?:terms|rules|aup|acceptable use|conditions)',
        5,
      ),
      word(
        'rules reject|security reasons|organi[sz]ational (?:policy|settings)|transport\\.rules\\.rejectmessage',
      ),
      /ポリシー/,
    ),
    unless:
      /client host|your (?:ip|host|server)|\bip address|connect(?:ion|ing)?\b|host ip#|ip#\]? (?:is|was|has)|recipient address rejected: policy violation|go away|envelope rejected|policy server|greeting|helo/,
    example: '554 5.7.1 Message refused for policy reasons',
  },
];
