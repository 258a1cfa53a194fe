"""Word lists for PII redaction of names and passwords: data only, extended from observed errors."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN_AND_WORDS = _words("""
amber august bill chase dawn dean drew faith frank grace guy hope jack joy june king lance mark max may olive
pat penny ray rich rob rose ruby said sue summer sunny will
    alba virginia georgia jordan victoria carolina dakota alma angelo ariel axel basil blanca candela
    concepción constance dolores don ender florence franca
gabriele grazia hugues ida inga iris jaime jean jeanne jens lea luca luz madeleine margot marine mats melchior
mina mine nil ole orla per pilar robin rosario salvatore solange tore vera vila
""")
"""Given names that are also ordinary words: in lower case they are not treated as names."""


GIVEN = _words("""
aaliyah aaron abby abdul abdullah abigail adam aditya adrian adriana agnes ahmad ahmed aidan aisha aisling
akash akira alan albert alberto alejandra alejandro aleksandra alessandro alex alexander alexandra alexis
alfred alfredo ali alice alicia alina alison allison alyssa amanda amber amelia amina amir amit amy ana ananya
anastasia andre andrea andreas andrei andres andrew andré andy angela angelina angelo anil anita anja anjali
ann anna anne annette annie anthony antoine anton antonia antonio anya aoife aria ariana arjun arnold arthur
arun ash asha ashley astrid athena audrey austin ava ayesha bailey barbara barry beatrice beatriz becky ben
benedict benjamin bernadette bernard bernie bert beth betty beverly bianca bilal billy bjorn björn bob bobby
boris brad bradley brandon brenda brent brett brian brianna bridget britney brittany brooke bruce bruno bryan
bryant byron caitlin caleb callum cameron camila camille carl carla carlos carmen carol carolina caroline
carrie casey catalina catherine cathy cecilia celine chad chantal charles charlie charlotte chen chidi chinedu
chioma chloe chloë chris christian christina christine christoph christopher cindy claire clara claudia clive
cody colin colleen connor conor corey courtney craig cristian cristina crystal curtis cynthia daisy damian dan
dana daniel daniela danielle danny daphne darren dave david deb debbie deborah debra deepak denis denise
dennis derek diana diane diego dieter dimitri dina dmitry dom dominic dominik donald donna doris dorothy doug
douglas duncan dylan eddie edgar edith edward edwin eileen elaine eleanor elena eli elias elijah elisa
elisabeth eliza elizabeth ella ellen ellie elsa emil emilia emilio emily emma enrique eric erica erik erika
erin ernest esther ethan eugene eva evan evelyn fabian farah fatima fatou felicia felipe felix femi fernanda
fernando finn fiona florian frances francesca francesco francis francisco francois franz fred freddie
frederick frida friedrich gabby gabriel gabriela gareth gary gavin geoff geoffrey george georgia georgina
gerald gerard giovanni giulia gloria gonçalo gordon graham greg gregory greta guillermo gus gustavo günter hal
hamza hank hanna hannah hans hao harold harriet harry haruto harvey hassan heather hector heidi heinz helen
helena helga henri henrik henry herb herbert hilary hillary hina hiroshi howard howie hugh hugo huong hussein
ian ibrahim ida ifeoma igor ike imran ines ingrid inês irene irina iris irving isaac isabel isabella isabelle
ivan iñigo jack jackie jackson jacob jacqueline jake jamal james jamie jan jane janet janice jared jasmin
jasmine jason javier jay jeb jeff jeffrey jen jennifer jenny jeremy jerome jerry jess jesse jessica jesús jill
jim jimmy jing joan joanna joanne joao joaquin joe joel johan johann johanna john johnny jon jonas jonathan
jordan jorge jose josef joseph josephine josh joshua josé joyce joão juan juanita judith judy julia julian
juliana julie juliet julio jun jurgen justin justyna jörg jürgen kai kamal karan karen karim karin karina karl
karla kat katarina katarzyna kate katherine kathleen kathryn kathy katie katja katrina kavita kayla keith
kelly kelvin ken kenji kenneth kenny kevin khalid kim kimberly kiran klara klaus kofi kris kristen kristin
kristina kristy kumar kurt kwame kyle lakshmi lara larissa larry lars laura lauren laurent lawrence lea leah
lee leila lena lenny leo leon leonard leonardo lerato leroy leslie leticia lewis li liam lidia lily lin linda
lindsay lindsey ling linh lisa liz logan lorena lorenzo lori lou louis louisa louise luc luca lucas lucia
luciana lucy lucía luigi luis luisa lukas luke lydia lyle mabel maddie madeleine madison magdalena maggie
mahmoud malcolm malik mandy manfred manuel manuela marc marcel marcela marcelo marcia marco marcos marcus
margaret margarita marge maria mariam mariana marie marina mario marion marisa marissa marjorie markus marlene
marta martha martin martina marty marvin mary maryam maría mateo mateus mathias matilda matt matteo matthew
matthias matty maureen maurice maxim maximilian maxine meg megan mehmet mei mel melanie melissa mercedes
meredith mia michael michaela michal micheal michel michele michelle mickey miguel mike mikhail mila milan
milena milos mina mindy ming minh miranda miriam mitch mitchell mohamed mohammad mohammed mohan moira molly
mona monica monika monty morgan moses muhammad murray mustafa nadia nadine nancy naomi nat natalia natalie
natasha nate nathalie nathan nathaniel neal ned neha neil nell nelson ngozi nguyen nicholas nick nicky nicola
nicolas nicole niels nigel nikita nikki nikolai nina noah noel noor nora norman oleg olga oliver olivia
olivier ollie oluwaseun omar oscar otto owen pablo pam pamela paola paolo pascal patricia patrick paul paula
pauline pavel pedro peggy penelope pete peter petra phil philip philippe phillip phoebe phyllis pierre piotr
priya rachel radhika rafael raghav rahul raj rajesh ralph ramon randy rania raquel rashid raul ravi raymond
rebecca reggie regina renata rene rené ricardo richard rick ricky rita robbie robert roberta roberto robin
roderick rodney rodrigo roger roland rolf roman romina ron ronald ronnie rosa rosalind rosario rosemary rosie
ross rowan roxanne roxy roy ruben rubén rudolf rupert russ russell ruth ryan sabine sabrina said sakura sally
salma sam samantha samir samira samuel sandra sanjay santiago sara sarah sasha scott sean sebastian selina
serena sergei sergej sergey sergio shane shannon sharon shaun shawn sheila shelley sherry shirin shirley
shreya sibylle sid sidney silvia simon simone sofia sofie sofía sonia sonny soph sophia sophie stacey stacy
stan stanley stef stefan stefanie stella steph stephanie stephen sterling steve steven stevie stu stuart sunil
suresh susan susanna susanne suzanne sven svetlana sylvia søren tamara tania tanya tara tariq tatiana taylor
ted teresa terry tess tessa thabo thandi thea thelma theo theodore theresa thiago thomas thị tiffany tim
timothy tina tobias tod todd tom tomas tommy toni tony tracy travis trevor trish ty tyler uma ursula uwe val
valentina valeria valerie vanessa vera veronica vicky victor victoria vijay vikram vince vincent vinny viola
violeta virginia viv vivian vladimir waleed wally walter wanda warren wayne wei wendy wes wilhelm william
willie wilma wolfgang wong wyatt xavier xiao yan yasmin yasmine yaw yolanda youssef yuan yuki yusuf yuto
yvette yvonne zac zachary zack zahra zainab zane zara zoe zoey zofia zoë ángel óscar
    femke sjoerd willemijn marloes bas joris piet pieter kees wouter sanne lotte anouk daan sem thijs jeroen
    sander niels ruben bram jesse
    teun koen maaike marieke marjolein esmee fleur iris roos mieke annemiek gijs jelle wessel rutger tijn joep
    hidde floor loes
    ineke hanneke gerrit dirkje freek jorrit tunde olu jimena ottavia ximena yolanda néstor tamsin agatha latisha wiebke
