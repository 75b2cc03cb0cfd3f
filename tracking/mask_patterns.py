"""What is masked without being asked for by pattern: secrets, e-mail addresses, card numbers. Pure.

Each finder is linear in the text: what may repeat is bounded. Whether there may be anything to find
is asked of RE2 first, once a span, over its payload as it is encoded: 2 us for 4 kB, where the
finders take 160.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import re2

Spans = Iterator[tuple[int, int]]
"""(start, end) of each match, in order, none overlapping."""

SECRET, EMAIL, CARD = "secret", "email", "card"

_SECRET_FORMS = (
    r"sk-[A-Za-z0-9_-]{20,250}",  # OpenAI, Anthropic, OpenRouter, DeepSeek
    r"[srp]k_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
    r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{36,250}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,250}",
    r"glpat-[A-Za-z0-9_-]{20,100}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,500}",
    r"hf_[A-Za-z0-9]{30,100}",  # Hugging Face
    r"gsk_[A-Za-z0-9]{40,100}",  # Groq
    r"xai-[A-Za-z0-9]{40,200}",  # xAI
    r"r8_[A-Za-z0-9]{37}",  # Replicate
    r"npm_[A-Za-z0-9]{36}",
    r"lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,100}",  # LangSmith
    r"(?:pplx|nvapi|csk|tvly|glsa)[-_][A-Za-z0-9_-]{20,200}",  # Perplexity, NVIDIA, Cerebras, …
    r"(?:pcsk|fw|jina|shpat|shpss|sntrys|dop_v1|lin_api|ntn|vck|sbp)_[A-Za-z0-9_-]{20,250}",
    r"tgp_v1_[A-Za-z0-9_-]{20,100}",  # Together
    r"dapi[0-9a-f]{32}",  # Databricks
    r"pypi-[A-Za-z0-9_-]{50,250}",
    r"GOCSPX-[A-Za-z0-9_-]{20,60}",
    r"\d{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"SK[0-9a-f]{32}(?![0-9a-f])",  # Twilio
    r"SG\.[A-Za-z0-9_-]{16,100}\.[A-Za-z0-9_-]{16,100}",  # SendGrid
    r"ak_[0-9a-f]{8}_[0-9a-f]{64}",  # Assay
    r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}",  # JWT
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{20,10000}-----END [A-Z ]{0,30}PRIVATE KEY-----",
    r"[Bb]earer[ ]{1,4}(?=[A-Za-z_.~+/=-]{0,200}\d)[A-Za-z0-9_.~+/=-]{16,4000}",
)
_LITERALS = (
    *("sk-", "k_live_", "k_test_", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "AIza", "ya29.", "hf_", "gsk_", "xai-", "r8_", "npm_"),
    *(
        "SG.",
        "ak_",
        "eyJ",
        "PRIVATE KEY",
        "earer ",
        "lsv2_",
        "pplx",
        "nvapi",
        "csk",
        "tvly",
        "glsa",
    ),
    *("fw_", "jina_", "shp", "sntrys_", "dop_v1_", "lin_api_", "ntn_", "vck_", "sbp_", "tgp_v1_"),
    *("dapi", "pypi-", "GOCSPX-", ":AA", "SK"),
)
_secret = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_SECRET_FORMS)})")

# Names of fields whose value is a secret whatever it looks like.
_NAMES = (
    r"authorization|api[_-]?key|cookie|password|passwd|secret|(?:access|refresh|auth)[_-]?token"
    r"|(?:private|access|secret)[_-]?key|connection[_-]?string"
)
_secret_name = re.compile(rf"(?i)(?:^|[._-])(?:set-)?(?:{_NAMES})$")
_hump = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Within a text: what is set to such a name (OPENAI_API_KEY=…, ?access_token=…, password: …) and
# holds a digit, as prose does not; and the password of an address.
_assigned = re.compile(
    rf"(?i)(?:{_NAMES})\\{{0,3}}[\"']?[ ]{{0,3}}(?:=|:|%3D)[ ]{{0,3}}\\{{0,3}}[\"']?"
    r"(?:(?:bearer|basic|token)[ ]{1,3}|(?=[^\s\"'\\&,;<>(){}\[\]]{0,200}\d))"
    r"(?P<value>[^\s\"'\\&,;<>(){}\[\]]{8,2000})"
)
_in_address = re.compile(r"://[^\s:/@\"'\\]{0,100}:(?P<value>[^\s/@\"'\\]{3,200})@")

_domain = re.compile(r"@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}\b")
_LOCAL_LENGTH = 64
_LOCAL = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-"
)
_OPENING = ".'`{|/=*&"

_card = re.compile(r"(?<![\dA-Za-z_])\d(?:[ -]?\d){12,18}(?![\dA-Za-z_])")
_brand = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|62\d{14,17}"
)


def is_secret_name(name: str) -> bool:
    return _secret_name.search(_hump.sub("_", name)) is not None


def find_secrets(text: str) -> Spans:
    found: list[tuple[int, int]] = []
    if any(literal in text for literal in _LITERALS):
        found += [match.span() for match in _secret.finditer(text)]
    if "=" in text or ":" in text or "%3" in text:
        found += [match.span("value") for match in _assigned.finditer(text)]
    if "://" in text:
        found += [match.span("value") for match in _in_address.finditer(text)]
    done = 0
    for start, end in sorted(found):
        if start >= done:
            yield start, end
            done = end


def find_emails(text: str) -> Spans:
    """Addresses: the domain is found by its @, the local part is what stands before it."""
    if "@" not in text:
        return
    done = 0
    for match in _domain.finditer(text):
        at = start = match.start()
        lowest = max(done, at - _LOCAL_LENGTH)
        while start > lowest and text[start - 1] in _LOCAL:
            start -= 1
        while start < at and text[start] in _OPENING:
            start += 1
        if start < at:
            yield start, match.end()
            done = match.end()


def find_cards(text: str) -> Spans:
    """Numbers of 13 to 19 digits that a card scheme gives out and whose check digit is right."""
    for match in _card.finditer(text):
        digits = match.group().replace(" ", "").replace("-", "")
        if _brand.fullmatch(digits) and has_valid_check_digit(digits):
            yield match.span()


def has_valid_check_digit(digits: str) -> bool:
    """The check of ISO/IEC 7812-1, annex B (Luhn)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    total = sum(map(int, digits[-1::-2])) + sum(d - 9 if d > 9 else d for d in doubled)
    return total % 10 == 0


