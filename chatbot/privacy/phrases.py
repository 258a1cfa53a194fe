"""How people state PII in eleven languages: nouns, verbs and links, as tables for the detectors' patterns.

Data only. A constant with "|" is part of a verbose regular expression; a frozenset holds lower-case words.
"""

# ruff: noqa: E501 - patterns and tables

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BE = r"sigue\ssiendo|sea|seja|continua\sa\sser|soll|sollte|bleibt|remains|blijft|(?:a|ha)\s(?:toujours\s|sempre\s|siempre\s)?(?:été|sido|stat[oa])|used\sto\sbe|(?:should|would|could|might|may|will)\sbe|heißt|is|c'est|are|was|were|ist|sind|war|lautet|lautete|est|était|es|son|era|è|e'|sono|é|são|foi|ser[áà]|to\sbe|it's|to|jest|är|er|reads|says"
"""Forms of "to be" between a noun and its value; "is" of Dutch and English."""

STILL = r"now|still|always|actually|currently|jetzt|noch|immer(?:\snoch)?|weiterhin|maintenant|toujours|encore|ahora|siempre|todavía|ora|sempre|ancora|agora|ainda"

# Credentials -------------------------------------------------------------------------------------------------------

PASSWORD_WORDS = _words("""kundenkennwort benutzerkennwort telefonkennwort servicekennwort wifipassword masterpasswort startpasswort einmalpasswort zugangspasswort kundenpasswort kontopasswort loginpasswort benutzerpasswort mailpasswort psswd pword passw passwrd password password's passwords passcode passphrase passwd passwort pass hauptpasswort
    wlanpasswort pwd pw mdp kennwort losung passe contraseña contrasena clave parola senha wachtwoord hasło
    lösenord adgangskode psw pswd passwrd pasword passord contrasenya ww heslo şifre""")
PASSWORD_NOUNS = "|".join(sorted(PASSWORD_WORDS))
SECRET_NOUNS = _words("""kodeordet passordene lösenord salasanaksi salasanaa jelszavamat parolei паролю heslem šifra šifru lozinkom πιν parolayı şifreyi kodeord adgangskoden lösenordet passord passordet salasana salasanani heslo hesla jelszavam jelszó jelszo parola parolă parolam
    пароль паролем паролата парола κωδικός κωδικό lozinka lozinku lozinke geslo şifre şifrem sifrem sifre şifremi parolam sandi khẩu parool parooli parole slaptažodis
    contrasenya hasłem hasła السر المرور הסיסמה סיסמה סיסמא wachtwoord лозинка шифра fjalëkalimi lykilorð lykilorðið wagwoord nenosiri laluan contrasinal pasahitza عبور senhas""")
"""The same of more languages."""
NEWNESS = "provis[óo]ri[ao]|provvisori[ao]|provisional|temporári[ao]|temporaire|par\\sdéfaut|nueva|actual|antigua|vieja|temporal|nuova|attuale|vecchia|temporanea|actuel(?:le)?|nouveau|ancien|provisoire|nova|antiga|atual"
"""Adjectives after the word for a password in Romance languages."""
RELATION = r"""i'm|we're|that|which|i|we|you|for|on|of|to|at|ich|das|für|von|vom|zu|zum|zur|im|meines|que|qu'on|j'utilise|pour|du|de|des|sur|par|para|del|della|di|che|per|dell'account|die|dat|van|voor|bij|op"""
"""Words that begin "the password FOR my account is": relative pronouns and prepositions."""
ASKING = _words("""what which this that it here where how who why was wie welches das dies hier wo quel quelle où ceci c' ce cual cuál esta
    esa esto qual quale questa questo dove wat welk dit dat hier waar hoe essa esta onde there one he she also not""")
"""Words before "is my password" that are none."""
TYPING_WORDS = _words(
    "type typed typing enter entered entering write wrote put tape saisis écris pongo escribo metto digito gebe schreibe tippe typ"
)
"""Verbs before a value, where a message is about a password."""
CHOOSING_WORDS = _words("""ввожу ввёл ввел ввела вводил пробую skriver taster skrev zadávám zadávam syötän beírom scriu pus введу уводжу βάζω πληκτρολογώ unosim upisujem kirjoitan masukkan nhập accept accepts refuse refuses refused reject rejects recognise recognize recognised recognized typing try tried trying login log logged logging sign signed signing locked unlock access wrong incorrect invalid weak caps capital lowercase uppercase use used using pasting paste
    2fa passwort credential accepted rejected account profile eintippe eingegeben probiert versucht eingeloggt einloggen anmelden angemeldet konto unsicher essayé essaie mets connecte connecter connexion compte faible ancien nouveau
    probé intenté pruebo entrar cuenta escribir cámbiala cambiala provo provato uso entrare accedere account accesso tento tentei uso conta entrar geprobeerd probeer inloggen inlog typ
    wpisuję wpisuje próbowałem próbowałam zaloguj loguję konto yazıyorum girdim giriyorum giriş hesap""")
"""Further words of messages in which an odd word may be a password."""
PIN_NOUNS = _words("pin sms pincode geheimzahl otp tan 2fa cvv cvc mpin passcode nip punched keypad")
"""Words of a message whose numbers of four digits and more are secret."""
PROMOTION_WORDS = _words("""promo promotion promotional coupon voucher discount gift offer sale rabatt rabattcode gutschein gutscheincode kortingscode korting actie promotionnel réduction remise bon cupón descuento
    sconto buono cupom desconto promoção kod rabatowy indirim kupon""")
"""Words of a message whose odd words are codes of a shop."""
VERSIONED = _words("""nokia peugeot renault citroen fiat seat skoda levis ultra sony canon nikon samsung huawei xiaomi lenovo asus acer dell siemens bosch miele philips makita dyson oneplus galaxys galaxyz macbookpro mp ps iphone iphones ipad ipads ipod airpods imac macbook watch galaxy pixel redmi xperia note windows win office xbox playstation nintendo switch android chrome firefox edge safari ios ipados macos ubuntu debian python java
    photoshop outlook covid sha base utf level step page room size item items gate line table chapter version build model type part photo image img dsc screenshot scan file doc test day week month year formula euro season episode error err http https
    zone phase fifa bluetooth wifi wi usb hdmi core geforce radeon ryzen intel kindle echo series serie gen order orders ord invoice ticket case ref rev option field address user account customer number nr no qty pack set pos
    january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre ottobre novembre dicembre """)
"""Words that a number follows in names of products, dates, files and steps."""
THINKING_WORDS = _words("sure certain think believe sicher glaube crois creo credo acho denk")
DIGITS_WORDS = _words("digits ziffern chiffres dígitos cifre cifras cijfers")
ANSWER_WORDS = _words(
    "code codeword seguridad sicurezza segurança safe security secret memorable sicherheitsfrage secrète secreta segreta"
)
SHORT_PASSWORD_WORDS = _words("pw pwd mdp passwd psw pswd ww")
"""Abbreviations that a value follows where they begin a clause: "pw dragon"."""
USER_WORDS = _words(
    "identifiants credenziali credenciales inloggegevens user username userid login loginname benutzername benutzer identifiant utilisateur usuario utente usuário gebruiker gebruikersnaam inlognaam nutzername zugangsdaten logindaten credentials"
)
OTHER_WORDS = _words(
    "nieuwe nieuw new old other current neue alte neues altes nouveau nouvelle ancien nueva vieja nuova vecchia nova antiga"
)
"""Words that name a second password: "the new one is"."""
CHANGE_WORDS = _words("""setzen stellen mettez ponga pongan imposta impostate colocar ponham ändern ändert wechseln changez modifiez modifier cambien cambiad cambiate cambi modificate wijzigen veranderen zetten mudem alterem change changed changing set reset update updated switched geändert gesetzt setze ändere
    änderte zurückgesetzt gewechselt cambio cambié cambie cambiar cambiado cambiato cambiata cambiare mudei mudar mude
    alterei alterar troquei trocar puse poner changé changer mis modifié modificado modificato actualicé restablecí
    redefini impostato impostata veranderd gewijzigd aangepast ingesteld gezet verander wijzig geworden""")