aarav abebe abena adaeze adebayo adela adele adrien agata agnieszka ahmet aiko aino aleksander aleksi alena
alessandra alessia alexandre alfonso aline alireza alma aloysius alvaro amadou amara amira anders andrej
andrzej aneta angelika angus anika anisha anke annalisa annika anouk antje antonella anwar apinya aram ariel
armando arnaud arne arturo asim aslan asuka athanasios aurelie aurélie axel ayaan aylin ayşe azra barbora
bartosz basil beate beatrix begum bengt benita benjamín benoit benoît bente berit bernardo bernd bernhard
birgit birgitta bjarne blanca blanka bogdan bohdan boubacar branko brigitte bronisław bruna burak caio candela
capucine carina carmela catarina cedric cem cesar chiara chidinma chinonso chipo christa christelle christophe
chukwuemeka ciara cillian clemens clement clément concepción conchita constance corinne cornelia cosimo
cristiano cristobal cátia cédric césar dagmar damien danilo danuta dario darius dariusz davide delphine derya
desmond devika didier dietmar dilip dimitra dimitris dirk divya djibril dolores domenico dominika dominique
dorota dragan duarte dwayne débora eamon ebba ebru edoardo eduard eduarda eduardo ekaterina eleni eleonora
elif elin elina eliska elke ellinor elodie elżbieta emanuele emeka emeline emmanuel emre ender enrico enzo
erkki ernesto erwan esra esteban estelle etienne eva-maria ewa fabio fabrice fabrizio facundo faisal farid
farida fatih fatma fatoumata federica federico feng filip filippo filomena firas flavia flavio florence
florent franca franck frank franka françois françoise frederic frederik friederike frédéric gabriele gaetano
galina gaspard gauthier gaël gaëlle gennaro georg georges georgios gerd gerda gerhard gertrud gianluca gianni
gilles giorgia giorgio giovanna gisela giuseppe giuseppina gonzalo grazia grażyna grzegorz grégoire gudrun
guilherme guillaume gunnar guro günther hakan halina hamid hana hanne hannes harald haroun harpreet hartmut
hasan hatice heike heikki heiko heinrich helene helmut hendrik henrike henryk hermann herminia hiba hildegard
holger horst hortense hugues husseyin hélène hüseyin iain ignacio ikram ilaria ilse iman imani imre inga inge
ingeborg inmaculada ioana ioannis irena irma ismail iulia ivana ivo iwona izabela jaakko jaap jacek jacinta
jacques jadwiga jagoda jaime jakob jakub jana janek janusz jarek jarosław jasmina jean jeanne jeannette jelena
jens jeroen jerzy jesper joakim joana joaquín jochen johannes jolanta joost jordi josefa josefine josep josué
jozef joëlle judit jukka jules julien juliette julita jutta jérôme józef jörn kaan kamala kamil kamila kari
karolina kaspar katalin katarína kateřina kathrin katrin kazimierz keiko kemal kenza kerstin khadija kinga
kirsten kjell klára konrad konstantin kristiina kristof krystyna krzysztof ksenia kwabena laetitia laia lasse
latoya laurence lautaro layla leandro leif leonie leonor leszek lieke lilian lionel lisbeth lorraine lothar
lotte louane loïc luana luciano ludivine ludmila ludovic luise lutz lydie léa maarten maciej mads magali magda
magnus mahmut maja malte mamadou manoj manolis manon mareike marek margarida margot margrit marianne mariano
maribel marija marijke marilyn marine mariusz marko marleen marlies marlon martine martyna massimo mathieu
mathilde mats mattia maud maurizio mauro maxime mehdi meike melchior merve michał michèle mihai mikael mikko
milagros miloš mirko miroslav mirosław miłosz monique montserrat moritz moussa mukesh murat myriam mélanie
nadja nadège nagy nasser natasja natália nazanin nele nerea nevena nicoletta nicolò nikolaj nikolaos nils
nneka noelia noemi noémie nuno nuria núria obinna odile oksana olaf ole oleksandr oleksandra olena olof
olumide omer ondřej onur orhan oriol orla ornella oskar otávio padma paloma panagiotis pascale pasquale
patrice patrizia patryk pauliina paulina paulo pavla pekka petr petros philipp pia piero pieter pietro pilar
pooja prakash praveen przemysław purnima quentin radek radosław rafał raffaele raffaella rainer ralf ramesh
ramona randa rasmus reiner reinhard reinhold renate renaud ricarda rikke rocco rocío rodolfo rogelio romain
romana romane ronan rosalía rosaria roswitha ruud ryszard régis rüdiger saad sabina sabrine saeed sakari
salvatore samuele sandeep sandrine sandro sanna santino saoirse satoshi sebastián sebastião selin selma serge
serhii sheikh shinji siegfried sigrid silke silvana simona siobhan siobhán slavica slobodan solange solène
soraya stanisław stefania stefano stig stine stéphane stéphanie subhash suellen suleiman sunita svea svenja
sylvain sylvie sébastien séverine sławomir tadeusz takashi takumi tamás tanja tarek tatjana telma teodor
teresita teun thandiwe therese thibault thierry thilo thorsten théo thérèse tiago tiina timo timur titouan
tomasz tomás tomáš torben tore torsten toshiko trine tsvetan tuomas tuğba tyrone ugo ulf ulla ulrich ulrike
umberto urszula ute valentin valentino valérie vasco vasile veerle veronika verónica vesna vicente vidya
viktor viktoria vilma vincenzo vinícius virginie vittoria vittorio vladislav volker václav véronique walid
waltraud werner weronika wieland wiktor wiktoria willem wim winfried wioletta witold wojciech włodzimierz
xander xavi xiaoming ximena yael yann yannick yara yasemin yasir yasuko yevhen yiannis ylva yohan yolande
yosef yulia yuri yusra yves zbigniew zdeněk zehra zeynep zoltán zsófia zuzana zuzanna zygmunt élodie étienne
łukasz
""")
"""Common given names of many countries."""


NO_NAMES = _words("""
    nuevo nueva interessato interessata le christmas easter halloween weihnachten ostern noël navidad natale
    cognome vorname nachname surname prénom apellido apellidos achternaam voornaam alérgico alérgica allergica
    allergico allergisch sparta part vegan vegetarian boos klant nederlander nederlandse belg student studente
    tevreden teleurgesteld ziek zwanger verhuisd gestopt vergeten spoed kerst ideal
    paypal klarna visa mastercard dhl ups postnl fedex hermes creditcard rentner rentnerin kunde kundin
    verärgert enttäuscht
