"""What do the offices of Roccamirta write and receive? The texts of the samples, one function each."""

from datetime import date

from codes import cig, codice_fiscale, iban, partita_iva
from paper import Paper

ENTE = ["COMUNE DI ROCCAMIRTA", "Provincia di Lagosereno", "Piazza del Mercato n. 7 - 99010 Roccamirta - tel. 0999 000111", "protocollo@pec.comune.roccamirta.example"]
ENTE_CF = partita_iva("8000912034")
CIVETTA = codice_fiscale("Civettini", "Ottavia", date(1974, 6, 3), woman=True)
BRANDOLESI = codice_fiscale("Brandolesi", "Fulgenzio", date(1961, 11, 22))
TARQUINI = codice_fiscale("Tarquinelli", "Nives", date(1988, 2, 14), woman=True)
MONTEFOSCO = codice_fiscale("Montefosco", "Saverio", date(1952, 9, 9))
PIVA_BAR = partita_iva("0009127001")
PIVA_LEGNO = partita_iva("0009450012")
CIG_ARREDI = cig("B", "4C1D07")
CIG_STRADE = cig("A", "9E20F4")


def stamp(number, day, verso="ARRIVO"):
    return ["COMUNE DI ROCCAMIRTA", "PROTOCOLLO GENERALE", f"N. {number}/2025", f"del {day} - {verso}"]


def accesso_atti():
    p = Paper("serif", seed=11)
    for t in ("Ottavia Civettini", "Via delle Fornaci n. 12 - 99010 Roccamirta", f"C.F. {CIVETTA}"):
        p.line(t)
    p.gap(8)
    for t in ("Al Comune di Roccamirta", "Settore Edilizia e Urbanistica", "Piazza del Mercato n. 7"):
        p.line(t, "right")
    p.gap(8)
    p.text("OGGETTO: Richiesta di accesso agli atti della pratica edilizia n. 41/2016 relativa al fabbricato di via delle Fornaci n. 14", bold=True)
    p.gap(3)
    p.text(f"La sottoscritta Ottavia Civettini, nata a Roccamirta il 03/06/1974, codice fiscale {CIVETTA}, residente in Roccamirta, via delle Fornaci n. 12, proprietaria dell'immobile confinante,")
    p.line("CHIEDE", "centre", bold=True)
    p.text("ai sensi degli articoli 22 e seguenti della legge 7 agosto 1990, n. 241, di prendere visione e di estrarre copia semplice dei seguenti documenti amministrativi:")
    for t in ("relazione tecnica e tavole allegate al titolo edilizio;", "eventuali varianti presentate in corso d'opera;", "comunicazione di fine lavori e collaudo statico."):
        p.text(t, indent=6, first="- ")
    p.text("Dichiara di avere un interesse diretto, concreto e attuale, corrispondente a una situazione giuridicamente tutelata e collegata ai documenti richiesti: sul muro comune sono comparse lesioni dopo i lavori e occorre accertare se il progetto approvato prevedeva opere di sottofondazione.")
    p.text("È consapevole che il Comune darà notizia della richiesta agli eventuali controinteressati, i quali potranno opporsi entro dieci giorni.")
    p.line("Roccamirta, 10 febbraio 2025")
    p.sign("La richiedente", "Ottavia Civettini")
    p.page_break()
    p.line("MODALITÀ DI RILASCIO", "centre", bold=True)
    p.gap(4)
    p.text("La richiedente chiede che le copie siano trasmesse per posta elettronica all'indirizzo ottavia.civettini@posta.example; in subordine ritirerà copia cartacea presso lo sportello, previo pagamento dei costi di riproduzione.")
    p.text("Si allega copia del documento di identità in corso di validità.")
    p.text("Informativa: i dati personali sono trattati dal Comune ai sensi del Regolamento (UE) 2016/679 per le sole finalità del procedimento.", size=9)
    p.stamp(stamp("0001843", "12/02/2025"))
    return p.pages


