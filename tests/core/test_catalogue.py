from __future__ import annotations

import copy

import pytest
import yaml

from hitless.catalogue import (
    DEFAULT_CATALOGUE,
    CatalogueError,
    load_catalogue,
)
from hitless.judges import JUDGES
from hitless.limits import applied_limits, limits_of_recording
from hitless.measures.confidence import samples_for_zero
from tests.core.builders import CAP_LIMITS, TRF_LIMITS


@pytest.fixture
def data():
    return yaml.safe_load(DEFAULT_CATALOGUE.read_text())


@pytest.fixture
def write(tmp_path):
    def written(data):
        path = tmp_path / "catalogue.yaml"
        path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
        return path

    return written


def test_every_requirement_has_a_judge_and_every_judge_a_requirement():
    assert list(load_catalogue().by_id) == list(JUDGES)


def test_the_limits_of_a_quick_run_are_those_that_the_judges_are_tested_with():
    catalogue = load_catalogue()
    assert applied_limits(catalogue, "RQ-CAP-01", "quick").numbers == CAP_LIMITS
    assert applied_limits(catalogue, "RQ-TRF-01", "quick").numbers == TRF_LIMITS


@pytest.mark.parametrize(
    ("profile", "loss_ratio", "countable", "phases"),
    [
        ("quick", 1e-4, 299, (2, 10, 5)),
        ("standard", 1e-5, 2995, (5, 30, 20)),
        ("acceptance", 1e-6, 2995, (10, 120, 60)),
    ],
)
def test_profiles(profile, loss_ratio, countable, phases):
    catalogue = load_catalogue()
    cap = applied_limits(catalogue, "RQ-CAP-01", profile).numbers
    trf = applied_limits(catalogue, "RQ-TRF-01", profile).numbers
    assert (cap["loss_ratio"], cap["min_bin_goodput_ratio"]) == (loss_ratio, 0.99)
    assert (trf["countable_sessions_count"], trf["affinity_violations_count"]) == (countable, 0)
    assert (cap["lead_in_s"], cap["baseline_s"], cap["tail_s"]) == phases
    assert catalogue.profile(profile).sign_off is (profile != "quick")
    assert catalogue.profile(profile).baseline_as_upgrade is (profile == "acceptance")


def test_countable_sessions_are_the_sample_sizes_for_one_percent_and_one_permille():
    catalogue = load_catalogue()
    quick, standard = (
        applied_limits(catalogue, "RQ-TRF-01", name).numbers["countable_sessions_count"]
        for name in ("quick", "standard")
    )
    assert (quick, standard) == (samples_for_zero(0.01), samples_for_zero(0.001))


def test_defects_that_belong_to_the_rows():
    catalogue = load_catalogue()
    assert catalogue.requirement("RQ-CAP-01").defects.negative_control == ("traditional-halves",)
    assert catalogue.requirement("RQ-TRF-01").defects.just_under == ("trf-01-rehash-idle-within",)


OVERRIDE = {"value": 0.98, "by": "J. Doe", "why": "contract 12"}


def test_a_limit_may_be_replaced_and_the_report_learns_who_did_it():
    limits = applied_limits(load_catalogue(), "RQ-CAP-01", "quick", {"RQ-CAP-01": {"min_bin_goodput_ratio": OVERRIDE}})
    assert limits.numbers["min_bin_goodput_ratio"] == 0.98
    replaced, kept = limits.limits
    assert (replaced.origin, replaced.by, replaced.why) == ("sut.yaml", "J. Doe", "contract 12")
    assert (kept.value, kept.origin, kept.by) == (1e-4, "catalogue, profile quick", "")


def test_limits_of_other_requirements_do_not_matter():
    limits = applied_limits(load_catalogue(), "RQ-TRF-01", "quick", {"RQ-CAP-01": {"min_bin_goodput_ratio": OVERRIDE}})
    assert limits.numbers == TRF_LIMITS


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"speed": OVERRIDE}, r"limits\.RQ-CAP-01\.speed - no such limit - Expected: one of loss_ratio, min_bin"),
        ({"loss_ratio": {"value": 1}}, r"limits\.RQ-CAP-01\.loss_ratio - Expected: keys value, by and why"),
        ({"loss_ratio": OVERRIDE | {"value": "1"}}, r"loss_ratio\.value - Expected: a number >= 0, Actual: '1'"),
        ({"loss_ratio": OVERRIDE | {"value": True}}, "Actual: True"),
        ({"loss_ratio": OVERRIDE | {"value": -1}}, "Actual: -1"),
        ({"loss_ratio": OVERRIDE | {"value": float("nan")}}, "Actual: nan"),
        ({"loss_ratio": OVERRIDE | {"value": float("inf")}}, "Actual: inf"),
        ({"loss_ratio": OVERRIDE | {"by": " "}}, "by says who"),
    ],
)
def test_a_wrong_replacement_names_its_key(overrides, told):
    with pytest.raises(CatalogueError, match=told):
        applied_limits(load_catalogue(), "RQ-CAP-01", "quick", {"RQ-CAP-01": overrides})


