/**
 * `User unknown` in languages other than English, as one entry. `normalise` removes the accents from Latin letters.
 * Letters that it cannot change (`ø`, `ł`, `ı`, `đ`) appear in the patterns as they are.
 */
import { around, either, near, type ReasonEntry } from './entry.ts';

const ROMANCE = [
  near(
    "destinataires?|utilisateur|adresse|compte|boite(?: aux lettres| mail)?|d'utilisateur",
    "inconnue?s?|invalides?|n'existe|inexistante?|desactivee?|ferme|bloque|suspendue?|archivee?|introuvable|supprimee?|(?:n'est |non |n'a )(?:pas |plus )?(?:ete )?(?:valides?|connue?s?|reconnue?s?|trouvee?s?|attribuee?s?|en service)",
  ),
  around(
    'usuario|destinatario|destin\\.|direccion|caixa(?: postal| de correio)?|casilla|cuenta|buzon|endereco|conta|utente|casella|indirizzo|persona|utilizador',
    'desconocid[oa]|no existe|inexistente|invalid[oa]|desconhecid[oa]|nao existe|sconosciut[oa]|non esiste|inesistente|non valid[oa]|non trovat[oa]|no (?:es )?valid[oa]|no encontrad[oa]|nao encontrad[oa]|nessun|errat[oa]|inactiv[oa]|inativ[oa]|inattiv[oa]|bloccat[oa]|expirad[oa]|desactivad[oa]|desativad[oa]|bloquead[oa]|deshabilitad[oa]|suspendid[oa]|suspens[oa]|simile|no se (?:ha encontrado|encontro|encuentra)|no (?:fue encontrad[oa]|registrad[oa])|dad[oa] de baja|nao (?:foi |esta )?(?:cadastrad|localizad|reconhecid|encontrad)[oa]|non (?:e |e piu |piu )?(?:presente|attiv[oa]|conosciut[oa])|non e stat[oa] trovat[oa]',
  ),
  around(
    'usuari|compte|adreca|bustia|destinatari',
    "no existeix|desconegu(?:t|da)|inexistent|no (?:s'ha )?trobad?[at]",
  ),
  near(
    'utilizator(?:ul)?|destinatar(?:ul)?|adresa|cont(?:ul)?|casuta(?: postala| de e-?mail)?',
    'necunoscuta?|inexistenta?|nu exista|nu a fost gasita?|nu este valida?',
  ),
];

const GERMANIC = [
  around(
    'benutzer|empfanger|empfaenger|adressat|empfangeradresse|kunde|konto|postfach|adresse|mailadresse',
    'gibt es (?:hier )?nicht|geloscht|geloescht|unbekannt\\w*|existiert nicht|nicht (?:mehr )?(?:gefunden|vorhanden|bekannt|verfugbar|gultig|gueltig)|ung(?:u|ue)ltig\\w*|gesperrt|deaktiviert',
  ),
  near(
    'kein(?:en)?',
    '(?:solche[rns]?|gultige[rns]?) (?:benutzer|empfanger|konto|postfach|adresse)',
    3,
  ),
  near(
    'keine?n?',
    '(?:benutzer|empfanger|empfaenger|konto|postfach|adresse) (?:mit (?:dies|solch)|unter (?:dies|solch)|namens)\\w*',
    3,
  ),
  near(
    'unbekannter?|onbekende|okand|ukjent|ukendt',
    'benutzer|empfanger|gebruiker|adresse?|mottagare|anvandare|bruker|mottaker|bruger|modtager',
  ),
  near(
    'gebruiker|ontvanger|geadresseerde|(?:e-?mail)?adres|mailbox|postbus|postvak|account',
    'onbekend|bestaat (?:hier )?niet|niet (?:gevonden|bekend)|ongeldig',
  ),
  near(
    'mottagare(?:n)?|anvandare(?:n)?|kontot?|brevlada(?:n)?|postlada(?:n)?|adressen',
    'okand|finns (?:inte|ej)|existerar (?:inte|ej)|saknas|(?:kunde )?inte hitta(?:s|des)|hittades (?:inte|ej)',
  ),
  near(
    '(?:mottaker|bruker|modtager|bruger|adresse|konto|postkasse|postboks)(?:n|en|et)?',
    'ukjent|ukendt|(?:finnes|findes|eksisterer) ikke|(?:ble |blev )?ikke (?:funnet|fundet)',
  ),
];

const BALTIC = [
  near('tuntematon', 'vastaanottaja|kayttaja|osoite|postilaatikko', 3),
  near(
    'vastaanottajaa|kayttajaa|osoitetta|postilaatikkoa|tilia',
    'ei (?:ole|loydy|loytynyt|tunneta)|ole olemassa|loydy',
  ),
  around(
    'kasutajat?|saajat?|adressaati?|postkasti?|kontot?|aadressi?',
    'tundmatu|ei (?:eksisteeri|leitud|leita)|ei ole olemas',
    20,
  ),
  around(
    'vartotojas|gavejas|adresatas|adresas|dezute|paskyra|lietotajs|sanemejs|adresats|adrese|pastkaste|konts',
    'neegzistuoja|nerasta?s?|nezinomas?|neeksiste|nav atrast[sa]|nezinams|neeksistejos[sa]?',
    20,
  ),
];