a able about above abroad absolutely access account actually add address afraid after again against agent ago
agree ahead aka all almost alone already also always am amazing amazon america american amount an and android
angry another any anyone anything anyway app appalling apple are aren't around as asap ashamed ask asking
assistant astonished at australian auto automatic available awaiting aware away awful b2b back bad banned
based be because been before behind being below berlin best better between beyond big billing bin black
blocked born bot both bought brand brazilian british broke broken business busy but buy buyer by bye call
calling came can can't canada cancel canceling cancelled cancelling cannot card cash cause certain change
charge charged check checking checkout cheers chinese clear clearly client close code cold come company
complaint complete confused contact contacting correct could couldn't crap crazy cross curious customer
customers dad daily damn date day days dead deaf dear delete delivered delivery desk desperate didn't
different disabled discount disgrace disgusting displayed do does doesn't doing don't done doubly down
download due during dutch each eager early easy edit either eligible else email emergency employee empty
england english enough especially eu euro europe even ever every everyone everything exactly excited expensive
express facebook fair faithfully fake false family fan far fast fed feedback few final find fine first for
foreign forgot former field found france fraud free french frequent friday from frustrated full fully fun furious
gave gay genuinely german germany get getting give glad go goddamn going gold gone gonna good google gotta
grateful great greek greetings guest guilty had half happy hard has have having he heads hello help helpdesk
her here hers hey hi hidden him his hola home honest honestly hopeless hoping horrible hot hours how however
human hungry hurry i i'd i'll i'm i've if ill im impatient important impossible in incorrect indeed india
innocent insane inside instagram instead interested into invalid invoice iphone is isn't it it's italian item
its january japanese job joke just keen keep key know korean lady last late later law leave leaving left legal
legit less let like likely listed literally little live locked log logged logging login lol london long
looking lost low loyal ltd ma mad make male man manager mandatory many married mastercard may maybe me mean
member merely mexican mine minutes miss missing misspelled misspelt mobile modify mom monday money monthly
months more most mostly mother mr much mum must my myself naive named near nearby nearly need needing neither
never new news next nice no nobody none nonsense normal not nothing noticed now number nyc of off offer often
ok okay old on once one only open operator optional or order ordered orders other our ours out outside outta
over overcharged overdue overseas owed own owner paid parent paris part password past patient pay payment
paypal pending per perfect perhaps person phone pissed place placed plain please pls plus plz poland polish
poor possible premium pretty previous price prior private pro probably problem product profile prompt proof
proud purchase purely put quick quickly quiet quite rather reach ready real really receive received recover
refund refunded refunding regards registered regular relieved rent request required reset restore retired
retrieve return review right robbery rubbish russian sad safe same saturday saying scam scared second secure
see seem self send sending sent serious seriously service set several shall she shipped shipping shit shocking
shop short should showing shown shy sick sign signed simply since sincerely single sir site sitting slow small
so some somebody someone someone's something soon sorry spain spam spanish speaker special spelled spelt
stated stealing steep still stolen stop strange stressed strictly strong stuck student stupid subscription
such sunday super support suppose supposed sure surely surprised swedish swiss switch switching take tall team
tell terrible test than thank thankful thanks that that's the theft their them then there therefore these they
thief thieves thing third this those though three thrilled through thru thursday thus thx till tired to today
together tomorrow tonight too torn total totally tough track tracking trash tried true truly trying tuesday
turkish two ty uk ukrainian unable unacceptable unaware uncertain unclear under unemployed unfair unhappy
unhelpful united unknown unless unreal unsafe unsubscribe unsure until unwell up update upset urgent us usa
use used user utter utterly vegan very via view vip visa wait waiting wanna want wants was wasn't way we
website wednesday week weekly weeks weird well went were what wheelchair when where where's whether which
while white who whole whom whose why widely wild will windows wise with within without woman won't wondering
work worried worse worst worth would wouldn't writing written wrong wrote wtf www yearly years yes yesterday
yet you young your yours
algérien algérienne alleman allemand allemande belg belge brésilien canadien canadienne client cliente clientes
comprador deutscher deutsche duitser español española espagnol étudiant étudiante française français francese
italiana italiano italien italienne klant kund kunde kundin marocain marocaine mexicana mexicano nederlander
portugais português portuguesa pensionista rentner student studente studentin studerande suisse svensk tedesco
brasileiro brasileira colombiano argentina argentino peruano chilena chileno polak polka inglese inglés
falsch geschrieben verkehrt vertauscht richtig korrekt schon écrit mal mauvais erroné faux está esta incorrecto
equivocado sbagliato sbagliata errato scorretto errado incorreto fuori verkeerd fout fel źle
contente désolé désolée très muy molto muito sicher sûr seguro sicuro erg heel mycket bardzo
""")
"""Stop list: words that commonly follow "I am", "this is" and "my name is", or a name."""

SURNAMES = _words("""
adams ahmed ali allen almeida alvarez andersen anderson andersson araújo araujo bailey baker barbosa barnes bauer
    becker begum bell benali bennett berg bernard bianchi
