"""How English speaks of files that were made, changed, deleted or left alone, as patterns."""

import re

from crossrun.proof.messages import FILE

_MADE = (
    "created|added|wrote|written|generated|introduced|saved|produced|recreated|scaffolded|drafted"
    r"|regenerated"
)
_CHANGED = (
    "updated|modified|changed|edited|rewrote|refactored|extended|adjusted|patched|bumped|revised"
    "|reformatted|simplified|corrected|amended|cleaned up|fixed"
)
DELETED = "deleted|removed|erased"
_MOVED = "renamed|moved|converted|copied|exported|translated|merged|combined|split|extracted|pulled"
PUT = "added|wrote|saved|put|inserted|appended|stored|written|exported|placed"
_AT = (
    r"(?:^|\b(?:I|we|I've|we've|have|has|also|then|and|now|successfully|first|second|finally"
    r"|just|newly|additionally|done)|[,:(✅✔☑!-])\s*"
)
"""Where the verb of a statement stands, and no participle such as in `the deleted file`."""
_PREPOSITIONS = (
    "of|for|from|in|into|inside|with|to|by|using|about|on|as|at|that|which|and|so|because|via|per"
    "|under|after|before|against|where|through|within|based|between"
)
_GAP = rf"(?:\s+(?!(?:{_PREPOSITIONS})\b)[\w'\ue800-\uf8ff()-]+){{0,6}}?\s*:?\s*"
_NEXT = r"(?:,\s*and|,|and|&|\+|as well as|along with)"
_FILES = rf"(?P<files>{FILE}(?:\s*{_NEXT}\s*(?:the\s+|a\s+|an\s+|new\s+)*{FILE}){{0,30}})"
_ON_ITS_OWN = (
    r"and|or|but|which|that|with|as|so|for|in|by|because|since|via|after|accordingly|too|also|entirely"
    r"|completely|altogether|along|together|containing|covering|while|per|on|to|into|at|instead|yet"
    r"|using|based|plus|now|again|successfully|was|were|has|have"
)
BEHIND_FILE = re.compile(
    r"(?!'s\b)(?!\s+from\b(?! the (?:repo|project|workspace|folder|directory|disk|codebase|tree"
    r"|working)))"
    r"(?:\s+(?:files?|scripts?|modules?|components?|pages?|documents?|workflows?|templates?)\b)?"
    rf"(?!\s+(?!(?:{_ON_ITS_OWN}|from)\b)[a-z])",
    re.IGNORECASE,
)
"""Behind a file that a statement is about, and not about something in it, such as `a.css rules`."""
DIRECT = re.compile(rf"{_AT}(?P<verb>{_MADE}|{_CHANGED}){_GAP}{_FILES}", re.IGNORECASE)
_MOVES = re.compile(
    rf"{_AT}(?:{_MOVED})\b[^.;:]{{1,80}}?\s(?:to|into|as)\s+(?:(?:the|a|an|its|new|own|separate"
    rf"|shared|dedicated|file|module|helper|called|named)\s+){{0,5}}{_FILES}",
    re.IGNORECASE,
)
PLACES = re.compile(
    rf"{_AT}(?:{PUT})\b(?P<what>[^.;:]{{1,90}}?)\s(?P<where>to|into|in|inside|under|as)\s+"
    rf"(?:(?:the|a|an|new|existing|file|module|script|your|test)\s+){{0,3}}{_FILES}",
    re.IGNORECASE,
)
CHANGED_IN = re.compile(
    rf"{_AT}(?:bumped|updated|changed|modified|edited|adjusted|replaced|corrected|increased"
    rf"|set|refactored|simplified)\b(?P<what>[^.;:]{{1,90}}?)\s(?:in|inside)\s+(?:(?:the"
    rf"|both)\s+)?{_FILES}",
    re.IGNORECASE,
)
LIES_IN = re.compile(
    r"\b(?:used|defined|listed|described|mentioned|found|documented|as|is|are|named|called|declared"
    r"|specified|required|needed|shown|explained|stored|recorded|requested|given|outlined|which"
    r"|that"
    r")\s*$",
    re.IGNORECASE,
)
"""Before `in FILE`: something lies there, and that is not what was changed."""
POINTS_TO = re.compile(
    r"\b(?:links?|references?|pointers?|path|imports?|calls?|dependenc\w+|redirects?|alias|symlink"
    r"|mentions?|access|changes?|equivalent|similar|support|respect|according|fallback)\s*$",
    re.IGNORECASE,
)
PUT_IN = re.compile(
    r"\b(?:tests?|functions?|methods?|class\w*|entr(?:y|ies)|sections?|lines?|comments?|docs?"
    r"|documentation|docstrings?|cases?|helpers?|constants?|options?|notes?|paragraphs?|results?"
    r"|output|report|summary|table|chart|examples?|rules?|targets?|changelog|headings?)\b|\(\)"
    r"|[\uf000-\uf8ff]",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    rf"{_FILES}\s*(?:\([^)]*\)\s*)?(?:was|were|has been|have been|has now been|have now been)\s+"
    rf"(?:newly\s+|also\s+|now\s+|successfully\s+|both\s+|all\s+)?(?P<verb>{_MADE}|{_CHANGED}|{DELETED})\b",
    re.IGNORECASE,
)
_WERE_MADE = re.compile(
    rf"\b(?:was|were|has been|have been)\s+(?:also\s+|newly\s+)?(?P<verb>{_MADE}|{_CHANGED}"
    rf"|{DELETED})\s*:\s*{_FILES}",
    re.IGNORECASE,
)
_PLACED = re.compile(
    rf"(?:was|were|has been|have been)\s+(?:also\s+|now\s+)?(?:{PUT})\s+(?:to"
    rf"|into|as|under)\s+(?:the\s+)?{_FILES}",
    re.IGNORECASE,
)
DELETES = re.compile(rf"{_AT}(?P<verb>{DELETED}){_GAP}{_FILES}", re.IGNORECASE)
_NEW = re.compile(
    rf"(?P<files>{FILE})\s*\((?:new|created|added|updated|modified|changed)(?: file)?\)",
    re.IGNORECASE,
)
LISTED = re.compile(
    rf"^\W*(?:(?:new|created|added|updated|modified|changed)\W+)?{_FILES}\s*(?=$|[:\u2013—(-]|was\b"
    rf"|were\b)",
    re.IGNORECASE,
)
_LED = re.compile(
    rf"^\W*{_FILES}\s*(?::|-|\u2013|\u2014|\()?\s*(?P<verb>{_MADE}|{_CHANGED}|{DELETED}|new)\b",
    re.IGNORECASE,
)
_EDITS_TO = re.compile(
    rf"{_AT}made\s+(?!no\b)(?:[\w-]+\s+){{0,4}}?(?:edits?|changes?|modifications?|adjustments?"
    rf"|corrections?)\s+(?:to|in)\s+(?:the\s+)?{_FILES}",
    re.IGNORECASE,
)
_NAMED_AFTER_COLON = re.compile(
    rf"{_AT}(?P<verb>{_MADE}|{_CHANGED}|{DELETED})\b[^.;:{FILE[1:-1]}]{{0,60}}:\s*{_FILES}",
    re.IGNORECASE,
)
_BEHIND_COMMA = re.compile(
    rf"(?:^|[,:]\s+(?:and\s+)?|\band\s+){_FILES}\s+(?P<verb>{_MADE}|{_CHANGED}|{DELETED}|rewritten)"
    r"\s*(?=$|[.,;!]|and\b|with\b|to\b|accordingly\b|too\b)",
    re.IGNORECASE,
)
_NEW_KIND = re.compile(
    rf"^\W*new\s+(?:\w+\s+){{0,2}}(?:file|module|script|class|component|page|document)\s+{_FILES}",
    re.IGNORECASE,
)
UNCHANGED = (
    re.compile(
        rf"(?:did not|didn't|have not|haven't|never)\s+(?:touch|modif|chang|edit|alter)\w*\s+"
        rf"(?:the\s+|your\s+)?(?:file\s+)?{_FILES}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_FILES}\s+(?:(?:was|were|has been|have been)\s+not|has not been|have not been|wasn't"
        r"|weren't|hasn't been|haven't been)\s+(?:changed|modified|touched|edited|altered)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"without\s+(?:touching|changing|modifying|editing)\s+(?:the\s+)?{_FILES}", re.IGNORECASE
    ),
    re.compile(
        rf"left\s+(?:the\s+)?{_FILES}\s+(?:untouched|unchanged|alone|intact|as (?:is|it))",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_FILES}\s+(?:is|are|was|were|remains?|stays?|has been left|were left|was left)\s+"
        r"(?:completely\s+|entirely\s+)?(?:untouched|unchanged|unmodified|intact)",
        re.IGNORECASE,
    ),
)
WHOLLY = re.compile(
    r"\s*(?:$|[.,;:!)\u2014\u2013]|and\b|as (?:you )?(?:requested|asked|instructed|it)"
    r"|since\b|because\b|so\b|at all\b|or\b|too\b)"
)
"""Behind a statement that a file was left alone: it is meant as a whole."""
PART = re.compile(r"\b(?:of|in|for|from|on)\s+(?:the\s+)?$", re.IGNORECASE)
"""Before a file: the statement is about something in it."""
TESTS_UNCHANGED = re.compile(
    r"(?:(?:did not|didn't|have not|haven't|never)\s+(?:touch|modif|chang|edit|alter|weaken)\w*"
    r"|without\s+(?:touching|changing|modifying|editing))\s+(?:any\s+(?:of\s+)?)?(?:the\s+)?"
    r"(?:existing\s+)?tests?\b(?! (?:data|framework|runner|setup))"
    r"|\b(?:the\s+)?(?:existing\s+)?tests? (?:are|were|remain)\s+(?:untouched|unchanged|unmodified)"
    r"|\bno (?:existing )?tests? (?:were|was|have been|had to be) (?:changed|modified|touched"
    r"|edited)",
    re.IGNORECASE,
)
_IN_ALL = (
    r"(?=\s*(?:$|[.,;:!)]|and\b|because\b|since\b|as\b|to (?:the |any |your )*(?:code|files?"
    r"|codebase|repo\w*|project|workspace)\s*(?:$|[.,;:!)])))"
)
ALL_UNCHANGED = re.compile(
    r"(?:\bno (?P<sources>source |code )?(?:files?|changes) (?:was|were|have been|has been) (?:"
    r"changed|modified|touched|edited|made)"
    r"|\b(?:made no|did not make any|didn't make any|haven't made any) (?P<code>code )?changes\b"
    r"|\b(?:haven't|have not|didn't|did not) (?:changed?|modif(?:y|ied)|touch(?:ed)?) (?:anything"
    rf"|any files?)){_IN_ALL}",
    re.IGNORECASE,
)
LIMITED = re.compile(
    r"\b(?:otherwise|beyond|besides|except|apart|other than|elsewhere|further|additional|outside"
    r"|unrelated|else|more|after that|aside)\b",
    re.IGNORECASE,
)
ONLY = re.compile(
    rf"\bthe only files? (?:that )?(?:(?:I|we)(?:'ve|\s+have)?\s+)?(?:changed|modified"
    rf"|touched|edited)\s+(?:is|was|are|were)\s+{_FILES}\s*(?:$|[.,;!])"
    rf"|\bonly\s+{FILE}\s+was\s+(?:changed|modified|touched|edited)\s*(?:$|[.;!])",
    re.IGNORECASE,
)
"""No other file was changed."""
_NOTED = re.compile(
    rf"{_AT}(?:documented|noted|recorded|described|mentioned|summari[sz]ed)\s+(?:it|this|that|them"
    rf"|these|the|how|all|both|every)\b[^.;:]{{0,60}}?(?<=\s)(?:in|under)\s+(?:the\s+)?{_FILES}",
    re.IGNORECASE,
)
OF_FILES = (
    DIRECT, _MOVES, PLACES, CHANGED_IN, _PASSIVE, _PLACED, DELETES, _NEW, _LED, _NEW_KIND,
    _EDITS_TO, _NAMED_AFTER_COLON, _NOTED, _BEHIND_COMMA, _WERE_MADE,
)  # fmt: skip
