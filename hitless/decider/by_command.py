"""Rules set by a command: the document on its standard input, exit code 0 means that they are in force."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from hitless.decider.adapter import DeciderError, Rule, document


class CommandDecider:
    """A program that knows how to speak to the decider."""

    def __init__(self, argv: Sequence[str], timeout_s: float) -> None:
        """Prepare; nothing is run yet.

        Args:
            argv: the program and its arguments; no shell is involved.
            timeout_s: longest time for one call.
        """
        self._argv = tuple(argv)
        self._timeout_s = timeout_s

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace all rules.

        Raises:
            DeciderError: the program cannot be run, takes too long or fails.
        """
        text = json.dumps(document(rules))
        try:
            done = subprocess.run(
                self._argv,
                input=text,
                capture_output=True,
                encoding="utf-8",
                errors="replace",  # what it says is for people; it must not stop anything
                timeout=self._timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._error(f"exit code 0 within {self._timeout_s:g} s", "still running") from error
        except OSError as error:
            raise self._error("a program that runs", str(error.strerror)) from error
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-200:]
            raise self._error("exit code 0", f"exit code {done.returncode} {said}".rstrip())

    def close(self) -> None:
        """Nothing stays open."""

    def _error(self, expected: str, actual: str) -> DeciderError:
        command = " ".join(self._argv)
        return DeciderError(f"{command} - rules not in force - Expected: {expected} Actual: {actual}")
