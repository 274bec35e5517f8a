"""A small thesaurus of task words, for stores with few patterns.

Pure: data and its look-up. A store with one entry cannot tell rare words from common ones, nor that
"repair" and "fix" are synonyms. So the commonest words of tasks are listed here: acts, objects,
kinds of files, and words with little meaning. As a store grows, its own counts take over.
"""

from collections import defaultdict
from collections.abc import Mapping

from crossrun.patterns.retrieval.words import stem

_ACTS = """
convert turn transform export render reformat change pandoc
translate localise localize translation language
migrate port switch
fix repair debug resolve correct mend troubleshoot bug broken red fail failing
summarise summarize condense digest abridge summary recap overview
shorten condense cut trim abridge tighten abbreviate reduce
plot chart graph draw visualise visualize diagram figure picture matplotlib pyplot plt
remove delete drop erase clean purge strip discard prune rm
strip cut trim
rename name call change
add implement introduce insert support include append put extend
check validate verify valid ensure confirm sure
refactor restructure reorganise reorganize simplify
split divide break separate partition chunk awk
merge combine join unite concatenate consolidate together single
extract pull scrape parse collect harvest gather pdftotext
compare contrast diff difference different versus weigh altered
compute calculate determine
count tally frequent often uniq
evaluate assess benchmark judge appraise rate
find detect locate identify spot discover search
research investigate study survey review explore
document describe explain documentation docstring description
speed optimise optimize accelerate fast slow performance
upgrade update bump latest newest version outdated ancient current
install setup configure set
deploy release publish ship
predict forecast estimate project regression
train fit
cluster segment group
clean tidy cleanse sanitise impute
deduplicate dedupe dedup duplicate twice once unique uniq
rewrite reword rephrase paraphrase simplify
proofread typo spelling grammar grammatical misspelling correct
anonymise anonymize redact hide pseudonymise pseudonymize anonymous personal privacy mask
sort order arrange rank top best highest largest most
recommend advise suggest recommendation advice
annotate annotation annotated hint
schedule plan timetable
download fetch curl wget
send mail post smtp
checksum hash fingerprint sha256sum sha256 sha md5 md5sum digest
containerise containerize dockerize docker
query select sqlite3 sqlite database db
write author compose draft
build compile make
encrypt protect password
filter select subset
announce tell inform notify
generate simulate
sign approve
fill mailmerge
ocr recognise recognize tesseract
watermark stamp overlay
pivot tabulate crosstab
log trace monitor
replace swap substitute exchange
improve enhance refine polish better
rewrite port translate reimplement
explain describe clarify
save store persist keep
number enumerate
parallelise parallelize parallel concurrent concurrently
paginate pagination paging
import load ingest read
copy duplicate clone mirror
move relocate shift
disable deactivate
enable activate
execute run launch start
stop kill terminate abort
resize scale shrink enlarge thumbnail preview mogrify smaller
compress zip pack archive gzip gz tar
decompress unzip unpack
backup archive dump
back restore recover
wrap encapsulate
cache memoise memoize
mock stub fake
profile measure
lint style
format beautify prettify
normalise normalize standardise standardize
aggregate total sum
crop cut
answer reply respond
invite invitation
outline sketch
brainstorm idea
interpret analyse analyze analysis
authenticate authentication login auth
authorise authorize authorization permission
"""
"""What one does. The words of a line can stand for each other; a word can be on several lines."""

_THINGS = """
paper article publication study literature
bibliography reference citation cite source
function method routine procedure
variable parameter argument
option flag switch
dependency library package requirement
licence license
duplicate repeated redundant deduplicate
missing empty blank null impute
unused dead obsolete
deprecated deprecation
endpoint route api rest
image picture photo photograph
scan scanner
mail email
customer client subscriber buyer shopper
colleague boss coworker
price cost charge pricing fee expensive
average mean avg
month monthly
year yearly annual annually
week weekly
day daily date
quarter quarterly
column field
row record
table spreadsheet sheet workbook csv excel xlsx
manual handbook guide documentation docs help
browser web html page site
folder directory
chapter section
slide presentation deck
blog post article
finding insight result
interview conversation transcript
minute meeting protocol note
todo action task
changelog release commit
introduction introductory opening intro
tutorial guide howto walkthrough
shop store retail
product goods
term jargon definition define glossary
event happening
timeline chronology chronological
competitor competition compete rival
database sql query db
index indexed
memory ram leak
docker container dockerfile image containerise containerize
ci continuous integration workflow pipeline github hub
test suite spec pytest unittest coverage cover
type typed annotation hint mypy
postmortem mortem incident outage failure crash down downtime
root cause reason why
timeline chronology happened
contact subscriber member person people lead
broken dead 404
link hyperlink href url reference
thumbnail preview
checksum hash fingerprint tampered
photo picture image snapshot camera shot jpg exif exiftool
region area territory country department branch
branch shop store subsidiary office outlet
release version tag
changelog history changes news notes release
visitor host ip address client request hit
ip address host
error exception fault failure crash
broken failing red bug failed fail
outlier anomaly abnormal unusual
correlation correlated corr heatmap
box boxplot
house home flat
model classifier regression
invoice bill receipt bookkeeping accounting
supplier vendor
total sum amount
phone telephone
person people
web site website
law regulation reform act
management board executive
history past developed development
question gap unanswered
claim statement fact factcheck
speech toast talk
job position vacancy
revenue turnover income takings earning proceeds sale money
sale order transaction
significance significant significantly
cli command argparse
status health healthy
template form
company firm
reading measurement sensor
logging logger log print
statistic figure number
title heading headline caption
link hyperlink url href
histogram distribution distributed
faq frequently questions
signup registration
retention cohort
guest visitor user
picture image photo media logo
story tale narrative novel
magazine newspaper journal
essay composition
book e-book ebook
trip travel journey holiday vacation
budget expense spending
contract agreement lease
resume cv curriculum
recipe dish meal
lecture lesson course class
exam quiz test
student pupil
employee staff worker personnel
patient case
doctor physician
car vehicle automobile
city town
country nation
money cash
cheap cheapest least inexpensive
bash shell sh
config configuration setting preference
key setting option field
thread process worker
schema migration table
key secret token credential
server host machine
cloud aws azure gcp
bucket storage
ui interface frontend
button form page
crawler scraper spider
frequency rate
percentage percent share proportion
median mean mode
variance deviation spread
quality validity
header footer
font typeface
footnote endnote
english german french spanish italian portuguese dutch swedish polish russian chinese japanese
"""
"""What one does it to; lines as above."""

