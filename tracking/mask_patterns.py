"""What is masked without being asked for by pattern: secrets, e-mail addresses, card numbers. Pure.

Each pattern is a search that is linear in the text: what may repeat is bounded, and a literal that
every match holds is looked for first.
"""

import re
from collections.abc import Callable, Iterator

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
    r"SG\.[A-Za-z0-9_-]{16,100}\.[A-Za-z0-9_-]{16,100}",  # SendGrid
    r"ak_[0-9a-f]{8}_[0-9a-f]{64}",  # Assay
    r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,2000}",  # JWT
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{20,10000}-----END [A-Z ]{0,30}PRIVATE KEY-----",
    r"[Bb]earer[ ]{1,4}(?=[A-Za-z_.~+/=-]{0,200}\d)[A-Za-z0-9_.~+/=-]{16,4000}",
)
_LITERALS = (
    *("sk-", "k_live_", "k_test_", "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    *("github_pat_", "glpat-", "xox", "AIza", "ya29.", "hf_", "gsk_", "xai-", "r8_", "npm_"),
    *("SG.", "ak_", "eyJ", "PRIVATE KEY", "earer "),
)
_secret = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(_SECRET_FORMS)})")

# Names of fields whose value is a secret whatever it looks like.
_secret_name = re.compile(
    r"(?i)(?:^|[._-])(?:authorization|proxy-authorization|x-api-key|api[_-]?key|apikey|cookie"
    r"|set-cookie|password|passwd|secret|client[_-]?secret|access[_-]?token|refresh[_-]?token"
    r"|private[_-]?key)$"
)

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


_NAME_HINTS = ("assw", "ecret", "pi_key", "piKey", "pi-key", "pikey", "uthoriz", "ookie", 'oken"')


def is_secret_name(name: str) -> bool:
    return _secret_name.search(name) is not None


def may_name_secret(text: str) -> bool:
    """Whether JSON text may hold a field whose name makes its value a secret."""
    return any(hint in text for hint in _NAME_HINTS)


def find_secrets(text: str) -> Spans:
    if any(literal in text for literal in _LITERALS):
        for match in _secret.finditer(text):
            yield match.span()


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
