"""Where programs take passwords, tokens and cookies on their command lines.

An option ends with a sign that says which of its values are secret:

- `!`: every value;
- `:`, `=`, `%`, `,`, `/`: a value with this sign in it, such as `user:password`, `name=cookie`;
- `+`: a value that is glued to the option, such as `-psecret`; the option alone asks for it.
"""

OPTIONS: dict[str, str] = {
    # program, or program and subcommand: options
    "curl": "-b= --cookie= -u: --user: -U: --proxy-user: --oauth2-bearer! --pass! --proxy-pass! "
    "--tlspassword! -E: --cert:",
    "wget": "--password! --http-password! --ftp-password! --proxy-password!",
    "aria2c": "--http-passwd! --ftp-passwd! --rpc-secret!",
    "http": "-a: --auth:",
    "https": "-a: --auth:",
    "xh": "-a: --auth: --bearer!",
    "ab": "-A: -P: -C=",
    "hey": "-a:",
    "wrk": "-H:",
    "lftp": "-u,",
    "ncftpget": "-p!",
    "ncftpput": "-p!",
    "smbclient": "-U% --user%",
    "smbget": "-U%",
    "smbmap": "-p!",
    "rpcclient": "-U%",
    "net": "-U%",
    "mysql": "-p+",
    "mysqldump": "-p+",
    "mysqladmin": "-p+",
    "mysqlimport": "-p+",
    "mysqlshow": "-p+",
    "mysqlcheck": "-p+",
    "mysqlslap": "-p+",
    "mariadb": "-p+",
    "mariadb-dump": "-p+",
    "mariadb-admin": "-p+",
    "mycli": "-p!",
    "mongo": "-p!",
    "mongosh": "-p!",
    "mongodump": "-p!",
    "mongorestore": "-p!",
    "mongoimport": "-p!",
    "mongoexport": "-p!",
    "redis-cli": "-a! --pass!",
    "valkey-cli": "-a! --pass!",
    "keydb-cli": "-a! --pass!",
    "cqlsh": "-p!",
    "influx": "-p: -t!",
    "sqlcmd": "-P!",
    "bcp": "-P!",
    "mssql-cli": "-P!",
    "osql": "-P!",
    "isql": "-P!",
    "beeline": "-p!",
    "sqoop": "--password!",
    "sshpass": "-p!",
    "docker login": "-p!",
    "podman login": "-p!",
    "nerdctl login": "-p!",
    "buildah login": "-p!",
    "skopeo login": "-p!",
    "oras login": "-p!",
    "crane auth": "-p!",
    "helm registry": "-p!",
    "skopeo": "--creds: --src-creds: --dest-creds:",
    "podman": "--creds:",
    "buildah": "--creds:",
    "az login": "-p!",
    "az": "--account-key! --sas-token! --admin-password!",
    "oc login": "-p!",
    "kubectl create": "--from-literal= --docker-password!",
    "kubectl config": "--token! --password!",
    "gh secret": "-b! --body!",
    "gpg": "--passphrase!",
    "gpg2": "--passphrase!",
    "openssl": "-k! -K!",
    "zip": "-P!",
    "unzip": "-P!",
    "7z": "-p+",
    "7za": "-p+",
    "7zz": "-p+",
    "7zr": "-p+",
    "rar": "-p+ -hp+",
    "unrar": "-p+",
    "ssh-keygen": "-N! -P!",
    "keytool": "-storepass! -keypass! -srcstorepass! -deststorepass! -srckeypass! -destkeypass!",
    "jarsigner": "-storepass! -keypass!",
    "apksigner": "--ks-pass! --key-pass!",
    "ldapsearch": "-w!",
    "ldapadd": "-w!",
    "ldapmodify": "-w!",
    "ldapdelete": "-w!",
    "ldapwhoami": "-w!",
    "ldappasswd": "-w! -s! -a!",
    "twine": "-p!",
    "rabbitmqadmin": "-p!",
    "ipmitool": "-P!",
    "snmpwalk": "-A! -X! -c!",
    "snmpget": "-A! -X! -c!",
    "x11vnc": "-passwd!",
    "rdesktop": "-p!",
    "pdftotext": "-upw! -opw!",
    "pdftoppm": "-upw! -opw!",
    "pdfinfo": "-upw! -opw!",
    "pdfimages": "-upw! -opw!",
    "hydra": "-p!",
    "crackmapexec": "-p!",
    "netexec": "-p!",
    "nxc": "-p!",
    "evil-winrm": "-p!",
    "kinit": "--password!",
    "doctl": "-t!",
    "mosquitto_pub": "-P!",
    "mosquitto_sub": "-P!",
    "swaks": "-ap! --auth-password!",
    "sendemail": "-xp!",
    "msmtp": "--passwordeval!",
    "fetchmail": "--password!",
    "linode-cli": "--root_pass!",
    "virt-builder": "--root-password!",
    "mkpasswd": "-s!",
    "snowsql": "--private-key-passphrase!",
    "cifs": "-o!",
    "nuget": "-Password! -ApiKey!",
    "dotnet nuget": "-k! --api-key! -p! --password!",
    "vncviewer": "-passwd!",
    "tailscale": "--authkey! --auth-key!",
    "netlify": "--auth!",
    "supabase": "-p!",
}

