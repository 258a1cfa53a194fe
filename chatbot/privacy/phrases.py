"""How people state personal data in eleven languages: nouns, verbs and links, as tables for the detectors' patterns.

Data only. A constant with "|" is part of a verbose regular expression; a frozenset holds lower-case words.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BE = r"is|are|was|were|ist|sind|war|lautet|lautete|est|était|es|son|era|è|e'|sono|é|são|foi|ser[áà]|to\sbe|it's|to|jest|är|er|reads|says"
"""Forms of "to be" between a noun and its value; "is" of Dutch and English."""

# Credentials -------------------------------------------------------------------------------------------------------

PASSWORD_NOUNS = r"""(?:pass|haupt|wlan-|wifi-|login-)?(?:pass(?:word|code|phrase|wd|wort)|password)s? | pwd | pw | kennwort | losung | mdp
    | mot[ ]de[ ]passe | contraseña | contrasena | clave | parola | senha | palavra[- ]passe | wachtwoord | hasło | lösenord | adgangskode"""
PASSWORD_HINTS = (
    "pass", "pw", "mdp", "kennwort", "contrase", "clave", "parola", "senha", "wachtwoord", "hasło", "lösenord", "adgangskode",
    "key", "token", "secret", "user", "login", "benutzer", "identifiant", "usuario", "utente", "usuário",
)  # fmt: skip
CHANGE_VERBS = """chang(?:e|ed|ing) | set | reset | updat(?:e|ed) | switched | ge[aä]ndert | setze | ändere | änderte | wechselte | cambi[éeao]
    | cambiado | cambiato | cambia[rt]e? | mud(?:ei|ar|e) | alter(?:ei|ar) | troquei | trocar | puse | pus | poner | chang(?:é|er) | impostat[oa]
    | modifi(?:é|cado|cato) | actualicé | restablec(?:í|er) | redefin(?:i|ir)"""
FAILS = """is | does | doesn't | isn't | won't | wont | gets | got | fails | was | keeps | never | no[ ]longer | stopped | wird | funktioniert | geht
    | ist | klappt | ne | n'est | est | no | não | nao | non | falla | falha | stimmt | werkt | inte"""
AS_PASSWORD = r"as | als | comme | como | come"

KEY_NOUNS = r"""api[-_ ]?(?:key|token|secret)s? | (?:access|private|secret|licen[cs]e|encryption|account|shared)[-_ ]?keys? | \w{0,30}secret(?:[-_ ]?(?:access[-_ ]?)?key)?
    | (?:\w{0,30}[-_ ])?token | bearer | credentials? | client[-_ ]?id | session[-_ ]?id | key"""
KEY_PREFIXES = r"""gh[oprsu]_ | github_pat_ | glpat- | gl[a-z]{2,5}- | xox[a-z]- | xapp- | [rsp]k_(?:live|test)_ | whsec_ | sk- | A[KS]IA[A-Z0-9] | AIza | ya29\.
    | GOCSPX- | EAA[A-Z] | SG\. | npm_ | pypi- | rubygems_ | key-[\da-f]{16} | (?:AC|SK|AP)[\da-f]{32} | sh(?:pat|pca|pss|ppa)_ | do[opr]_v1_ | hf_ | sq0[a-z]{3}-
    | dapi[\da-f] | glsa_ | glc_ | lin_api_ | secret_ | ntn_ | ATATT | ATBB | ATCTT | dp\.[a-z]{2}\. | sl\. | NRAK- | NRJS- | PMAK- | sntrys_ | AGE-SECRET-KEY-
    | eyJ | hvs\. | hvb\. | s\.[A-Za-z0-9]{24} | figd_ | r8_ | gsk_ | pplx- | tskey- | phc_ | pat[A-Za-z0-9]{14}\. | v1\.0-[\da-f] | EZ[AT]K | xkeysib- | LTAI | AKID
    | T3BlbkFJ | ops_ | dckr_pat_ | vc[a-z]_ | rnd_ | fo1_ | fm[12]_ | PRIVATE- | Bearer"""