FAILS = """is | does | doesn't | isn't | won't | wont | gets | got | fails | was | keeps | never | no[ ]longer |
    stopped | (?:rejected|denied|declined|refused)(?=[ .,;!?]) | abgelehnt | verweigert | refusée? | rejetée? |
    rechazad[ao] | rifiutat[ao] | recusad[ao] | wird | funktioniert | geht
    | ist | klappt | ne | n'est | est | no | não | nao | non | falla | falha | stimmt | viene | wordt | werkt | inte"""
KEY_WORDS = _words(
    "clé chiave schlüssel llave key keys apikey token tokens secret secrets bearer credential credentials"
)
KEY_PREFIXES = r"""gh[oprsu]_ | github_pat_ | glpat- | gl[a-z]{2,5}- | xox[a-z]- | xapp- | [rsp]k_(?:live|test)_ |
    whsec_ | sk- | A[KS]IA[A-Z0-9] | AIza | ya29\.
    | GOCSPX- | EAA[A-Z] | SG\. | npm_ | pypi- | rubygems_ | key-[\da-f]{16} | (?:AC|SK|AP)[\da-f]{32} |
    sh(?:pat|pca|pss|ppa)_ | do[opr]_v1_ | hf_ | sq0[a-z]{3}-
    | dapi[\da-f] | glsa_ | glc_ | lin_api_ | secret_ | ntn_ | ATATT | ATBB | ATCTT | dp\.[a-z]{2}\. | sl\. | NRAK-
    | NRJS- | PMAK- | sntrys_ | AGE-SECRET-KEY-
    | eyJ | hvs\. | hvb\. | s\.[A-Za-z0-9]{24} | figd_ | r8_ | gsk_ | pplx- | tskey- | phc_ | pat[A-Za-z0-9]{14}\.
    | v1\.0-[\da-f] | EZ[AT]K | xkeysib- | LTAI | AKID
    | T3BlbkFJ | ops_ | dckr_pat_ | vc[a-z]_ | rnd_ | fo1_ | fm[12]_ | PRIVATE- | Bearer"""
"""Prefixes of API keys and tokens as secret scanners publish them (GitHub, GitGuardian, gitleaks)."""

PIN_WORDS = _words("""ovikoodi belépőkód belépőkódom kapukód portkod portkoden dørkode pinkoden pinkode pinkod pinkoodi pinkodu pinkodum пин пінкод пин-код пін pinem pinu digicode secreto segreto visuel pin pins pin's passcode's code's otp's mpin cvv cvv2 cvc cvc2 cvn otp tan puk geheimzahl passcode kartenprüfnummer
    prüfziffer pincode sicherheitscode bestätigungscode zugangscode verifizierungscode einmalcode nip pinkod
    clave senha geheimnummer beveiligingscode toegangscode verificatiecode pincodes cryptogramme cvc-code inlogcode entsperrcode türcode""")
CODE_WORDS = _words("kod kode koden код коду kód kódom kodu codul code código codigo codice codes")
PIN_QUALIFIERS = _words(
    """porten porta døren døra dørenes bramy drzwi domofonu klatki двери подъезда домофона дверей ajtóhoz kapuhoz kapı poartă ușă dveří vrat alarmu d'accès acceso accesso acesso my mein meinen mon mio meu mijn mój portal puerta portero cancello portone portão porte portail d'entrée entrée deur haustür security verification access time sms authentication authenticator login 2fa mfa confirmation auth secret
    pass pin door gate entry alarm unlock recovery backup activation bank secret secreta segreta secrète confidentiel segreto secreto di de"""
)
"""Words beside "code" that make it a secret without "is"."""
NO_CODES = _words("""error fault promo promotional coupon voucher discount gift product article item color colour
    status zip area country postal post
    post dial source dress fehler fout kortings rabatt promotion erreur descuento errore desconto erro sconto http exit bar qr""")
"""Words before "code" that make it no secret."""

# Names -------------------------------------------------------------------------------------------------------------

NAME_STATED = (
    (
        _words(
            "name name's names namen familienname zuname vorname nachname familienname firstname lastname fullname surname"
        ),
        r"""(?:my|the|full|first|last|his|her)\s(?:(?:full|first|last|given|middle|legal|maiden|sur|wife's|husband's|son's|daughter's)\s?)? name
            (?: \sis (?>(?:\s(?:now|actually|still|spel(?:led|t)))?) | 's | \s?[:=] | \s-(?=\s) ) | maiden\sname(?:\s?:|\s(?:is|was|would\sbe)) | name\s-(?=\s)
        | (?:wife|husband|son|daughter|mother|father|partner|boss|friend)'s\sname\s(?:is|:) |
    (?:first|last|full|sur|vor|nach|familien|zu)?name\s?[:=]
        | (?:name\son\s(?:the|my)\s\w{1,12}\sis | (?:in|on|to)\sthe\sname\sof|under\sthe\sname(?:\sof)?) |
    mein(?:e)?\s(?:voller\s)?(?:vor|nach|familien)?name\s(?:ist|lautet|war) | auf\sden\snamen""",
    ),
    (
        _words("holder accountholder cardholder mädchenname"),
        r"mädchenname\s(?:der|meiner)\smutter(?:\s?:|\s(?:ist|war|lautet)) | (?:account|card)\s?holder(?:'s\sname)?(?:\sis|\s?[:=])",
    ),
    (_words("heiße heisse"), r"ich\shei(?:ß|ss)e | hei(?:ß|ss)e\sich(?:\s(?:jetzt|nun))?"),
    (
        _words("name name's names mädchenname geburtsname familienname nachname ehename"),
        r"""(?:name's|names?)\s(?:is\s)?(?:spelt|spelled) | mein\s(?:mädchen|geburts|familien|nach|ehe)?name\s(?:ist(?:\sjetzt)?|war|schreibt\ssich)""",
    ),
    (
        _words("nom apellido apellidos cognome sobrenome apelido nome nombre achternaam naam"),
        r"""mon\snom\s(?:de\sjeune\sfille|d'épouse|de\snaissance|d'usage)\s(?:est|était) | mon\snom\ss'écrit | mis?\sapellidos?(?:\sde\s(?:soltera|casada))?\s(?:es|son|era|se\sescriben?)
        | mio\s(?:cog)?nome(?:\sda\s(?:nubile|sposata))?\s(?:è|era|si\sscrive) | meu\s(?:sobrenome|apelido|nome)(?:\sde\ssolteira)?\s(?:é|era|se\sescreve) | mi\snombre\sse\sescribe | mijn\s(?:achter)?naam\sschrijf\sje\sals""",
    ),
    (_words("m'appelle nomme"), r"je\s(?:m'appelle|me\snomme)"),
    (
        _words("nom prénom prenom nombre nome cognome sobrenome"),
        r"""(?:mon|le)\s(?:pr[ée])?nom(?:\sde\sfamille)?\s(?:est|c'est) | (?:pr[ée])?nom\s?: | au\snom\sde |
    mi\snombre(?:\scompleto)?\ses | nombre\s?: | a\snombre\sde
        | (?:il\s)?mio\s(?:cog)?nome\s(?:è|e') | (?:cog)?nome\s?: | a\snome\sdi |
    meu\s(?:sobre)?nome(?:\scompleto)?\s(?:é|e) | em\snome\sd[eao]""",
    ),
    (
        _words("llamo apellido chiamo intestato intestata chamo apelido"),
        r"""me\sllamo | mi\sapellido\ses | mi\schiamo | intestat[oa]\sa | chamo-?\s?me | me\schamo |
    meu\sapelido\sé""",
    ),
    (
        _words("naam voornaam familienaam achternaam heet nazywam imię heter namn hedder navn"),
        r"""mijn\s(?:voor|achter)?naam\sis | op\snaam\svan | (?:voor|achter)?naam\s?: | ik\sheet | nazywam\ssię
        | mam\sna\simię | ja[ge]\sheter | mitt\snamn\sär | jeg\shed?der | mitt?\snavn\ser""",
    ),
)
"""Introductions after which a lower-case word is a name, too: words one of which each contains, and its pattern."""
AFTER_NAMES = r"""and|but|or|from|i|i'm|im|my|can|could|please|calling|here|with|at|for|um|und|aber|aus|ich|mein|bitte|et|mais|je|j'ai|ma|mon|de|du|y|e|pero|mi|yo|o|vivo|di|io|ho|da|do|eu|moro|en|ik|uit"""
"""Words after a name in lower case: "my name is thandiwe and I ..."."""
WORKS = r"""box\ssets?|puzzles?|prints?|costumes?|bundles?|fans?|books?|novels?|albums?|cds?|films?|movies?|songs?|posters?|dvds?|blu-?rays?|games?|plates?|mugs?|dolls?|toys?|boots|handbags?|purses?|biograph(?:y|ie)|jerseys?|shirts?|hoodies?|figures?|tickets?|concerts?|tour|perfume|parfum|quote
    |buch|bücher|roman|trikots?|parfüm|bild|libros?|novela|camisetas?|póster|perfume|livres?|maillot|affiche|tableau|libr[oi]|romanzo|maglia|profumo|quadro|livros?|camisola|boek"""