brooks brown bruno butler campbell carter carvalho castro chen clark clarke collins colombo conti cook cooper costa
    cox cruz davies davis diaz díaz dubois dupont durand edwards
esposito evans fernandes fernandez fernández ferrari ferreira fischer fontana fournier garcía garcia girard gomes
    gomez gómez gonçalves gonzales gonzalez gonzález green greco gupta gutierrez gutiérrez hall
hansen harris hernandez hernández hill hoffmann hoffman howard hughes hussain ivanov jackson jain jansen james
    jensen jimenez jiménez johansson johnson jones kaiser kaur keller kelly khan kim klein koch
kovalenko kowalski kowalczyk krause krüger kumar lambert larsen lee lefebvre lefèvre lehmann leroy lewis li liu
    lombardi long lopes lopez lópez macdonald maier mancini marques martin martinez martínez
martins mayer mcdonald mehta meier mendes mendoza mensah meyer miller mitchell möller moore morales moreau morel
    moreno moretti morgan morris müller mueller murphy murray myers nelson neumann nguyen nielsen
novak nowak núñez nunes o'brien o'connor o'neill oliveira olsen olsson ortega ortiz okafor park parker patel
    pereira perez pérez peterson petit phillips pinto popescu powell price ramirez ramírez ramos reddy reed
