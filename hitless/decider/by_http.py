"""Rules set by an HTTP request: PUT of the document, any 2xx means that they are in force."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from hitless.decider.adapter import DeciderError, Rule, document


class HttpDecider:
    """A decider, or whatever stands before it, that understands the document."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            url: where the document is PUT.
            timeout_s: longest time for one request and its answer.
        """
        self._url = url
        self._timeout_s = timeout_s
        self._session = requests.Session()

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace all rules.

        Raises:
            DeciderError: no answer, or one that is no success.
        """
        try:
            answer = self._session.put(self._url, json=document(rules), timeout=self._timeout_s)
        except requests.RequestException as error:
            raise DeciderError(
                f"PUT {self._url} - no answer - Expected: 2xx within {self._timeout_s:g} s Actual: "
                f"{type(error).__name__} - see decider.http in sut.yaml"
            ) from error
        if not answer.ok:
            text = answer.text.strip()[:200]
            raise DeciderError(
                f"PUT {self._url} - rules not in force - Expected: 2xx Actual: {answer.status_code} {text}".rstrip()
            )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