"""Prefixes of API keys and tokens as secret scanners publish them (GitHub, GitGuardian, gitleaks)."""

PIN_NOUNS = r"""pin | pins | mpin | cvv2? | cvc2? | cvn | otp | tan | puk | geheimzahl | passcode | kartenprüfnummer | prüfziffer
    | (?:security|verification|access|one[- ]time|sms|authentication|authenticator|login|2fa|mfa|confirmation|auth|secret|pin|door|bank)[ ](?:code|pin)
    | (?:sicherheits|bestätigungs|zugangs|verifizierungs|pin-?|einmal)code | code[ ](?:secret|pin|confidentiel|de[ ](?:sécurité|vérification|confirmation))
    | codice[ ](?:segreto|pin|di[ ](?:sicurezza|verifica|conferma)) | c[óo]digo[ ](?:secreto|pin|de[ ](?:seguridad|segurança|verificaci[óo]n|verificação|acesso|acceso))
    | pincode | clave | senha | nip | pinkod"""
PIN_HINTS = _words("""pin pins mpin cvv cvv2 cvc cvc2 cvn otp tan puk geheimzahl passcode kartenprüfnummer prüfziffer code pincode sicherheitscode
    bestätigungscode zugangscode verifizierungscode pincode einmalcode codice código codigo clave senha nip pinkod""")
NO_CODES = _words("""error fault promo promotional coupon voucher discount gift product article item color colour status zip area country postal post
    post dial source dress fehler rabatt promotion erreur descuento errore desconto erro sconto http exit bar qr""")
"""Words before "code" that make it no secret."""

# Names -------------------------------------------------------------------------------------------------------------

NAME_STATED = r"""(?:my|the|full|first|last|his|her)\s(?:(?:full|first|last|given|middle|legal|sur|wife's|husband's|son's|daughter's)\s?)? name
        (?: \sis (?:\s(?:now|actually|still))?+ | 's | \s?[:=] )
    | (?:wife|husband|son|daughter|mother|father|partner|boss|friend)'s\sname\s(?:is|:) | (?:first|last|full|sur)?name\s?[:=]
    | (?:under|in|on|to)\sthe\sname(?:\sof)? | (?:account|card)\s?holder(?:'s\sname)?(?:\sis|\s?[:=])
    | mein(?:e)?\s(?:voller\s)?(?:name|vorname|nachname|familienname)\s(?:ist|lautet|war) | (?:vor|nach)name\s?[:=]
    | ich\shei(?:ß|ss)e | auf\sden\snamen | mit\snamen | je\sm'appelle | (?:mon|le)\s(?:pr[ée])?nom(?:\sde\sfamille)?\s(?:est|c'est) | (?:pr[ée])?nom\s?: | au\snom\sde
    | me\sllamo | mi\s(?:nombre|apellido)(?:\scompleto)?\ses | nombre\s?: | a\snombre\sde | mi\schiamo | (?:il\s)?mio\s(?:nome|cognome)\s(?:è|e')
    | (?:cog)?nome\s?: | a\snome\sdi | intestat[oa]\sa | meu\s(?:nome|sobrenome|apelido)(?:\scompleto)?\s(?:é|e) | chamo-?\s?me | me\schamo | em\snome\sd[eao]
    | mijn\s(?:naam|voornaam|achternaam)\sis | ik\sheet | nazywam\ssię | mam\sna\simię | jag\sheter | mitt\snamn\sär | jeg\shedder | mit\snavn\ser | jeg\sheter | mitt\snavn\ser"""
