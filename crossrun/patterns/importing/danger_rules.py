"""Data: what counts as dangerous in a skill, by kinds, file names and expressions."""

from types import MappingProxyType

KINDS = {
    "instruction": "tries to change the agent's instructions",
    "hidden": "text that people do not see",
    "command": "a command that can do harm",
    "secret": "a secret, or a place where secrets are",
    "permission": "asks for permissions or installs hooks",
    "program": "a program without readable source",
    "script": "a script",
    "network": "a network address, or a download",
    "encoded": "encoded content",
    "name": "a confusing file name",
    "unread": "too large to be checked",
    "left out": "is not imported",
}
"""Each kind of danger, the worst first, and what it means."""

_SCRIPT_ENDINGS = """
awk bash bat cjs cmd csh fish go groovy gradle ipynb js jsx kts ksh lua mjs pl pm php ps1 psm1
py pyw r rb rs sed sh sql swift tcl ts tsx vb vbs zsh applescript
"""
SCRIPT_NAMES = frozenset(("makefile", "dockerfile", "justfile", "rakefile", "package.json"))
_PROGRAM_ENDINGS = """
a apk bin class com dll dmg dylib exe jar ko lib msi node o pkl pickle pyc pyd pyo so wasm whl
"""
PROGRAM_BEGINNINGS = (
    b"\x7fELF",
    b"MZ",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\x00asm",
)