const SLAVIC = [
  near(
    'nie ma takiego|brak takiego|brak|nie znaleziono',
    'konta|adresata|odbiorcy|adresu|u[zż]ytkownika|skrzynki',
    3,
  ),
  near('nieznany|nieznana', 'u[zż]ytkownik|adresat|odbiorca|adres|skrzynka', 3),
  near(
    'konto|u[zż]ytkownik|adresat|odbiorca|adres|skrzynka',
    'nieznan[yae]|nie istnieje|zablokowan[ea]|nieaktywn[ea]|wyłaczon[ea]',
  ),
  around(
    'uzivatel|schranka|adresat|adresa|prijemce|pouzivatel|prijemca|korisnik|primatelj|primalac|nalog|sanducic|uporabnik|prejemnik|predal',
    'neexistuje|neexistujici|neznamy|neznama|nenalezena?|nebyla? nalezena?|nenajden[ya]?|nebola? najden[ya]|neznan|nepoznata?|nepostojec[iae]|ne postoji|nije pronađena?|ne obstaja|ni najden',
  ),
  /(?:корисник|прималац|адреса|налог|сандуче).{0,40}(?:не постоји|непозната?|није пронађена?)|(?:непознат|непостојећ)\S{0,2} (?:корисник|прималац|адреса|налог)/,
  /(?:потребител|получател|адрес|пощенск[аи] кути|акаунт).{0,40}(?:не съществува|не е намерена?|неизвестен|несъществуващ)|(?:неизвестен|несъществуващ)\S{0,2} (?:потребител|получател|адрес|акаунт)/,
  /(?:пользовател|получател|ящик|адрес|аккаунт|учетная запись|user|mailbox|користувач|скриньк|отримувач).{0,40}(?:не существует|не найден|не обнаружен|не значится|неизвестн|неизвестен|не зарегистрирован|не існує|не знайден)|(?:неизвестн|неизвестен|нет так|несуществующ|немає так).{0,30}(?:пользовател|получател|ящик|адрес|користувач|скриньк)/,
  /(?:пользовател|получател|ящик|аккаунт|учетная запись|mailbox).{0,40}(?:отключ|заблокирован|удален)/,
];

const ASIAN = [
  /(?:用户|用戶|收件人|账户|帐号|账号|帳號|邮箱|信箱|地址|mailbox|user).{0,20}(?:不存在|不正确|无效|無效|找不到|禁用|冻结|停用|锁定|注销)|(?:不存在|无效|無效|找不到|无此|查无).{0,10}(?:用户|用戶|收件人|账户|邮箱|信箱|地址)/,
  /(?:ユーザ|宛先|アドレス|メールボックス|受信者|アカウント|利用者).{0,60}(?:見つかり|存在し|存在しま|不明|無効|ありません|誤り|登録されて|停止)|(?:見つかりません|存在しません|存在しない|不明な|無効な).{0,20}(?:ユーザ|宛先|アドレス|受信者)/,
  /(?:사용자|수신자|계정|주소).{0,12}(?:존재하지 않|찾을 수 없)|(?:사용자|수신자|계정|주소)[가이는은]? ?없습니다|(?:존재하지 않는|없는|알 수 없는) (?:사용자|수신자|계정|메일 ?주소)/,
];

const GREEK_AND_SEMITIC = [
  /(?:χρήστης|παραλήπτης|διεύθυνση|λογαριασμός|θυρίδα|γραμματοκιβώτιο).{0,30}(?:δεν υπάρχει|δεν βρέθηκε|άγνωστ|ανύπαρκτ)|(?:άγνωστ|ανύπαρκτ)\S{1,2} (?:χρήστης|παραλήπτης|διεύθυνση|λογαριασμός|θυρίδα)/,
  /(?:משתמש|נמען|תיבת|תיבה|כתובת|חשבון).{0,20}(?:לא קיי(?:ם|מת)|אינו קיים|אינה קיימת|לא נמצאה?|לא ידוע|לא מוכרת?)/,
  /(?:المستخدم|المستلم|العنوان|الحساب|صندوق البريد|المرسل إليه).{0,30}(?:غير موجود|غير معروف|لا يوجد)|لا يوجد (?:مستخدم|مستلم|حساب|صندوق بريد)/,
];

