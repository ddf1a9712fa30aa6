/** Wordings about the sender address, and refusals of the sending host that give no better reason. */
import { around, either, near, REFUSED, type ReasonEntry, word } from './entry.ts';

/** The sender's address or account is refused. */
export const SENDERS: readonly ReasonEntry[] = [
  {
    // SPF that does not call itself by that name.
    name: 'host-not-designated',
    reason: 'auth',
    literals: 'to send|permitted sender',
    pattern: either(
      near(
        '(?:ip#|host|server|address)\\]?',
        "(?:is |was )?(?:not|n't) (?:allowed|permitted|authori[sz]ed|designated) to send (?:e-?mails? |mails? |messages )?(?:from|for|on behalf of)",
        20,
      ),
      /not designate[^.;]{0,40} permitted sender/,
    ),
    example: '550 192.0.2.7 is not authorized to send mail for example.net',
  },
  {
    name: 'sender-refused',
    reason: 'reputation',
    literals:
      'sender|mail from|mailfrom|from address|from:|return path|return-path|reverse path|reverse-path|envelope from|originator|emetteur|expediteur|remitente|remetente|mittente|absender|batv|backscatter|unresolvable rfc|bounce|null sender|empty envelope|returned mail|dsn|送信者|发件人|發件人|отправител|from domain|sending domain|your domain|your mail domain|senderfilterconfig|purported responsible|gateway user|different address or alias|cname|sending address|email address is not verified|from unknown tld|reserved domain|allowed-senders|allow list|domain name required|domain must resolve',
    pattern: either(
      around(
        "senders?(?:'s)?|sender(?:'s)? (?:e-?mail )?(?:address|domain)|mail ?from:?|from address|from: domain|return[- ]path|reverse[- ]path|envelope[- ]from|originator|emetteur|expediteur|remitente|remetente|mittente|absender|from domain|sending domain",
        `${REFUSED}|invalid[ae]?|not a valid|newly|unknown|not exist\\w*|does(?: not|n't) exist|not found|not valid|bad|verif\\w+|unresolvable|not resolve|unroutable|unrouteable|no such|not owned|not own|must|missing|empty|unverified|illegal|bogus|malformed|fake|forged|spoof\\w*|spam\\w*|disabled|suspended|inconnue?|desconocid[oa]|n'existe|no existe|nao existe|non esiste|existiert nicht|unbekannt\\w*|sconosciut[oa]|ungultig\\w*|not match|mismatch|resolve fail\\w*|has no(?: valid)?|(?:does not|doesn't) have an?y?|syntax|undeliverable|not pre-?approved|unvalidated|not validated|nullmx|null`,
        50,
      ),
      near(
        'your (?:mail |sending |e-?mail )?domain',
        "(?:does not|doesn't|cannot|could not|can't) (?:be )?(?:resolved?|found|exist)|(?:is )?(?:invalid|unknown|not valid|not registered)|has no",
        5,
      ),
      word(
        'senderfilterconfig|purported responsible address|gateway user|different address or alias|recursive cname|bouncedeny|not in (?:my|our|this) domain|not in (?:the )?allow(?:ed)?[- ](?:senders?|list)[- ]?(?:list)?|email address is not verified|batv|backscatter|unresolvable rfc\\S* (?:from )?domain|send as (?:this|that|the) sender|returned mail not accepted|bounces? (?:messages? )?(?:are |is )?(?:not accepted|never)|multi(?:ple)?[- ]recipients? bounces?|requires (?:a )?valid sender|from (?:unknown tld|rfc0 reserved domain)|(?:null|empty) (?:envelope )?senders?|unsigned dsn|third-party dsns|domain name required|(?<!of )domain must resolve',
      ),
      /(?:送信者|发件人|發件人|отправител).{0,30}(?:拒|无效|無効|存在|не |заблок)/,
    ),
    unless:
      /sender header|(?:from|sender) header|header or from|(?:sender|recipient) first|sender(?:s)? (?:guidelines|support)|email sender guidelines|returned to sender|return to sender|sender is not authori[sz]ed by the recipient|senders? (?:to accept|list)/,
    example: '550 5.1.8 <alice@example.net>: Sender address rejected: Domain not found',
  },
  {
    name: 'sender-by-status',
    reason: 'reputation',
    literals: 'address|domain|user|mailbox',
    status: ['1.7', '1.8'],
    unless: /recipient|rfc/,
    example: '553 5.1.7 Invalid address',
  },
  {
    name: 'sending-account',
    reason: 'reputation',
    literals:
      'sending for|sending from|sending by|your access|your account|your e-mail|your email|sending denied|your mailbox|sender account|your address',
    pattern: either(
      near(
        'your (?:access|account|mail[- ]?box|e-?mail (?:account|address)|address|user)',
        `${REFUSED}|disabled|suspended|not verified|compromised|locked|deactivated|blacklisted|inactive`,
        60,
      ),
      /sending denied|(?:message|mail) sending (?:for|from|by) (?:this|the) (?:account|user) is disabled/,
    ),
    example: '550 5.7.1 Your account has been suspended for outgoing mail',
  },
];