FINDERS: dict[str, Callable[[str], Spans]] = {
    SECRET: find_secrets,
    EMAIL: find_emails,
    CARD: find_cards,
}

# What every match holds, in JSON of any depth of escaping and in protobuf, where the tag of a value
# (0x12) follows its name. No boundaries: an escaped line break before a match ends in a letter.
_HINTS = {
    SECRET: (
        r"sk-[A-Za-z0-9_-]{20}|[srp]k_(?:live|test)_|AKIA[A-Z0-9]{16}|ASIA[A-Z0-9]{16}"
        r"|gh[pousr]_[A-Za-z0-9]{36}|github_pat_|glpat-|xox[abeoprs]-|AIza[A-Za-z0-9_-]{35}"
        r"|ya29\.[A-Za-z0-9_-]{20}|hf_[A-Za-z0-9]{30}|gsk_[A-Za-z0-9]{40}|xai-[A-Za-z0-9]{40}"
        r"|r8_[A-Za-z0-9]{37}|npm_[A-Za-z0-9]{36}|SG\.[A-Za-z0-9_-]{16}|ak_[0-9a-f]{8}_[0-9a-f]{64}"
        r"|eyJ[A-Za-z0-9_-]{8}|PRIVATE KEY-----|earer [A-Za-z0-9_.~+/= -]{16}|lsv2_(?:pt|sk)_"
        r"|(?:pplx|nvapi|csk|tvly|glsa)[-_][A-Za-z0-9_-]{20}|tgp_v1_|dapi[0-9a-f]{32}|pypi-|GOCSPX-"
        r"|(?:pcsk|fw|jina|shpat|shpss|sntrys|dop_v1|lin_api|ntn|vck|sbp)_[A-Za-z0-9_-]{20}"
        r"|\d{8}:AA[A-Za-z0-9_-]{33}|SK[0-9a-f]{32}"
        rf"|(?i:{_NAMES})\\*(?:[\"\x12]|['\"]?[ ]{{0,3}}(?:=|:|%3[Dd]))"
        r"|:(?:\\*/){2}[^\s:/@\"'\\]{0,100}:[^\s/@\"'\\]{3,200}@"
    ),
    EMAIL: r"@[A-Za-z0-9-]{1,63}\.[A-Za-z]",
    CARD: r"\d(?:[ -]?\d){12}",
}
_HINT_MEMORY = 64 << 20  # bytes: with less the automaton is thrown away and made again


@lru_cache(8)
def may_hold(names: frozenset[str]) -> Callable[[bytes], Any]:
    """A search over UTF-8 bytes: None where none of these patterns can match."""
    options = re2.Options()
    options.max_mem = _HINT_MEMORY
    options.never_capture = True
    options.encoding = re2.Options.Encoding.LATIN1
    hints = "|".join(_HINTS[name] for name in FINDERS if name in names)
    search: Callable[[bytes], Any] = re2.compile(hints.encode(), options).search
    return search
