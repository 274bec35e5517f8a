"""Verbs by which a sentence asks for something to be done, in five languages."""

IMPERATIVES = """
    add adjust aggregate align allow alphabetise alphabetize analyse analyze annotate anonymise
    anonymize answer append apply archive arrange ask assemble assign audit automate backfill
    backport benchmark bisect book bootstrap bring build bump bundle cache calculate capitalise
    capitalize caption capture catch change chart check classify clean clone close cluster
    collapse collect combine compare compile complete compress compute concatenate condense
    configure connect consolidate construct containerise containerize convert copy correct count
    cover crack crawl create crop cross-check crosscheck cut debug decode decompress decouple
    decrypt dedent dedupe deduplicate define delete deliver deploy derive describe design detect
    determine diagnose diff disable display divide dockerise dockerize document double-check
    download draft draw drop dub dump edit eliminate email embed enable encode encrypt enhance
    enrich ensure enumerate enter escape estimate evaluate examine execute expand explain explore
    export expose extend extract fetch figure file fill filter find finish fit fix flatten
    forecast format generate geocode get give go grade group guess handle help hide highlight
    hoist hook identify illustrate implement import improve include indent index infer inline
    insert inspect install instrument integrate internationalise internationalize introduce
    investigate isolate join keep label launch let lint list load localise localize locate lock
    log look lower make map mask match measure merge migrate minify mirror mock modernise
    modernize modify monitor mount move name narrow normalise normalize notify number obtain
    open optimise optimize order organise organize outline output override pack package
    paraphrase parse patch perform pinpoint pivot plan plot polish populate port post predict
    prepare preprocess print process produce profile program proofread prove provide prune
    pseudonymise pseudonymize publish pull push put quantify query quiz quote rank read rebase
    rebuild recalculate recap recode recommend recompute reconcile reconstruct record recover
    redact redesign redo reduce refactor refresh regenerate register reindex relabel release
    reload remove rename render renew renumber reorder reorganise reorganize repair repeat
    replace replicate reply report reproduce rerun resave rescale research reset resize resolve
    respond restart restore restructure resubmit retrieve return reverse revert review revise
    reword rework rewrite rotate round run sanitise sanitize save scaffold scale scan schedule
    score scrape search seed select send separate set setup shard share ship shorten show shrink
    shuffle sign simplify simulate sketch slice smooth solve sort speed spin split spot squash
    squeeze stack stage stamp stand standardise standardize start stem stitch stop store strip
    submit subset substitute subtitle sum summarise summarize support swap switch sync
    synchronise synchronize tabulate tag tail take teach tell test tidy time tokenise tokenize
    trace track train transcode transcribe transform translate transliterate transpose trim
    truncate try tune turn typeset unescape unify uninstall unlock unmount unpack unquote unwrap
    unzip update upgrade upload use vacuum validate vectorise vectorize verify visualise
    visualize walk watch weigh wire work wrap write zip
"""
"""English, in the form that stands first in a sentence."""

STEMS: dict[str, str] = {
    "de": """
    konvertier wandl wandel erstell schreib pruf pruef such finde ersetz losch loesch fug fueg
    benenn berechn zeichn sortier entfern mach bau test reparier beheb behebe korrigier ubersetz
    uebersetz extrahier fass verschieb kopier ander aender aktualisier lies fuhr fuehr
    installier richt stell vergleich analysier generier teil pack entpack lad zahl zaehl bring
    erganz ergaenz sorg verbind vereinig gruppier filter bereinig raum leg gib zeig beschreib
    erklar formatier validier optimier bereit zieh nimm setz tausch speicher importier exportier
    summier ermittl ermittel hol implementier schatz plotte
    """,
    "fr": """
    convert cree creez creer ecri verifi cherch trouv rempla supprim ajout renomm calcul trac
    tri corrig repar tradui extrai fusion copi deplac mets met fais fait faire constru compar
    analys gener install telecharg resum rends rend regroup filtr nettoi nettoy compress
    decompress lis list optimis transform donn montr affich dessin compt divis separ combin
    mettre ajoutez
    """,
    "es": """
    conviert convert crea cree crear escrib comprueb comprob verific busc encuentr encontr
    reemplaz sustitu elimin borr anad agreg renombr calcul dibuj orden corrig arregl repar
    traduc traduzc extra combin fusion copi muev mover haz haga hacer constru compar analiz
    gener instal descarg resum pon poner agrup filtr limpi comprim lee optimiz transform muestr
    mostr cuent contar divid separ actualiz cambi
    """,
}
"""By language, how the forms begin in which it asks for something, without accents."""

FINITE = """
    is are was were has have had does do did fails fail takes needs runs says shows gives can
    cannot will would should must seems looks keeps returns breaks crashes
"""
"""A verb behind a first word makes that a noun: "Build fails", "Tests are red"."""