def scia_bar():
    p = Paper("sans", size=11, seed=12)
    p.gap(14)
    p.line("SEGNALAZIONE CERTIFICATA DI INIZIO ATTIVITÀ", "centre", bold=True, size=14)
    p.line("Esercizio di somministrazione di alimenti e bevande", "centre")
    p.line("(art. 19 legge 241/1990 - D.P.R. 160/2010)", "centre", size=9.5)
    p.gap(5)
    p.line("Allo Sportello Unico per le Attività Produttive - SUAP", "right")
    p.line("del Comune di Roccamirta", "right")
    p.gap(4)
    p.table([["Dichiarante", "dati"], ["Cognome e nome", "Fulgenzio Brandolesi"], ["Codice fiscale", BRANDOLESI], ["Nato a", "Roccamirta il 22/11/1961"], ["Impresa", "Caffè della Loggia S.r.l."], ["Partita IVA", PIVA_BAR], ["Sede", "Portici San Biagio n. 3, Roccamirta"]], [52, 114])
    p.text("Il sottoscritto, legale rappresentante dell'impresa indicata, SEGNALA l'avvio dell'attività di bar con superficie di somministrazione di mq 48,00, oltre a mq 15,00 di servizi, nei locali posti in Portici San Biagio n. 3.")
    p.text("A tal fine, consapevole delle sanzioni previste dall'art. 76 del D.P.R. 445/2000, DICHIARA di possedere i requisiti morali e professionali di cui all'art. 71 del d.lgs. 59/2010 e che i locali rispettano i regolamenti edilizi, igienico-sanitari e di sicurezza.")
    p.line("Allegati:", bold=True)
    for t in ("planimetria dei locali in scala 1:100;", "notifica sanitaria ai sensi del Regolamento CE 852/2004;", "visura della Camera di Commercio, codice ATECO 56.30;", "attestazione del versamento dei diritti, € 45,00."):
        p.text(t, indent=6, first="- ")
    p.line("Roccamirta, 3 marzo 2025")
    p.sign("Il dichiarante", "Fulgenzio Brandolesi")
    p.stamp(stamp("0002967", "04/03/2025"), angle=-2)
    return p.pages


def delibera_giunta():
    p = Paper("serif", dpi=200, seed=13)
    p.letterhead(ENTE)
    p.line("VERBALE DI DELIBERAZIONE DELLA GIUNTA COMUNALE", "centre", bold=True, size=13)
    p.line("N. 37 del 27/03/2025", "centre", bold=True)
    p.gap(4)
    p.text("OGGETTO: Adesione alla rassegna provinciale \"Biblioteche aperte\" e concessione dell'uso gratuito della sala consiliare.", bold=True)
    p.text("L'anno duemilaventicinque, addì ventisette del mese di marzo, alle ore 18:15, nella sala delle adunanze del palazzo comunale, convocata nei modi di legge, si è riunita la Giunta comunale. All'appello risultano:")
    p.table([["Componente", "Carica", "Presente"], ["Tarquinelli Nives", "Sindaco", "Sì"], ["Oldrini Evaristo", "Vicesindaco", "Sì"], ["Santafosca Bice", "Assessore", "No"], ["Pellegrotti Ugo", "Assessore", "Sì"]], [80, 50, 36])
    p.text("Partecipa il Segretario comunale dott. Lamberto Ghirardesi, che verbalizza. Il Sindaco, accertato il numero legale, dichiara aperta la seduta.")
    p.line("LA GIUNTA COMUNALE", "centre", bold=True)
    p.text("Premesso che la Provincia di Lagosereno promuove nel mese di maggio una rassegna di letture pubbliche e di incontri con gli autori, rivolta alle biblioteche civiche;")
    p.text("Ritenuto di aderire all'iniziativa, che non comporta oneri diretti a carico del bilancio, mettendo a disposizione la sala consiliare per quattro serate;")
    p.text("Visto il regolamento per l'uso delle sale comunali; acquisiti i pareri favorevoli di regolarità tecnica e contabile resi ai sensi dell'art. 49 del d.lgs. 18 agosto 2000, n. 267;")
    p.text("Con voti unanimi espressi nelle forme di legge,")
    p.line("DELIBERA", "centre", bold=True)
    for n, t in enumerate(("di aderire alla rassegna \"Biblioteche aperte\" edizione 2025;", "di concedere l'uso gratuito della sala consiliare nelle serate del 6, 13, 20 e 27 maggio 2025;", "di incaricare il responsabile del Settore Cultura degli adempimenti conseguenti;", "di dichiarare il presente atto immediatamente eseguibile ai sensi dell'art. 134, comma 4, del d.lgs. 267/2000."), 1):
        p.text(t, indent=6, first=f"{n}) ")
    p.page_break()
    p.text("Letto, approvato e sottoscritto.")
    p.sign("Il Sindaco", "Nives Tarquinelli", x=25)
    p.sign("Il Segretario comunale", "Lamberto Ghirardesi")
    p.line("ATTESTAZIONE DI PUBBLICAZIONE", "centre", bold=True)
    p.text("La presente deliberazione è pubblicata all'albo pretorio on line per quindici giorni consecutivi dal 31/03/2025 al 15/04/2025.")
    p.sign("Il messo comunale", "Anselmo Viaroli")
    return p.pages


