/** Replies in our own words, one a line, under the reason that they must get. */
import { REASONS, type Reason } from '../../src/model/event.ts';

const CASES: Readonly<Record<Reason, string>> = {
  'invalid-recipient': `
550-5.1.1 The account you tried to mail does not exist. Please check 550-5.1.1 the address for typos 550 5.1.1 https://support.example.com/?p=NoSuchUser a1 - gw
550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in virtual mailbox table
550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in relay recipient table
450 4.1.1 <bob@example.org>: Recipient address rejected: undeliverable address: host mx.example.org[192.0.2.7] said: 550 5.1.1 User unknown (in reply to RCPT TO command)
504 5.5.2 <bob>: Recipient address rejected: need fully-qualified address
554 5.7.1 <bob@example.org>: Recipient address rejected: User unknown
550 5.4.1 Recipient address rejected: Access denied. [EX1.prod.example.com]
550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by address lookup
550 <bob@example.org>... No such user
550 5.2.1 <bob@example.org>... Mailbox disabled for this recipient
553 sorry, no mailbox here by that name (#5.7.1)
Sorry, there is no mailbox here by that name. (#5.1.1)
554 Delivery error: this person doesn't have an example.com account (bob@example.com) [0]
554 30 We regret that your message to bob@example.com stays with you. The mailbox is disabled (554.30)
550 #5.1.0 The address was rejected: unknown user bob@example.org
550 requested mail action not taken: mailbox unavailable
550 Invalid recipient <bob@example.org> (#5.1.1)
550 5.1.6 The recipient has moved and is no longer at this site
550 5.1.3 Bad recipient address syntax
553 5.1.3 <bob@@example.org>: Invalid address
550 5.1.1 Account suspended
550 That account was closed
550 User bob@example.org has been terminated
525 5.7.13 Recipient account disabled
unknown user: "bob"
user unknown. Command output: bob: no such user here
user unknown. Command output: Invalid user specified.
User Bob Example (bob@example.org) not listed in Domino Directory
550 Mailbox not found
550 5.1.1 bob@example.org is an unknown alias
550 The recipient’s mailbox doesn’t exist
550 5.1.1 L'adresse du destinataire n'existe pas
550 Utilisateur inconnu !
550 Adresse du destinataire invalide
550 5.1.1 Empfänger unbekannt
550 Benutzer unbekannt
550 Destinatario desconocido
550 El usuario no existe
550 Usuário inexistente
550 Utente sconosciuto
550 nessun utente con questo indirizzo
550 Nie ma takiego konta
550 Пользователь не найден
550 Почтовый ящик не существует
550 ユーザーが見つかりません
550 宛先アドレスは存在しません
550 收件人不存在
550 用户不存在
550 Diese E-Mail-Adresse gibt es nicht
550 Kein Benutzer mit diesem Namen
550 Cette adresse n'est plus attribuée
550 Dit postvak bestaat niet
550 De geadresseerde is niet bekend
550 Mottagaren finns inte
550 Kontot hittades inte
550 Brukeren ble ikke funnet
550 Modtageren findes ikke
550 Käyttäjää ei löytynyt
550 Kasutajat ei leitud
550 Vartotojas nerastas
550 Lietotājs neeksistē
550 Alıcı bulunamadı
550 Căsuța poștală nu există
550 El buzón fue dado de baja
550 A caixa postal não foi localizada
550 La casella non è più attiva
550 Nepostojeći korisnik
550 Корисник не постоји
550 Потребителят не съществува
550 Άγνωστος παραλήπτης
550 Ο χρήστης δεν βρέθηκε
550 הנמען אינו קיים
550 המשתמש לא קיים
550 المستخدم غير موجود
550 Penerima tidak ditemukan
550 Không tìm thấy người nhận
550 ไม่พบผู้รับ
550 We do not know this user
550 Nobody has this address here
550 We have no customer with this address
550 We do not have this user
550 User bob is not in our directory
550 That mailbox is not provisioned
550 The address is not in use
550 Bob no longer works here
550 bob@example.org: email id does not exist
550 No local user by that name
550 Cannot find your recipient
550 Non existent mailbox
550 BAD_RECIPIENT, see our pages
550 discontinued account
550 The recipient cannot be verified
550 We were unable to find a mailbox with that name
550 No active mailbox for this address
550 This e-mail address is not served by us
550 The mailbox address is misspelled
450 4.2.1 <bob@example.org>: this mailbox is inactive and was disabled
501 bob: recipient address must contain a domain
550 5.1.1 <bob@example.org>: User unknown 503 5.5.1 Bad sequence of commands
550 Invalid recipient <bob@example.org> 421 4.7.0 mx Error: too many errors
550 Usuario no válido
550 La cuenta de correo no existe
550 Caixa postal inexistente
550 Utente non trovato
550 Boîte aux lettres inexistante
550 Compte fermé
550 Kein solcher Benutzer
550 Kunde nicht bekannt
550 Gebruiker onbekend
550 Adressen finns inte
550 Ukjent bruker
550 Ukendt modtager
550 Tuntematon vastaanottaja
550 Brak takiego użytkownika
550 Uživatel neexistuje
550 Kullanıcı bulunamadı
550 Ismeretlen felhasználó
550 Người dùng không tồn tại
550 Нет такого пользователя
550 Учетная запись отключена
550 存在しないアドレスです
550 查无此用户
550 존재하지 않는 사용자입니다
`,
  'invalid-domain': `
Host or domain name not found. Name service error for name=example.org type=AAAA: Host not found
450 4.1.2 <bob@example.org>: Recipient address rejected: Domain not found
556 5.1.10 <bob@example.org>: Recipient address rejected: Domain example.org does not accept mail (nullMX)
550 5.1.2 <bob@example.org>... Host unknown (Name server: example.org.: host not found)
550 Unknown domain
553 The host mail.example.org does not exist
550 5.4.310 DNS domain example.org does not exist [Message=InfoDomainNonexistent]
Sorry, I couldn't find any host named example.org. (#5.1.2)
Unrouteable address
an MX or SRV record indicated no SMTP service
all relevant MX records point to non-existent hosts
550 The domain of the recipient is not registered, it is unknown
550 no such mail domain
550 That domain has no mail server
All hosts for "example.org" do not exist
no IP address found for host mx.example.org
unable to find an MX for example.org
Name service error for name=example.org type=MX: no matching entry
`,
  'mailbox-full': `
552 5.2.2 The mailbox is full
452 4.2.2 The inbox of this recipient is out of storage space
552 5.1.1 <bob@example.org> Quota exceeded (mailbox for user is full)
550 5.1.1 User is over the quota
554 We cannot deliver to bob@example.org: the account is over its quota
mailbox of bob is full, giving up after 4 days
452 4.2.2 Not enough storage space in the mailbox
552 5.2.2 Boîte du destinataire pleine
552 Das Postfach ist voll
552 El buzón está lleno
552 La casella è piena
552 Caixa postal cheia
552 メールボックスがいっぱいです
552 用户邮箱已满
552 Почтовый ящик переполнен
552 The mailbox has no room left
452 Inbox limit reached
552 The user has run out of space
552 The user has exhausted the allowed storage space
552 El usuario ha excedido su cuota
552 Speicherplatz des Kontos überschritten
552 Skrzynka przepełniona
552 5.2.2 Larger than a limit, or the mailbox is full
`,
  'spam-or-content': `
554 5.7.1 This message looks like spam
550 5.7.0 Message contains a virus
554 5.7.0 Reject, id=01234-05 - INFECTED: Eicar-Test
550 5.7.1 Our system thinks that this message is likely unsolicited mail
552 5.7.0 The message was blocked because its content presents a potential security issue
550-5.7.1 This message is not RFC 5322 compliant 550 5.7.1 there are several Subject headers
554 5.7.9 Message not accepted for policy reasons
554 5.6.0 Message has malformed MIME headers
550 5.7.1 Attachments of type .zip are not allowed
554 5.7.1 <bob@example.org>: Recipient address rejected: Virus detected
554 Message refused
550 Message identifié comme spam
550 垃圾邮件
550 спам
550 5.7.1 Malicious content in your mail
550 Gesperrter Inhalt
550 Mensaje rechazado por contenido
554 The message does not conform to the standards
550 Mails without a To: field are not taken
550 There is more than one From header
550 This mail violates our terms
550 An archive with a password is refused
`,
  reputation: `
554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.7
550 5.1.1 Your IP 192.0.2.7 is on our blacklist
550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Part of their network is on our block list
554-mx.example.org Your access to this mail system has been rejected due to the sending MTA's poor reputation
550 5.7.25 192.0.2.7 has no PTR record
450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]
504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname
550 5.1.0 <alice@example.net>: Sender address rejected: User unknown in virtual mailbox table
450 4.1.8 <alice@example.net>: Sender address rejected: Domain not found
553 5.1.8 <alice@example.net>... Domain of sender address alice@example.net does not exist
550 Sender verify failed
554 Too many spams from your IP
421 4.7.1 Too many invalid recipients
550 5.7.606 Access denied, banned sending IP [192.0.2.7]
554 5.7.1 <unknown[192.0.2.7]>: Client host rejected: Access denied
550 5.7.1 Your account has been suspended for outgoing mail
550 permanent failure for one or more recipients (bob@example.org:blocked)
554 You wrote to a spamtrap
550 5.7.1 Connection from your network refused
550 5.7.1 Host 192.0.2.7 is refused by our policy
554 Connection rejected by policy
550 Too much spam from 192.0.2.7
550 This provider is blocked
550 Your domain does not resolve
550 5.7.1 Directory harvest attack
550 IP address 192.0.2.7 blocked for spam
550 You cannot send as this sender, no permission to send as that sender
451 Deferred because of an unresolvable RFC5321 from domain
`,
  auth: `
550 5.7.26 This mail is unauthenticated: neither SPF nor DKIM passed
421 4.7.27 Your email has been rate limited because SPF did not pass
550 5.7.1 Message failed the DMARC policy of example.net
530 5.7.0 Authentication required
535 5.7.8 Error: authentication failed: user not found
550 Please turn on SMTP Authentication in your mail client
550 Authentification requise pour cet envoi
535 Incorrect authentication data
550 192.0.2.7 is not permitted to send mail for example.net
550 5.7.1 <bob@example.org>: Recipient address rejected: see http://www.openspf.net/Why?ip=192.0.2.7
`,
  'rate-limited': `
450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted for 5 minutes
451 4.7.1 Greylisting in action, please come back later
550 5.2.1 This user is receiving mail too quickly at the moment
421 4.7.0 Too many connections from 192.0.2.7
452 4.5.3 Error: too many recipients
550 5.1.1 Rate limit exceeded
550 5.4.5 Daily sending quota exceeded
451 4.7.1 <mx.example.net[192.0.2.7]>: Client host rejected: slow down
421 Trop de connexions
550 5.2.122 This recipient has exceeded the limit of messages they can receive per hour
450 Mail rate control, come back later
451 Please come back in 10 minutes
450 A limit of 100 messages per hour is reached
421 Maximum connections reached
421-4.7.28 An unusual rate of mail comes from your SPF domain
450 Deferred due to greylisting. Host: '192.0.2.7' From: 'alice@example.net' To: 'bob@example.org' SPF: 'none'
421 4.7.0 [TS03] Messages from 192.0.2.7 temporarily deferred - see https://postmaster.example.com/ts03
`,
  'relay-denied': `
554 5.7.1 <bob@example.org>: Relay access denied
550 5.7.1 <bob@example.org>... Relaying denied. Proper authentication required.
550 relaying is not permitted
550 5.7.1 Unable to relay for bob@example.org
553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
550 5.7.1 We do not relay
550 5.7.1 Delivery to remote domains is not permitted
554 That domain is not served here
`,
  'too-big': `
552 5.3.4 Message size exceeds fixed limit
550 5.2.3 Your message is too large for bob@example.org
message size 20480000 exceeds size limit 10240000 of server mx.example.org[192.0.2.7]
552 5.3.4 Error: message file too big
552 La taille du message depasse la limite
552 Your mail is too heavy
552 The size of the mail is more than 10 MB
`,
  network: `
connect to mx.example.org[192.0.2.7]:25: Connection refused
connect to mx.example.org[192.0.2.7]:25: Connection timed out
lost connection with mx.example.org[192.0.2.7] while receiving the initial server greeting
conversation with mx.example.org[192.0.2.7] timed out while sending RCPT TO
Host or domain name not found. Name service error for name=example.org type=MX: Host not found, try again
retry timeout exceeded
all hosts for 'example.org' have been failing for a long time (and retry time not reached)
530 5.7.0 Must issue a STARTTLS command first
TLS is required, but was not offered by host mx.example.org[192.0.2.7]
Message could not be delivered for 5 days
host lookup did not complete
Remote host closed connection
non DNSSEC destination
TLSA lookup error for mx.example.org:25
451 The remote server did not answer
450 4.4.4 <bob@example.org>: Recipient address rejected: Unable to look up mail exchanger host mx.example.org: Host not found, try again
`,
  other: `

hello
550
451 4.3.0 <bob@example.org>: Temporary lookup failure
452 4.3.1 Insufficient system storage
554 5.4.0 Error: too many hops
mail for example.org loops back to myself
503 5.5.1 Bad sequence of commands
550 5.7.1 The recipient only accepts mail from known senders
550 5.7.1 RESOLVER.RST.NotAuthorized; not authorized
450 4.2.1 The mailbox is temporarily unavailable
450 4.1.1 <bob@example.org>: Recipient address rejected: unverified address: Address verification in progress
Command died with status 75: "/usr/bin/procmail"
450 4.2.1 The account is temporarily blocked
550 5.7.1 No permission to send to this recipient
452 4.4.5 Insufficient disk space; try again, the server is busy
450 4.7.3 Queue quota exceeded
421 4.3.2 Server storage exhausted
failed to expand "interface" option for remote_smtp transport: failed to open /etc/exim4/domains/example.net/ip: Permission denied (euid=108 egid=115)
`,
};

/** `[reply, reason]`; an empty line means the empty reply. */
export const REPLIES: readonly (readonly [string, Reason])[] = REASONS.flatMap((reason) =>
  CASES[reason]
    .slice(1, -1)
    .split('\n')
    .map((reply) => [reply, reason] as const),
);
