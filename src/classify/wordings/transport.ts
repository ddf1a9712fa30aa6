/** Wordings about the way to the next host (connections, queue lifetime) and about the systems at both ends. */
import { either, near, type ReasonEntry, word } from './entry.ts';

/** No connection, no answer, or no delivery in time. */
export const NETWORK: readonly ReasonEntry[] = [
  {
    name: 'expired',
    reason: 'network',
    literals:
      'expired|time exceeded|too long|retry time|giving up|gave up|could not be delivered for|queue|attempts|multiple retries|gateway for|after 0 day|attempts will continue|long time|delayed|not been collected|more than|abgelaufen|retries',
    pattern: either(
      near(
        'message|delivery|time|retry|queue|mail|lifetime',
        '(?:time )?(?:expired|timed? ?out|abgelaufen)',
        20,
      ),
      near('delivery time|retry|lifetime|queue time', 'exceeded', 20),
      near(
        'delivered|delivery|deliver|queued?|failing|failed|undelivered|trying|reachable|retr(?:y|ies)',
        '(?:for |in |after |within |the |a )*(?:more than|too long|long time|0 (?:days?|hours?|attempts?)|multiple retries|several attempts|many (?:attempts|retries)|queue (?:period|lifetime))',
        35,
      ),
      word(
        'find a gateway for|attempts will continue|deliver this message after 0|retry timeout exceeded|retry time not reached|giving up|gave up|has been delayed|queue too long|not been collected after',
      ),
    ),
    unless: /(?:account|mail[- ]?box|password|user|domain)[^.;]{0,20}expired/,
    example: 'Message expired after sitting in the queue for 5 days',
  },
  {
    name: 'connection',
    reason: 'network',
    literals:
      'connect|conection|timed out|timeout|time-out|time out|no route|unreachable|network|broken pipe|socket|conversation|did not respond|not respond|not responding|not answer|host is down|eof|not reachable|unable to reach',
    pattern: either(
      near(
        'conn?ections?|connect|connected|connecting|conversation|session',
        'timed? ?-?out|refused|reset|lost|dropped|closed|aborted|fail(?:ed|ure|s)?|error|rejected|broken|interrupted|unexpectedly|expired|not accept',
        40,
      ),
      near('not accepting', 'connections', 15),
      near('closed|dropped|reset|aborted|terminated|broke', '(?:the |its |our )?connection', 3),
      near(
        "could not|couldn't|cannot|can't|unable|failed|wasn't able|not able|no|did not accept (?:our )?requests|lost|error|fail(?:ed|ure)",
        '(?:to )?(?:[a-z]+ ){0,3}(?:connect(?:ion)?|establish|reach|contact the (?:remote|recipient|destination))',
        30,
      ),
      word(
        'timed? ?-?out|timeout|no route to host|unreachable|network (?:error|failure|problem)|broken pipe|socket error|not respond(?:ing)?|not answer(?:ing)?|host is down|not reachable',
      ),
    ),
    unless:
      /too many connections|your (?:ip|host|server|network|domain|country)|refused (?:because|due to)|connections from (?:[a-z]+ ){1,3}(?:are|is) (?:rejected|refused|denied|blocked|not accepted)|ldap|database|banned|policy/,
    example: 'connect to mx.example.org[192.0.2.7]:25: Connection refused',
  },
];

/** Protocol errors, and problems inside one of the servers. */
export const SYSTEM: readonly ReasonEntry[] = [
  {
    name: 'protocol',
    reason: 'other',
    literals:
      'syntax|before greeting|command|sequence|protocol|not implemented|pipelining|parameter|unrecogni|unimplemented|rset|smtputf0|argument',
    pattern: either(
      near(
        'syntax|protocol|commands?|parameters?|arguments?|sequence',
        'error|violation|not implemented|unrecogni[sz]ed|unknown|bad|invalid|out of sequence|not supported|not recogni[sz]ed|unimplemented|disabled|not allowed|not understood|synchroni[sz]ation|limit|expected|missing|unexpected',
        40,
      ),
      word(
        '(?:bad|improper|invalid|wrong|unknown|unrecogni[sz]ed|unimplemented|unsupported|unauthenticated) (?:sequence|commands?|parameter|argument|use of (?:smtp )?command)|syntax error|pipelining|before greeting|smtputf0|nested mail|not implemented',
      ),
    ),
    unless: /address syntax|recipient syntax|bad address syntax|helo|command output/,
    example: '503 5.5.1 Bad sequence of commands',
  },
  {
    name: 'local-problem',
    reason: 'other',
    literals:
      'system|configuration|config|local|internal|lookup|server|ldap|database|storage|resource|memory|disk|temporar|service|command died|command output|mailer|pipe|procmail|command failed|write error|queue file|shutting down|maintenance|redundant|backend|overload|busy|try again|try later|later|forward|unable to|cannot|could not|failed to',
    pattern: either(
      near(
        'system|server|internal|local|configuration|mailer|queue file|backend|database|ldap|write|processing|file',
        '(?:configuration )?(?:error|problem|failure|fail(?:ed|s)?|full|misconfigured|overload(?:ed)?|busy|trouble|unavailable|down|not available|in processing)',
        25,
      ),
      word(
        'insufficient system (?:storage|resources)|insufficient (?:memory|resources)|not enough memory|temporary lookup failure|shutting down|under maintenance|command died|command output|command failed|procmail|redundant|unable to contact ldap|not enough resources|out of memory|load too high|too busy',
      ),
      near(
        'database|forward(?:ing|er)?|configuration',
        'invalid|incorrect|wrong|broken|misconfigured|returned|missing',
        45,
      ),
      near(
        'unable to|cannot|could not|failed to',
        '(?:[a-z]+ )?(?:read|parse|process|handle|interpret)',
        3,
      ),
      word(
        'service (?:currently |temporarily |is )?(?:not available|unavailable)|try (?:again )?later|temporar(?:y|ily) (?:failure|error|problem|unavailable|deferred|rejected|local problem)',
      ),
    ),
    example: '451 4.3.0 Temporary server error, please try again later',
  },
];