def determina():
    p = Paper("dejavu", dpi=200, size=10, seed=14)
    p.letterhead(ENTE)
    p.line("SETTORE ECONOMICO-FINANZIARIO", "centre", bold=True)
    p.line("DETERMINAZIONE DEL RESPONSABILE DEL SERVIZIO", "centre", bold=True, size=12.5)
    p.line("N. 128 del 08/04/2025 Reg. Gen. - N. 31 Reg. Serv.", "centre")
    p.gap(4)
    p.text(f"OGGETTO: Liquidazione della fattura n. 56/PA alla ditta Falegnameria Alto Rivo S.r.l. per la fornitura di arredi per la scuola primaria. CIG {CIG_ARREDI}", bold=True)
    p.line("IL RESPONSABILE DEL SERVIZIO", "centre", bold=True)
    p.text("Visto il decreto sindacale n. 4 del 2024 di attribuzione delle funzioni dirigenziali; visto il bilancio di previsione 2025-2027; visti gli articoli 107, 151, 183 e 184 del d.lgs. 267/2000;")
    p.text("Richiamata la propria determinazione n. 402 del 12/11/2024, con la quale è stato assunto l'impegno di spesa n. 877/2024 sul capitolo 2120 per la fornitura di trenta banchi e trenta sedie;")
    p.text(f"Vista la fattura elettronica n. 56/PA del 24/03/2025 della ditta Falegnameria Alto Rivo S.r.l., partita IVA {PIVA_LEGNO}, di € 4.270,00 IVA compresa; accertata la regolarità della fornitura e acquisito il DURC regolare;")
    p.line("DETERMINA", "centre", bold=True)
    for n, t in enumerate(("di liquidare alla ditta l'importo di € 3.500,00 quale imponibile;", "di versare all'erario € 770,00 a titolo di IVA in regime di scissione dei pagamenti;", f"di disporre il pagamento sul conto dedicato IBAN {iban('99999', '88888', '000000451207')};", "di trasmettere il presente atto all'Ufficio Ragioneria per il visto di copertura finanziaria."), 1):
        p.text(t, indent=6, first=f"{n}. ")
    p.sign("Il Responsabile del Servizio", "rag. Palmira Sestini")
    p.text("Visto di regolarità contabile attestante la copertura finanziaria, ai sensi dell'art. 151, comma 4, del d.lgs. 267/2000. Roccamirta, 09/04/2025.", size=9)
    return p.pages