const OTHERS = [
  near(
    'pengguna|penerima|alamat(?: surel| e-?mail)?|akun|kotak (?:surat|masuk|pesan)',
    'tidak (?:ditemukan|dikenali?|terdaftar|wujud)|tidak ada(?! (?:izin|hak|akses))',
    12,
  ),
  near('khong tim thay|khong co', 'nguoi dung|nguoi nhan|tai khoan|dia chi|hop thu', 3),
  /ไม่พบ.{0,8}(?:ผู้ใช้|ผู้รับ|บัญชี|กล่องจดหมาย)|(?:ผู้ใช้|ผู้รับ|บัญชี|กล่องจดหมาย).{0,12}(?:ไม่พบ|ไม่มีอยู่|ไม่มีตัวตน|ไม่รู้จัก)/,
  near(
    'kullan[iı]c[iı]|al[iı]c[iı]|adres|hesap',
    'bilinmeyen|bulunamad[iı]|bulunmuyor|mevcut degil|yok|gecersiz',
  ),
  near('bilinmeyen|gecersiz', 'kullan[iı]c[iı]|al[iı]c[iı]|adres|hesap', 3),
  near('ismeretlen|nincs ilyen|nem letezo', 'felhasznalo|cimzett|cim|postafiok|fiok', 3),
  near('felhasznalo|cimzett|cim|postafiok', 'ismeretlen|nem letezik|nem talalhato'),
  near('nguoi dung|nguoi nhan|tai khoan|dia chi|hop thu', 'khong ton tai|khong hop le', 12),
];

/** The mailbox does not exist or no longer exists, in another language. */
export const FOREIGN_PERSON: ReasonEntry = {
  name: 'unknown-in-other-languages',
  reason: 'invalid-recipient',
  // The nouns, if there are few of them: `adres` covers seven languages, and `address` does not contain it.
  literals:
    'destinata|destin.|adressat|utilisateur|adres|compte|boite|usuario|direccion|caixa|casilla|cuenta|buzon|endereco|conta |utente|casella|indirizzo|persona|utiliza|contul|benutzer|empfanger|empfaenger|kunde|konto|postfach|gebruiker|onbekend|bestaat niet|mottagare|anvandare|mottaker|bruker|modtager|bruger|postboks|tuntematon|loydy|olemassa|brak|nie ma|nie znaleziono|ytkownik|odbiorca|skrzynka|uzivatel|schranka|prijem|pouzivatel|korisnik|uporabnik|kullan|hesap|gecersiz|ismeretlen|nem letez|nem talal|nincs ilyen|khong |существует|найден|неизвест|нет так|несуществующ|зарегистр|отключ|заблокирован|удален|не існує|не знайден|немає так|不存在|不正确|無效|无效|找不到|停用|禁用|冻结|锁定|注销|无此|查无|见つかり|見つかり|存在し|不明|無効|ありません|誤り|登録されて|停止|존재하지|찾을 수 없|알 수 없는|없는|없습니다|ontvanger|niet gevonden|postbus|postvak|brevlad|postlad|postkasse|kayttaja|vastaanottaja|tundmatu|eksisteeri|ei leit|ei ole olemas|neegzistuoja|nerast|nezinom|neeksist|nav atrast|nezinam|no existeix|desconegu|casuta|primatelj|primalac|nepostojec|ne postoji|prejemnik|не постоји|непознат|непостојећ|није пронађен|не съществува|не е намерен|несъществуващ|не обнаружен|не значится|bulunamad|υπάρχει|βρέθηκε|γνωστ|ανύπαρκτ|לא קיים|לא קיימת|אינו קיים|אינה קיימת|לא נמצא|לא ידוע|לא מוכר|غير موجود|غير معروف|لا يوجد|tidak |ไม่พบ|ไม่มีอยู่|ไม่มีตัวตน|ไม่รู้จัก',
  pattern: either(
    ...ROMANCE,
    ...GERMANIC,
    ...BALTIC,
    ...SLAVIC,
    ...GREEK_AND_SEMITIC,
    ...ASIAN,
    ...OTHERS,
  ),
  // About the sender, its IP address, or `your account` in a reply to the sender.
  unless:
    /expediteur|emetteur|\bd(?:u|el|o|e) (?:serveur|servidor)|mailserver|\bdns\b|remitente|remetente|mittente|absender|avsander|avsender|afsender|nadawc|odesilatel|отправител|изпращач|пошиљалац|posiljate?lj?|posiljalac|发件人|發件人|送信者|gonderen|gonderici|afzender|\bd'(?:envoi|expedition)|lahettaj|saatja|siuntej|sutitaj|remitent|expeditor|αποστολέ|השולח|שולח|المرسل(?! إليه)|pengirim|nguoi gui|ผู้ส่ง|felado|\bip\b|ip#|\b(?:votre|su|seu|sua|tu|ihre?|dein|vostr[oa]|su[oa]|tu[oa]|uw|din|ditt|twoj[ea]?) (?:adresse|compte|boite|direccion|cuenta|buzon|usuario|endereco|conta|konto|postfach|benutzer|indirizzo|casella|utente|mailbox|account|adres|skrzynka)\b|ваш[а-я]* (?:адрес|ящик|аккаунт|учетн)|您的/,
  example: '550 5.1.1 Utilisateur inconnu',
};