"""What an author or a star is named for, not a customer: "the book by Stephen King", "a Messi jersey"."""
NAME_WEAK = (
    (
        _words("name name's nane nam naem nmae names"),
        r"name's | (?:my|me|mein|mijn)\s(?:name|nane|nam|naem|nmae|names)(?:\sis(?:t)?|\sare)?",
    ),
    (
        _words("chatting speaking talking dealing"),
        r"you(?:'re|\sare)\s(?:speaking|talking|chatting|dealing)\s(?:to|with)",
    ),
    (
        _words("mappelle apelle apel yamo kiamo hiamo heise haisse"),
        r"je\s(?:mappelle|m'?apelle?) | me\s(?:yamo) | mi\s(?:kiamo|hiamo) | ich\shei(?:se|sse)",
    ),
    (_words("called"), r"am\scalled"),
    (
        _words("me moi yo io eu ik het bin's bins it's"),
        r"""(?:it's|its|just|only)?\s?me(?:\sagain)?, | moi(?:\sencore)?, | soy\syo(?:\sotra\svez)?, | sono\s(?:sempre\s|ancora\s|di\snuovo\s)?io, | (?:ancora|sempre)\sio,
        | sou\seu(?:\sde\snovo)?, | ich\sbin'?s(?:\s(?:wieder|nochmal))?,?(?:\s(?:der|die))? | ik\sben\shet(?:\sweer)?, | bin'?s,?(?:\s(?:der|die))?""",
    ),
    (
        _words("me"),
        r"(?:know|knew|address|knows|refer\sto)\sme\s(?:as|by) | me\sas",
    ),
    (
        _words("nickname nick surname alias spitzname surnom apodo soprannome apelido"),
        r"(?:nickname|spitzname|surnom|apodo|soprannome)(?:\s?:|\s(?:is|ist|est|es|è|é))?",
    ),
    (
        _words("registered registriert inscrit registré registrato cadastrei registei signed angemeldet"),
        r"(?:i|i'm|am|me|have|was|ich|suis|mi\ssono|habe\smich)\s(?:registered|inscrite?|registré|registrat[oa]|cadastrei|registei|signed\sup|registriert|angemeldet)\s(?:as|als|comme|como|come|sous|unter)",
    ),
    (
        _words(
            "appeler appelez appelle m'appelle m'appeler moi llamarme llámame llámenme llámeme chiamatemi chiamarmi chiamami chamar chame chamem nennen nennt nenn noem noemt noemen"
        ),
        r"""m'appel(?:er|le|ait) | appel(?:ez|le)-moi | moi | llamarme | ll[áa]m(?:a|e|en)me | chiam(?:atemi|armi|ami) | (?:me\s)?chamar(?:\sde)? | chame[mn]?(?:-me)?(?:\sde)?
        | nenn(?:en|t)?\s(?:sie\s)?mich(?:\s(?:einfach|alle|bitte))? | noem(?:t|en)?\s(?:me|mij)(?:\smaar)?""",
    ),
    (
        _words(
            "introduce introducing vorstellen présente présenter presentarme presento presentarmi apresentar apresento voorstellen"
        ),
        r"""introduc(?:e|ing)\smyself(?:\sas)?(?:\s?[:,-])? | vorstellen(?:\s?[:,-])? | présenter?(?:\s?[:,-])? | present(?:arme|o|armi)(?:\s?[:,-])? | apresent(?:ar|o)(?:-me)?(?:\s?[:,-])? | voorstellen(?:\s?[:,-])?""",
    ),
    (
        _words(
            "undersigned soussigné soussignée sottoscritto sottoscritta infrascrito firmante assinado assinada unterzeichner unterzeichnete unterzeichnende ondergetekende"
        ),
        r"(?:undersigned|soussignée?|sottoscritt[oa]|infrascrit[oa]|abajo\sfirmante|firmante|abaixo\sassinad[oa]|unterzeichne(?:r|te|nde)|ondergetekende)\s?[,:]?",
    ),
    (_words("geborene geborener née nata nacida"), r"geborene[r]? | née | nata(?=\s) | nacida"),
    (
        _words("scrive escreve falando parlando hablando speaking spreekt écrit schreibt"),
        r"(?:vi|le)\sscrive | (?:quem\s)?escreve\s(?:é\s)?(?:[oa])? | (?:falando|fala)\scom(?:\s[oa])? | parlando\scon | hablando\scon | qui\svous\sécrit,? | ihnen\sschreibt",
    ),
    (_words("am i'm"), r"i\sam | i'm"),
    (_words("moi"), r"moi,?\sc'est"),
    (_words("name"), r"(?:first|last|given|family|customer|contact|holder)\sname"),
    (_words("suis"), r"je\ssuis"),
    (_words("soy habla escribe saluda"), r"soy | (?:les?\s)?(?:habla|escribe|saluda)(?:\scon)?"),
    (_words("sono parla"), r"sono | qui\sparla | parla"),
    (_words("sou fala aqui"), r"sou(?:\s[oa])? | aqui\s(?:é|fala)(?:\s[oa])? | fala\s[oa]"),
    (_words("ben är jestem tej"), r"ik\sben | jag\sär | jestem | z\stej\sstrony"),
    (
        _words(
            "jmenuji jmenuju jméno jmeno volám menujem navnet nimeni nimi nevem numesc numele cheamă cheama"
        ),
        r"""jmenuj[iu]\sse | (?:moje|mé|celé)\sjm[ée]no\sje | volám\ssa | menujem\ssa | (?:navnet\smitt)\ser | nimeni\son |
        m(?:inu|u)\snimi\son | (?:a\s)?nevem:? | m[ăa]\snumesc | numele\smeu\se(?:ste)? | m[ăa]\scheam[ăa]""",
    ),
    (
        _words("зовут звати имя ім'я казвам името зовем зовусь"),
        r"""меня\sзовут | мене\sзвати | мо[её]\sимя(?:\s-)? | моє\sім'я | казвам\sсе | името\sми\sе | зовем\sсе""",
    ),
    (
        _words(
            "λένε λέγομαι ονομάζομαι όνομά zovem ime adım adim ismim nama nimeni sauc vārds vardas dic nom"
        ),
        r"""με\sλένε | λέγομαι | ονομάζομαι | (?:το\s)?όνομά\sμου\sείναι | zovem\sse | (?:moje\s)?ime\s(?:mi\s)?je | (?:benim\s)?ad[ıi]m:? |
        (?:benim\s)?ismim | nama\ssaya(?:\sadalah)? | mani\ssauc | mans\svārds\sir | mano\svardas(?:\syra)? | em\sdic | el\smeu\snom\sés""",
    ),
    (
        _words("naam jina ngalan pangalan heiti chámome izena emri quhem enw mise"),
        r"""my\snaam\sis | jina\slangu\sni | (?:ang\s)?pangalan\sko\say | ég\sheiti | chámome | nire\sizena | emri\sim\sështë | quhem | fy\senw\si\syw | is\smise""",
    ),
    (
        _words("tên"),
        r"(?:họ\s)?tên(?:\scủa)?(?:\s(?:tôi|mình|em|anh|chị))?\slà | (?:tôi|mình|em|anh|chị)\stên(?:\slà)?",
    ),
    (_words("behalf myself"), r"on\sbehalf\sof\smyself,? | myself"),
    (_words("name"), r"(?:his|her|their|my|the)\sname\s(?:as|was\sgiven\sas)"),
    (
        _words("фамилия фамилията прізвище nazwisko příjmení priezvisko prezime soyadım"),
        r"""(?:моя\s)?фамилия(?:та\sми)?(?:\sе)?\s?[:-]? | (?:моє\s)?прізвище\s?[:-]? | (?:moje\s)?(?:nazwisko|příjmení|priezvisko|prezime)(?:\s(?:to|je|:))? | (?:ad[ıi]m\s)?soyad[ıi]m\s?:?""",
    ),
    (
        _words("nom nombre nome"),
        r"""mon\snom\s(?:complet|correct|exact|entier)\s?(?:est|:) | mi\snombre\s(?:correcto|completo|real|verdadero)\s?(?:es|:) | (?:il\s)?mio\snome\s(?:corretto|completo|vero)\s?(?:è|:) | (?:o\s)?meu\snome\s(?:correto|certo|completo)\s?(?:é|:)""",
    ),
    (_words("nazywam imie imię"), r"nazywam\ssi[ęe] | mam\sna\simi[ęe] | moje\simi[ęe]\sto"),
    (_words("name"), r"name\sis\snot\s\w{1,20}\sbut"),
    (_words("اسمي שמי לי"), r"اسمي(?:\sهو)? | שמי | קוראים\sלי"),
    (_words("go goes"), r"goe?s?\sby"),
    (
        _words("calls people known called"),
        r"(?:every(?:one|body)|people|friends|they|all)\scalls?\sme | (?:i'm|i\sam|also)\s(?:known\sas|called) | known\sas",
    ),
    (_words("name nombre nome nom prénom"), r"my\sname | mi\snombre | meu\snome | mon\s(?:pré)?nom"),
    (
        _words("nennt m'appelle dicen llaman chamam chiamano noemt"),
        r"man\snennt\smich | on\sm'appelle | me\s(?:dicen|llaman) | me\schamam(?:\sde)? | mi\schiamano | men\snoemt\smij",
    ),
    (
        _words("fala spreekt imię jeg"),
        r"quem\sfala\sé(?:\s[oa])? | (?:u|je|jij)\sspreekt\smet | moje\simię\sto | jeg\ser",
    ),
    (_words("this it's call speaking"), r"this\sis | it's | call\sme | you're\sspeaking\s(?:to|with)"),
)
"""Introductions after which a name needs a capital or a listed given name."""
NAME_FOREIGN = (
    (
        _words("should person"),
        r"(?:it|name|this|that)\sshould\s(?:be|say|read) | contact\sperson(?:\sis)?\s?:?",
    ),
    (_words("im am"), r"im | (?<![\w'] )am"),
    (
        _words("now formerly officially schreibt spricht die bin"),
        r"i\sam\snow | i'm\snow | formerly | officially | es\s(?:schreibt|spricht) | bin\s(?:der|die)",
    ),
    (
        _words("nochmal nochmals wieder encore nouveau"),
        r"hier\sist\s(?:nochmals?|wieder|noch\seinmal) | c'est\s(?:encore|de\snouveau|toujours)",
    ),
    (
        _words("dit hoi det aquí aqui novo"),
        r"dit\sis | (?:hoi|hallo),?\smet | (?:oi|olá),?\sé\s[oa]",
    ),
    (_words("i ich yo io eu je ik"), r"(?:i|ich|yo|io|eu|je|ik),"),
    (
        _words("""from von de da van sender absender expéditeur remitente mittente remetente afzender client cliente clienta kunde kundin customer auftraggeber auftraggeberin ansprechpartnerin bestellerin requester
            reporter applicant claimant buyer purchaser patient member owner tenant signatory fdo gez signed firmado signé assinado firmato acquirente acheteur comprador comprador compradora käufer käuferin koper klant bedankt ihr ihre dein deine vostro vostra vs su tu"""),
        r"""(?:from|von|de|da|van|sender|absender|expéditeur|remitente|mittente|remetente|afzender|client[ea]?|kund(?:e|in)|customer|auftraggeber(?:in)?|ansprechpartnerin|bestellerin|requester|reporter|applicant
            |claimant|buyer|purchaser|patient|member|owner|tenant|signatory|acquirente|acheteur|compradora?|käufer(?:in)?|koper|klant)\s?: | (?:fdo|gez)\.?\s?:? | (?:signed|signé|firmado|assinado|firmato)(?:\s(?:por|par|da|by))?\s?:?
        | (?<=[.!?]\s)(?:ihre?|deine?)""",
    ),
    (
        _words("auftrag conto nombre namens behalf cargo"),
        r"per\sconto\sdi | en\snombre\sde(?:\smi\s\w{1,12},?)? | namens | i\.\s?[av]\.",
    ),
    (_words("bin hier"), r"ich\sbin(?:\s(?:der|die))? | hier\s(?:ist|spricht|schreibt)"),
    (_words("met spreekt"), r"(?:u\sspreekt\s)?met"),
    (
        _words("nochmal wieder bin's apparat bestellt"),
        r"hier\s(?:nochmals?|noch\seinmal|wieder) | ich\sbin's,? | am\sapparat | (?:bestellt|gebucht)\sauf",
    ),
    (
        _words("under"),
        r"(?:registered|booked|booking|reservation|filed|placed|ordered|is|it's|account|order)\sunder",
    ),
    (_words("ben tôi saya ako ek ég"), r"ben | tôi\slà | saya | ako\ssi | ek\sis | ég\ser"),
    (
        _words("name hier c'est customer contact passenger guest cliente kunde kundin klant"),
        r"name | hier | c'est | customer | contact | passenger | guest | cliente | kundin | kunde | klant",
    ),
)
"""Introductions that ordinary capitalized words often follow: a listed given name or two capitals must follow."""
NAME_CLOSED = (
    (
        _words("""kontoinhaber kontoinhaberin inhaber inhaberin empfänger empfängerin besteller ansprechpartner familienname nachname vorname zuname name nom titular titulaire destinataire
            destinatario destinatária destinatário intestatario intestataria apellido apellidos apelido sobrenome cognome nome nombre nombres prénom recipient addressee surname lastname firstname attn attention holder famille completo complet rekeninghouder geadresseerde achternaam voornaam"""),
        r"""(?:kontoinhaber(?:in)?|inhaber(?:in)?|empfänger(?:in)?|besteller|ansprechpartner|familienname|(?:nach|vor|zu)name|titular|titulaire|destinat(?:aire|ari[oa]|ári[oa])|intestatari[oa]|apellidos?|apelido|sobrenome|(?:cog)?nome|nombres?|(?:pré)?nom
            |recipient|addressee|surname|(?:last|first)name|attn|attention|holder|famille|complete?o?|rekeninghouder|geadresseerde|(?:achter|voor)naam|name)
            (?:\s?[:.-]|\s(?:is|ist|lautet|est|es|è|é|was|war)(?:\s[oa](?=\s))?)?""",
    ),
    (
        _words(
            "agent driver rep technician seller colleague gestatten io parte part behalf auftrag namen nome nom nombre läuft lautet signed"
        ),
        r"""(?:agent|driver|rep|technician|seller|colleague)\s(?:was|is|named|called) | gestatten,? | sono\sio,? | de\sparte\sde | da\sparte\sd[ei] | de\sla\spart\sde | on\sbehalf\sof | im\sauftrag\svon | im\snamen\svon | n?o\snome\sd[eao] | au\snom | a\snome | läuft\sauf | lautet\sauf | signed(?:\sby)?""",
    ),
    (
        _words("attention atención attenzione cuidado cuidados hd tav"),
        r"attention\sde | atención\sde | attenzione\sdi | (?:aos?\s)?cuidados?\sd[eoa] | hd\.(?:\svon)? | t\.?a\.?v\.?",
    ),
    (_words("familie famille familia famiglia família"), r"famil(?:ie|le|ia) | famiglia | família | famille"),
    (
        _words("nom nombre nome namen naam name unter under"),
        r"""sous\sle\snom(?:\sde)? | bajo\sel\snombre(?:\sde)? | (?:con|sotto)\sil\snome(?:\sdi)? | (?:com|sob)\so\snome(?:\sde)? | unter\sdem\snamen | onder\sde\snaam | (?:be|is|filed|booked|booking|reservation|reserved)\sunder
        | (?:gebucht|bestellt|registriert|gespeichert|angelegt|läuft)\sunter""",
    ),
    (
        _words("say read spelling spelled spelt schreibweise"),
        r"should\s(?:say|read)(?:\sas)? | (?:correct|right|proper)\sspelling\s(?:is|:) | richtige\sschreibweise\s(?:ist|:)",
    ),
    (_words("first last"), r"(?:first|last)\s?:"),
    (
        _words(
            "out up under myself me met customer loyal forename namens gebucht nazwisko imię user client sender requester contact from guest passenger ad soyad"
        ),
        r"""made\sout\sto | look\sme\sup\s?:? | find\sme\sunder | (?<![^\n])(?:me|met) | (?<!did\sit\s)(?:sir|madam|hello|hi|hey|greetings),?\smyself | (?<![^\n])myself | (?:your|a|an)\s(?:\w{4,12}\s)?customer,?
        | forename\s?:? | gebucht\sauf | (?:nazwisko|imię)\s?:? | (?<![^\n?|.])\s?(?:user|client|customer|sender|requester|contact|from|guest|passenger|ad(?:\ssoyad)?|soyad)\s?:""",
    ),
    (_words("ici"), r"ici"),
    (_words("aquí qui"), r"aquí | qui(?:\sè)?"),
    (
        _words("det dette här her täällä"),
        r"det\s(?:här\s|her\s)?(?:är|er) | dette\ser | (?:här|her)\s(?:är|er) | täällä(?:\son)?",
    ),
    (
        _words(
            "tady tu ja sam som jsem sem olen sunt это я аз съм είμαι λέγομαι вам пишет пише ez itt main mai sono ja"
        ),
        r"""tady(?:\sje)? | tu | jsem | ja\ssam | som | (?:ovdje\s)?sem | olen | sunt | это | я(?=\s) | аз\sсъм | είμαι(?:\s[οη])? | (?:вам\s)?(?:пишет|пише) | itt | mai?n?(?=\s(?-i:[A-Z]))""",
    ),
    (
        _words(
            "navn navnet namn namnet numele nazwisko nazwiska jméno imię имя ім'я името ime όνομα atas adına adına nimellä"
        ),
        r"""i\snav(?:n|net) | i\snamne?t? | på\snavnet | pe\snumele(?:\slui)? | na\s(?:jméno|meno|nazwisko|imię|ime|имя|ім'я|името) | στο\sόνομα(?:\sτ[οη][νυ]?)? | atas\snama""",
    ),
)
"""Introductions in languages whose nouns are lower-case: a capital must follow, and the clause ends after the name."""
SIGN_OFFS_FORMAL = r"""(?:vg|lg)(?!\w) | (?:kind(?:est)?|best|warm)\srgds | rgds | kindly, | take\scare | tia | thanks\sin\sadvance | thank\syou\sin\sadvance | respectfully | yours\sin\s\w{3,14} | have\sa\s(?:nice|good|great|lovely)\s(?:day|weekend|evening|one) | all\sthe\sbest
    | hochachtungsvoll | (?:vielen\s)?dank(?:e)?\s(?:schon\smal\s|schonmal\s)?im\svoraus | schönen\s(?:tag|abend)(?:\snoch)? | bis\s(?:dann|bald|später) | merci\s(?:d'avance|par\savance|bien|beaucoup) | sinc[èe]rement | salutations\sdistinguées | bises | à\s(?:bientôt|plus) | cdt | cdlt | gracias\sde\santemano | quedo\sa\sla\sespera
    | grazie\s(?:mille|in\santicipo) | buona\s(?:giornata|serata) | a\spresto | obrigad[oa]\s(?:desde\sjá|pela\satenção) | grat[oa] | abs | bom\sdia | boa\s(?:tarde|noite) | (?:alvast\s|hartelijk\s)?bedankt | (?:hartelijke|vriendelijke)\sgroeten? | fijne\s(?:dag|avond)
    | vänligen | tak(?:k)?\spå\sfor(?:hånd|hand) | kiitos | děkuji | köszönettel | üdv | cu\s(?:stimă|respect|drag) | mulțumesc | mulțam | srdačno | s\spoštovanjem | с\sуважение | σας\sευχαριστώ | trân\strọng | hormat\ssaya | salam | (?:mange\s)?hilsner | vh | (?<![^\n])t\. | terv\. | pozdr\. | (?:mange\s)?takk? |
    (?:مع\s)?(?:خالص\s|أطيب\s)?(?:تحياتي|التحيات|التحية) | בברכה | בתודה | saygılar(?:la)? | teşekkürler | с\sуважением | з\sповагою | спасибо | дякую | поздрави | με\sεκτίμηση | ευχαριστώ | lijep\spozdrav | lp | hvala | terima\skasih | salutacions | cảm\sơn | cordialmente | atte\.? | att\.? | salutations | best\swishes | bonne\s(?:journée|soirée) | bien\sà\s(?:vous|toi) | (?:(?:kind|best|warm|with)(?:est)?\s)?regards | sincerely |
    yours(?:\s(?:truly|faithfully|sincerely))? |
    (?:mit\s)?(?:freundlichen?|besten?|viele[nr]?|liebe[nr]?|herzlichen?|schönen?)\s(?:grüße?n?|gruß|gruss|gruessen?)
    | mfg | grüße | gruß | (?:bien\s)?cordialement | bien\sà\s(?:vous|toi) | respectueusement |
    sinc[èe]res?\ssalutations | atentamente | (?:un\s)?(?:cordial\s)?saludos? | saludos\scordiales
    | (?:cordiali|distinti)\ssaluti | (?:un\s)?(?:caro\s)?saluto | saluti | in\sfede | atenciosamente |
    (?:com\sos\smelhores\s)?cumprimentos | abraços? | met\svriendelijke\sgroet(?:en)? | groet(?:en|jes)? | (?:vr\.?\s)?gr\. | mvg |
    pozdrawiam | z\spoważaniem | (?:med\s)?(?:venlig\s|vennlig\s)?hilsen | (?:ystävällisin\s)?terveisin | s\spozdravem | üdvözlettel | saygılarımla | signed, | many\sthanks, | med\svänliga?\shälsning(?:ar)? | mvh | hälsningar"""
