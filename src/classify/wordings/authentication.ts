/**
 * Wordings about proof that a server wants before it accepts mail: login, SPF, DKIM and DMARC, TLS, the right to relay.
 * Loops are here, too, because their words (`too many hops`) look like a rate limit.
 */
import { around, either, near, REFUSED, type ReasonEntry, word } from './entry.ts';

const FAILED =
  "fail(?:s|ed|ure|ing)?|did(?: not|n't) pass|not pass(?:ed|ing)?|unauthenticated|not authenticated|invalid|missing|reject(?:ed|ion)?|required";

/** Loops and configuration errors, which look like something else. */
export const LOOPS: readonly ReasonEntry[] = [
  {
    name: 'mail-loop',
    reason: 'other',
    literals: 'loop|hops|hop count|received header',
    pattern: either(
      word('loops?|looping|loops back'),
      near(
        'too many|exceed(?:s|ed)?|maximum',
        'hops?|hop count|received: ?headers?|received headers?|"received" headers',
      ),
      word('hop count'),
    ),
    unless: /received headers? (?:is|are) (?:missing|malformed)/,
    example: '554 5.4.0 Error: too many hops',
  },
  {
    // Our own Exim, which quotes its configuration and the error of the system.
    name: 'own-configuration',
    reason: 'other',
    literals: 'failed to expand',
    example: 'failed to expand "interface" option for remote_smtp transport: Permission denied',
  },
];

