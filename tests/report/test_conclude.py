"""Which exception a verdict becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitless.conclude import Inconclusive, JudgementError, NotPassed, RequirementFailed, conclude
from hitless.verdict import Outcome
from tests.report.verdicts import verdict


class Sink:
    def __init__(self):
        self.taken = []

    def publish(self, given, *, history, recording):
        self.taken.append((given, history, recording))


def test_a_pass_raises_nothing_and_is_published():
    sink = Sink()
    passed = verdict(Outcome.PASS)
    conclude(passed, sink, recording=Path("recordings/1"))
    assert sink.taken == [(passed, None, Path("recordings/1"))]


@pytest.mark.parametrize(
    ("outcome", "exception"),
    [
        (Outcome.FAIL, RequirementFailed),
        (Outcome.INCONC, Inconclusive),
        (Outcome.ERROR, JudgementError),
        (Outcome.NONE, JudgementError),
    ],
)
def test_every_other_verdict_is_published_before_it_is_raised(outcome, exception):
    sink = Sink()
    given = verdict(outcome)
    with pytest.raises(NotPassed) as raised:
        conclude(given, sink)
    assert type(raised.value) is exception
    assert raised.value.verdict is given
    assert sink.taken == [(given, None, None)]


def test_the_message_names_requirement_outcome_and_sentence():
    with pytest.raises(RequirementFailed, match=r"^RQ-CAP-01 FAIL: 5 packets lost$"):
        conclude(verdict(Outcome.FAIL, message="5 packets lost"), Sink())


def test_only_a_failed_requirement_is_an_assertion_error():
    assert issubclass(RequirementFailed, AssertionError)
    assert not issubclass(Inconclusive, AssertionError)
    assert not issubclass(JudgementError, AssertionError)