SIGN_OFFS = r"xoxo | xx | k\.?r\.? | b\.?r\.? | tschüss | bye | ciao | beijos? | bjs | besos | cheers | love | ta | warmly | hugs | best(?:\swishes)? | thanks | thank\syou | thx | greetings | danke | vielen\sdank | merci | bisous | gracias | grazie | obrigad[oa] | un\sabrazo | lg | vg | tack | dziękuję"
SIGN_OFF_WORDS = _words("""hilsner mange xoxo xx rgds kindly take tia advance respectfully have all hochachtungsvoll voraus schönen bis avance sincèrement sincerement distinguées bises bientôt cdt cdlt antemano quedo espera mille anticipo
    buona presto desde grato grata abs bom boa bedankt hartelijke vriendelijke fijne vänligen tak takk kiitos děkuji köszönettel üdv stimă mulțumesc saygılar saygılarla teşekkürler уважением повагою спасибо дякую поздрави εκτίμηση ευχαριστώ lijep lp hvala kasih salutacions ơn kr br vriendelijk
    cordialmente att atte salutations bonne tschüss bye ciao beijo beijos bjs besos poważaniem hilsen terveisin pozdravem üdvözlettel saygılarımla signed love ta warmly hugs many venlig vennlig ystävällisin med regards sincerely yours cheers best thank thanks thx greetings grüße grüßen gruß gruss
    gruessen mfg lg vg cordialement bien respectueusement salutations
    atentamente saludo saludos saluti saluto fede atenciosamente cumprimentos abraço abraços gr mvg groet groeten groetjes
    pozdrawiam hälsning hälsningar mvh vh t terv pozdr respect drag srdačno poštovanjem уважение trọng salam hormat تحياتي التحيات التحية בברכה בתודה danke dank merci bisous gracias
    grazie obrigado obrigada abrazo tack dziękuję""")