def test_a_recording_says_by_which_limits_it_is_judged():
    sut = {"limits": {"RQ-CAP-01": {"loss_ratio": OVERRIDE | {"value": 0.5}}}}
    limits = limits_of_recording(load_catalogue(), "RQ-CAP-01", {"profile": "standard"}, sut)
    assert limits.numbers["loss_ratio"] == 0.5
    assert limits.numbers["tail_s"] == 20
    with pytest.raises(CatalogueError, match=r"parameters\.profile - missing"):
        limits_of_recording(load_catalogue(), "RQ-CAP-01", {}, {})


def test_unknown_names_are_refused_with_those_that_are_known():
    with pytest.raises(CatalogueError, match=r"RQ-XXX-01 - not in the catalogue - known: RQ-CAP-01, .*RQ-TRF-01"):
        applied_limits(load_catalogue(), "RQ-XXX-01", "quick")
    with pytest.raises(CatalogueError, match="Expected: one of quick, standard, acceptance, Actual: slow"):
        applied_limits(load_catalogue(), "RQ-CAP-01", "slow")


def change(data, path, value):
    changed = copy.deepcopy(data)
    place = changed
    for part in path[:-1]:
        place = place[part]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return changed


LIMIT = ("requirements", 0, "limits", 1)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("requirements", 0, "priority"), 3, r"requirements\.RQ-CAP-01\.priority: "),
        (("requirements", 1, "title"), None, r"requirements\.RQ-CAP-02\.title: Field required"),
        (("requirements", 0, "surprise"), 1, r"requirements\.RQ-CAP-01\.surprise: "),
        (("requirements", 0, "status"), "C", "status C needs a condition"),
        (("requirements", 0, "id"), "RQ-TRF-01", "an id stands twice"),
        (("requirements", 0, "id"), "CAP-01", r"requirements\.CAP-01\.id: "),
        (("requirements", 0, "scenarios"), [], r"RQ-CAP-01\.scenarios: "),
        ((*LIMIT, "name"), "loss", "does not end in its unit"),
        ((*LIMIT, "name"), "min_bin_goodput_ratio", "stands twice"),
        ((*LIMIT, "comparison"), "<", r"RQ-CAP-01\.limits\.loss_ratio\.comparison: "),
        ((*LIMIT, "values", "quick"), None, "no value for profile quick"),
        ((*LIMIT, "values", "quick"), -1, r"loss_ratio\.values\.quick: "),
        ((*LIMIT, "reason"), "", r"loss_ratio\.reason: "),
        ((*LIMIT, "broken_by"), "cap-02-dip", "limit loss_ratio is broken by cap-02-dip, which is not in just_over"),
        (("profiles", "quick"), None, "profiles: quick missing"),
        (("profiles", "slow"), {}, r"profiles\.slow"),
        (("profiles", "quick", "tail_s"), -1, r"profiles\.quick\.tail_s: "),
        (("schema_version",), 2, "schema_version - Expected: 1, Actual: 2"),
    ],
)
def test_a_wrong_catalogue_names_file_and_key(data, write, path, value, told):
    file = write(change(data, path, value))
    with pytest.raises(CatalogueError, match=told) as caught:
        load_catalogue(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(("text", "told"), [("a: [", "no YAML"), ("", "Actual: None"), ("[1]", "Actual: None")])
def test_a_file_that_is_no_catalogue(write, text, told):
    with pytest.raises(CatalogueError, match=told):
        load_catalogue(write(text))


def test_a_missing_catalogue(tmp_path):
    with pytest.raises(CatalogueError, match="file is missing"):
        load_catalogue(tmp_path / "none.yaml")