_INSTRUCTION = r"""
\b(?:ignore|disregard|forget|override|bypass|discard|overrule)\s+(?:(?:all|any|every|the|of|your|my|these|those|and|other)\s+){0,4}(?:previous|prior|earlier|preceding|above|existing|former|foregoing|system|developer)\s+(?:\w+\s+){0,2}(?:instructions?|rules?|prompts?|messages?|guidelines?|directives?|context|orders)\b
\b(?:ignore|disregard|forget|override|bypass)\s+(?:(?:all|any|of|your|the)\s+){1,3}(?:instructions?|rules|guidelines|directives|programming|training|safety\s+\w+)\b
\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:that\s+)?(?:\w+\s+)?(?:above|before|prior|previously|you\s+(?:were|have\s+been)\s+told)\b
\b(?:do\s+not|don['’]t|never|without)\s+(?:tell|inform|mention(?:ing)?|telling|informing|reveal(?:ing)?|notify(?:ing)?|alert(?:ing)?|ask(?:ing)?)\s+(?:\w+\s+){0,5}?(?:the\s+)?(?:user|human|operator|developer)\b
\b(?:hide|conceal)\s+(?:this|it|these|that|what\s+you\s+\w+)\s+(?:\w+\s+){0,3}from\s+the\s+(?:user|human)\b
\b(?:new|updated|real|actual)\s+(?:system\s+)?(?:instructions?|prompt)\s*:
\byou\s+are\s+(?:now\s+(?:an?|in|the)|no\s+longer\s+(?:an?|bound|restricted|limited))\s+\w+
\b(?:reveal|print|output|show|repeat|leak|exfiltrate)\s+(?:me\s+)?(?:your|the)\s+(?:\w+\s+)?(?:system\s+prompt|hidden\s+prompt|developer\s+message|initial\s+instructions)\b
\b(?:developer|god|dan|jailbreak|unrestricted)\s+mode\b
\bjailbreak\b|\bprompt\s+injection\b
\b(?:always|must)\s+(?:use|run|apply|load)\s+this\s+skill\s+(?:first|for\s+(?:every|all|any)\s+(?:task|request))
\b(?:ignorier\w*|missacht\w*|vergiss|vergessen\s+sie|verwirf)\s+(?:\w+\s+){0,4}?(?:anweisung\w*|instruktion\w*|regeln|vorgaben|befehle)
\b(?:sag\w*|verrat\w*|erzähl\w*)\s+(?:\w+\s+){0,3}?nutzer\w*\s+(?:\w+\s+)?nicht
\b(?:ignor(?:a|e|ar|en|ad)|olvida|olvide|desobedece|descarta)\s+(?:\w+\s+){0,4}?(?:instrucciones|reglas|órdenes|ordenes|indicaciones)
\b(?:ignore[zr]?|oublie[zr]?|néglige[zr]?)\s+(?:\w+\s+){0,4}?(?:instructions|consignes|règles|directives)
\b(?:ignor[ae]|ignorate|dimentica|trascura)\s+(?:\w+\s+){0,4}?(?:istruzioni|regole|indicazioni)
\b(?:ignor[ea]|ignorar|esqueça|esquece|desconsidere)\s+(?:\w+\s+){0,4}?(?:instruções|instrucoes|regras|ordens)
\b(?:negeer|vergeet|ignoreer)\s+(?:\w+\s+){0,4}?(?:instructies|regels|aanwijzingen)
\b(?:zignoruj|ignoruj|zapomnij)\s+(?:\w+\s+){0,4}?(?:instrukcj\w*|poleceni\w*|zasad\w*)
(?:игнорируй\w*|проигнорируй\w*|забудь\w*|не\s+обращай\w*\s+внимани\w*\s+на)\s+(?:\w+\s+){0,4}?(?:инструкци\w*|указани\w*|правил\w*|команд\w*)
(?:önceki|yukarıdaki|tüm)\s+(?:\w+\s+){0,3}?(?:talimat\w*|yönerge\w*|kural\w*)\s+(?:\w+\s+){0,2}?(?:yok\s+say|unut|görmezden)
(?:忽略|无视|無視|忘记|忘掉|不要理会|忽視)[^\n。]{0,12}?(?:指令|指示|说明|說明|规则|規則|提示)
(?:不要|别|勿)(?:告诉|告訴|通知|提醒)(?:用户|用戶|使用者)
(?:指示|命令|指令|ルール|プロンプト)[^\n。]{0,8}?(?:を|は)?(?:すべて)?(?:無視|忘れ)
(?:지시|명령|지침|규칙|프롬프트)[^\n]{0,10}?(?:무시|잊)
(?:تجاهل|انس)\s+(?:\w+\s+){0,3}?(?:التعليمات|الأوامر|القواعد)
(?:पिछले|सभी)\s+(?:\w+\s+){0,3}?(?:निर्देश\w*|नियम\w*)[^\n]{0,20}?(?:अनदेखा|भूल)
<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id)\|>|\[/?inst\]|<<sys>>|</?(?:system|developer|assistant|system-reminder|reference_workflow|instructions)(?:\s[^<>\n]{0,80})?>|^\s{0,9}(?:###\s*)?(?:system|developer)\s*:\s
"""
_COMMAND = r"""
\b(?:curl|wget|fetch|iwr|invoke-webrequest)\b[^\n|;]{0,300}\|\s{0,9}(?:sudo\s+)?(?:env\s+)?(?:ba|z|k|da|fi)?sh\b|\b(?:curl|wget)\b[^\n|;]{0,300}\|\s{0,9}(?:sudo\s+)?(?:python|perl|ruby|node)
(?:ba|z)?sh\s+(?:-c\s+)?[\"']?[<$]\(\s*(?:curl|wget)\b
\beval\s+[\"']?(?:\$\(|`)|\bexec\s*\(\s*(?:base64|zlib|requests|urllib)
\bbase64\s+(?:-d|--decode)\b[^\n]{0,80}\|\s{0,9}(?:ba|z)?sh\b
\brm\s+(?:-{1,2}[\w-]+\s+){0,4}-(?:[a-z]*r[a-z]*f|[a-z]*f[a-z]*r)[a-z]*\b|\brm\s+-r\b
\bremove-item\b[^\n]{0,80}-recurse|\brmdir\s+/s\b|\bdel\s+/[fsq]\b
\bshutil\.rmtree\b|\bos\.removedirs\b|\bfs\.rm(?:dir)?sync\b|\brimraf\b
\bsudo\b|\bdoas\b|\bsu\s+-\s|\brunas\b
\bchmod\s+(?:-r\s+)?(?:0?777|[ugoa]*\+s)\b|\bchown\s+-r\b|\bsetuid\b
\bmkfs\b|\bdd\s+[^\n]{0,80}of=/dev/|>\s*/dev/(?:sd|nvme|hd)|:\(\)\s*\{\s*:\|:&|\bwipefs\b
\bcrontab\b|\bsystemctl\s+enable\b|\blaunchctl\s+load\b|authorized_keys|\bschtasks\b|>>?\s*~?/?[\w./~$]{0,40}\.(?:bashrc|zshrc|profile|bash_profile|gitconfig)\b|\bld_preload\b
/dev/tcp/|\bn(?:c|cat|etcat)\s+(?:-\w+\s+){0,4}-\w*[el]\w*|\bsocat\b
\bgit\s+push\s+[^\n]{0,80}(?:--force|-f)\b|\bgit\s+reset\s+--hard|\bgit\s+clean\s+-\w*f
\bdrop\s+(?:table|database|schema)\b|\btruncate\s+table\b
\bkill(?:all)?\s+-(?:9|kill)\b|\bshutdown\s+(?:-h|/s|now)|\breboot\b\s*$
--dangerously-[\w-]+|--yolo\b|--no-sandbox\b|danger-full-access|bypasspermissions|--no-verify\b|approval[-_]policy[^\w]{1,4}never|--allow-all\b
(?:^|\s)!`[^`\n]{1,300}`
\biex\s*\(|\binvoke-expression\b|\bdownloadstring\b|-enc(?:odedcommand)?\s+[a-z0-9+/=]{20}
\b(?:eval|exec)\s*\(\s*(?:compile|input|open|base64|response|decode|__import__|atob|fetch)|\bpickle\.loads?\b|\bos\.system\s*\(|\bshell\s*=\s*true\b|\bchild_process\b
"""
_PRIVATE = r"""
~?/\.(?:aws/credentials|ssh/(?:id_\w+|config)|netrc|npmrc|pypirc|docker/config|kube/config|gnupg|codex/auth|claude/\.credentials|config/gh)|\bid_(?:rsa|ed25519)\b|/etc/(?:shadow|passwd)
(?:cat|source|read|open\(|upload|send)\s[^\n]{0,60}\.env\b
\b(?:printenv|env\s*\|)|\bos\.environ\b(?:\s*\)|\.items\(|\.copy\()|\bprocess\.env\s*[);]|JSON\.stringify\(\s*process\.env
(?:os\.environ(?:\.get)?\s{0,3}[\[(]|getenv\(|process\.env\.|\$\{?)[\"']?[a-z0-9_]{0,40}(?:api_?key|token|secret|password|passwd|credential)
\b(?:keychain|keyring|login\.keychain|login data|cookies\.sqlite)\b
\b(?:wallet\.dat|seed\s+phrase|private\s+key)\b
"""
_PERMISSION = r"""
^(?:allowed-tools|allowed_tools)\s*:[^\n]*
^(?:hooks|mcpservers|mcp_servers|permissions|permission-mode)\s*:[^\n]*
"""
_NETWORK = r"""
\b(?:https?|ftp|wss?|ssh|git|telnet|ldap)://[^\s\"'<>`)\]}|\\]{1,200}
\b(?:git@|[\w.-]{1,40}@)[\w-]{1,60}(?:\.[\w-]{1,60}){1,4}:[\w./~-]{1,80}
(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})(?![\w.-])
\b(?:curl|wget|scp|rsync|sftp|nslookup|telnet)\s+-{0,2}[^\s\"'<>`]{1,120}
\b(?:requests|httpx|urllib\.request|aiohttp|axios|socket)\.(?:get|post|put|request|urlopen|socket|create_connection|clientsession)\b|\bfetch\s*\(
\b(?:pip3?|uv|pipx|conda|mamba)\s+(?:\w+\s+)?install\b[^\n`]{0,80}|\bnpx\s+[^\n`]{1,60}|\b(?:npm|pnpm|yarn|bun)\s+(?:install|i|add)\b[^\n`]{0,80}|\b(?:apt|apt-get|brew|dnf|yum|apk|cargo|gem|go)\s+(?:install|add|get)\b[^\n`]{0,80}
"""
_ENCODED = r"""
(?<![a-z0-9+/])[a-z0-9+/]{300}
(?:\\x[0-9a-f]{2}){24}|(?:\\u[0-9a-f]{4}){24}
"""