SPEAKING_WORDS = _words(
    "här her tässä täällä tady tu здесь тут εδώ burada konuşuyor hívnak hoon hun bol side vagyok here speaking hier apparat telefon l'appareil habla teléfono telefono aqui aquí falando"
)
"""Words after a name: "Anna here", "Anna am Apparat"."""
SURNAME_WORDS = _words(
    """petit klein jung gross groß lang lange weiss weiß schwarz braun roth kurz moreno blanco rubio bello grande grand blanc roux long young white green black brown short little rich best love hope sharp strong stark fuchs alto bravo mayor leal franco gallo santo cano costa leite"""
)
"""Surnames that are words in lower case: "ich bin sehr klein"."""
TYPED_THINGS = _words(
    """tutto tutte todo tudo tout alles again nichts nothing keine everything something details number email username account address letters characters twice incorrectly"""
)
"""What else is typed than a password."""
CARD_WORDS = _words(
    """back card karte carte tarjeta carta cartão kaart hinten rückseite dos atrás dietro achterop"""
)
"""Words of a message whose digits are the security code of a card."""
ABOUT_WORDS = _words(
    """re about betr betreff asunto oggetto assunto geht cancel storniere annulez cancela annulla cancele which ending c'est es è é ist"""
)
"""Words before the number that a message is about."""
AGAIN_WORDS = _words(
    "igen igjen taas znowu znova opět tekrar снова опять знову πάλι lagi again nochmal nochmals encore novo vez ancora weer writing calling"
)
"""Words after a listed given name: "Anna again"."""
GREETINGS = _words("""hi hey hello hiya dear morning afternoon evening thanks thank cheers hallo hey moin servus liebe lieber grüezi danke bonjour bonsoir salut cher chère merci hola estimado estimada querido querida gracias
    buongiorno buonasera salve ciao gentile caro cara egregio grazie olá oi prezado prezada obrigado obrigada hoi beste geachte bedankt hei hej cześć witam ahoj""")
