"""Removes secrets from whatever is written down or shown: headers, bodies, URLs, log lines.

Two ways in: a *key* that names a secret hides its whole value, and a *known value* is hidden wherever it turns up, also
in the forms in which it travels (base64, percent-encoded, JSON-escaped).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
"""What stands in place of a secret."""

_SECRET_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "credential",
    "credentials",
    "cookie",
)
# "Authorization: Basic dXNl..." as it stands in headers, logs and error texts; "basic rules" is no proof of anything.
_SCHEME = re.compile(
    r"\b(Basic|Bearer|Digest|Negotiate)\s+(?-i:(?=\S*[A-Z0-9=.]))[A-Za-z0-9+/=._~:-]{4,}", re.IGNORECASE
)
# "password=x", "token: x", '"secret": "x"', "?access_token=x": the end of a key that names a secret, then its value.
# No pattern begins with a repetition: on a long body without a secret that would take the square of its length.
_ASSIGNMENT = re.compile(
    r"""(?P<key>(?:password|passwd|passphrase|secret|token|authorization|api[_-]?key|private[_-]?key)["']?)"""
    r"""(?P<between>\s*[=:]\s*)(?P<value>"(?:\\.|[^"\\])*"|'[^']*'|[^\s,;&}\]]+)""",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"://[^/@\s?#]+@")


def names_secret(key: object) -> bool:
    """Tell whether a key of that name holds a secret ("password", "clientSecret", "X-Auth-Token")."""
    return re.sub(r"[^a-z0-9]", "", str(key).lower()).endswith(_SECRET_ENDINGS)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Hides secrets in nested data and in text.

    Attributes:
        secrets: values that must not appear anywhere; empty ones are ignored.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)

    def data(self, value: Any) -> Any:
        """Return a copy of plain nested data (what JSON can hold) without secrets."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._entry(key, inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(inner) for inner in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode(errors="replace"))
        return value

    def text(self, text: str) -> str:
        """Return the text with known values, credentials in URLs, and assignments to secret names hidden."""
        for form in self._forms():
            text = text.replace(form, HIDDEN)
        text = _USER_INFO.sub(f"://{HIDDEN}@", text)
        text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
        return _ASSIGNMENT.sub(rf"\g<key>\g<between>{HIDDEN}", text)

    def _entry(self, key: object, value: Any) -> Any:
        """Hide the value of a key that names a secret; None and empty values tell nothing and stay visible."""
        if names_secret(key) and value not in (None, "", [], {}):
            return HIDDEN
        return self.data(value)

    def _forms(self) -> tuple[str, ...]:
        """Every spelling of every known value, the longest first, so that no tail of a longer one stays behind."""
        return tuple(sorted({form for value in self.secrets if value for form in _spellings(value)}, key=len)[::-1])


def _spellings(value: str) -> Iterable[str]:
    """The forms in which a value travels."""
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield base64.b64encode(value.encode()).decode()
