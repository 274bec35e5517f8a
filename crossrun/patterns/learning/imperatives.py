"""Verbs by which a sentence asks for something to be done, in five languages."""

IMPERATIVES = """
    add adjust aggregate align allow analyse analyze annotate append apply archive arrange ask
    assemble assign audit automate backport benchmark bisect bring build bump bundle cache
    calculate capture change chart check classify clean clone close cluster collapse collect
    combine compare compile complete compress compute concatenate configure connect consolidate
    construct convert copy correct count cover crack crawl create crop cut debug decode
    decompress decrypt dedupe deduplicate define delete deploy derive describe design detect
    determine diagnose diff disable display divide document download draft draw drop dump edit
    eliminate email embed enable encode encrypt enhance ensure estimate evaluate examine execute
    expand explain explore export expose extend extract fetch figure fill filter find finish fit
    fix flatten format forecast generate get give go group handle help hide highlight identify
    implement import improve include index infer insert inspect install instrument integrate
    introduce investigate join keep label launch let lint list load locate log look lower make
    map match measure merge migrate minify mirror mock modernise modernize modify monitor mount
    move name normalise normalize obtain open optimise optimize order organise organize output
    override package pack parse patch perform pivot plan plot port post prepare preprocess print
    process produce profile program proofread prove provide prune publish pull push put query
    read rebase rebuild recode recommend reconstruct record recover redact redesign reduce
    refactor regenerate register relabel release reload remove rename render reorder reorganise
    reorganize repair repeat replace reply report reproduce rescale research reset resize
    resolve restore restructure retrieve return reverse revert review rewrite rotate round run
    sanitise sanitize save scaffold scale scan schedule scrape search select send separate set
    setup share shorten show shrink shuffle sign simplify simulate sketch slice smooth solve
    sort speed split squash stack standardise standardize start stitch stop store strip submit
    subset substitute sum summarise summarize support swap switch sync synchronise synchronize
    tabulate tag take tell test tidy time trace track train transcode transcribe transform
    translate transpose trim try tune turn typeset unify uninstall unpack unzip update upgrade
    upload use validate vectorise vectorize verify visualise visualize watch wire work wrap
    write zip
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