"""Words before the name of the person who is addressed."""
TITLE_WORDS = _words("""mr mrs ms miss mx dr prof herr herrn frau monsieur madame mme mlle m señor señora señorita
    sr sra don doña signor signora signore signorina sig dott dottore dottoressa
    dottor senhor senhora senhorita dona mevrouw meneer dhr mevr pan pana panem panu pani panią pán pána pánem paní hr fru rouva domnul doamna domnului doamnei господин господина госпожа госпожу пан пані пана κύριος κύριο κύρια κυρία gospodin gospodina gospođa gospođu gospa gospod bapak atty rev""")
NEED_A_DOT = _words("m sig sr don pan hr rev atty")
"""Titles that are words or initials without a dot."""
PERSON_WORDS = _words("""housekeeper cleaner carer nanny babysitter gardener caretaker concierge receptionist secretary tenant landlord hausmeister hausmeisterin putzfrau sekretärin gardien gardienne portero portera conserje secretaria portiere porteiro segretaria nonna nonno zia zio abuela abuelo tía tío avó avô tia tio mamie papi babcia dziadek sąsiad sąsiadka sąsiadce soused sousedka mormor farmor morfar farfar бабушка дедушка тётя дядя сосед соседка соседу kone mann sønn datter søster bror mor far venn venninne kollega kollegaen nabo fru make maka make dotter syster vän väninna granne sambo vaimoni vaimolleni miehelleni pojalleni tyttärelleni äidilleni isälleni ystäväni puhuin
    férjem feleségem fiam lányom soția soțul soțului soției fiul fiica mama sora fratele doamna domnul manželka manželku manželce manžel manžela syn syna synem dcera dceru dceři matka otec kolega kolegyně żona żony żonie żonę mąż męża mężowi córka córki córce córkę mama brat brata siostra siostry kolegi koleżanka
    жена жены жене женой жену муж мужа мужу мужем сын сына сыну сыном дочь дочери дочка дочки мама мамы маме папа папы брат брата брату братом сестра сестры сестре подруга подруги друг друга друзья сотрудник сотрудница сотрудником сотрудницей менеджер менеджером курьер курьером оператор оператором коллега коллеги дружина дружини дружині чоловік чоловіка син сина донька доньки сусід съпруг съпруга съпругата
    άντρας άντρα γυναίκα σύζυγος σύζυγό γιος γιο κόρη μητέρα πατέρας αδερφός αδερφή eşim kocam karım oğlum kızım annem babam kardeşim arkadaşım istri suami anak ibu bapak teman muž supruga suprug sestra brata prijatelj prijateljica kolegica vợ chồng
    collègue conjointe conjoint compañera compañero colega medewerker medewerkster mitarbeiter mitarbeiterin berater beraterin conseiller conseillère asesor asesora operatore operatrice atendente
    fahrer livreur repartidor corriere entregador driver courier technician c/o cousin uncle aunt nephew niece grandmother grandson tochter oma opa tante onkel
    neighbor neighbour husband wife son daughter flatmate housemate agent colleague friend boss manager brother neef nicht buurman buurvrouw zus broer zoon dochter moeder vader vriend vriendin man vrouw
    sister mother father mum mom dad partner assistant roommate girlfriend boyfriend employee recipient named
    called kollege kollegin nachbar nachbarin mann collega voisin voisine mari femme vecino vecina marido mujer
    esposa vicino vicina marito moglie vizinho vizinha esposo hat hermano hermana hijo hija amigo amiga madre padre
    fratello sorella figlio figlia amico amica irmão irmã filho filha frère sœur fils fille ami amie
    bruder schwester sohn tochter freund freundin mutter vater""")