ribeiro ricci richter rivera robert roberts robertson robinson rodrigues rodriguez rodríguez rogers romano romero
    rossi roux ruiz russo ryan sanchez sánchez santos schäfer schmid schmidt schmitt schneider
scholz schröder schulz schwarz scott shah sharma silva simon singh smith soares sousa souza stein steiner stewart
    suzuki tanaka taylor teixeira thomas thompson torres tran turner vargas vasquez vázquez
vieira vogel wagner walker wang ward watson weber weiß werner white williams wilson winkler wolf wong wood wright
    wu yang yılmaz young zhang zimmermann
    abbott abdi abdullah acosta adeyemi aguilar aguirre ahmadi akhtar alonso alves amaral andrade angelo antonelli
    appiah arslan asante aslan aydın azevedo bajwa bakker balogh banda banerjee barbieri barros batista baumann
    beck benedetti bergmann bernardi bianco blanc blanchard blanco boateng bonnet bosch bose bouchard boucher
    boyer brandt braun brennan brito bruce bryant burke burns byrne böhm caballero cabrera campos cano caputo
    carbone cardoso caruso castillo chatterjee chaudhry chauhan chavez chevalier chukwu cohen cole coleman conte
    contreras correia cortes cortés costello crawford crespo cunha cunningham deluca demir desai devries dias
    dietrich dijkstra domínguez donnelly doyle doğan dunn eriksen eriksson estrada fabre farah farina farkas
    fernando ferrara fiore fitzgerald flores fonseca ford foster fox franco frank franke freitas friedrich fuchs
    fuentes fuller galli gallo garnier gatti gauthier georgiou gerber ghosh gibson gil giordano goldberg gordon
    graham grant gray greene griffin gross guerin guerra guerrero gustafsson guzmán haas hahn hamid hamilton
    hansson haraldsen hartmann hassan hayes heinrich henriksen henry herrera herrmann hofmann holm horvat horváth
    huang huber hunt hunter huynh ibrahim ibáñez iglesias iyer jacobs jankowski janssen jansson jenkins joseph
    joshi jovanović juarez jung jørgensen kamiński kang kapoor karlsson kato kaufmann kaya kennedy king knight
    kobayashi kovač kovács kowalska kozłowski koç kraus kristensen kuhn kuznetsov kılıç lang lange larsson laurent
    lawson leblanc leclerc legrand leone lewandowski lim lin lindberg lindqvist lorenz lozano lucas lund lynch
    macedo machado mackenzie madsen malik mancuso marchetti mariani marin marini marino marshall martini mason
    matos matthews mazur mbatha mbeki mcarthur mccarthy medina mehra melo mendez mercier meunier meyers michel
    mishra molina monteiro moon moraes morin mukherjee murillo muñoz mwangi méndez naidoo nair nakamura nascimento
    nasser navarro neto nicholson nikolaidis nilsson nkosi nogueira novák nowakowski nunez nwosu o'reilly odhiambo
    ojeda okeke okonkwo olaru oliver olivier otieno owens pacheco panagiotou pandey papadopoulos paredes parisi
    pavlov pedersen pellegrini perrin perry persson peters petersen petrov petrović peña pham philippe pineda
    pires popov porter prieto pálsson quinn qureshi rahman rao rasmussen rath reid reis rey reyes rezaei richard
    richardson riedel rinaldi rios riva rivas rizzo robin rocha rojas rosario rossetti roth rousseau roussel ríos
    saito sala salazar salgado salinas sanders sandoval sanna santana santoro sato sauer schubert schulte
    schumacher schuster schwartz seidel serra serrano siddiqui silvestri simmons simpson singer slater sokolov
    solomon sommer sorensen soto spencer stevens stone suarez sullivan suárez svensson szabó szymański sørensen
    takahashi tan tavares testa thapa thomsen torre toussaint trujillo trân tóth valencia valentini vasile vaughn
    vega velasco vidal vincent vinci virtanen visser vitale vogt volkov wallace walsh weaver webb weiss wells west
    wiśniewski wolff wójcik yadav yamada yamamoto yilmaz yıldırım yıldız zapata zieliński zimmerman çelik öztürk
    şahin şimşek