RULES = MappingProxyType(
    {
        "instruction": tuple(_INSTRUCTION.strip().splitlines()),
        "command": tuple(_COMMAND.strip().splitlines()),
        "secret": tuple(_PRIVATE.strip().splitlines()),
        "permission": tuple(_PERMISSION.strip().splitlines()),
        "network": tuple(_NETWORK.strip().splitlines()),
        "encoded": tuple(_ENCODED.strip().splitlines()),
    }
)
"""Expressions by the kind of danger that they show, matched on text in lower case without hidden
characters. Each is bounded, so that a hostile text cannot make matching slow."""
TEXT_ENDINGS = frozenset(
    [
        "css",
        "csv",
        "html",
        "ini",
        "json",
        "md",
        "mdx",
        "rst",
        "svg",
        "toml",
        "txt",
        "xml",
        "yaml",
        "yml",
    ]
)
SCRIPT_ENDINGS = frozenset(_SCRIPT_ENDINGS.split())
PROGRAM_ENDINGS = frozenset(_PROGRAM_ENDINGS.split())
HIDDEN = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xD800, 0xDFFF),
    (0xFE00, 0xFE0E),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE01EF),
    (0x00, 0x08),
    (0x0B, 0x0C),
    (0x0E, 0x1F),
    (0x7F, 0x9F),
)
"""Characters that show nothing: zero width, direction, tags, fillers, variation, control, halves."""
JOINERS = "\u200c\u200d"
"""Characters that Arabic, Indic scripts and emoji need: between two of those they hide nothing."""
