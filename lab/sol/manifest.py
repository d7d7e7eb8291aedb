"""Manifests of VNF packages (SOL004): who made it, and a digest of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_ALGORITHMS: Final = {"SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}
_DIGEST_KEYS: Final = ("Source", "Algorithm", "Hash")


class ManifestError(ValueError):
    """A manifest that cannot be read."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What the content of a file has to hash to.

    Attributes:
        source: path of the file in the package.
        algorithm: SHA-256 or SHA-512.
        hash: in hexadecimal, lower case.
    """

    source: str
    algorithm: str
    hash: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest; keys of the metadata are those of SOL004, such as ``vnf_product_name``."""

    metadata: Mapping[str, str]
    digests: tuple[Digest, ...]


def digest_of(source: str, content: bytes, algorithm: str = "SHA-256") -> Digest:
    """Compute a digest.

    Raises:
        ManifestError: the algorithm is none that SOL004 allows.
    """
    name = algorithm.upper()
    if name not in _ALGORITHMS:
        raise ManifestError(f"{source} - Algorithm - Expected: {' or '.join(_ALGORITHMS)} - Actual: {algorithm!r}")
    return Digest(source, name, _ALGORITHMS[name](content).hexdigest())


def write_manifest(metadata: Mapping[str, str], digests: Iterable[Digest]) -> str:
    """Return the text of a manifest."""
    head = ["metadata:", *(f"  {name}: {value}" for name, value in metadata.items())]
    blocks = [["", f"Source: {one.source}", f"Algorithm: {one.algorithm}", f"Hash: {one.hash}"] for one in digests]
    return "\n".join([*head, *(line for block in blocks for line in block)]) + "\n"


def read_manifest(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        ManifestError: a line or a block cannot be understood.
    """
    metadata: dict[str, str] = {}
    digests: list[Digest] = []
    block: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, separator, value = (part.strip() for part in line.partition(":"))
        if not line.strip() or line.strip().startswith("#") or line.strip() == "metadata:":
            continue
        if not separator or not value:
            raise ManifestError(f"manifest line {number} - Expected: NAME: VALUE - Actual: {line.strip()!r:.80}")
        if name not in _DIGEST_KEYS:
            metadata[name] = value
            continue
        block[name] = value
        if len(block) == len(_DIGEST_KEYS):
            digests.append(Digest(block["Source"], block["Algorithm"].upper(), block["Hash"].lower()))
            block = {}
    if block:
        raise ManifestError(f"manifest - last block - Expected: {', '.join(_DIGEST_KEYS)} - Actual: {', '.join(block)}")
    return Manifest(metadata, tuple(digests))