/** Proof that is missing or wrong. */
export const AUTHENTICATION: readonly ReasonEntry[] = [
  {
    name: 'relay-limit',
    reason: 'rate-limited',
    literals: 'relay',
    pattern: near('relay(?:ing)?', 'limits?|quota'),
    example: '550 5.4.5 Hourly relay limit reached',
  },
  {
    name: 'open-relay',
    reason: 'reputation',
    literals: 'open relay|openrelay|open proxy|open proxies',
    unless: /not an open relay|open relay (?:is )?not allowed/,
    example: '554 Your host is an open relay',
  },
  {
    name: 'relay-denied',
    reason: 'relay-denied',
    literals:
      'relay|relais|remote|external|foreign|non-local|outside|rcpthost|gateway|reenvio|retransmission|weiterleit',
    pattern: either(
      around(
        'relay(?:ing)?',
        `${REFUSED}|not configured|disabled|off|failed|authentication required|requires? auth\\w*`,
      ),
      near(
        "unable|not|cannot|can't|won't|don't|doesn't|isn't|aren't|never|without|insecure|unauthori[sz]ed|open|third[- ]party|credentials",
        'relay(?:ing)?',
        25,
      ),
      word(
        'as a relay|relay check [a-z]{1,10} fail|no relay(?:ing)?|open relay|rcpthosts?|not a gateway|relay access|relais refuse\\w*|relaying mail to',
      ),
      near(
        'remote|external|foreign|non-local|outside',
        '(?:domains?|destinations?|hosts?|recipients?) (?:is |are )?(?:not|denied|refused|prohibited)',
        3,
      ),
      /weiterleitung .{0,30}nicht/,
    ),
    unless:
      /unknown in|recipient table|relay host name|primary relay|client host rejected|dnsbl#|black ?list|block ?list/,
    example: '554 5.7.1 <bob@example.org>: Relay access denied',
  },
  {
    name: 'foreign-recipient',
    reason: 'relay-denied',
    literals:
      'handle mail for|mail for domain|mail for this domain|mail for that domain|mail for the domain|forward mail for|forward for|not served|not handled|list of|not local|non-local|local domain|our domain|own domain|not hosted|host mail for|accept mail for|allowed domain|is not allowed|not allowed to this|local user only|no-domain|mx record points to local',
    pattern: either(
      near(
        "don't|not|doesn't|do not",
        'handle mail for|host mail for|accept(?:ing)? (?:e-?)?mail for (?:this |that |the )?domain|accept mail for|forward (?:mail )?for|hosted (?:here|on)',
        20,
      ),
      near('domain', 'not (?:served|handled|hosted) (?:by|here|on)', 10),
      /not in (?:our|my|the) list of (?:local|accepted|allowed|hosted|relay) domains|list of allowed recipients|local users? only|not local host|non-local e-?mail|not (?:an? (?:local|hosted|allowed)|one of our(?: [a-z]+)?) domains?|only accepts? (?:e-?)?mail for (?:its|our|my) (?:own )?domains?|specified domain is not allowed|delivery is not allowed to this address|recipient address rejected: no-domain\b/,
    ),
    unless: /for (?:that|this) user|have an account/,
    example: "550 5.7.1 We don't handle mail for example.org",
  },
  {
    name: 'tls-needed',
    reason: 'network',
    literals: 'starttls|tls|ssl|encrypt|certificate|handshake|dane validation|dnssec|mta-sts',
    pattern: either(
      word(
        'starttls|tls|tlsa|ssl|mta-sts|requiretls|dane validation|dnssec|session encryption|encryption (?:is )?(?:required|needed)|must be encrypted',
      ),
      near(
        'certificate|handshake',
        'fail(?:ed|ure)?|not (?:verified|trusted|valid)|mismatch|invalid|expired|error',
      ),
    ),
    unless:
      /protocol violation|may not be repeated|client certificate rejected|(?:ssl|tls) (?:connection|port) instead/,
    example: '530 5.7.0 Must issue a STARTTLS command first',
  },
  {
    name: 'domain-authentication',
    reason: 'auth',
    literals:
      'spf|dkim|dmarc|domainkeys|sender policy framework|sender id|senderid|sender-id|sender authentication|domain authentication|authentication check|domain owner',
    pattern: either(
      word('spf|dkim|dmarc|domainkeys|sender policy framework'),
      near(
        'sender[ -]?id(?: \\(pra\\))?|(?:sender|domain|message|e-?mail) authentication',
        `${FAILED}|not (?:permitted|allowed)`,
      ),
      word("authentication checks|domain owner(?:'s)? policy"),
    ),
    // Greylisting replies only mention the result of such a check.
    unless:
      /unusual rate|gr[ae]y[- ]?list|header '?(?:dkim|dmarc|spf)|duplicate header|dkim-signature/,
    example: '550 5.7.1 SPF check failed for example.net',
  },
  {
    name: 'sender-not-authenticated',
    reason: 'reputation',
    literals: 'sender',
    pattern: near(
      'sender|sendernotauthenticated\\w*',
      'not authenticated|delivery restriction',
      60,
    ),
    unless: /\b(?:spf|dkim|dmarc)\b/,
    example: '550 5.7.136 Sender was not authenticated for this mailbox',
  },
  {
    name: 'authenticated-mail-only',
    reason: 'auth',
    literals: 'authenticated',
    pattern: near(
      'unauthenticated|not (?:been )?authenticated|be authenticated',
      'e-?mails?|messages?|mail|senders?|client|sender|domain|required|to',
      60,
    ),
    example: '550 5.7.1 Unauthenticated email from example.net is not accepted',
  },
  {
    name: 'login',
    reason: 'auth',
    literals:
      'auth|log in|login|logged in|password|credential|pop before|before sending|mail first|anmelde|identifiants|contrasena',
    pattern: either(
      near(
        'auth|authentication|authentification|autenticacion|autenticazione|autenticacao|authori[sz]ation|smtp auth|login|log in',
        `${FAILED}|${REFUSED}|requires?|requise|requerida|richiesta|necessaria|needed|unsuccessful|failure|not enabled|disabled|error|temporar\\w+|first|before|must|please|echec|en echec|invalide?|aborted|mechanism|unsupported|not supported`,
      ),
      near(
        'must|please|need(?:s|ed)?|require[sd]?|not|unable to|failed to|turn on|enable|use|first',
        'auth|authenticate[d]?|authentication|smtp auth|log in|logged in|login',
      ),
      word(
        '(?:invalid|incorrect|bad|wrong) (?:user ?name|credentials|password|login|user(?:name)?(?: or |/)password)|unauthenticated',
      ),
      near(
        'password|credentials',
        'not accepted|incorrect|wrong|invalid|expired|fail(?:ed|ure)?|rejected|required|do not match|mismatch',
      ),
      word(
        'only (?:allowed|accepted|permitted|possible) (?:with|after|for) (?:smtp )?auth\\w*|(?:receive|check|get|fetch|read|collect) your (?:e-?)?mail (?:before|first)',
      ),
      word('pop before smtp|smtp-auth|(?:unrecogni[sz]ed|unsupported|unknown) auth[a-z]*'),
    ),
    unless:
      /archive|attachment|zip|sender address|not authori[sz]ed to (?:send|accept)|delivery not authori[sz]ed|not authori[sz]ed$|authoritative|belong to/,
    example: '530 5.7.0 Authentication required',
  },
];
