/** Wordings about the recipient's domain and its mail hosts. */
import { either, near, type ReasonEntry, word } from './entry.ts';

/** The domain or its mail host does not exist, or does not accept mail. */
export const DOMAIN: readonly ReasonEntry[] = [
  {
    name: 'no-mail-domain',
    reason: 'invalid-domain',
    literals:
      'nullmx|null mx|not accept mail|nxdomain|no mx|no mail service|no smtp service|receiving disabled|smtp service|no valid mx|mx record|mail exchanger|no mail server|not used for |no dns|find mx|mx for|accept any mail|mail-enabled|inbounds disabled|accept email|not accept e-mail|no route for current',
    pattern: either(
      word('null ?mx|nxdomain|mail receiving disabled|no route for current request'),
      near(
        'host|domain|server|dom#|machine',
        "(?:does not|doesn't|do not|never|not) accept(?:s|ing)? (?:any )?(?:e-?mail|mail|messages)(?! (?:from|that|with|over))",
        30,
      ),
      near(
        "no|not|missing|without|no valid|unable to find|cannot find|can't find|couldn't find",
        '(?:an? |any )?(?:valid )?(?:mx|dns (?:records?|entry|entries)|mail servers?|mail exchangers?|mx records?|mx hosts?|mail server records?)',
        15,
      ),
      near('mx records?', 'non-?existent|do not exist|not found|point to|no such|invalid', 30),
      /\b(?:domain|host|dom#)[^.;]{0,10} not used for (?:e-?)?mail|indicated no smtp service|no mail-enabled subscriptions|inbounds disabled/,
    ),
    unless: /sender|mail ?from|from (?:your|this|the|ip)|your domain|try again/,
    example: '556 5.1.10 Domain example.org does not accept mail (nullMX)',
  },
  {
    name: 'temporary-dns',
    reason: 'network',
    literals:
      'lookup failure|lookup did not complete|name server|resolve route|try again|servfail|temporar|timed out|timeout|dns',
    pattern: either(
      near(
        'host|name service|name server|dns|domain|lookup|resolv\\w+',
        'try again|servfail|temporar\\w+|timed? ?out|server failure|malformed',
        90,
      ),
      near('temporar\\w+', 'dns|name resolution|resolv\\w+', 25),
      word(
        'dns (?:query|server|error|failure|timeout|lookup) ?(?:failed|failure|error|timed out)?|dns resolv(?:e|ing) (?:error|failure)|no data by dns|host name lookup failure|host lookup did not complete|malformed (?:or unexpected )?name server|unable to resolve route',
      ),
    ),
    unless:
      /not found\.?$|no relevant answers|infodomainnonexistent|nxdomain|helo|sender|host (?:dom# )?not found$|not reachable|access denied|rejected|reputation/,
    example:
      'Host or domain name not found. Name service error for name=example.org type=MX: Host not found, try again',
  },
  {
    name: 'unrouteable-at-rcpt',
    reason: 'invalid-recipient',
    literals: 'unrouteable address|unroutable address',
    stages: ['RCPT'],
    example:
      'SMTP error from remote mail server after RCPT TO:<bob@example.org>: 550 Unrouteable address',
  },
  {
    // An Exim that answers for the domain finds no router for this address.
    name: 'unrouteable-said',
    reason: 'invalid-recipient',
    literals: 'unrouteable address|unroutable address',
    coded: true,
    permanent: true,
    unless: /sender/,
    example: '550 Unrouteable address',
  },
  {
    name: 'unrouteable',
    reason: 'invalid-domain',
    literals: 'unrouteable|unroutable',
    unless: /sender/,
    example: 'Unrouteable address',
  },
  {
    name: 'unknown-domain',
    reason: 'invalid-domain',
    literals:
      'domain|host|name service error|no route|unrout|destination|dom#|name or service|ドメイン|域名|домен|infodomainnonexistent|dns|mail domain|mx record',
    pattern: either(
      near(
        'domain(?: name)?|mail ?domain|host ?name|host|mail host|destination(?: system| host| domain| server)?(?: address)?|recipient domain|name',
        "(?:is |was |are |has |be |been |could |can |does |did |may |not |n't |cannot |can't |or |found |mentioned in email address )*(?:not found|unknown|not exist\\w*|n't exist|does not exist|doesn't exist|non-?existent|invalid|not known|unresolvable|cannot be resolved|not be (?:found|resolved)|no such|must exist|not be reached|not reachable|not valid|does not resolve|nonexistent|be found)",
        45,
      ),
      /\bdom#[^.;:]{0,20}(?:not found|does(?: not|n't) exist|non-?existent|unknown(?! error)|no such domain|unresolvable)/,
      word(
        'unknown (?:recipient |mail |destination |remote )?(?:domain|host|destination)|no such (?:mail )?(?:domain|host)|invalid (?:recipient |destination |mail )?(?:domain|host ?name)|bad (?:destination|recipient) (?:system|domain|host|mailbox system)\\w*|(?:un)?able to (?:find|resolve) (?:the )?(?:recipient |destination )?(?:domain|host)|name or service not known|infodomainnonexistent|not able to find the recipient domain|illegal host(?:/domain)?(?: name)?|unresolvable (?:domain|host|mail ?host)(?: ?name)?',
      ),
      /(?:weren't|unable|not able|could not|cannot|can't|couldn't) (?:able )?(?:to )?(?:find|resolve|locate|look ?up)[^.;]{0,40}\b(?:domain|host)|mx record points to local host|no route (?:found )?to (?:the |this )?domain/,
      /all (?:mx )?hosts for \S+ (?:don't|do not) exist|had no relevant answers|no (?:ip )?address(?:es)? found for host|name service error[^;]{0,60}: no matching entry/,
      /unrout(?:e)?able (?:mail )?domain|(?:ドメイン|域名|домен).{0,30}(?:見つかり|存在し|不存在|не найден|не существует)/,
    ),
    unless:
      /not found, try again|may not exist|\bfrom (?:an? )?(?:unknown|invalid|non-?existent|unresolvable|unregistered)|\bsender|your (?:host|domain|ip)|connect(?:ing|ed)? from|tried to|from address|mail from|helo|client host|reverse|\bfrom:/,
    example:
      'Host or domain name not found. Name service error for name=example.org type=AAAA: Host not found',
  },
];