"""Words before a person's name, also an unlisted one."""
OUR = _words(
    "din min mitt mina vår vårt dere deres er hans hennes moje moja moji mojej mojego mojemu můj mojí moju môj moj мой моя моей моего моему моим мою моё ваш ваша ваше вашим вашей вашего моїй мого моєму моєї мій моят моята το τον την η ο του της του benim istri saya minha ihr ihre ihrem ihren ihrer votre su seu sua uw your my our his her mein meine meiner meinem meinen mon ma notre mi mis il la mio mia mijn onze minha meu"
)
PERSON_PAIRS = frozenset(("me atendió", "me atendeu", "m'a répondu", "mi ha", "ha risposto", "served by", "helped by", "com o", "com a", "mit der", "mit dem", "ask for", "asked for", "med for", "someone called", "it's for", "cancel for",  "snakka med", "pratade med", "talade med", "talte med", "snakkede med", "vorbit cu", "jsem s", "som s", "rozmawiałem z", "rozmawiałam z", "mluvil s", "говорил с", "говорила с", "разговаривал с", "разговаривала с", "общался с", "общалась с", "оформлен на", "оформлена на", "говорив з", "говорила з", "για τον", "για την", "pakken til", "paketet till", "balík pro", "paczka dla", "jest dla", "посылка для", "заказ для", "посилка для", "til herr", "coletul pentru", "este pentru", "govorio s", "govorila s", "bicara dengan", "paket untuk", "nói chuyện với", "chuyện với", "hablé con", "parlé avec", "parlé à", "parlato con", "falei com", "gesprochen mit", "wurde von", "entregaron a", "entregado a", "entregada a", "consegnato a", "consegnata a", "entregue a", "entregue ao", "livré à", "remise à", "zugestellt an", "übergeben an", "abgegeben bei", "bitte an", "gave it", "left with", "both me", "bezorgd bij", "gesproken met", "me and", "and me", "add my", "añadan a", "agreguen a", "signed by", "sent by", "for by", "accepted by", "received by", "taken by", "ordered by", "bought by", "paid by", "collected by", "up by", "written by", "spoke with", "spoke to", "speak with",
    "speak to", "spoken to", "spoken with", "talked with", "talked to", "talk to", "chatted with", "gift for", "present for", "belongs to", "delivered to", "issued to", "addressed to", "registered to", "handed to", "name to", "name is", "it is", "deliver to",
    "it to", "recibió", "lo recibió", "ritirato da", "remis à", "recebeu foi", "firmato da", "ritirato da", "signé par", "firmado por", "assinado por", "entreguem a", "entreguen a", "entregar a", "consegnate a", "consegnare a", "livrer à", "è per", "es para", "é para", "est pour", "ist für", "is for", "paket an", "bitte auf", "to contact", "parcel to", "package to", "empfänger ist", "destinataire est", "destinatario es", "destinatario è", "destinatário é"))  # fmt: skip
"""The same, two words."""
PERSON_LINKS = _words(
    "to for with from by remove contact ask an für von auf durch pour par à avec de a per da di con por para com is ist est es é and und et y e ordered cancel"
)
"""Words before a listed given name that stands alone."""

# Birth, phones, numbers --------------------------------------------------------------------------------------------

BIRTH_WORDS = _words("""dob b bday ddn gebdat gebdatum nac verjaardag geboortedag jarig born birth birthday birthdate geburtsdatum geburtstag geboren geb naissance né née
    anniversaire nací naci nacido nacida nacimiento cumpleaños nato nata nascita nasci nascido
    nascida nascimento compleanno aniversário geboortedatum urodzony urodzona urodzenia urodziłem urodziłam född
    födelsedatum født fødselsdato""")
MONTHS = r"""jan(?:uary|uar|uari|vier|eiro)? | jänner | gen(?:naio)? | ene(?:ro)? | feb(?:ruary|ruari|ruar|rero|braio)? | f[ée]v(?:rier|ereiro)? |
    mar(?:ch|s|zo|ço)? | märz | maart | apr(?:il|ile)? | avril | abr(?:il)? | ma[iyj] | mei | mayo | maggio | maio | june? | juni
    | juin | jun(?:io|ho)?
    | giugno | jul(?:y|i|io|ho)? | juillet | luglio | aug(?:ustus|usti|ust)? | août | ago(?:sto)? |
    sep(?:t|tember|tembre|tiembre)? | set(?:tembre|embro)? | o[ck]t(?:ober|obre|ubre)? | out(?:ubro)? | ottobre |
    nov(?:ember|embre|iembre|embro)?
    | de[cz](?:ember|embro)? | d[ée]cembre | dic(?:iembre|embre)? | styczni?a? | stycznia | lutego | marca |
    kwietnia | maja | czerwca | lipca | sierpnia | września | października | listopada | grudnia |
    ocak | şubat | mart | nisan | mayıs | haziran | temmuz | ağustos | eylül | ekim | kasım | aralık"""

PHONE_HINTS = _words("""telephone phone phones call calls tel cell mobile mob whatsapp whats fax dial text texts
    sms reach ring contact callback telefon telefonnummer handy handynummer mobil rufnummer anrufen ruf erreichbar
    téléphone telephone portable appelez appeler joindre tél numéro teléfono móvil celular llámame llamar llámeme
    llamen telefono cellulare chiamatemi chiamare cell chiamami telefone telemóvel liga ligue ligar
    zap telefoon telefoonnummer mobiel bel telefonu dzwonić komórka mobilnummer telefonnummer telefonnr ringa
    puhelin número numero my number home work called rufen rufe rückruf anruf zurückrufen erreichen natel appelle
    rappelez rappeler gsm llame llama llamada chiama chiamami richiamatemi ligação telefonar nummer tlf zadzwoń numer
    telefonum""")
