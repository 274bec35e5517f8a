"""Words that make a statement a plan, a doubt, a condition, or the deed of somebody else."""

import re

_HEDGED = re.compile(
    r"\b(?:would|could|should|might|may|must|can|cannot|will|shall|to be|if|once|unless|until"
    r"|whether|when|whenever|you|you'll|please|let me|let's|want|needs?|try|tried|trying"
    r"|attempt\w*|recommend\w*|suggest\w*|consider|plans?|planned|planning|going to|next|todo"
    r"|ensure"
    r"|make sure|making sure|expect\w*|suppos\w*|intend\w*|in order|so that|before|assum\w*"
    r"|presumabl\w*|probabl\w*|likely|hopefully|think|believe|confident|appears?|seems?|guess|maybe|perhaps"
    r"|not|never|no|without|instead of|rather than|failed to|unable|used to|previously|earlier"
    r"|initially|originally|neither|nor|example|for instance|say|claims?|says|said|states?|stated"
    r"|mentions?|explains?|describes?|announces?|promises|according|the user|someone|upstream"
    r"|claimed|pretend|imagine|suppose|unclear|requires?|until"
    r"|to (?:confirm|verify|ensure|check|see|validate|make)|(?:check|confirm|verify|see) (?:that"
    r"|whether)|wish|hope|aim|goal|task|asked"
    r"|requested|instruct\w*)\b|n't\b|\?",
    re.IGNORECASE,
)
IMPERATIVE = re.compile(
    r"\W*(?:\d+[.)]\s*)?(?:then\s+|and\s+|also\s+)?(?:run|re-?run|check|confirm|verify|ensure|make"
    r"|execute|validate"
    r"|try|use|see|open|install|start|keep|let|please|test\s+(?!suites?\b|runs?\b|cases?\b))\b",
    re.IGNORECASE,
)
"""How an instruction begins."""
BY_OTHERS = re.compile(
    r"\b(?:in (?:a|an|the|my|your) (?:previous|earlier|last|prior)|by (?:the user|you|someone"
    r"|another"
    r"|upstream|the previous|a previous)|earlier|previously|last (?:week|month|year|time|run)"
    r"|already"
    r"|upstream|ago|beforehand|below|as follows|above|before (?:this|my|the) (?:change|run"
    r"|session))\b",
    re.IGNORECASE,
)
"""Behind a statement: somebody else did it, or it is only shown."""
OF_HISTORY = re.compile(
    r"\b(?:commits?|PR|pull request|merge request|history|release|diff|blame"
    r"|highlights?)\b(?!\s+it)",
    re.IGNORECASE,
)
"""Before a statement: it speaks of what was done in the past of the project."""
_OTHER_SUBJECT = re.compile(
    r"\b(?:it|they|he|she|who|which|that)\s+(?:(?:first|then|also|now|only|just|once|always|finally)\s+)*"
    r"(?:\w+(?:ed|s)|wrote|put|made)\b",
    re.IGNORECASE,
)
_AGENT = re.compile(r"\b(?:I|we|I've|we've)\b")
_NOT_HEDGES = re.compile(
    r"\bas (?:you )?(?:asked|requested|instructed|planned|expected|specified|described)\b"
    r"|\bnot only\b|\bper your\b|\bas you (?:wanted|wished)\b|\bnext,|\bfor you\b|\bas part of the"
    r" task\b"
    r"|\bthe requested\b",
    re.IGNORECASE,
)
EXCEPT = re.compile(
    r"\b(?:except|apart from|other than|excluding|but not|once|unless|as long|provided|when you"
    r"|after you|before|prior|earlier|previously|on (?:main|master)|in CI|upstream"
    r"|according to|reportedly|on (?:staging|production|CI|GitHub|the server)"
    r"|in (?:the )?(?:pipeline|nightly)|if you|if the"
    r"|again once|aside from|only if|for me to|when (?:it|they|run|started)|alone|in isolation"
    r"|individually|separately"
    r"|by (?:itself|themselves)|on (?:its|their) own|at first|initially|most)\b|\?",
    re.IGNORECASE,
)


def is_of_another(text: str) -> bool:
    """Whether the last subject of a text is a thing or somebody else, and not the agent."""
    subjects = list(_OTHER_SUBJECT.finditer(text))
    return bool(subjects) and _AGENT.search(text[subjects[-1].start() :]) is None


def hedges(text: str) -> bool:
    """Whether a text is a plan, a doubt, a negation, or speaks of somebody else."""
    return _HEDGED.search(_NOT_HEDGES.sub(" ", text)) is not None