def ordinanza():
    p = Paper("sans", dpi=150, size=11, seed=15)
    p.letterhead(ENTE)
    p.line("POLIZIA LOCALE", "centre", bold=True)
    p.line("ORDINANZA N. 19 DEL 02/05/2025", "centre", bold=True, size=14)
    p.gap(3)
    p.text("OGGETTO: Divieto di sosta e di transito in piazza del Mercato e in via Cavallerizza per la fiera di maggio.", bold=True)
    p.line("IL RESPONSABILE DELLA POLIZIA LOCALE", "centre", bold=True)
    p.text("Vista la richiesta della Pro Loco di Roccamirta per lo svolgimento della fiera di maggio; ritenuto necessario disciplinare la circolazione stradale a tutela della pubblica incolumità; visti gli articoli 5 e 7 del d.lgs. 30 aprile 1992, n. 285 (Codice della strada);")
    p.line("ORDINA", "centre", bold=True)
    p.text("dalle ore 6:00 alle ore 22:00 di domenica 11 maggio 2025:")
    for t in ("il divieto di sosta con rimozione forzata in piazza del Mercato, lato portici;", "il divieto di transito a tutti i veicoli in via Cavallerizza, esclusi i residenti e i mezzi di soccorso;", "il doppio senso di marcia in vicolo Stretto, regolato da movieri."):
        p.text(t, indent=6, first="- ")
    p.text("La presente ordinanza è resa nota mediante la segnaletica prescritta. Avverso il presente provvedimento è ammesso ricorso al T.A.R. entro sessanta giorni dalla pubblicazione.")
    p.sign("Il Comandante", "isp. Capo Dario Malvestiti")
    return p.pages


def fattura():
    p = Paper("dejavu", dpi=150, size=10, seed=16)
    p.gap(16)
    for n, t in enumerate(("FERRAMENTA DEL PONTE S.N.C.", "Via Cartiera n. 40 - 99010 Roccamirta", f"Partita IVA {partita_iva('0009333004')}")):
        p.line(t, bold=n == 0, size=12 if n == 0 else 10)
    p.gap(4)
    for t in ("Spett.le Comune di Roccamirta", "Ufficio Manutenzioni", f"Codice fiscale {ENTE_CF}"):
        p.line(t, "right")
    p.gap(6)
    p.line("FATTURA N. 88 DEL 15/05/2025", bold=True, size=14)
    p.line("Copia analogica della fattura elettronica", size=9)
    p.gap(3)
    p.table([["Descrizione", "Q.tà", "Prezzo", "Importo"], ["Vernice spartitraffico bianca, latta da 25 kg", "6", "71,50", "429,00"], ["Paletti parapedonali in acciaio h 100", "12", "34,00", "408,00"], ["Tasselli chimici, confezione", "4", "18,25", "73,00"]], [96, 20, 25, 25])
    p.table([["Imponibile", "910,00"], ["IVA 22%", "200,20"], ["Totale documento", "1.110,20"]], [60, 35], bold_first=False)
    p.text("Scissione dei pagamenti ai sensi dell'art. 17-ter del D.P.R. 633/1972. Pagamento: bonifico a 30 giorni data fattura.")
    p.line(f"IBAN: {iban('99999', '77777', '000000120933')}")
    p.line(f"CIG: {CIG_STRADE}")
    p.line("Codice univoco ufficio: UFRM07")
    p.stamp(stamp("0006120", "19/05/2025"), angle=2.5)
    return p.pages


def certificato():
    p = Paper("serif", seed=17, dpi=200)
    p.letterhead(ENTE)
    p.line("UFFICIO ANAGRAFE", "centre", bold=True)
    p.line("CERTIFICATO DI STATO DI FAMIGLIA", "centre", bold=True, size=15)
    p.gap(6)
    p.line("L'UFFICIALE D'ANAGRAFE", "centre", bold=True)
    p.text("visti gli atti dell'Anagrafe nazionale della popolazione residente (ANPR), CERTIFICA che all'indirizzo Vicolo dei Tessitori n. 5 risulta iscritta la seguente famiglia anagrafica:")
    p.table([["Cognome e nome", "Nascita", "Relazione"], ["Montefosco Saverio", "Roccamirta, 09/09/1952", "intestatario"], ["Aldovrandi Clelia", "Lagosereno, 30/01/1955", "moglie"], ["Montefosco Tullio", "Roccamirta, 17/07/1990", "figlio"]], [66, 62, 38])
    p.text("Si rilascia in carta libera per gli usi consentiti dalla legge. Il presente certificato non può essere prodotto agli organi della pubblica amministrazione o ai privati gestori di pubblici servizi (art. 40 D.P.R. 445/2000). Validità tre mesi dalla data di rilascio.")
    p.line("Roccamirta, 22/05/2025")
    p.sign("L'Ufficiale d'anagrafe", "Leonilde Barzaghini")
    return p.pages


