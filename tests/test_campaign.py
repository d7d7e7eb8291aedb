"""What a campaign records a second time, and what it never does."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hitless import campaign as module
from hitless.campaign import Campaign
from hitless.catalogue import load_catalogue
from hitless.conclude import Inconclusive, RequirementFailed
from hitless.conclude import conclude as conclude_verdict
from hitless.sut import parse
from hitless.verdict import Check, Outcome, Verdict
from steps.concluding import Conclusions
from tests.procedures.world import DECLARATION

OWN = DECLARATION.replace("  instance_id: i-1\n", "")


def verdict(outcome, *reasons):
    return Verdict("RQ-CAP-01", (Check("loss ratio", outcome, f"{outcome.name.lower()} it is", reasons),))


@dataclass
class Sink:
    published: list = field(default_factory=list)
    aside: list = field(default_factory=list)

    def publish(self, said, *, history, recording):
        self.published.append((said.outcome, recording))

    def conclude(self, said, *, history=None, recording=None):
        conclude_verdict(said, self, history=history, recording=recording)

    def set_aside(self, said, *, recording):
        self.aside.append((said.outcome, recording))


@pytest.fixture
def scene(tmp_path, monkeypatch):
    """Return what concludes on recordings whose verdicts are given: one after the other, as they are made."""

    def make(verdicts, text=OWN, **options):
        made = []

        def perform(bench, folder, *, load_percent):
            (folder / "manifest.json").write_text("{}")
            made.append(folder)

        monkeypatch.setattr(module, "load", lambda folder: folder)
        monkeypatch.setattr(module, "judge_history", lambda folder, *_: verdicts[made.index(folder)])
        campaign = Campaign(parse(text), load_catalogue(), "quick", tmp_path, lambda _: None, **options)
        monkeypatch.setattr(module.upgrade, "record_upgrade", perform)
        sink = Sink()
        return campaign, Conclusions(campaign, sink.conclude, sink.set_aside), sink, made

    return make


def test_a_procedure_is_recorded_once_for_all(scene):
    campaign, conclusions, sink, made = scene([verdict(Outcome.PASS)])
    for _ in range(3):
        conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 1
    assert sink.aside == []


@pytest.mark.parametrize("reasons", [("I2",), ("I10",), ("I3", "I10")])
def test_what_the_meter_could_not_tell_is_recorded_once_more(scene, reasons):
    campaign, conclusions, sink, made = scene([verdict(Outcome.INCONC, *reasons), verdict(Outcome.PASS)])
    conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert sink.aside == [(Outcome.INCONC, made[0])]
    assert sink.published == [(Outcome.PASS, made[1])]


def test_a_repeat_is_not_repeated(scene):
    campaign, conclusions, sink, made = scene([verdict(Outcome.INCONC, "I2"), verdict(Outcome.INCONC, "I14")])
    with pytest.raises(Inconclusive):
        conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 2
    assert sink.published == [(Outcome.INCONC, made[1])]


def test_a_repeat_that_fails_is_a_failure(scene):
    campaign, conclusions, _, made = scene([verdict(Outcome.INCONC, "I1"), verdict(Outcome.FAIL)])
    with pytest.raises(RequirementFailed):
        conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 2


def test_two_requirements_share_the_repeat(scene):
    campaign, conclusions, sink, made = scene([verdict(Outcome.INCONC, "I2"), verdict(Outcome.PASS)])
    for _ in range(2):
        conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 2
    assert len(sink.aside) == 2


@pytest.mark.parametrize(
    "said",
    [
        verdict(Outcome.FAIL),
        verdict(Outcome.FAIL, "I2"),
        verdict(Outcome.ERROR),
        verdict(Outcome.INCONC),
        verdict(Outcome.INCONC, "I9"),
        verdict(Outcome.INCONC, "I2", "I9"),
        verdict(Outcome.INCONC, "I8"),
        verdict(Outcome.INCONC, "I10", "I11"),
        verdict(Outcome.INCONC, "I13"),
    ],
)
def test_nothing_else_is_recorded_twice(scene, said):
    campaign, conclusions, sink, made = scene([said, verdict(Outcome.PASS)])
    with pytest.raises(Exception, match="it is"):
        conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 1
    assert sink.aside == []


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (OWN, {"repeats": False}),
        (DECLARATION, {}),
        (OWN.replace("upgrade: {", "upgrade: {trigger: manual, "), {}),
    ],
    ids=["not wanted", "an instance that must not be disturbed", "somebody else starts the upgrade"],
)
def test_where_a_repeat_cannot_be_made_there_is_none(scene, text, options):
    campaign, conclusions, _, made = scene([verdict(Outcome.INCONC, "I2"), verdict(Outcome.PASS)], text, **options)
    with pytest.raises(Inconclusive):
        conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 1


def test_an_existing_instance_that_can_be_taken_back_is_upgraded_again(scene):
    text = DECLARATION + "disruptive_allowed: true\n"
    campaign, conclusions, _, made = scene([verdict(Outcome.INCONC, "I2"), verdict(Outcome.PASS)], text)
    conclusions.conclude("RQ-CAP-01", campaign.upgrade_under_load(100))
    assert len(made) == 2
