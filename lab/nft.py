"""Changes of nftables rules: text in, one atomic transaction out."""

from __future__ import annotations

import logging
import shutil
import subprocess
from typing import Final

_LOG = logging.getLogger(__name__)
_SYSTEM_PATHS: Final = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
_TIMEOUT_S: Final = 20.0
_SHOWN_CHARACTERS: Final = 800


class NftError(RuntimeError):
    """nftables is not installed or rejected a transaction; nothing of that transaction is in force."""


def find_nft() -> str:
    """Path of the `nft` program; ordinary users often do not have /usr/sbin in PATH.

    Raises:
        NftError: it is not installed.
    """
    path = shutil.which("nft") or shutil.which("nft", path=_SYSTEM_PATHS)
    if path is None:
        raise NftError(f"nft - not found in PATH nor in {_SYSTEM_PATHS} - install the package nftables")
    return path


def commit(ruleset: str) -> None:
    """Apply a ruleset text in the caller's network namespace: all of it in one transaction, or nothing.

    Raises:
        NftError: the text was rejected; the message has nftables' own words.
    """
    try:
        result = subprocess.run(
            [find_nft(), "-f", "-"], input=ruleset, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise NftError(f"nft - no answer - Expected: within {_TIMEOUT_S:g} s") from error
    if result.returncode != 0:
        _LOG.error("rejected ruleset:\n%s", ruleset)
        raise NftError(f"nft - ruleset rejected: {_shorten(result.stderr)} - see the ruleset in this process's log")


def _shorten(text: str) -> str:
    text = text.strip() or "no reason given"
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " ..."