def contratto():
    p = Paper("serif", seed=18)
    p.letterhead(ENTE)
    p.line("Repertorio n. 412", "left", bold=True)
    p.line("CONTRATTO D'APPALTO", "centre", bold=True, size=14)
    p.text(f"per i lavori di manutenzione straordinaria del ponte pedonale sul torrente Mirta. CIG {CIG_STRADE} - CUP D87H24001230004.", bold=True)
    p.text("L'anno duemilaventicinque, il giorno quattro del mese di giugno, nella residenza municipale, avanti a me dott. Lamberto Ghirardesi, Segretario comunale autorizzato a rogare gli atti in forma pubblica amministrativa nell'interesse del Comune, sono comparsi:")
    p.text(f"1) l'ing. Ruggero Dalmonte, responsabile del Settore Lavori Pubblici, che agisce in nome e per conto del Comune di Roccamirta, codice fiscale {ENTE_CF};")
    p.text(f"2) il sig. Saverio Montefosco, codice fiscale {MONTEFOSCO}, legale rappresentante dell'impresa Montefosco Costruzioni S.r.l., partita IVA {partita_iva('0009288003')}.")
    p.line("SI CONVIENE E SI STIPULA QUANTO SEGUE", "centre", bold=True)
    for n, (t, b) in enumerate((("Oggetto.", "Il Comune affida all'impresa, che accetta, l'esecuzione dei lavori descritti nel progetto esecutivo approvato con deliberazione di Giunta n. 21 del 2025."), ("Corrispettivo.", "L'importo contrattuale è di € 86.400,00 oltre IVA, di cui € 2.150,00 per oneri della sicurezza."), ("Tempo.", "I lavori sono ultimati entro novanta giorni dal verbale di consegna; per ogni giorno di ritardo si applica la penale dell'uno per mille."), ("Cauzione.", "L'impresa ha costituito garanzia definitiva mediante polizza fideiussoria."), ("Tracciabilità.", "L'impresa assume gli obblighi della legge 13 agosto 2010, n. 136."), ("Spese.", "Sono a carico dell'impresa l'imposta di bollo e di registro e i diritti di segreteria."), ("Controversie.", "Per ogni controversia è competente il Foro di Lagosereno.")), 1):
        p.text(f"{t} {b}", first=f"Art. {n} - ")
    p.text("Il presente contratto, letto alle parti che lo approvano, è redatto in modalità elettronica e stampato in copia analogica.")
    p.sign("Per il Comune", "ing. Ruggero Dalmonte", x=25)
    p.sign("Per l'impresa", "Saverio Montefosco")
    p.sign("Il Segretario rogante", "Lamberto Ghirardesi", x=60)
    return p.pages


def segnalazione():
    p = Paper("sans", dpi=150, size=12, seed=19)
    p.gap(18)
    for t in ("Al Sindaco del Comune di Roccamirta", "Ufficio Relazioni con il Pubblico"):
        p.line(t, "right")
    p.gap(8)
    p.text("OGGETTO: Segnalazione di guasto all'illuminazione pubblica nel sottopasso di via Molinara", bold=True)
    p.gap(3)
    p.text("Buongiorno, sono un residente del quartiere Molinara e segnalo che da circa tre settimane nel sottopasso pedonale non funziona nessuno dei quattro lampioni. La sera il passaggio è completamente al buio e il fondo è sconnesso: la settimana scorsa un'anziana signora è inciampata sui gradini.")
    p.text("Ho già telefonato due volte al numero verde del gestore senza ottenere risposta. Chiedo che il Comune intervenga al più presto e che mi sia comunicato quale ufficio segue la pratica.")
    p.text("Resto a disposizione per un sopralluogo e porgo distinti saluti.")
    p.line("Roccamirta, 9 giugno 2025")
    p.sign("Il segnalante", "Ermete Vallisneri")
    p.line("Via Molinara n. 61 - tel. 333 0000117", size=10)
    p.stamp(stamp("0007344", "10/06/2025"), x=24, angle=-1.2)
    return p.pages