""")
"""Common surnames of many countries."""


BRANDS = frozenset(
    " ".join(pair.split())
    for pair in """
calvin klein, harry potter, taylor swift, hugo boss, tommy hilfiger, michael kors, ralph lauren, jack wolfskin,
    louis vuitton, jack daniels, dr martens, dr oetker, dr pepper, dr dre, mr clean,
mr coffee, mrs meyer, mrs meyers, james bond, star wars, ray ban, mary kay, marc jacobs, kate spade, tory burch,
    ben sherman, fred perry, paul smith, karl lagerfeld, max mara, yves rocher, yves saint, christian dior,
christian louboutin, johnnie walker, johnny walker, jim beam, captain morgan, ben jerry, uncle bens, bruno banani,
    carolina herrera, jean paul, estee lauder, elizabeth arden, bobbi brown, victoria beckham,
victoria secret, victoria's secret, tom tailor, tom ford, levi strauss, lee cooper, helly hansen, harley davidson,
    aston martin, alfa romeo, land rover, santa claus, san francisco, san diego, san jose, san
antonio, santa monica, santa barbara, santa fe, saint martin, los angeles, new york, mc donalds, philip morris,
    stanley black, black decker, black friday, george foreman, george home, eva solo, arne jacobsen, charles
eames, alexander mcqueen, stella mccartney, vera wang, jimmy choo, manolo blahnik, guy laroche, oscar peterson,
    steve madden, ted baker, victor victoria, victoria station, alexander platz, max factor, max