"""Introductions after which a lower-case word is a name, too."""
NAME_WEAK = r"i\sam | i'm | im | this\sis | it's | call\sme | you're\sspeaking\s(?:to|with)"
NAME_FOREIGN = r"""ich\sbin(?:\s(?:der|die))? | hier\s(?:ist|spricht|schreibt) | (?:bonjour,?\s)?(?:moi\s)?c'est | (?:moi,?\s)?je\ssuis | ici
    | soy | (?:le|les)\s(?:habla|escribe|saluda) | habla\scon | (?:io\s)?sono | qui\sparla | parla | (?:eu\s)?sou(?:\s[oa])? | quem\sfala\sé(?:\s[oa])? | aqui\s(?:é|fala|quem\sfala\sé)(?:\s[oa])? | fala\s[oa]
    | ik\sben | jag\sär | jestem | z\stej\sstrony"""
"""Introductions in languages whose name lists are short: a name needs a capital, and a sentence may follow, too."""
SIGN_OFFS_FORMAL = r"""(?:(?:kind|best|warm|with)(?:est)?\s)?regards | sincerely | yours(?:\s(?:truly|faithfully|sincerely))? | (?:mit\s)?(?:freundlichen?|besten?|viele[nr]?|liebe[nr]?|herzlichen?|schönen?)\s(?:grüße?n?|gruß|gruss|gruessen?)
    | mfg | grüße | gruß | (?:bien\s)?cordialement | bien\sà\s(?:vous|toi) | respectueusement | sinc[èe]res?\ssalutations | atentamente | (?:un\s)?(?:cordial\s)?saludos? | saludos\scordiales
    | (?:cordiali|distinti|un\scaro)\ssaluti? | saluti | in\sfede | atenciosamente | (?:com\sos\smelhores\s)?cumprimentos | abraços? | met\svriendelijke\sgroet(?:en)? | groet(?:en|jes)? | pozdrawiam | med\svänliga?\shälsning(?:ar)? | mvh | hälsningar"""
SIGN_OFFS = r"cheers | best(?:\swishes)? | thanks | thank\syou | thx | greetings | danke | vielen\sdank | merci | bisous | gracias | grazie | obrigad[oa] | un\sabrazo | lg | vg | tack | dziękuję"
SIGN_OFF_HINTS = _words("""regards sincerely yours cheers best thank thanks thx greetings grüße grüßen gruß gruss gruessen mfg lg vg cordialement bien respectueusement salutations
    atentamente saludo saludos saluti saluto fede atenciosamente cumprimentos abraço abraços groet groeten groetjes pozdrawiam hälsning hälsningar mvh danke dank merci bisous gracias
    grazie obrigado obrigada abrazo tack dziękuję""")
NAME_HINTS = _words("""name am m im this call it nombre nom prénom prenom nome cognome vorname nachname familienname namen heiße heisse appelle llamo chiamo chamo bin hier suis c soy habla escribe saluda sono
    sou parla fala apellido sobrenome apelido intestato intestata naam voornaam achternaam heet nazywam imię heter namn hedder navn ben är jestem tej holder cardholder accountholder
    firstname lastname fullname surname you ici""")
SPEAKING = r"here | speaking | hier | am\s(?:apparat|telefon) | à\sl'appareil | al\shabla | al\steléfono | al\stelefono | aqui | aquí | falando"
SPEAKING_HINTS = _words("here speaking hier apparat telefon appareil habla teléfono telefono aqui aquí falando")
TITLES = r"""mr | mrs | ms | miss | mx | dr | prof | herrn? | frau | monsieur | madame | mme | mlle | m(?=\.) | señor(?:a|ita)? | sra?(?=\.) | sra | don(?=\s) | doña | signor(?:a|e|ina)?
    | sig(?:\.ra|\.na)?(?=\.) | sig\.ra | dott(?:\.ssa)? | dottor(?:e|essa) | senhor(?:a|ita)? | dona | mevrouw | meneer | dhr | mevr | pani? | fru | ing | avv"""
TITLE_HINTS = _words("""mr mrs ms miss mx dr prof herr herrn frau monsieur madame mme mlle m señor señora señorita sr sra don doña signor signora signore signorina sig dott dottore dottoressa
    dottor senhor senhora senhorita dona mevrouw meneer dhr mevr pan pani fru ing avv""")