def cdu():
    p = Paper("serif", dpi=200, seed=20)
    p.letterhead(ENTE)
    p.line("SETTORE EDILIZIA E URBANISTICA", "centre", bold=True)
    p.line("Prot. n. 0008015/2025 del 25/06/2025 - PARTENZA", "left")
    p.gap(3)
    p.line("CERTIFICATO DI DESTINAZIONE URBANISTICA", "centre", bold=True, size=14)
    p.line("(art. 30 D.P.R. 6 giugno 2001, n. 380)", "centre")
    p.gap(4)
    p.line("IL RESPONSABILE DEL SETTORE", "centre", bold=True)
    p.text("vista la domanda presentata dal geom. Brizio Colfiorito per conto della proprietà; visto il Piano di governo del territorio approvato con deliberazione consiliare n. 52 del 2018 e successive varianti; CERTIFICA che i terreni siti nel Comune di Roccamirta e distinti in catasto come segue hanno la destinazione indicata:")
    p.table([["Foglio", "Mappali", "Zona omogenea"], ["12", "244, 245", "E1 - agricola produttiva"], ["12", "301", "F2 - verde pubblico attrezzato"], ["14", "18", "B3 - residenziale di completamento"]], [25, 45, 96])
    p.text("Sul mappale 301 grava vincolo di rispetto del torrente Mirta (art. 142 d.lgs. 42/2004). Il presente certificato conserva validità per un anno dalla data di rilascio, salvo modificazioni degli strumenti urbanistici.")
    p.sign("Il Responsabile del Settore", "arch. Ginevra Altoviti")
    return p.pages


def avviso_tributi():
    p = Paper("sans", dpi=150, size=10.5, seed=21)
    p.letterhead(ENTE)
    p.line("SERVIZIO TRIBUTI", "centre", bold=True)
    p.line("Prot. n. 0008877 del 15/07/2025", "left")
    p.gap(3)
    for t in ("Gent.le sig.ra Nives Tarquinelli", "Corso Umberto n. 102", "99010 Roccamirta", f"C.F. {TARQUINI}"):
        p.line(t, "right")
    p.gap(4)
    p.line("AVVISO DI ACCERTAMENTO ESECUTIVO TARI", "centre", bold=True, size=13)
    p.line("Anno d'imposta 2021 - provvedimento n. 205", "centre")
    p.text("OGGETTO: Tassa sui rifiuti - omesso versamento per l'anno 2021", bold=True)
    p.text("Il funzionario responsabile del tributo, esaminata la posizione della contribuente, accerta l'omesso versamento della TARI dovuta per l'immobile di seguito descritto:")
    p.table([["Foglio", "Particella", "Sub", "Superficie mq"], ["9", "417", "3", "96"]], [30, 40, 30, 66])
    p.table([["Tassa dovuta", "214,00"], ["Sanzione 30%", "64,20"], ["Interessi", "9,80"], ["Totale da versare", "288,00"]], [70, 40], bold_first=False)
    p.text("Il versamento va eseguito entro sessanta giorni dalla notifica mediante modello F24. Entro lo stesso termine può essere proposto ricorso alla Corte di giustizia tributaria di primo grado. Decorso il termine, il presente atto acquista efficacia di titolo esecutivo.")
    p.sign("Il Funzionario responsabile", "dott.ssa Iride Cantarutti")
    return p.pages


def nota_interna():
    p = Paper("mono", dpi=200, size=10.5, seed=22)
    p.letterhead(ENTE, crest=False)
    p.line("Prot. n. 0009120/2025 del 22/07/2025 - INTERNO")
    p.gap(3)
    p.line("Al Responsabile del Settore Lavori Pubblici", "right")
    p.line("All'Ufficio Economato", "right")
    p.gap(4)
    p.text("OGGETTO: Turni di ferie del personale operaio nel mese di agosto 2025", bold=True)
    p.text("In riferimento alla nota dello scorso mese si comunica il piano delle ferie del personale operaio, concordato con i capisquadra. Il servizio di reperibilità è garantito da due unità per tutta la durata del periodo.")
    p.text("Eventuali variazioni vanno richieste all'Ufficio Personale con cinque giorni di anticipo.")
    p.text("Distinti saluti.")
    p.sign("Il Responsabile del Personale", "dott. Attilio Frangipani")
    return p.pages