WHOLE_OPTIONS = frozenset(
    ["openssl", "keytool", "jarsigner", "x11vnc", "swaks", "nuget", "pdftotext"]
)
"""Programs whose options of one dash have names: `-newkey` does not mean `-n -e -w -k ey`."""

VALUE = r"""(?P<value>(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s'"|;&<>()\\])+)"""
"""One word of a command line."""

PLACES: tuple[str, ...] = (
    # what stands before a secret that only its place gives away: mostly on the same line
    r"\bhtpasswd[ \t](?=[^|;&\n]{0,200}-\w*b)(?:[^|;&\n]{0,200}[ \t])?(?=\S+[ \t]*(?:$|[|;&\n>]))",
    r"\b(?:vault|cargo|snyk|npm-cli)[ \t]+(?:login|auth)[ \t]+(?![-\w]+=)(?!-)",
    r"\bwpa_passphrase[ \t]+(?:\S+|'[^']*'|\"[^\"]*\")[ \t]+",
    r"\bnmcli\b[^|;&\n]{0,200}[ \t]password[ \t]+",
    r"\brabbitmqctl[ \t]+(?:add_user|change_password)[ \t]+\S+[ \t]+",
    r"\bnet[ \t]+user[ \t]+[\w.-]+[ \t]+(?!/)",
    r"\baws[ \t]+configure[ \t]+set[ \t]+\S*(?:secret|token)\S*[ \t]+",
    r"\b(?:npm|yarn|pnpm)[ \t]+config[ \t]+set[ \t]+\S*_(?:auth\w*|password)[ \t=]+",
    r"\bpoetry[ \t]+config[ \t]+(?:http-basic\.\S+[ \t]+\S+|pypi-token\.\S+)[ \t]+",
    r"\bcomposer[ \t]+config[ \t]+(?:-\S+[ \t]+)*\S*(?:oauth|token)\S*[ \t]+",
    r"\bmc[ \t]+(?:alias|config[ \t]+host)[ \t]+(?:set|add)[ \t]+\S+[ \t]+\S+[ \t]+\S+[ \t]+",
    r"\b(?:user_pw|owner_pw|input_pw)[ \t]+",
    r"\bqpdf\b[^|;&\n]{0,200}[ \t]--encrypt[ \t]+(?=\S+[ \t]+\S+[ \t]+(?:40|128|256)\b)",
    r"\bqpdf\b[^|;&\n]{0,200}[ \t]--encrypt[ \t]+\S+[ \t]+(?=\S+[ \t]+(?:40|128|256)\b)",
    r"\bftp\b[^\n]*<<[^\0]{0,2000}?\nuser\s+\S+\s+",
    r"(?i:\bsetx?[ \t]+\w*(?:password|token|secret|api_?key)\w*[ \t]+(?!=))",
    r"\brclone\b[^|;&\n]{0,200}[ \t]pass[ \t]+",
    r"(?i:\bkey=[\"']\w*(?:api_?key|password|secret|token)\w*[\"']\s+value=)",
    r"(?i:<(?:\w+:)?(?:password|passwd|secret|token|api_?key|passphrase)>\s*)(?=[^<\s]+\s*</)",
    r"\s-pass(?:in|out)?[ \t]+pass:",
    r"\s/p(?:ass)?:",
    r"(?m:^[\w.*-]+:(?:\d+|\*):[\w*.-]+:[\w*.-]+:)",
    r"\blogin\s+\S+\s+password\s+",
    r"(?i:\bauthorization[\"']?\s*=\s*(?=[\"']?(?:bearer|basic|token)\s+[^$\s]))",
    r"\bnet[ \t]+use[ \t]+\S+[ \t]+\S+[ \t]+(?!/)",
    r"(?i:assword[^\n]{0,40}\n?[^\n]{0,20})\bsend\s+(?:--\s+)?",
    r"(?i:\bConvertTo-SecureString[ \t]+(?:-String[ \t]+)?(?!-))",
    r"\b(?:ngrok[ \t]+(?:config[ \t]+add-)?authtoken)[ \t]+",
    r"\bpulumi +config +set +(?=[^|;&\n]{0,200}--secret)(?:--\S+ +)*\S+ +(?!--)",
    r"\bsqlplus[ \t]+(?:-\w+[ \t]+)*\w+/(?=\S*)",
    r"\bjq\b[^|;&\n]{0,200}[ \t]--arg[ \t]+\w*(?:passw(?:or)?d|token|secret|api_?key)\w*[ \t]+",
    r"\b(?:fly|flyctl|wrangler|heroku|doppler) +secrets? +(?:set|put) +(?:\S+=\S+ +)*\w+=",
    r"(?i:\bidentified\s+by\s+(?:password\s+)?|\bpassword\s+(?=['\"]))",
    r"(?i:\bbearer\s+)(?=[\w.~+/-]*\d)(?=[\w.~+/=-]{8,})",
    r"(?i:[?&](?:api[-_]?key|key|sig|signature|access_token|auth|sas)=)(?=[^\s'\"&]*\d)(?=[^\s'\"&]{8,})",
)
PIPED = (
    r"\b(?:echo|printf)\s+(?:-\w+\s+)*(?:(?:'%s\\n'|'%s'|\"%s\\n\"|\"%s\"|%s)\s+)?"
    + VALUE
    + r"(?=[^|;\n]{0,200}\|\s*(?:sudo\s+(?:-\w+\s+)*-\w*S|(?:sudo\s+)?(?:chpasswd|passwd|smbpasswd"
    r"|cryptsetup|kinit|ecryptfs\S*|pass\s+insert|vault\s+login)\b|su\b|[^|;\n]{0,200}\s(?:--password-stdin|--with-token"
    r"|--stdin|--passphrase-fd|--key-file[= ]-|--pass-stdin|-passin\s+stdin)\b))"
)
"""What is given to a program that reads a secret from its input."""
HERE_STRING = (
    r"\b(?:sudo\s+(?:-\w+\s+)*-\w*S|passwd|chpasswd|cryptsetup)\b[^|;&\n]{0,200}<<<\s*" + VALUE
)