pro, bob marley, david bowie, miles morales, lara croft, mario kart, mario party, luigi mansion, anna karenina,
    olive oil, may day, june sale, april fools, carl zeiss, carl friedrik, austin texas, charlotte north,
jackson hole, jordan air, sydney australia, florence italy, victoria bc, virginia beach, georgia usa, madison
wisconsin, saudi arabia, south africa, south korea, north korea, north macedonia, new zealand, new jersey,
new mexico, new hampshire, new orleans, new delhi, costa rica, puerto rico, el salvador, sri lanka, czech
republic, dominican republic, united states, united kingdom, united arab, great britain, northern ireland, hong
kong, cape town, ivory coast, sierra leone, burkina faso, papua new, trinidad and, buenos aires, rio de, são
paulo, sao paulo, mexico city, las vegas, la paz, san marino, santo domingo, porto alegre, belo horizonte, den
haag, los santos, kuala lumpur, ho chi, tel aviv, abu dhabi, south carolina, north carolina, south dakota, north
dakota, west virginia, rhode island, stan smith, chuck taylor, air jordan, jordan brand, nelson mandela, martin
luther, saint petersburg, sankt gallen, dallas texas, santiago de, paris france, chelsea boots, alexa echo, amazon
    alexa, apple siri, john lewis, charlotte tilbury, giorgio armani, donna karan, roberto cavalli, sam
    edelman, tony hawk, jo malone, laura ashley, cath kidston, kat von, anna sui, nina ricci, elie saab, paco
    rabanne, roger federer, michael jordan, john deere, jack daniel, tom clancy, james patterson, oliver
    bonas, charles tyrwhitt, ben & jerry, marie claire
""".replace("\n", " ").split(",")
)
"""Products, companies and places that look like a full name."""

NO_SECRETS = _words("""
    fungerar fungerer virker funguje nefunguje działa działało nie inte ikke ikkje ei ne nu radi dela word words bisher