/** The sending host is refused, and the reply gives no better reason. */
export const HOST_REFUSED: readonly ReasonEntry[] = [
  {
    name: 'host-refused',
    reason: 'reputation',
    literals:
      'ip|host|client|server|network|connect|mta|isp|provider|access|domain|you |talker|go away|no valid recipients from|requires confirmation|envelope|a problem occurred|blocked|refused - see|prohibition|not authorized|white|allow|over ip|abuse',
    pattern: either(
      around(
        "ip|ips|ip#|hosts?|client(?: host)?|networks?|(?:your|this|that|sending|remote|sender's|the following) (?:mail ?server|server|mta|isp|provider|domain|network|connection)|dom#",
        `${REFUSED}|banned|bad|hangup|not trusted|untrusted|no access|rejections|restrict\\w+|bloqu(?:ee?s?|ead[oa])|filtered|gesperrt|bloccat[oa]|geblokkeerd|zablokowan\\w*|not in (?:the )?(?:white|allow) ?list|invalid ip`,
        45,
      ),
      /\bip.{0,3}(?:адрес|地址).{0,20}(?:заблокирован|禁用|拒|封)/,
      near(
        'connections?|access|mail|messages|e-?mail',
        `(?:[a-z]+ ){0,4}from (?:your |this |the |that )?(?:ip|ip#|host|server|network|dom#|domain|isp|country|region)[^.;]{0,40}(?:${REFUSED})`,
        10,
      ),
      near(
        'not accept(?:ing|ed)?|refus\\w+|reject\\w*|den(?:y|ied)',
        '(?:[a-z]+ ){0,4}from (?:your |this |the |that )?(?:ip|ip#|host|server|network|dom#|domain|isp|country|mail)',
        20,
      ),
      /^blocked\b|@:blocked|\bmail ?server is (?:currently |temporarily )?(?:blocked|banned)|ip[:= ]+ip# - a problem occurred/,
      word(
        'invalid ip|no access from|over ipv?0|not authori[sz]ed to send (?:e-?mail|mail) directly|connection denied|connections? (?:was |were |is )?(?:rejected|denied|blocked) by|connections? (?:was |were |is )?(?:rejected|refused|denied|blocked) (?:due to|for|because of)|connections (?:will )?not (?:be )?accepted|no valid recipients from|requires? confirmation|confirm this mail server|refused - see|administrative prohibition|envelope (?:blocked|rejected)|delivery not authori[sz]ed|smtp server of your isp|not (?:currently )?accept(?:ing|ed)? (?:mail|traffic|connections) from|unauthori[sz]ed interface|restrictdomains\\w+|access denied|go away|you are not allowed to (?:connect|send)|not allowed to connect|client host rejected|server access|early ?talkers?|connections from (?:[a-z]+ ){1,3}(?:are|is) (?:rejected|refused|denied|blocked)',
      ),
    ),
    unless:
      /connection refused(?! (?:due|for|because))|recipient address rejected|network messages/,
    example: '554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied',
  },
  {
    name: 'host-suspected',
    reason: 'reputation',
    literals:
      ' ip|prison|jail|quarantine| check|impersonat|weren|wasn|were not|was not|not be|location|country|region',
    pattern: either(
      /\b(?:black|bad|dirty|spam|banned|listed) ips?\b|\bips?(?: address(?:es)?)? (?:is |are )?in (?:prison|jail|quarantine)/,
      /\b(?:ip|smtpport|openrelay|rbl|dns|client|helohost) check\b|\b(?:host|server|client|you)\b[^.;]{0,20}\bimpersonat/,
      /\bfrom (?:your|this|the|that) (?:location|country|region)\b/,
      /\b(?:messages?|e-?mails?|mails?) from \[?(?:ip#|dom#|your)\S*(?: [a-z]+)? (?:weren't|wasn't|were not|was not|cannot be|can't be|will not be) (?:sent|accepted|delivered)/,
    ),
    example: '550 Your IP address is in prison',
  },
  {
    // Nothing but a refusal: the recipient is not what it is about, or the reply would name it.
    name: 'refused-outright',
    reason: 'reputation',
    literals: 'not allowed|not permitted|denied|refused|forbidden|banned|prohibited|unauthori',
    pattern:
      /^(?:access |permission |service )?(?:not allowed|not permitted|denied|refused|forbidden|banned|prohibited|unauthori[sz]ed)[.! ]*$/,
    example: '421 4.7.0 Service denied',
  },
  {
    name: 'service-refused',
    reason: 'reputation',
    literals: 'access denied|service refus|service denied',
    permanent: true,
    example: '550 Service refused, please try later',
  },
];