_HARMLESS_ENDS = """
    file files path paths dir folder url uri urls endpoint type types limit limits count counts
    len length size sizes ttl id ids name names env var policy policies store storage manager
    helper command cmd stdin prompt expiry expires expiration expire duration timeout budget
    field fields column columns format algorithm algo alg min max only strategy scope scopes
    style mode index indices dim usage ref cache source src version provider reset strength
    rotation hash hashing hasher encoding encoder validator validators input label placeholder
    required
    arn location bucket ratio rate per window position positions bits spec specs class regex
    pattern header headers prefix suffix owner age attempts retries checks check enabled change
    changed form view page link email minimum maximum lifetime map maps list lists set sets
    generator service server freq frequency stats overlap profile
"""
HARMLESS_ENDS = frozenset(_HARMLESS_ENDS.split())
"""Last words of names that are about a secret, but hold none: `--token-limit`, `PASSWORD_FILE`."""
_HARMLESS_STARTS = """
    max min num no n total input output prompt completion special pad padding eos bos unk mask
    cls sep vocab next prev stop new per ask with without use skip show hide disable enable
    allow require public foreign primary sort partition group cache index join dict map object
    row search lookup by composite natural ssh host idempotency feature label hot bind read
    first last current avg mean token tokens
"""
HARMLESS_STARTS = frozenset(_HARMLESS_STARTS.split())
"""First words of names of that kind: `--max-tokens`, `SORT_KEY`."""