DIGIT_WORDS = _words("""zero oh one two three four five six seven eight nine double triple null eins zwei zwo drei
    vier fünf sechs sieben acht neun nul een twee drie vijf zes zeven negen ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety dix onze douze
    treize quatorze quinze seize vingt trente quarante cinquante soixante quatre-vingt et diez veinte treinta cuarenta
    cincuenta sesenta setenta ochenta noventa venti trenta quaranta cinquanta sessanta settanta ottanta novanta zéro un deux trois quatre cinq sept huit neuf cero uno dos tres cuatro
    cinco seis siete ocho nueve due tre quattro cinque sei sette otto nove um dois três quatro sete oito""")
CURRENCIES = r"""usd|eur|euros?|gbp|dollars?|pounds?|quid|bucks|chf|francs?|cents?|inr|rupees?|lakh|yen|jpy|yuan|cny|rmb|won|krw|pln|zł(?:oty)?|zlotys?|kr|sek|nok|dkk|kron(?:or|er|en)|kroner|pesos?|mxn|ars|clp|cop|reais|real|brl
    |rand|zar|lira|tl|try|cad|aud|nzd|sgd|franken|stutz|dirhams?|aed|baht|rubles?|rub|huf|forint|czk|koruna|points?|punkte|miles|people|units|stück|km|users?|kunden|followers|steps|mah|watts?|rpm|ppi|dpi|pixels?|lumens?"""

NUMBER_KINDS = {
    "<ORDER>": """cde cdes bestell-nr auftrags-nr bestellungen bestellingen zamówień beställningar compra compras orden órdenes ordens acquisto acquisti achat achats einkauf kauf subscription abo abonnement suscripción abbonamento assinatura nákup zakup aankoop cmd pöntun pöntunin porosia porosi agizo سفارش objednávka objednávky objednávku objednávce objednavka objednavky ordren bestilling bestillingen bestillingsnummer beställningen beställningsnummer tilaus
        tilaukseni tilausnumero tilauksen rendelés rendelésem rendelésszám comanda comenzii comandă заказ заказа заказу заказе замовлення поръчка поръчката παραγγελία παραγγελίας narudžba narudžbe narudžbu narudžbi
        naročilo naročila sipariş siparişim siparişimin siparis siparisim pesanan tellimus tellimuse pasūtījums pasūtījuma užsakymas užsakymo طلب طلبي הזמנה ההזמנה zamówieniem zamowienie zamowienia order orders ord oorder ordr oder orer oredr purchase purchases puchase pucrhase purcahse
    bestellung bestellnummer bestell auftrag auftragsnummer commande commandes pedido pedidos ordine ordini encomenda
        encomendas bestelling bestelnummer zamówienie zamówienia beställning ordernummer ordrenummer ordre po ordernumber odrer""",
    "<ACCOUNT>": """prescription student employee subscriber subscribers medlemsnummer customerno kundenr agência agencia account accounts acct acc a/c customer client member membership user policy contract contracts loyalty transit institution contrat contrato contratto vertrag socio abonné abonado assinante protocolo clabe konto
    kontonummer kundennummer kunde mitgliedsnummer compte cuenta conto conta client cliente abonné rekening
        rekeningnummer klantnummer konta kundnummer kontonr""",
    "<INVOICE>": """invoice invoices inv bill bills receipt receipts rechnung rechnungsnummer facture factures
    factura facturas fattura fatture fatura recibo factuur faktura fakturanummer quittung""",
    "<NUMBER>": """sn imei complaint complaints enquiry inquiry query incident job sheet repair docket consignments quotation slip report claims application appointment angebot offerte offre lieferschein mahnung gutschrift anfrage antrag police schaden zähler devis avoir bon sinistre póliza presupuesto incidencia siniestro solicitud queja
        polizza preventivo bolla sinistro segnalazione orçamento apólice sinistro chamado reclamação pakbon polis melding klacht zaak számla szám száma umowa umowy sprawa sprawy reklamacja reklamacji smlouva sak saksnummer ärende ärendenummer sag sagsnummer asia договор договора обращение обращения заявка заявки счёт счета betreff réf rif albarán albaran reklamation reclamo réclamation bordereau avis cas fascicolo nota ddt buchung buchungen reservierung boeking rezerwacja bokning varaus foglalás rezervace retour retours retoure rücksendung reso resi devolução devoluções devolución devoluciones return returns zwrot retouren envío envio envios envoi envoie rma processo tracking awb waybill aktenzeichen zeichen handelsregister hrb kvk pnr quote refrence referance parcel package shipment consignment ticket case ref reference booking reservation
    confirmation conf transaction return rma claim serial passport license licence ssn security tax vat routing label
        number numbers nr sort bsb ifsc blz swift bic aba sin nino tfn pps ppsn aadhaar pan ird nric ni insurance
    social steuer steuernummer ustid sendungsnummer sendung paket paketnummer vorgang vorgangsnummer
        ausweis ausweisnummer personalausweis reisepass reisepassnummer führerschein sozialversicherungsnummer svnr
    ahv suivi colis passeport sécu sécurité permis dossier réservation nir référence referencia referência riferimento localizador localizzatore pratica expediente protocolo identité identità identidad identidade identiteit medicare medicaid nhs ein itin hkid rrn dowód číslo cnp egn oib dni nie nif cif curp cuit cuil
        rut run cédula nit seguimiento paquete guía pasaporte reserva tracciamento spedizione pacco passaporto
    patente fiscale iva prenotazione cf rastreio rastreamento passaporte cpf cnpj rg cnh nis contribuinte bsn
        rijbewijs paspoort burgerservicenummer rijksregisternummer pesel nip regon przesyłki paczka personnummer
    cpr fødselsnummer henkilötunnus hetu kimlik spårningsnummer kolli paketet id ids""",
}  # fmt: skip
"""Nouns that name a number, by the mark of the number."""
NAMING = _words(
    "numărul numer-om nummeret numret numeru numara numaralı szám száma n.º nro č č. číslo cislo № broj št nomor numarası numarasi номер số αριθμός رقم מספר numărul # n number numbers num nbr no nr id ids code ref reference nº n° núm nummer numéro número numero numer no. "
)
SAYING = _words(
    "lyder numaram on je este e ends ending says reads are were sind waren sont son sono são is was ist war lautet est es è é era to jest är er"
)
NO_NUMBERS = _words(
    "art pieza pezzo peça teil ersatzteil barcode strichcode codebarres article item model part product sku ean version size error coupon promo voucher firmware build ean isbn upc gtin asin rgb hex farbe couleur fout foutcode bestand file image img flight batch page chapter room artikel artikelnr chargennummer artikelnummer article modell modelo modello modèle producto prodotto produto erreur fehler color colour"
)
"""Nouns before "number" or "code" whose numbers identify things, not persons."""
MOVING_WORDS = _words("""late arrived arrive arrives movement stuck shipped delivered undelivered received missing lost dispatched bought
    angekommen geliefert versendet verschickt gekauft llegó llega llegado enviado comprado parti arrivé reçu livré acheté arrivato
    arrivata fermo spedito comprato parada parado chegou enviada entregue comprei aangekomen geleverd""")
"""Words of a message about a delivery, whose codes are numbers of orders."""
