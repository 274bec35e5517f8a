"""Titles and reasons: the sentence of a text that says what is wanted, or why something was done.

It goes by first words and punctuation, for English, German, French, Spanish and Chinese; in another
language it is the first sentence.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from crossrun.model.workflows import LONGEST_STEP
from crossrun.patterns.learning.clipping import clipped
from crossrun.patterns.learning.imperatives import FINITE, IMPERATIVES, STEMS
from crossrun.system.commandlines import one_line

_NO_SUMMARY = "an earlier run of this kind"
_READ = 20_000
"""Characters of a text that are looked at."""
_MOST_SENTENCES = 200
_FEWEST_WORDS = 2

_VERBS = frozenset(IMPERATIVES.split())
_STEMS = {language: tuple(stems.split()) for language, stems in STEMS.items()}
_CHINESE = re.compile(
    r"^(?:请|把|将|帮|给|用|在.{0,12}(?:中|里)|对)|转换|转成|生成|创建|编写|写一|修复|修改|检查|查找|替换"
    r"|删除|添加|计算|绘制|画|排序|翻译|提取|合并|复制|移动|比较|分析|安装|下载|总结|统计|整理|优化|实现"
)
_HAN = re.compile(r"[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]")
_POLITE = re.compile(
    r"(?i)^(?:so|then|now|and|next|first|finally|also|dann|nun|jetzt|ensuite|puis|luego|ahora)?"
    r"[, ]*"
    r"(?:please|pls|kindly|bitte|s'il (?:te|vous) pla[iî]t|merci de|veuillez|por favor|请)\b[, ]*"
)
_WISH = re.compile(
    r"(?i)\b(?:i|we)(?:'d| would)? (?:need|want|like|wish|require)\b|\byour (?:task|job|goal) is\b"
    r"|\b(?:can|could|would|will) you\b|\blet'?s\b|\bthe (?:task|goal|aim) is\b|\bneeds? to\b"
    r"|\b(?:ich|wir) (?:brauche|möchte|hätte|will|wollen|benötige)|\b(?:kannst|könntest|können) "
    r"(?:du|sie)\b|\b(?:je|nous) (?:veux|voudrais|voulons|souhaite)|\bj'ai besoin"
    r"|\bnous avons besoin"
    r"|\bil faut\b|\bpe?u[tx](?:-tu)?\b.{0,8}\b(?:tu|vous)\b|\bpouvez-vous\b|\bpeux-tu\b"
    r"|\b(?:necesit|quier|quer(?:emos|ría)|me gustaría)\w*|\b(?:puedes|podrías|puede)\b"
    r"|我(?:们)?(?:需要|想|要)|希望|能否|可以.{0,12}吗"
)
_SHOULD = re.compile(
    r"(?i)\b(?:should|must|has to|have to|soll(?:te|en)?|muss|doit|doivent|debe[n]?)\b|应该|必须"
)
_LIMITS = re.compile(
    r"(?i)^(?:do not|don'?t|never|avoid|make sure|ensure|be sure|note|remember|keep|assume|only|no"
    r"|nicht|achte|keine?|assure|ne|no|asegúrate|不要|确保|注意)\b"
)
_AN_ASIDE = re.compile(
    r"(?i)(?:you are|you're|hello|hi|hey|dear|thanks|thank you|context|background|hallo|guten"
    r"|bonjour|hola|你好|谢谢|du bist|sie sind|tu es|vous êtes|eres|danke|merci|gracias)\b"
)
_CONNECTIVE = re.compile(
    r"(?i)^(?:then|now|and|next|first|finally|also|so|just|dann|nun|puis)\b[, ]*"
)
_CLAUSE = re.compile(r"^[^,:]{3,80}[,:]\s+(?=\w)")
_FINITE = frozenset(FINITE.split())
_PRONOUN = re.compile(
    r"(?i)\b(?:it|them|(?:this|that|these|those)(?= *(?:$|[.,;:!?)]|(?:and|or|in|on|for|to|with|up"
    r"|out|from|by|so|as|into|again|now)\b)))\b(?! (?:is|are)\b)"
)
_PATH = re.compile(
    r"(?<![\w/.-])(?:[\w.@+-]+/)*[\w@+-][\w.@+-]*\.[A-Za-z][A-Za-z0-9]{0,6}(?![\w/])"
)
_SENTENCE_END = re.compile(
    r"(?<![.!?;:…])[.!?;:…]++[\"')\]]*\s+|[\u3002\uff01\uff1f\uff1b]+[\u201d\u300d\u300f]?\s*"
)
_ABBREVIATION = re.compile(
    r"(?i)(?:\b(?:e\.g|i\.e|z\.\s?b|d\.\s?h|u\.\s?a|p\.\s?ej|no|nr|vs|etc|dr|mr|ms|ca|bzw|approx"
    r"|fig|cf|inkl|usw))\.\s+$"
)
_MARKUP = re.compile(r"^(?:#{1,6}\s+|[-*•+]\s+|>\s*|\d{1,3}[.)]\s+|\[[ xX]\]\s*|\*\*|-{3,}|={3,})+")
_LONGEST_WHY = LONGEST_STEP
_TELLING_WHY = re.compile(
    r"(?i)\b(?:because|since|missing|fail\w*|instead|not|n't|need\w*|wrong|error|requires?|expects?"
    r"|due|actually|turns? out|fix\w*|so that|therefore|must|weil|fehlt|statt|parce"
    r"|porque)\b|因为|缺少"
)


_PLANS = re.compile(
    r"(?i)(?:I|I'?ll|I'?m|we|we'?ll|let me|let's|now|next|first|to|this|ich|jetzt|zuerst|je|nous"
    r"|voy|ahora|我|现在)\b"
)
_ANNOUNCES_A_LOOK = re.compile(
    r"(?i)(?:(?:now|next|first),? )?(?:I|I[\u2019']?ll|I[\u2019']?m|I will|let me|we[\u2019']?ll)"
    r"(?: (?:first|now|start by|begin by|going to|quickly))* (?:look|read|check|inspect|open|list"
    r"|see|find|search|explore|examine|review|understand|scan)(?:ing)?\b"
)
_BOLD_LINE = re.compile(r"(?m)^\s*\*\*[^*\n]+\*\*\s*$")
"""The heading of a summary of reasoning."""


class _Sentence(NamedTuple):
    text: str
    score: float


def summary(task: str) -> str:
    """The sentence of a task that says what is wanted, on one line, with its object."""
    texts = sentences(task)
    telling = [text for text in texts if _is_telling(text)]
    rated = [_Sentence(text, _asks(text) - _is_open(text) * _LESS) for text in telling]
    if not rated:
        first = next((text for text in texts if re.search(r"\w", text)), "")
        return clipped(first.rstrip(_END), LONGEST_STEP) or _NO_SUMMARY
    best = max(range(len(rated)), key=lambda at: (rated[at].score, -at))
    act = _with_explanation(rated[best].text, texts).rstrip(_END)
    clause = _CLAUSE.match(act)
    announced = clause is not None and clause[0].rstrip().endswith(":")
    if clause and announced and not _commands(act) and _commands(act[clause.end() :]):
        act = act[clause.end() :]
    before = [sentence.text for sentence in rated[:best]]
    return clipped(_with_object(act, before), LONGEST_STEP)


def _with_explanation(sentence: str, texts: Sequence[str]) -> str:
    """A sentence that ends with a colon, with what follows it, if that fits."""
    following = texts[texts.index(sentence) + 1 :][:1] if sentence.endswith(":") else []
    if not following or len(following[0].split()) < _EXPLAINS:
        return sentence
    explained = f"{sentence} {following[0]}"
    return explained if len(explained) <= LONGEST_STEP else sentence


_EXPLAINS = 3
"""Words: fewer are the first item of a list."""
_END = ".!?;:\u3002\uff01\uff1f\uff1b "


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line, without the marks of lists and headings."""
    texts: list[str] = []
    for paragraph in _paragraphs(text[:_READ]):
        at = start = 0
        for end in _SENTENCE_END.finditer(paragraph):
            if _ends(paragraph, end, start):
                texts.append(paragraph[start : end.end()])
                start = end.end()
            at = end.end()
        if start < len(paragraph) or not at:
            texts.append(paragraph[start:])
    return [plain for one in texts[:_MOST_SENTENCES] if (plain := one_line(one))]


