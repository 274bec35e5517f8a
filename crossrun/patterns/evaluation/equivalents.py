"""Tools that do the same: programs, and the words of code that stand for them.

Pure data. A script that calls `requests.get` did what `curl` does, and `sorted` what `sort` does.
"""

_LINES = """
http curl wget httpie requests httpx urllib urlopen fetch axios
audio ffmpeg pydub audiosegment sox loudnorm normalize lame mpg123
image magick mogrify pil pillow sharp imageops thumbnail resize
pdf qpdf pypdf pypdf2 pdftk pdfunite pdfwriter mutool
document pandoc docx soffice libreoffice mammoth antiword
database sqlite3 psql duckdb mysql sql
template envsubst jinja jinja2 substitute mustache gomplate
plot matplotlib pyplot gnuplot plt plotly seaborn
checksum sha256sum md5sum hashlib sha256 b2sum shasum md5 sha1sum
compressed gzip zstd xz bzip2 zip tar zipfile tarfile gz
remote scp rsync sftp paramiko
charset iconv cp1252 latin1 utf8
markup beautifulsoup bs4 pup lxml xmllint href selectolax htmlq
packages npm pip yarn pnpm poetry
lint eslint ruff flake8 pylint
layout black prettier
tests pytest unittest tox ctest jest vitest
typeset pdflatex latexmk tectonic xelatex bibtex lualatex
translated gettext msgfmt msgmerge xgettext babel pybabel
"""
"""What a tool is for; the first word of a line names what it has in common."""
_PLAIN_LINES = """
sorted sort orderby
distinct uniq unique set dedupe
case tr lower upper casefold tolower toupper lowercase
matched grep rg egrep match findall filter
replaced sed sub gsub
counted wc count len
cut awk split
moved mv move rename shutil
copied cp copy copyfile copytree
folder mkdir makedirs mkdirsync
found find glob rglob walk listdir
"""
"""What programs of all kinds do; it says less about a job."""


def _by_word(lines: str) -> dict[str, str]:
    groups = (line.split() for line in lines.strip().splitlines())
    return {word: f"={group[0]}" for group in groups for word in group}


_PLAIN = _by_word(_PLAIN_LINES)
EQUIVALENT = _by_word(_LINES) | _PLAIN
"""From a word to what it stands for, which begins with `=`."""
PLAIN = frozenset(_PLAIN.values())