def nido():
    bad = TARQUINI[:-1] + ("A" if TARQUINI[-1] != "A" else "B")
    p = Paper("dejavu", dpi=150, size=10, seed=23)
    p.gap(18)
    p.line("DOMANDA DI ISCRIZIONE ALL'ASILO NIDO COMUNALE", "centre", bold=True, size=13)
    p.line("Anno educativo 2025/2026", "centre")
    p.gap(4)
    p.line("All'Ufficio Servizi Scolastici del Comune di Roccamirta", "right")
    p.gap(4)
    p.table([["Genitore richiedente", "Nives Tarquinelli"], ["Codice fiscale", bad], ["Residenza", "Corso Umberto n. 102, Roccamirta"], ["Minore", "Zeno, nato il 04/10/2023"], ["Valore ISEE", "€ 17.850,00"], ["Orario richiesto", "tempo pieno 7:30 - 16:30"]], [55, 111], bold_first=False)
    p.text("La sottoscritta, ai sensi degli articoli 46 e 47 del D.P.R. 445/2000, dichiara che entrambi i genitori lavorano e che il minore è in regola con gli obblighi vaccinali.")
    p.text("Chiede inoltre l'attivazione del servizio di mensa con dieta priva di latticini.")
    p.line("Roccamirta, 28/07/2025")
    p.sign("Il genitore", "Nives Tarquinelli")
    p.stamp(stamp("0009401", "29/07/2025"))
    return p.pages


def residenza():
    p = Paper("sans", seed=24, size=11)
    p.gap(16)
    p.line("DICHIARAZIONE DI RESIDENZA", "centre", bold=True, size=14)
    p.line("con provenienza da altro comune", "centre")
    p.gap(4)
    p.line("All'Ufficiale d'anagrafe del Comune di Roccamirta", "right")
    p.gap(4)
    p.table([["Cognome", "Vallisneri"], ["Nome", "Ermete"], ["Codice fiscale", codice_fiscale("Vallisneri", "Ermete", date(1979, 4, 30))], ["Comune di provenienza", "Lagosereno"], ["Nuovo indirizzo", "Via Molinara n. 61"]], [55, 111], bold_first=False)
    p.text("Il sottoscritto, consapevole delle responsabilità penali per le dichiarazioni mendaci, dichiara di avere trasferito la dimora abituale all'indirizzo sopra indicato. Prende atto che l'ufficio disporrà l'accertamento dei requisiti entro quarantacinque giorni e che la mancanza di preavviso di rigetto equivale a conferma.")
    p.sign("Il dichiarante", "Ermete Vallisneri")
    p.page_break()
    p.line("Titolo di occupazione dell'abitazione", bold=True)
    p.text("Contratto di locazione regolarmente registrato presso l'Agenzia delle Entrate di Lagosereno al n. 1190 serie 3T del 2025.")
    p.text("Allega: copia del documento di identità; copia del contratto.")
    p.stamp(stamp("0009877", "11/08/2025"), angle=0.8)
    return p.pages


def provincia():
    p = Paper("serif", dpi=150, seed=25)
    p.letterhead(["PROVINCIA DI LAGOSERENO", "Settore Protezione Civile", "Palazzo Nuovo - 99000 Lagosereno"], crest=False)
    p.line("Prot. n. 0031207/2025 del 01/09/2025 - Uscita")
    p.gap(3)
    p.line("Al Comune di Roccamirta", "right")
    p.line("Ufficio Protezione Civile", "right")
    p.gap(4)
    p.text("OGGETTO: Aggiornamento del piano comunale di emergenza e prova di evacuazione del 18 ottobre 2025", bold=True)
    p.text("Con riferimento al programma provinciale delle esercitazioni, si invita codesto Comune ad aggiornare il piano comunale di emergenza con l'elenco delle aree di attesa e di ricovero e a individuare un referente per la prova di evacuazione della zona artigianale.")
    p.text("I dati richiesti vanno trasmessi entro il 30 settembre 2025. In caso di allerta meteo arancione o rossa la prova sarà rinviata.")
    p.text("Distinti saluti.")
    p.sign("Il Dirigente", "ing. Corrado Pievani")
    p.stamp(stamp("0010654", "02/09/2025"), x=140, y=3, angle=-2.2)
    return p.pages