def heading(text: str) -> str:
    """The title of a plan's item or a planner's prompt."""
    return summary(text) if text.strip() else ""


def reason(text: str) -> str:
    """The sentence in which an agent gives the reason for its next act, or ""."""
    stated = _BOLD_LINE.sub("", text)
    texts = [one for one in sentences(stated) if _is_telling(one) and not one.endswith("?")]
    telling = [one for one in texts if _TELLING_WHY.search(one)]
    planned = [one for one in texts if _PLANS.match(one)]
    why = next(iter([*telling[-1:], *planned[-1:]]), "")
    return clipped(why.rstrip(": "), _LONGEST_WHY)


def only_announces_a_look(why: str) -> bool:
    """Whether a reason belongs to the look that follows it, and not to what is done afterwards."""
    return _ANNOUNCES_A_LOOK.match(why) is not None and not _TELLING_WHY.search(why)


def _paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, with wrapped lines joined; list items and headings are separate."""
    paragraphs: list[str] = []
    joined = False
    fenced = False
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(("```", "~~~")):
            fenced, joined = not fenced, False
            continue
        if fenced or not line:
            joined = False
            continue
        marked = _MARKUP.match(line)
        plain = _MARKUP.sub("", line).replace("**", "").strip()
        if joined and not marked and paragraphs:
            paragraphs[-1] += f" {plain}"
        elif plain:
            paragraphs.append(plain)
        joined = not (marked and line.startswith("#"))
    return paragraphs


def _ends(paragraph: str, end: re.Match[str], start: int) -> bool:
    """Whether a punctuation mark ends a sentence."""
    if end[0][0] in "\u3002\uff01\uff1f\uff1b;":
        return True
    following = paragraph[end.end() : end.end() + 1]
    if not following or following.islower():
        return False
    if _ABBREVIATION.search(paragraph[max(start, end.end() - 12) : end.end()]):
        return False
    return end[0][0] in "!?" or not following.isdigit()


def _is_telling(text: str) -> bool:
    enough = len(text.split()) >= _FEWEST_WORDS or len(_HAN.findall(text)) > _FEWEST_WORDS
    return enough and not _AN_ASIDE.match(text)


def _asks(text: str) -> float:
    """How clearly a sentence asks for something to be done."""
    polite = _POLITE.match(text)
    rest = text[polite.end() :] if polite else _CONNECTIVE.sub("", text)
    if _LIMITS.match(rest):
        return 0.5
    if polite and rest:
        return 3.0
    if _commands(rest):
        return 3.0
    if _WISH.search(text):
        return 2.5
    clause = _CLAUSE.match(rest)
    if clause and _commands(rest[clause.end() :]):
        return 2.5
    if text.endswith(("?", "\uff1f")):
        return 2.0
    return 1.0 if _SHOULD.search(text) else 0.0


def _commands(text: str) -> bool:
    """Whether a sentence begins with a verb that asks for something, or ends with a German one."""
    words = [word.strip(_MARKS) for word in _unaccented(text).lower().split()]
    first, second, *_ = [*words, "", ""]
    if first.isalpha() and (
        first in _VERBS or any(first.startswith(stems) for stems in _STEMS.values())
    ):
        return second not in _FINITE
    if _HAN.search(text):
        return _CHINESE.search(text) is not None
    last = words[-1] if words else ""
    return last.endswith(("en", "eln", "ern")) and last.startswith(_GERMAN_INFINITIVES)


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


_MARKS = "\"'`*_.,:;!?()[]¿¡“”„«»"
_GERMAN_INFINITIVES = (
    *_STEMS["de"], "umwandel", "umbenenn", "zusammenf", "hinzuf", "auf", "ein", "aus", "um", "ab",
)  # fmt: skip


def _with_object(act: str, before: Sequence[str]) -> str:
    """The sentence with its object, if only an earlier sentence names it."""
    if not before or (_PATH.search(act) and not _is_open(act)):
        return act
    pronoun = _PRONOUN.search(act)
    paths = list(dict.fromkeys(path for text in before for path in _PATH.findall(text)))
    if pronoun and len(paths) == 1 and act.isascii():
        return f"{act[: pronoun.start()]}{paths[0]}{act[pronoun.end() :]}"
    if pronoun:
        return f"{act} ({before[-1].rstrip(_END)})"
    if 0 < len(paths) <= _FEW_PATHS:
        return f"{act} ({', '.join(paths)})"
    return act


def _is_open(act: str) -> bool:
    """Whether the object of a sentence is a pronoun."""
    pronoun = _PRONOUN.search(act)
    return pronoun is not None and len(act[: pronoun.start()].split()) <= _FEW_WORDS


_LESS = 0.75
"""So much less clearly asks a sentence that needs another one to be understood."""
_FEW_PATHS = 2
_FEW_WORDS = 2
