"""Manifests: what is written can be read, what cannot be read is told."""

from __future__ import annotations

import hashlib

import pytest

from lab.sol.manifest import Digest, ManifestError, digest_of, read_manifest, write_manifest

METADATA = {"vnf_product_name": "wall", "vnf_release_date_time": "2026-01-02T03:04:05Z"}
DIGESTS = (Digest("a.txt", "SHA-256", "ab"), Digest("folder/b", "SHA-512", "cd"))


def test_what_is_written_can_be_read() -> None:
    manifest = read_manifest(write_manifest(METADATA, DIGESTS))
    assert (dict(manifest.metadata), manifest.digests) == (METADATA, DIGESTS)


def test_the_text() -> None:
    assert write_manifest({"vnf_provider_id": "Acme"}, DIGESTS[:1]) == (
        "metadata:\n  vnf_provider_id: Acme\n\nSource: a.txt\nAlgorithm: SHA-256\nHash: ab\n"
    )


def test_other_peoples_spelling_is_understood() -> None:
    text = "metadata:\n\tvnf_provider_id:Acme\n# why\nSource:a.txt\nHash: AB\nAlgorithm: sha-256\n"
    manifest = read_manifest(text)
    assert manifest.metadata == {"vnf_provider_id": "Acme"}
    assert manifest.digests == DIGESTS[:1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata:\nnonsense\n", "line 2 - Expected: NAME: VALUE - Actual: 'nonsense'"),
        ("Source:\n", "line 1"),
        ("Source: a\nHash: ab\n", "last block - Expected: Source, Algorithm, Hash - Actual: Source, Hash"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_manifest(text)


@pytest.mark.parametrize("algorithm", ["SHA-256", "sha-256", "SHA-512"])
def test_digests(algorithm: str) -> None:
    kind = {"SHA-256": hashlib.sha256, "SHA-512": hashlib.sha512}[algorithm.upper()]
    assert digest_of("a", b"x", algorithm) == Digest("a", algorithm.upper(), kind(b"x").hexdigest())


def test_weak_algorithms_are_refused() -> None:
    with pytest.raises(ManifestError, match="a - Algorithm - Expected: SHA-256 or SHA-512 - Actual: 'MD5'"):
        digest_of("a", b"x", "MD5")