are managers resets fields rules requirements links generators und
    est ist es é è era war lautet was is not een te kort lang moeilijk onjuist onveilig verkeerd vergeten
    geblokkeerd verlopen gewijzigd veranderd gehackt niet geen ongeldig zwak
    sterk nodig leeg fout kwijt correct goed juist veilig oud nieuw nog steeds al weer wel een mijn het is
    werkt wordt kan
    klopt bekend onbekend gelekt opgeslagen verplicht verstuurd kapot ook zo via been tiny hard difficult complicated
    simple twice again correctly correct wrongly three times works worked work wont was saved here protected hashed
    common confidential private personal unique tied linked visible length empty impossible annoying
    ridiculous case-sensitive
    lang sicher schwer nirgends nirgendwo gespeichert kompliziert einfach zwei drei mal difficile compliqué long court
    vide sécurisé difícil larga corta vacía complicada difficile lunga corta vuota complicata both mandatory
    generator vault safe prompt rule help support login account reset resetting site website app apps for your you
a able accepted active already also always an and another appearing as at available back bad being blank
blocked broken bugged cancelled case changed changing compromised correct corrupt declined declining denied
different disabled displayed does empty enough entered even expired expiring failing forgotten found from
fully getting given giving going gone good hacked hard hidden if in inactive incorrect insecure invalid it
just known leaked locked long longer lost mandatory maybe missing mistyped my needed never new no not nothing
now ok okay old on one only optional or our out outdated please probably protected read really refused
rejected required reset right same saved secret secure sent set short should showing simple so still stolen
stored strong stuck suddenly taken that the there this to too typed unable unavailable unknown unsafe unusable
unverified updated valid very visible weak what when where which why working wrong your
about after all any as at before by for into of off over since through under upon while always box button id face
    touch fingerprint og name birthday forgotten forgot mine change changes doesn't don't email field form from
    hint history i i'm input isn't link mail manager page policy prompt protection question recovery reminder
    requirement requirements reset rules
screen security settings something strength tab than won't you be so such then but could was were has have had do
    did can cannot can't will would please thanks
abgelaufen aktuell alt auch bereits bitte das dem den der die doch ein eine einfach falsch geändert gehackt
    gelöscht gesperrt geschützt gespeichert gültig immer inkorrekt jetzt kaputt kein keine korrekt leer leider
mein meine mir nicht nie noch nötig nur richtig schon schwach sehr sicher so stark ungültig unbekannt unsicher
    unter vergessen verloren weg wieder wurde zu zurückgesetzt
ancien arrivé aussi bien bloqué bon changé compromis correct dans de demandé des différent du déjà enregistré
    erroné expiré faible faux fonctionne fort incorrect inconnu inexact invalide je jamais la le les marche mauvais
ne non nouveau obligatoire oublié passe pas perdu plus pour protégé que qui refusé rejeté réinitialisé sûr toujours
    très trop un une valide volé
actual antigua aunque bien bloqueada buena caducada cambiada caducó como comprometida con correcta de débil
    demasiado desconocida diferente el ella en equivocada errónea es está expirada expiró fuerte funciona
hackeada inactiva incorrecta incorrecto insegura inválida la larga mala mi muy necesaria ni no nueva nula olvidada
    para pero perdida por que rechazada robada segura si sí siempre temporal ya
anche ancora attiva bloccata buona cambiata che comunque corretta debole della dimenticata di diversa errata giusta
    il in invalida la lunga mai mia molto nel non nuova obbligatoria per più persa però quella rifiutata rubata
sbagliata scaduta sempre sicura sono stata troppo un una valida vecchia
antiga ainda alterada bloqueada certa com correta da das diferente do dos e ela em está errada esquecida expirada
    expirou foi forte fraca inválida já longa mais minha muito na não nem no nova nunca o obrigatória os
para perdida pois por porque quando que recusada roubada segura sem sempre só também temporária uma válida velha
""")
"""Stop list: words that follow "my password is" and are not passwords."""
