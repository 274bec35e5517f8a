"""Tools that do the same: programs, and the words of code that stand for them.

Pure data. A script that calls `requests.get` did what `curl` does, and `sorted` what `sort` does.
"""

_LINES = """
web curl wget httpie requests httpx urllib urlopen axios aria2c
audio ffmpeg ffprobe pydub audiosegment sox loudnorm normalize lame flac mpg123 librosa wave
video videowriter videocapture moviepy cv2 opencv handbrakecli mkvmerge framerate
image magick mogrify identify composite pil pillow sharp imageops thumbnail gimp vips exiftool
pdf qpdf pypdf pypdf2 pdftk pdfunite pdfwriter pdfreader mutool pdfinfo pdftotext reportlab
document pandoc docx soffice libreoffice unoconv mammoth antiword odt
spreadsheet in2csv xlsx2csv ssconvert openpyxl xlrd xlsxwriter excel
table pandas polars duckdb dataframe csvkit mlr xsv datamash tidyverse dplyr aggregate groupby
database sqlite3 sqlite psql mysql postgresql psycopg mariadb sqlalchemy
dump pg_dump mysqldump mongodump pg_dumpall
template envsubst jinja jinja2 substitute mustache gomplate handlebars ejs erb
plot matplotlib pyplot gnuplot plt plotly seaborn ggplot ggplot2 chart vega d3
diagram graphviz dot plantuml mermaid mmdc
checksum sha256sum md5sum hashlib sha256 b2sum shasum md5 sha1sum sha512sum cksum
compressed gzip zstd xz bzip2 zip tar zipfile tarfile gz gunzip unzip 7z archive gztar
encrypted gpg openssl age cryptography fernet
remote scp rsync sftp paramiko rclone ssh
bucket aws gsutil s3cmd boto3 minio s3
charset iconv cp1252 latin1 utf8 recode dos2unix
markup beautifulsoup bs4 pup lxml xmllint selectolax htmlq xmlstarlet elementtree minidom
stylesheet xsltproc saxon xslt
yaml yq ruamel pyyaml
packages npm pip pip3 yarn pnpm poetry uv pipx conda apt apk brew dnf yum gem bundle composer
environment venv virtualenv conda
lint eslint ruff flake8 pylint golangci clippy shellcheck rubocop stylelint
layout black prettier gofmt rustfmt clang yapf autopep8 isort
types mypy pyright tsc flow
tests pytest unittest tox nox ctest jest vitest mocha rspec phpunit spec gotest coverage
compiled cmake make ninja meson gcc g++ clang cargo rustc javac mvn gradle bazel scons msbuild go
bundled webpack vite rollup esbuild parcel tsup browserify
typeset pdflatex latexmk tectonic xelatex bibtex lualatex biber latex asciidoctor fop groff
reference sphinx pdoc mkdocs doxygen typedoc jsdoc javadoc rustdoc
site hugo jekyll eleventy gatsby pelican
translated gettext msgfmt msgmerge xgettext babel pybabel po4a
flashed dfu esptool openocd avrdude stlink flash
daemon systemctl service initctl launchctl supervisorctl
scheduled cron crontab launchd
container docker podman buildah nerdctl compose
cluster kubectl helm kustomize oc
infrastructure terraform tofu pulumi ansible
mail sendmail smtplib mutt msmtp mailx emailmessage smtp
bench hyperfine timeit perf ab wrk locust
ocr tesseract pytesseract ocrmypdf easyocr
spelling aspell hunspell codespell typos languagetool
archived ar borg restic duplicity
sorted sort orderby
distinct uniq unique set dedupe
case tr lower upper casefold tolower toupper lowercase
matched grep rg egrep match findall filter select
replaced sed sub gsub replace
counted wc count len nrow
cut awk split
moved mv move rename shutil
copied cp copy copyfile copytree
removed rm delete unlink rmtree remove
folder mkdir makedirs mkdirsync
linked ln symlink
found find glob rglob walk listdir readdir readdirsync
"""
"""What a tool is for; the first word of a line names what it has in common."""
_COMMANDS = """
git checkout/git switch/git restore
git fetch/git pull/git submodule/git remote
git cherry-pick/git am/git apply/git format-patch
git add/git commit
git log/git shortlog
git revert/git reset
npm ci/npm install/yarn install/pnpm install
npm run/yarn run/yarn build/pnpm build/pnpm run
npm test/yarn test/pnpm test
npm pack/yarn pack/pnpm pack/npm publish/yarn publish
docker build/podman build
cargo build/go build
cargo test/go test
"""
"""Subcommands that do the same, where the word alone means something else elsewhere."""


def _by_word(lines: str) -> dict[str, str]:
    groups = (line.split() for line in lines.strip().splitlines())
    return {word: f"={group[0]}" for group in groups for word in group}


def _by_command(lines: str) -> dict[str, str]:
    groups = (line.split("/") for line in lines.strip().splitlines())
    return {command: f"={group[0]}" for group in groups for command in group}


EQUIVALENT = _by_word(_LINES)
"""From a word to what it stands for, which begins with `=`."""
EQUIVALENT_COMMANDS = _by_command(_COMMANDS)
"""The same for a program and its subcommand."""
