"""Word lists by language for language identification: function words, and common words of customer messages.

English holds the words that occur in at least three messages of data/corpus and data/out_of_scope.
"""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "en": """
a able about abroad acc accept accepted accepting access accident according account accountant accounts
accuont acount acquire actual actually add added adding address addresses adress advance afford after
afternoon again against age agent ago agreement ahead aid aint air airport alarm alcohol all allow allowed
allows alone along already also alter although always am amend amount an and another answer answers any
anybody anymore anyone anything anywhere app apparently apple apply appointment appreciate approved april
are area around arrival arrive arrived arrives article articles as asistance ask asked asking asks assist
assistance assistant assitance at august aunt austria automatic automatically available average awaiting
away b baby back bad badge bag banana band bank bank's bar basic basket batteries be beach because become
becuase bed been before begin beginning behind being believe best better between big bigger bike bil bill
billed billing bills bird birth birthday bit black blank blender blind blinds block blocked blood bloody
blue board boiler bonus book booked booking books boots borrow boss bot both bother bottles bottom bought
bout box boxes boyfriend brand brazil break breakfast breaking breaks bring broke broken brother brown
browser bucks build building bunch bus business but button buy buying by c cable cake call called calling
calls calories came camping can can't canada cancel cancelation canceling cancellation cancelled cancelling
cancels cancle candles cannot cant car card cards care carrier cars cart case cases cash cat catalogue cats
cause cent certificate chair chairs change changed changes changing charge charged charges chat cheap
cheaper check checked checking checkout cheers cheese chek chekc cheques chf child choices choose chose
christmas circles circumstances city claim claims class clean cleaner cleaning clear click clicked client
clock close closed closes closing clothes club clue coat code coffee cold colleague colleagues collect
colour com come comes coming comment comments companies company compensation complain complaining complaint
complaints complete completed completely computer computers concert conditions confirm confirmation
confirmed confused connect consumer contact contacting contract convert copies copy corporate correct
corrected correcting correction cos cost costs could couldnt count country couple courier course cover
covered create created creating creation credit current curtains customer customers customs cut d dad damage
damaged damn dare dark data date daughter day days dead deal deals dear debit debited december decide
decided declined delete deleted deleting deliver delivered deliveries delivery demand department deposit
desk details did didn't didnt died difference different dinner direct directly discount dishwasher divorced
do document documents does doesn't doesnt dog doing dollars don't done dont door double down download
downloading dress drive driver driving drop due during e each earlier early earn eat economy edit editing
egg eight either electric electrician eleven else elsewhere email emails emergency employed empty end ended
ending ends energy english enough enter entered entering erase error errors estimated eta eur euro europe
euros even evening ever every everybody everyone everything everywhere ex exactly exam example except
exception exchange excuse exists exit expect expected expecting experience expired explain express extra eye
failed failing fails fair fake fall family fan far fast faster father fault february fee feedback feel
feeling fees fell fence ferry festival fetch few field fifth figure file fill filled final finally find
finding fine finish finished firm first fish fit five fix flat flight flip flood floor flower flu folder
follow followed food for foreign forgot forgotten form formal format formula forty forward found four frame
freaking free freemium freeze fresh friday fridge friend friends from front full funny further game garage
garden gas gave general get gets getting gift give given gives giving glass glasses go goes going gold gone
gonna good google got grandson grateful great green greyed groceries group guarantee guess guest guitar guy
guys gym had haha half hall hand handed happened happening happens happy hard hardly has hasn't hasnt have
haven't havent having he he's headphones hear heard hearing heating heavy hedge hello help helping helpline
her here hers hey hi high him himself hire his history hit hold holiday holidays home honest honestly hope
hospital hotel hotline hour hours house how human hundred hurry husband i i'd i'll i'm i've ice id idea if
im in inbox include included incorrect info inform information instead insurance interest interested
international internet into invalid invioce invoice invoices is islands isn't isnt issue issues it it'd it's
italy item items its itself ive jacket january job join joke july june just k keep keeps kept kettle key
keyboard kid kids kilos kind kindly kinds kitchen klarna know label lady lamp lamps land landline landlord
lane language laptop large last late later laughed lawn lawyer lead learn lease least leave leaves leaving
leeds left legal length less lessons let lets letter letters library licence life lift lights like limit
line lines link list lists little live lives living load loan locate locating location lock locked locker
lodge log logged login logo lol long longer look looked looking looks lose lost lot love lovely luck lunch
lying m machine made mail mailbox mailing mails main make makes making man manager many map march market
marketing married mastercard match matter mattress may maybe me mean meant measure meeting member membership
menu mess message meter method methods metres middle milk mind mine minimum minutes missed missing
misspelled mistake mixed mobile modalities model modification modify moment monday money month monthly
months moon more morning mortgage most mother move moved moving mr mrs ms much mum mum's music must my
myself n name near nearly ned need needed needs neighbour neighbour's neither never new news newsleter
newsletter newsletters next nice night nights nine no nobody none noon normal normally northern not note
nothing notice noticed notify november now number numbers nuts o obtain obviously october oder of off offer
offered offers office official often oil ok okay old older on once one ones online only open opened opening
opens operator opinion opinions option options or order order's ordered ordering orders ordr organization
original other others our ours out outside over overseas owe own package packaging packed packing packs page
pages paid pain paint pair pairs paper papers parcel parcels parents park parked parking part parts party
pass passed passport password passwords past patient pause pay paying payment payments paypal pays pdf
penalties penalty pending people per percent period permit person personal phone phones photos pick picked
pickup picture pictures pin place placed plan planning platform platinum play please pls plus plz pm po
point points poland policy pool possible post postal postcode pounds power ppl prefer premium prepaid
present press pressed pressing pressure pretty price prices print printed printer private pro problem
problems procedure process processed processing product products profile profiles progress promise promised
prompt proof proper properly provide provider public purchase purchases purchasing purchse put putting pw
pwd qualify quantity quarter question questions quick quicker quickly quit quote r rain raise ran rate
rather rating rd reach reachable reached reaches read reading reads ready real realised really reason rebate
receipt receipts receive received receiving reclamation recognised recommend record records recover
recovering red reference refnd refund refundable refunded refunds refused regarding register registered
registering registration reimburse reimbursed reimbursement reimbursements reimbursment rejected remaining
remember remove removed renew rent rental repair repayment reply report reporting request requested
requesting required reset resetting rest restaurant restitution restore results retrieval retrieve return
returned review reviews rid right ring rn road robot roof room roughly round row rude rules run running runs
sad safe said sale sales same saturday save saved savings saw say saying says school scooter screen sea
search season seat seats second secondary secret section security see seeing seems seen selected self sell
send sending sent separately september server service services set sets setting settings seven several share
shared she she's sheet ship shipment shipped shipping ships shirts shoes shop shopping shops short should
show shower showing shown shows sick side sign signal signed signing signs signup simple simply since single
sir sirs sister site situation situations six size skip sleep slip slot slow small smaller smells smoke snow
so sofa soft solar sold solve solving some somebody somehow someone something somewhere son song soon sorry
sort sound spain spam speak speaks special speed spelled spent spinning spring st staff stand standard star
stars start starting state statement states station status stay stays step steps stick still stock stole
stolen stop stops store storm story straight street stuck student students stuff stupid submit submitted
subscribe subscribed subscribing subscription such sum summarise summer sunday sundays supplier support
supposed sure survey swap swimming switch switching system table tablet tag take taken takes taking talk
talking tap tax teacher team technician teh telephone tell telling tells ten tent terminate termination
terms terrible test text th than thank thanks that that's thats the their them then there there's theres
these they thick thing things think thinking third thirty this those though thought thoughts three through
thru thursday thx tick ticket tickets till time times tired to today together told tomorrow tonight too took
top total touch tour town track tracking trade train transaction transfer travel treat trial tried trip
trouble troubles trousers truck true try trying tuesday turn turned turns tv twelve twenty twice two type
typed types typing typo tyre u unable under understand undo unhappy union university unless unlock
unsubscribe until up update updated updates updating upgrade ur us use used useless user username users uses
using usual usually vacuum valid value van vat verification verify version very video view village visa
voucher w wait waited waiting walk wall wallet wanna want wanted wanting wants wardrobe warehouse warranty
was washing wat watch water way ways we we'd we're we've wear weather website wedding wednesday week weekend
weeks weird welcome well went were wet what what's whatever whats wheelchair when when's where where's
wheres whether which while white who who's whoever whole whom why wife wifi will window windows wine winter
wish with withdraw withdrawal within without wnat won won't wondering wont wood word words work worked
working works world worst worth would write writing written wrong wrote x ya year years yes yesterday yet yo
you you'd you're you've your yours zealand zero zip zone
    """,
    "de": """
ab abbestellen abbuchung aber abgebucht abgelehnt abholen ablehnen abmelden absagen adresse alle allem alles
als also alt alte am an andere anderen anderer anderes anders angebot angekommen ankommen anliegen anmelden
anmeldung anruf anrufen anschrift antwort antworten antwortet anzeige artikel auch auf aufgeben auftrag aus
ausgeben ausland auszahlung bald bargeld bearbeitung bei beide beim bekomme bekommen bekommt benutzer
benutzername beschwerde beschweren beschädigt besser bestelle bestellen bestellt bestellte bestellung
bestellungen bestätigen bestätigung betrag bewerten bewertung bezahle bezahlen bezahlt bezahlung bin bis
bist bitte brauche brauchen braucht bringen buchung büro da dabei dafür daher damit danach danke dankeschön
dann darauf darf das dass datum dauer dauert davon dazu dein deine deinem deinen dem den denn der deren des
deshalb deutsch dich die dies diese diesem diesen dieser dieses dir doch doppelt dort drei dringend du durch
dürfen ein eine einem einen einer eines einfach eingeben eingegangen einige einkauf einkaufen einloggen
einlösen einmal einrichten einstellen empfangen entfernen entschuldigung er erhalte erhalten erklären erneut
ersatz erst erstatten erstattet erstattung erste erwarten es etwa etwas euch euer eure euren falls falsch
falsche falschen falscher fehlen fehler fehlermeldung fehlt filiale finde finden formular frage fragen frau
freundlich freundliche früher funktionieren funktioniert fünf für gab ganz gar geben geblieben geburtstag
gebühr gebühren gefunden gegen gehen geht gekauft gekommen geld geliefert gelöscht genau genug gerade gern
gerne geschenk geschickt geschäft gesperrt gestellt gestern getan gibt gilt gleich grund größe grüße gut
guten guter gutschein gutschrift habe haben habt hallo hat hatte haus hause heißt helfen herr heute hier
hilfe hilft hinzufügen hoch hole hätte hätten ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in
informationen ist ja jahr jede jeden jeder jedes jemand jetzt kam kann kannst kaputt karte kauf kaufe kaufen
kein keine keinem keinen keiner klappt klar komme kommen kommt konnte konto kopie kosten kostenlos kostet
krank kreditkarte kriege kriegen kunde kunden kundendienst kundenkonto kundennummer kundenservice können
könnt könnte könnten kündigen kündigung laden lange langsam lassen lastschrift leicht leider letzte letzten
letzter lieber lieferadresse lieferant liefern liefert lieferung lieferzeit liegt links länger läuft löschen
machen machst macht mahnung mal man mann mehr mein meine meinem meinen meiner meines meinung mensch menschen
mich mindestens mir mit mitarbeiter mitarbeiterin mitteilen moment monat monate morgen muss musste mutter
möchte möchten müssen nach nachbar nachbarn nachricht name namen natürlich neben nehmen nein neu neue neuen
neuer neues nicht nichts nie niemand nirgends noch nochmal nochmals normal nummer nun nur nutzen nächste
nächsten nötig ob oben oder offen oft ohne ort paar paket pakete passen passt passwort person persönlich
post preis problem probleme prüfen rabatt rechnung rechnungen rechnungsadresse recht reden registrieren
registrierung reklamation reklamieren retoure richtig rufen rückerstattung rückgabe rückgeld rückruf
rücksendung rückzahlung sache sagen sagt sehe sehen sehr sei seid sein seine seit seite selber selbst senden
sendung sendungsnummer sendungsverfolgung setzen sich sie siehe sind so sofort sogar soll sollen sollte
sondern sonst sperren sprechen spät später stand statt stehen steht stelle stimmt stornieren storniert
stornierung straße stunden suche tag tage tagen tausch tauschen teil telefon telefonisch telefonnummer teuer
trotz trotzdem tun uhr um umgezogen umtausch umtauschen und uns unser unsere unten unter unterwegs
unzufrieden verbinden vergessen verkäufer verloren versand versandkosten verschicken verschickt verschwunden
versendet verspätet verspätung verstehe verstehen versuche versucht vertrag viel viele vielen vielleicht
vier vom von vor vorbei wann war ware waren warte warten warum was wechseln weg wegen weil weit weiter weiß
welche welchen welcher welches wem wen wenig weniger wenn wer werbung werde werden wert wie wieder wieso
wieviel will wir wird wirklich wissen wo woche wochen woher wohin wohl wohne wohnung wollen wollte worden
wozu wunsch wurde wurden wäre würde würden zahle zahlen zahlt zahlung zahlungsart zahlungsarten zehn zeigen
zeigt zeit ziemlich zu zufrieden zugang zum zur zurück zurückgeben zurückschicken zusammen zustellen
zustellung zwei zweimal zweite zwischen öffnungszeiten über überhaupt übermorgen überweisung
    """,
    "fr": """
abandonner abonnement abonner abord absent abîmé accepter acceptez accès achat acheter acheté actuellement
adresse affaire afin ai aide aider aidez aie aimerais ainsi ajouter alors ancien ancienne annulation annuler
annulé année appel appeler appelle après arrive arriver arrivé arrivée article as assez attend attendre
attends au aucun aucune aujourd'hui auprès aussi autre autres aux avais avait avant avec avez avis avoir
avons bancaire banque bas beaucoup besoin bien bientôt bloqué bon bonjour bonne bonsoir boutique bureau
c'est c'était cadeau car carte cas cassé cause ce ceci cela celle celui centre certain ces cet cette chaque
chaussures chez choisir choix chose ci client cliente clients clore colis combien commande commander
commandes commandé comme comment commentaire compris compte comptes confirmation confirmer connaître
connecter connexion conseiller conseillère contacter contrat contre coordonnées cordialement corriger
couleur coup coûte coûtent coûter croire créer côté d'abord d'accord d'un d'une dans date de demain demande
demander demandé depuis dernier dernière des dessous deux devait devoir devrais différent dire dis
disponible dit dites dois doit domicile donc donner donnez dont du durée débiter débité déjà délai délais
dépôt désabonner désinscrire désolé déçu effacer effectuer elle elles email en encore endommagé enfin
enlever enregistrer ensuite entre entrer envoi envoie envoyer envoyez envoyé erreur est est-ce et eu eux
exemple expliquer expédition expédié facturation facture factures faire fais fait faites faudrait fausse
faut faux façon fermer fermé fille fils fin fois fonctionne fonctionner font forfait fort frais gens grand
grande gratuit gratuite gérer habite heure heures hier horaires hors humain ici il ils impayé impossible
indiquer indisponible information inscription inscrire inscrit internet invalide j'ai j'aimerais j'arrive
j'attends j'avais jamais je joindre jour jours jusqu jusqu'à la laisser laquelle le lent lequel les lettre
leur leurs lien lieu liquide livraison livraisons livre livrer livreur livré loin long longtemps lors lui là
là-bas m'a m'aider ma madame magasin mail maintenant mais maison mal malgré manque marche marché mari matin
mauvais mauvaise me meilleur merci mes message mettre mieux mis mode modification modifier moi moins mois
moment mon monde monsieur montant montrer mot moyen moyens n'a n'ai n'arrive n'est n'y ne neuf ni nom nombre
non notre nous nouveau nouvel nouvelle numéro offre offres on ont ou oublié oui ouvert ouverte ouvrir où
paiement paiements panier panne paquet par parce parfois parler parlez part parti partie partir pas passe
passer passé paye payer payé peine pendant penser perdu perdue personne personnes petit petite peu peut
peut-être peux place plaindre plainte plaît plus plusieurs point porte possible poste pour pourquoi pourrais
pourriez pouvez pouvoir premier première prendre presque prix problème prochain prochaine procéder produit
produits profil promis propos près préfère prélevé prélèvement prénom prévu puis puis-je puisque qu'elle
qu'est-ce qu'il quand quant que quel quelle quelles quelqu'un quelque quels question questions qui quitter
quoi raison rappel rappeler rappelez recevoir recevrai refus refuse refusé remboursement remboursements
rembourser remboursé remercie remise remplacer renvoi renvoyer reprendre responsable reste retard retirer
retour retourner retrouver reçois reçoit reçu rien rue règlement récent réception réclamation récupérer
réduction répond répondez répondre réponse réseau réservation résiliation résilier s'il sa salut samedi sans
satisfait sauf savoir se semaine semaines sera serai serait ses seul seulement si signaler site soit soldes
solution somme sommes son sont souhaite souhaiterais sous souvent suis suite suivi suivre suppression
supprimer supprimez sur svp sûr t'es ta taille tard te tel temps tes tiens toi ton toujours tous tout toute
toutes trois trompé trop trouve trouver trouvé très tu téléphone téléphonique un une urgent utiliser va vais
valable valider vas vendredi vendu vers verser veuillez veut veux vie ville virement virer voici voilà voir
vois vont vos votre voudrais voulais voulez vouloir vous voyage vrai vraiment vu vérifier y à ça échange
échanger était étant état été être
    """,
    "es": """
a abierto abono abrir acceso aceptan aceptar acuerdo además adiós agente agradezco agregar ahora ahí al algo
alguien alguna algunas alguno algunos algún allí alta alto amable amigo antes anular anulen apellido aquel
aquella aquí artículo artículos asunto así atención atender atienden atrás aunque avisar ayer ayuda ayudar
ayúdenme añadir año años aún baja bajo banco bastante bien boleta boletín borrar botón buen buena buenas
bueno buenos busco cada caja calidad calle cambiar cambien cambio camiseta cancelación cancelado cancelar
cancelen cantidad cargo caro carrito casa casi caso cerca cerrado cerrar chico cinco ciudad claro clave
cliente clientes cobrado cobran cobrar cobraron cobro color comentario comisión como compañía compra
comprado comprar comprobar compré con confirmación confirmar conmigo conocer consulta contactar contacto
contento contestan contestar contraseña contrato copia correcto corregir correo cosa cosas coste costo crear
creo crédito cual cualquier cuando cuanto cuatro cuenta cuentas cuesta cupón cuál cuáles cuándo cuánta
cuánto cuántos código cómo cómoda dar darme datos dañado daño de debe debería debo decir dejar del delante
demasiado demora dentro derecho desde deseo después detalle devoluciones devolución devolver devuelto
devuelvan devuélvanme dice dicen dieron diferente difícil dijeron dinero dirección directo disculpa disculpe
disponible distinto domicilio donde dos duda durante débito día días dónde echar ejemplo el eliminar
eliminen ella ellas ellos email embargo empresa en encargo encontrar encuentro enlace enojado entiende
entiendo entonces entrada entrar entre entrega entregado entregar enviado enviar enviaron envíe envíen envío
envíos equipo equivocada equivocado equivoqué era eran eres error es esa escribir ese eso esos español
espera esperando esperar espero esta estaba estado estar estará estas este esto estos estoy estuve está
están esté etiqueta existe explicar factura facturación facturas falla falló falta faltan favor fecha firma
forma formas formulario fue fuera fueron funciona funcionan funcionar fácil gasto gastos gente gracias gran
grande gratis gustaría ha haber hablar había hace hacen hacer hacia hago han hasta hay haya he hecho hice
hija hijo hizo hola hombre hora horario horas hoy humano igual importe impuestos incluye incompleto
incorrecto información iniciar intento intenté ir jamás jefe jueves junto la lado largo las le lejos lento
les letra libro lista llama llamada llamar llamo llamé llega llegado llegar llegaron llegará llegó lleva
llevo lo los luego lugar lunes luz línea madre mal malo manda mandar mande manera marca marido martes mayor
mañana me medio mejor menor menos mensaje mes meses mi mientras mil mis misma mismo miércoles modificar modo
momento mostrar mucha muchas mucho muchos mujer muy más mí nada nadie necesita necesitan necesito negocio ni
ninguna ninguno ningún niño no noche nombre nos nosotros nota nuestra nuestro nueva nuevo nunca número o
obtener ocho oferta oficina ofrecen olvidado olvidé once opciones opción opinión orden os otra otras otro
otros padre pagado pagar pago pagos pagué paquete paquetes para parece parte pasa pasado pasar paso país
pedido pedidos pedir pedí penalización pendiente pensar peor pequeño perder perdido perdí perdón perfil pero
persona personas pido plataforma plazo plazos poco poder podría podrían pone poner por porque porqué posible
precio preferiría pregunta preguntar primera primero problema problemas producto productos pronto propio
prueba próximo puede pueden puedo puerta pues puesto punto página pésimo que queda quedó queja quejarme
queremos quería quiere quieren quiero quisiera quitar quizás quién qué razón realizar reciben recibido
recibir recibo recibí reclamación reclamar recoger recogida recuperar reembolsar reembolso reenviar regalo
registrar registrarme registro reloj repartidor responde responden responder respuesta resto rota roto
rápido sabe saber sale salir salió saludos se sea seguimiento seguir segunda segundo seguro según semana
semanas ser servicio será sería señor señora si sido siempre siento siete sigo sigue sin sino sistema sobre
solamente solicitar solicitud solo solución son soporte soy su sucursal suficiente supuesto sus suscribirme
suscripción sé sí sólo talla también tampoco tan tanto tarda tardar tarde tarjeta tarjetas te teléfono
temprano tenemos tener tengo tenía tercero terminar tiempo tienda tiendas tiene tienen tipo tipos toda todas
todavía todo todos tomar trabajo tres tu tuve tú un una unas uno unos urgente usar usted ustedes usuario va
vale valor vamos van varias varios veces vecino vender vengo venir ver verdad vez vi viene viernes vivo
volver vuelta y ya yo zapatos él última último
    """,
    "it": """
a abbiamo account acquisto adesso aiuto al alla altro anche ancora andare annullare annullato appena arriva
arrivata arrivato aspetto assistenza avere avete avrei avuto bene bisogno buonasera buongiorno c'è cambiare
cancellare carta casa che chi ci ciao cliente codice come comprare con conferma consegna contattare conto
cosa costa costo così credito da dal dalla dati degli dei del della delle denaro dentro deve devo di dice
difettoso dimenticato dire disdire domanda dopo dov'è dove dovrei due e ed era essere euro fa fare fatto
fattura fino fra funziona giorni giorno già gli grazie ha hai hanno ho i il in indietro indirizzo
informazioni invece inviare io la lavoro le lei li lo loro ma mai mandare me meno mese mi mia mie miei mio
modificare molto momento negozio nel nella nessuno niente no noi nome non nostro numero nuova nuovo o oggi
ogni ordinare ordinato ordine pacco pagamento pagare pagato parlare password per perché persona però più
poco poi posso potete potrei prego prezzo prima problema prodotto può qual quale quando quanto quella quello
questa questo qui quindi reclamo registrare restituire ricevere ricevuto rimborso risponde rispondere
risposta rotto salve sapere sbagliato scusi se sei sempre senza servizio settimana si sia siamo siete sito
solo sono sopra spedire spedito spedizione spese stato sto su sua subito sul suo tempo ti troppo trovo tutti
tutto un una uno va vecchio vi voglio volevo vorrei vostra vostro
    """,
    "nl": """
aan aangekomen account adres af al alle alleen als alstublieft altijd ander andere anders annuleren ben bent
besteld bestellen bestelling bestellingen betaald betalen betaling bezorgd bezorging bij binnen dag dagen
dan dank dat de deze dezelfde die dit doe doen door dringend dus een eens eerder en er even factuur fout
gaan gaat gebeurt gedaan geeft geen gekregen geld geleden geleverd geweest goed goedemorgen graag groot haar
had hallo heb hebben hebt heeft helaas help helpen hem het hier hij hoe hoelang hoeveel hun iemand iets ik
in inloggen is ja jaar jij jouw jullie kan kapot klacht klant klantenservice komt kon kopen kost kosten
krijg krijgen kunnen kunt kwijt laat later leveren levering maak maand maar maken me medewerker meer met
mevrouw mij mijn misschien moet moeten morgen na naam naar nee niemand niet niets nieuw nieuwe nodig nog
nooit nou nu of om omdat onder ons onze ook op opnieuw opzeggen over paar pakket prijs product rekening
retour retourneren snel spreken staat steeds sturen stuur te tegen telefoon terug terugbetaling terwijl toch
toen tot tussen twee u uit uw van vanaf vandaag veel verder vergeten verhuisd verkeerd verkeerde verstuurd
verzenden verzending verzonden via volgende voor vraag waar waarom wachten wachtwoord wanneer want was wat
week weer weet weken wel welke werkt wie wij wijzigen wil willen winkel word worden wordt ze zeer zegt zelf
zijn zo zoals zonder zou zult
    """,
    "pt": """
a acesso agora ainda ajuda algum alguma alguém alterar amanhã anos antes ao aos aqui as assim atendente
atendimento atrasado até bem boa boleto bom cada cadastro cadê cancelamento cancelar cartão casa chegar
chegou cliente cobrado cobrança com comigo como compra comprar comprei conseguir consigo conta contato
correio cupom da dados danificado das de defeito deixar dela dele demora depois desde devolução devolver dia
dias dinheiro dizer do dois dos e ela ele eles em encomenda encontro endereço entrar entrega entregar
entregue enviado enviar envio era errado erro esqueci essa esse esta estava este estorno estou está estão eu
falar falta fatura favor faz fazer fechar fica fim fiz foi foram frete funciona gente gostaria hoje hora há
isso isto já la lhe loja mais mas me meio melhor mensagem mesmo meu meus minha minhas moro mudar mudei muita
muito na nada nas nem nenhum ninguém no nome nos nossa nota nova novo nunca não nós número o obrigada
obrigado oi olá onde ontem os ou outra outro pacote paga pagamento pagar paguei para parte passado pedi
pedido pedir pela pelo perdi pessoa pode podem poder podia por porque porquê posso prazo preciso preço
problema produto quais qual qualquer quando quanto quantos que quebrado quem queria quero quê receber recebi
recebido reclamar reclamação reembolso responde resposta saber se seja sem semana semanas senha ser serviço
será seu sim sobre somente sou sua só também tarde tem tempo tenho ter teve tinha tirar toda todo todos
troca trocar tudo um uma usar vai valor veio vem vez vezes você vocês vou xadrez
    """,
    "pl": """
a adres ale anulować bardzo bez być był była było będzie błąd chciałabym chciałbym chcę co czas czekam czy
dla dlaczego dni do dobry dostanę dostawa dostawy dostać dostałam dostałem dzień dziękuję faktura faktury
gdy gdzie go hasła hasło i ich ile im ja jak jaki jakie jest jestem już karta każdy kiedy klient kogo konta
konto kosztuje kto ktoś która który którą kupić lub ma mam mi mnie mogę moja moje mojego mojej moją może
można musi muszę mój na nadal nazwisko nic nie niż numer o od odpowiada on ona oraz paczka paczki państwo
pieniądze pieniędzy po pod pomoc pomocy ponieważ poproszę problem proszę przesyłka przesyłki przez przy
przyszedł przyszła płatność reklamacja rozmawiać się sklep skąd swoje swój są ta tak tam te tego tej ten to
towar tu ty tych tydzień tylko u w wam wasz we wiem witam więc wszystko wysyłka wysłać z za zamówienia
zamówienie zamówić zapomniałam zapomniałem zapłacić zapłaciłem zmienić zostało zwrot zwrotu że żeby
    """,
    "sv": """
adress adressen aldrig alla allt annan att av avbeställa avbryta behöver beställa beställning beställningen
beställt betala betalning bli blir borde bort byta de den denna det detta dig din ditt du där efter eller en
ett faktura fakturan finns flyttat frakt frakten från fungerar får fått för föra ge gick glömt gång går göra
ha hade han har hej henne hittar hjälp hjälpa hur här i idag igen igår in ingen inget inte jag kan kom komma
kommer konto kontot kort kostar kunde kundtjänst kvar kvitto köpa köpt leverans leveransen lösenord
lösenordet mail man med mej mer mig min mina mitt mycket människa måste nej ni nu nummer när någon något och
också om order ordern paket paketet pengar pengarna prata pris på reklamera returnera sedan sen ska skicka
skickat skulle snälla som svarar säga ta tack telefon till tillbaka trasig tycker under upp ut utan vad var
vara varan varför veckor vem vi vid vilka vilken vill vänta än ändra ändrar är ärende återbetalning över
    """,
    "da": """
adgangskode adresse af afbestille aldrig alle alt andet annullere at bestille bestilling bestilt betale
betaling blev blive bliver burde da de den denne der deres det dette dig din dine dit du efter eller en
endnu er et faktura fordi fra fragt få fået får før gerne gik glemt god gøre ham han har hej hende her hjælp
hjælpe hun hvad hvem hver hvilke hvis hvor hvordan hvorfor hvornår i igen ikke ind ingen jeg jer jeres kan
kommer kommet konto koster kunde kundeservice kunne køb købt levering lige man mange med meget men mennesker
mig min mine mit må måtte navn nej nogen noget nu nummer nye når og også om op ordre os over pakke pakken
penge pengene pris på returnere sende sendt sig sin skal skulle som stadig stykker svarer så tak tale
telefon til tilbage ud uden under var varen ved vente vi vil ville være ændre ændrer ønsker
    """,
    "tr": """
acaba adres adresi aldım almak ama artık bana bazı ben beni benim bir biz bu bunu da daha de değil
değiştirmek diye eden edilecek etmek fatura faturamı geldi gelecek gelmedi gibi göre görüşmek gün günaydın
hala hangi hem hesabım hesabımı hesap hiç iade ile iptal istemiyorum istiyorum iyi için kadar kargo kargom
kart kayıt kaç kim kişi lazım lütfen merhaba mi mu müşteri mı nasıl ne neden nerede nereye niye o olan
olarak oldu olsun olur onu paketim para param paramı sipariş siparişim siparişimi siz sonra sorun söyle tane
temsilcisi teşekkürler unuttum var ve veya ya yanlış yapabilirim yapmalıyım yardım yeni yok zaman çok ödedim
ödeme önce üzere şey şifre şifrem şifremi şu
    """,
    "cs": """
aby adresa adresu ale anebo ani balík balíček bez bude budu by byl byla bylo být chci chtěl chtěla co dal
den dnes do dobrý dodání doručení dostanu děkuji faktura fakturu hesla heslo ho i ja jak jaké jaký je jeho
jej jen jestli ještě již jsem jsme jsou já k kam kde kdo kdy kdyby když ke kolik koupit která které který
lze mi mluvit mně moc mohu moje možné my má mám máte mě můj může můžete můžu na nad nebo nebyl nefunguje
není než nic nikdo nové o objednávka objednávku objednávky od on ona oni pak peníze platba platbu po pod
podle pokud pomoc potřebuji pro problém prosím protože proč před přes při reklamace s se si stále své svůj
ta tak také tam te tedy ten to tohle toto tu ty už v ve vrácení vrátit vám vás vše za zaplatit zapomněl
zapomněla zboží změnit zpět zrušit zásilka účet účtu člověkem že
    """,
    "fi": """
ei en että haluaisin haluan hei hyvä ja jo joka jos kaikki kanssa kiitos kuin kuinka kuka kun kysymys lasku
lähetys maksaa maksoin maksu miksi mikä milloin minulla minun minä missä miten mitä mutta myös nyt ole olen
oli olisi on osoite ovat paketti pakettini palauttaa palautus peruuttaa poistaa puhua rahani rahat saan
saanut salasana salasanani se sen sitä tai tilata tilauksen tilaukseni tilaus tili tilini toimi toimitus
tuli tuote unohdin vai vaihtaa vain vielä voi voiko voin voitte väärä yhteyttä ystävällisesti
    """,
    "ro": """
a adresa adresă ajuns ajutor am ar are as asta au aveți aș ați bani banii bună ca care ce cei cel cerut cine
coletul comanda comandă comenzii contul contului cu cum cumpăra când cât câți dacă dar de deja despre din
după ea ei el eram eroare este eu fac face factura factură fi fost la le lipsește livrare livrarea mea mei
mele meu mi mulțumesc mă nici nimeni nimic noi nou nu o om parola pe pentru plata plată plăti poate pot prea
primit prin problema produsul puteți până retur rog sau schimb schimba se si spune suma sunt să telefon timp
trebuie trimite un una unde vorbesc vreau vă îmi în înapoi încă întârziere și
    """,
}
