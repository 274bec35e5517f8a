"""Rarity: the weight of a common feature of two runs; the more patterns have it, the lower.

Pure. A store with few patterns knows little, so each feature starts with a prior share of patterns
that have it: large for features of any job, small for all others.
"""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from crossrun.patterns.retrieval.thesaurus import KINDS, LIGHT
from crossrun.patterns.retrieval.words import stem, workflow_words

_IMAGINED = 20
"""Patterns that are imagined beside those that are stored."""
_EVERYWHERE, _SELDOM = 0.4, 0.02
_WORTHLESS = 1.0
"""What less than this is known by (a natural logarithm) weighs nothing."""
_SHARES = {"kind": 0.04, "word": 0.03, "file": 0.12, "build": 0.15, "light": 0.3}
_ANY_JOB = frozenset(
    """
    awk bash bat bats black cat cd chmod cmp column cp  cut delete diff du echo env exit
    export fd file find fold gawk git grep head hexdump isort jest less ls md5sum mkdir mktemp more
    mv nl node nox npm od paste perl php pip pip3 printf ps pwd py_compile pytest python
    realpath rg rm rmdir ruby sed seq set sh sha256sum shasum sleep sort source stat strings sudo
    tail tee test time touch tox tr tree true uniq unittest vitest wc which write xargs xxd zsh
    """.split()  # noqa: SIM905  one word a line would fill the screen
)
"""Programs for looking, moving, scripting, testing and text of any kind: they say next to nothing
about what a job was for. Nor do their short options."""
_BUILDS = frozenset(
    """
    cargo build/cargo run/cargo test/cmake/docker build/docker image/docker images/docker run
    /dotnet build/dotnet test/go build/go run/go test/gradle/make/mvn/npm ci/npm install/npm run
    /npm test/pnpm install/pnpm run/podman build/poetry install/poetry run/tsc/uv run/uv sync
    /yarn build/yarn install
    """.replace("\n", "")
    .replace("    ", "")
    .split("/")
)
"""Commands that many jobs on code end with: they say little."""
_COMMON_KINDS: Mapping[str, float] = {
    kind: share
    for share, kinds in (
        (0.4, ".csv .py .txt"),
        (0.3, ".html .js .json .md .sh"),
        (0.15, ".jpg .log .pdf .png .xml .yaml .yml"),
    )
    for kind in kinds.split()
}
_COMMON_CODE = frozenset(
    """
    abs add all and any argparse args argv ascii assert async await base bin bool break breakpoint
    bytearray bytes callable case char chr class classmethod close cls code collections complex
    config console const continue csv cur data def default defaultdict del delattr dest dict
    dictreader dictwriter dir divmod document done dst echo elif else encode encoding end enum
    enumerate err errors eval except exec exit exports false field fieldnames fields file filename
    files filter final finally float folder folders for format from frozenset func function
    functools get getattr global globals hasattr help hex import infile info init input int
    isinstance issubclass item items iter itertools join json key keys kwargs lambda last len let
    lib line lines list load loads locals log main makedirs map max memoryview min mkdir module name
    names new newline next none nonlocal not null num number obj object oct old open options ord
    order out outfile output params parent parse parser part parts pass path pathlib pattern pow
    print private property public quit raise range read reader readlines rec records rel repr
    require res result results return root row rows run script self sep set setattr slice sort
    source split src start static staticmethod stderr stdin stdout stem str string struct sub super
    switch sys target temp text that the then this tmp true try tuple type undefined update usage
    utf utf8 val value values var vars void while with word words write writeheader writelines
    writer writerow writerows yield zip
    """.split()  # noqa: SIM905  as above
)
"""Words of the language and of its usual modules."""


_COMMON_OPTIONS = frozenset(
    """
    --all --config --data --debug --dir --dry-run --exclude --file --filter --force --format --from
    --help --id --in --include --input --json --level --limit --lang --language --mode --name
    --no-color --option --out --out-dir --output --path --quiet --recursive --size --source --target
    --title --to --type --verbose --version --yes
    """.split()  # noqa: SIM905  as above
)
"""Long options that programs of all kinds have."""


class Rarity:
    """The weights of what is compared.

    Args:
        entries: how many patterns are stored.
        counts: how many of them have a stemmed word.
        codes: the words of the code of patterns that may be alike.
    """

    def __init__(
        self,
        entries: int = 0,
        counts: Mapping[str, int] | None = None,
        codes: Iterable[frozenset[str]] = (),
    ) -> None:
        self._entries = entries
        self._counts = counts or {}
        self._codes = tuple(codes)
        self._of_code: dict[str, float] = {}

    def of_word(self, word: str) -> float:
        """The weight of a stemmed word of a task."""
        name = "light" if word in LIGHT else "file" if word in KINDS else "word"
        share = _SHARES[name]
        return -math.log(self._share(self._counts.get(word, 0), self._entries, share))

    def of_command(self, feature: str) -> float:
        """The weight of a feature of commands; see `features`."""
        usual, part = _usual_share(feature)
        stored = min((self._counts.get(word, 0) for word in workflow_words(feature)), default=0)
        return part * self._weight(stored, self._entries, usual)

    def of_code(self, word: str) -> float:
        """The weight of a word of code."""
        if word not in self._of_code:
            usual = _EVERYWHERE if word in _COMMON_CODE else _SELDOM
            stored = self._weight(self._counts.get(stem(word), 0), self._entries, usual)
            near = sum(word in code for code in self._codes)
            self._of_code[word] = min(stored, self._weight(near, len(self._codes), usual))
        return self._of_code[word]

    def _weight(self, count: int, entries: int, usual: float) -> float:
        return max(0.0, -math.log(self._share(count, entries, usual)) - _WORTHLESS)

    @staticmethod
    def _share(count: int, entries: int, usual: float) -> float:
        """Of other patterns than the one that is compared; what is usual stays so in any store."""
        others = max(0, count - 1)
        counted = (others + usual * _IMAGINED) / (max(entries, 1) - 1 + _IMAGINED)
        return min(1.0, max(usual, counted))


def is_telling(word: str) -> bool:
    """Whether a word of commands or code is not one of any job."""
    return word not in _COMMON_CODE and word not in _ANY_JOB


@lru_cache(maxsize=4_096)
def _usual_share(feature: str) -> tuple[float, float]:
    """How common a feature is in any store, and what part of its weight it has.

    An option or a kind of file depends on its program, so it counts as a part of a feature.
    """
    if feature.startswith("."):
        return _COMMON_KINDS.get(feature, _SHARES["kind"]), 0.5
    if feature.startswith("~"):
        return _SELDOM, 0.5
    if feature.startswith("-"):
        return (_EVERYWHERE if feature in _COMMON_OPTIONS else _SELDOM), 0.4
    program, _, option = feature.partition(" ")
    if program in _ANY_JOB:
        return _EVERYWHERE, 1.0
    if any(feature == build or feature.startswith(f"{build} ") for build in _BUILDS):
        return _SHARES["build"], 0.4 if "-" in option else 1.0
    return (_SELDOM, 0.4) if option.startswith("-") else (_SELDOM, 1.0)