PERSON_BEFORE = r"""(?:signed(?:\sfor)?|accepted|received|taken|ordered|bought|paid|collected|picked\sup|written|sent)\sby | (?:spoke|speak|spoken|talked|talk|chatted|speaking|talking)\s(?:with|to) | (?:gift|present)\sfor | belongs\sto
    | (?:issued|addressed|registered|transfer(?:red)?|handed|given)\s(?:it\s)?to | name\s(?:to|is|was) | (?:neighbou?r|husband|wife|son|daughter|agent|colleague|friend|boss|manager|brother|sister|mother|father|mum|mom|dad|partner|assistant|roommate|girlfriend|boyfriend|employee|customer|recipient|person)(?:\snamed|\scalled)?,?
    | (?:deliver|delivered|give|gave|send|sent|ship|leave|left)\s(?:it|them|the\s\w{1,12})\s(?:to|with) | remove | contact | ask(?:\sfor)? | hat | auf | durch | von | remis\sà | par | recibi[óo] | por | da | recebeu\s(?:foi|a|o) | ritirato\sda | collega | kollege | kollegin | nachbar(?:in)? | mann | voisine? | mari | femme
    | vecin[oa] | marido | mujer | esposa | vicin[oa] | marito | moglie | vizinh[oa] | esposo | foi | to | for | with | from | an | für | pour | à | para | a | per | di | de | is | ist | est | es"""
"""Words before a person's full name."""

# Birth, phones, numbers --------------------------------------------------------------------------------------------

BIRTH = r"""dob | d\.o\.b\.? | born | birth(?:day|date)? | geburtsdatum | geburtstag | geboren | geb | naissance | née? | anniversaire | nac[ií](?:d[oa])? | nacimiento | cumpleaños | nat[oa] | nascita
    | nasc(?:i|ido|ida|imento) | compleanno | aniversário | geboortedatum | urodz(?:ony|ona|enia) | urodziłe?a?m | född | födelsedatum | født | fødselsdato"""
BIRTH_HINTS = _words("""dob d born birth birthday birthdate geburtsdatum geburtstag geboren geb naissance né née anniversaire nací naci nacido nacida nacimiento cumpleaños nato nata nascita nasci nascido
    nascida nascimento compleanno aniversário geboortedatum urodzony urodzona urodzenia urodziłem urodziłam född födelsedatum født fødselsdato""")
MONTHS = r"""jan(?:uary|uar|vier|eiro)? | feb(?:ruary|ruar|rero|braio)? | f[ée]v(?:rier|ereiro)? | mar(?:ch|s|zo|ço)? | märz | apr(?:il|ile)? | avril | abr(?:il)? | ma[iyj] | mayo | maggio | maio | june? | juni | juin | jun(?:io|ho)?
    | giugno | jul(?:y|i|io|ho)? | juillet | luglio | aug(?:ust)? | août | ago(?:sto)? | sep(?:t|tember|tembre|tiembre)? | set(?:tembre|embro)? | o[ck]t(?:ober|obre)? | out(?:ubro)? | ottobre | nov(?:ember|embre|iembre|embro)?
    | de[cz](?:ember|embro)? | d[ée]cembre | dic(?:iembre|embre)? | styczni?a? | stycznia | lutego | marca | kwietnia | maja | czerwca | lipca | sierpnia | września | października | listopada | grudnia"""

PHONE_HINTS = _words("""telephone phone phones call calls tel cell mobile mob whatsapp whats fax dial text texts sms reach ring contact callback telefon telefonnummer handy handynummer mobil rufnummer anrufen ruf erreichbar
    téléphone telephone portable appelez appeler joindre tél numéro teléfono móvil celular llámame llamar llámeme llamen telefono cellulare chiamatemi chiamare cell chiamami telefone telemóvel liga ligue ligar
    zap telefoon telefoonnummer mobiel bel telefonu dzwonić komórka mobilnummer telefonnummer telefonnr ringa puhelin número numero my number""")