_CHARTS = """
bar
pie
line curve
box boxplot
scatter
histogram
heatmap heat
radar
violin
"""
"""Kinds of charts, when a task is about one."""

_KINDS = """
csv tsv spreadsheet
json jsonl ndjson javascript
yaml yml
toml
xml
html htm
markdown md
pdf
docx doc word
xlsx xls excel
pptx ppt powerpoint slide
odt
latex tex
txt
parquet
sqlite
sql
png
jpg jpeg
svg
gif
mp3
mp4
wav
zip
tar
log
ini
ipynb notebook
py
js javascript
ts typescript
rs rust
go
java
rb ruby
cpp
sh bash shell
dockerfile
"""
"""Kinds of files; the words of a line are the same kind."""

_LIGHT = """
a able all another any application app automatic automatically base big bit build call code come
common content create current data deal different do document draft each every everything
everywhere example existing file first folder following format full function general generate get
give go good great help huge important in information item just keep know large last latest let
line list little long look main make many module more most much must name need new next nobody
number off old once one our out own page part per please point possible prepare produce program
project provide put python quick read really repository run script see separate set several short
show simple single small some something start step sure system take text thing three time top two
up use user using value various version very want way well whole word work write compose load
without yet few never now still public add find implement introduce insert include support search
list set change call name extend append tell
directory directories subdirectory subfolder tree path recursive recursively regular normal under
"""
"""Words that most tasks could have."""

_NEUTRAL = """
make create write produce prepare generate get give do put build use have let show take provide need
want please help work start go come run give tell somebody someone everybody everyone nobody people
who what which how why when where it there many some most every each can could would should
"""
"""Words that say only that something is to be done, or that begin a sentence without an order."""

_OPPOSITES = """
split divide separate partition chunk | merge combine join unite concatenate consolidate
encrypt protect lock | decrypt unprotect unlock
compress zip pack archive | extract unzip unpack decompress uncompress untar
import load | export dump unload
add insert append include | remove delete drop erase strip prune purge exclude
enable start activate | disable stop deactivate
install | uninstall
upload push | download pull fetch
encode | decode
backup | restore
upgrade | downgrade
mount attach | unmount detach
increase raise enlarge | decrease lower reduce shrink
show unhide | hide
allow permit | block deny forbid
subscribe | unsubscribe
minify | prettify beautify
"""
"""Acts that undo those on the other side."""

MAKING = frozenset(("to", "into", "as"))
"""Words before the kind of file that is made."""


def _groups(text: str) -> Mapping[str, frozenset[str]]:
    groups: dict[str, set[str]] = defaultdict(set)
    for line in text.strip().splitlines():
        words = line.split()
        for word in words:
            groups[stem(word)].add(line)
    return {word: frozenset(found) for word, found in groups.items()}


def _opposites(text: str) -> Mapping[str, frozenset[str]]:
    opposites: dict[str, frozenset[str]] = {}
    for line in text.strip().splitlines():
        left, right = (frozenset(map(stem, side.split())) for side in line.split("|"))
        for words, others in ((left, right), (right, left)):
            for word in words:
                opposites[word] = opposites.get(word, frozenset()) | others
    return opposites


ACTS = _groups(_ACTS)
OPPOSITES = _opposites(_OPPOSITES)
THINGS = _groups(_THINGS)
KINDS = _groups(_KINDS)
CHARTS = _groups(_CHARTS)
CHART = ACTS["plot"]
NEUTRAL = frozenset(map(stem, _NEUTRAL.split()))
LIGHT = frozenset(map(stem, _LIGHT.split()))
SENSES = {
    word: ACTS.get(word, frozenset()) | THINGS.get(word, frozenset()) | KINDS.get(word, frozenset())
    for word in {*ACTS, *THINGS, *KINDS}
}
"""The lines on which a word is."""