CONVOCAZIONE = [
    ("b", "COMUNE DI ROCCAMIRTA"), ("", "Provincia di Lagosereno"), ("", ""), ("", "Prot. n. 0011290/2025 del 15/09/2025 - PARTENZA"), ("", ""),
    ("", "Ai Signori Consiglieri comunali"), ("", "LORO SEDI"), ("", ""),
    ("b", "OGGETTO: Avviso di convocazione del Consiglio comunale"), ("", ""),
    ("", "La S.V. è invitata a partecipare alla seduta pubblica ordinaria del Consiglio comunale, in prima"),
    ("", "convocazione, che si terrà il giorno 24 settembre 2025 alle ore 20:30 nella sala consiliare, per la"),
    ("", "trattazione del seguente ordine del giorno:"), ("", ""),
    ("", "1. Approvazione dei verbali della seduta precedente."), ("", "2. Comunicazioni del Sindaco."),
    ("", "3. Variazione al bilancio di previsione 2025-2027."), ("", "4. Regolamento per l'uso degli impianti sportivi: modifiche."),
    ("", "5. Interrogazione del gruppo consiliare Roccamirta Viva sul trasporto pubblico."), ("", ""),
    ("", "La documentazione è depositata presso la segreteria a disposizione dei consiglieri."), ("", ""),
    ("", "Il Presidente del Consiglio"), ("", "Berengario Solimei"),
]

PERMESSO = [
    ("b", "COMUNE DI ROCCAMIRTA"), ("", "Settore Edilizia e Urbanistica"), ("", ""), ("", "Prot. n. 0011833/2025 del 29/09/2025 - PARTENZA"), ("", ""),
    ("b", "PERMESSO DI COSTRUIRE N. 17/2025"), ("", "(artt. 10 e 20 D.P.R. 6 giugno 2001, n. 380)"), ("", ""),
    ("b", "OGGETTO: Ampliamento di fabbricato rurale in località Prà Lungo"), ("", ""),
    ("", "Il responsabile del settore, vista la domanda presentata dal sig. Fulgenzio Brandolesi,"),
    ("", f"codice fiscale {BRANDOLESI}, e il progetto redatto dal tecnico asseverante;"),
    ("", "accertato il versamento del contributo di costruzione e degli oneri di urbanizzazione;"), ("", ""),
    ("b", "RILASCIA"), ("", ""), ("", "il permesso di costruire per le opere descritte nelle tavole allegate, sul terreno distinto al"),
    ("", "foglio 6, mappale 118. I lavori hanno inizio entro un anno e sono ultimati entro tre anni."), ("", ""),
    ("", "Il Responsabile del Settore"), ("", "arch. Ginevra Altoviti"),
]


def planimetria():
    p = Paper("sans", seed=26)
    p.line("TAVOLA 1 - PLANIMETRIA CATASTALE - scala 1:1000", "centre", bold=True)
    p.gap(6)
    d, m = p.draw, p.mm
    for poly in ([(30, 60), (110, 50), (120, 120), (40, 135)], [(110, 50), (175, 70), (170, 125), (120, 120)], [(40, 135), (120, 120), (170, 125), (160, 210), (50, 205)]):
        d.polygon([(m(x), m(y)) for x, y in poly], outline=0, width=5)
    d.rectangle([m(70), m(150), m(100), m(172)], outline=0, width=7)
    for x in range(72, 100, 4):
        d.line([(m(x), m(150)), (m(x - 2), m(172))], fill=0, width=2)
    for text, x, y in (("117", 75, 90), ("118", 120, 160), ("119", 140, 92), ("strada vicinale", 60, 225), ("N", 182, 45)):
        d.text((m(x), m(y)), text, 0, p.font(12))
    d.line([(m(25), m(215)), (m(185), m(232))], fill=0, width=4)
    return p.pages