DIGIT_WORDS = _words("""zero oh one two three four five six seven eight nine double triple null eins zwei zwo drei vier fünf sechs sieben acht neun zéro un deux trois quatre cinq sept huit neuf cero uno dos tres cuatro
    cinco seis siete ocho nueve due tre quattro cinque sei sette otto nove um dois três quatro sete oito""")
CURRENCIES = r"""usd|eur|euros?|gbp|dollars?|pounds?|quid|bucks|chf|francs?|cents?|inr|rupees?|lakh|yen|jpy|yuan|cny|rmb|won|krw|pln|zł(?:oty)?|zlotys?|kr|sek|nok|dkk|kron(?:or|er|en)|kroner|pesos?|mxn|ars|clp|cop|reais|real|brl
    |rand|zar|lira|tl|try|cad|aud|nzd|sgd|franken|stutz|dirhams?|aed|baht|rubles?|rub|huf|forint|czk|koruna|points?|punkte|miles|people|units|stück|km|users?|kunden|followers|steps|mah|watts?|rpm|ppi|dpi|pixels?|lumens?"""

NUMBER_KINDS = {
    "<ORDER>": """order orders ord oorder ordr oder orer oredr purchase purchases puchase pucrhase purcahse bestellung bestellnummer bestell auftrag auftragsnummer commande commandes pedido pedidos ordine ordini encomenda
        encomendas bestelling bestelnummer zamówienie zamówienia beställning ordernummer ordrenummer ordre po""",
    "<ACCOUNT>": """account accounts acct acc a/c customer client member membership user policy contract konto kontonummer kundennummer kunde mitgliedsnummer compte cuenta conto conta client cliente abonné rekening
        rekeningnummer klantnummer konta kundnummer kontonr""",
    "<INVOICE>": """invoice invoices inv bill bills receipt receipts rechnung rechnungsnummer facture factures factura facturas fattura fatture fatura recibo factuur faktura fakturanummer quittung""",
    "<NUMBER>": """tracking parcel package shipment consignment ticket case ref reference booking reservation confirmation transaction return rma claim serial passport license licence ssn security tax vat routing label
        number numbers nr sort bsb ifsc blz swift bic aba sin nino tfn pps ppsn aadhaar pan ird nric ni insurance social steuer steuernummer ustid sendungsnummer sendung paket paketnummer vorgang vorgangsnummer
        ausweis ausweisnummer personalausweis reisepass reisepassnummer führerschein sozialversicherungsnummer svnr ahv suivi colis passeport sécu sécurité permis dossier réservation nir dni nie nif cif rfc curp cuit cuil
        rut run cédula nit seguimiento paquete guía pasaporte reserva tracciamento spedizione pacco passaporto patente fiscale iva prenotazione cf rastreio rastreamento passaporte cpf cnpj rg cnh nis contribuinte bsn
        rijbewijs paspoort burgerservicenummer rijksregisternummer pesel nip regon przesyłki paczka personnummer cpr fødselsnummer henkilötunnus hetu kimlik spårningsnummer kolli paketet id ids""",
}  # fmt: skip
"""Nouns that name a number, by the mark of the number."""
GENERIC_NOUNS = _words("number numbers nr label id ids run pan sort return security social insurance tax po rg")
"""Nouns of NUMBER_KINDS that need a naming word (or "is") to name a short number."""
NAMING = _words("# number numbers num nbr no nr id ids code ref reference nº n° núm nummer numéro número numero numer no. ")
SAYING = _words("is was ist war lautet est es è é era to jest är er")
NO_NUMBERS = _words("article item model part product sku ean version size error coupon promo voucher flight batch page chapter room artikel artikelnummer article modell modelo modello modèle producto prodotto produto erreur fehler color colour")
"""Nouns before "number" or "code" whose numbers identify things, not persons."""
