"""The registry of defects and what each defect does to the parts it replaces."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from lab.decider.rules import PinnedRules
from lab.defects import REGISTRY
from lab.defects.affinity import RehashAllRules, RehashIdleRules, RehashOneBucketRules
from lab.defects.compute import (
    MidstreamCatalogue,
    OverprovisionedCatalogue,
    SmallFlavourCatalogue,
    SufficientFlavourCatalogue,
    rated_for,
)
from lab.defects.pins import Pin, pins_of
from lab.loading import load_part
from lab.nfelements import Elements
from lab.parts import STANDARD
from lab.vim.catalogue import StandardCatalogue
from lab.vnf.ruleset import UnitSettings
from tests.supervisor import labs

LAB = labs.ROOT / "lab"
REFERENCE = re.compile(r"^[\w.]+:\w+$")


def references(parts):
    values = [getattr(parts, each.name) for each in fields(parts)]
    return [value for value in values if isinstance(value, str)]


@pytest.mark.parametrize("name", REGISTRY)
def test_a_defect_differs_from_the_standard_lab_and_names_a_requirement(name):
    defect = REGISTRY[name]
    assert defect.apply(STANDARD) != STANDARD
    assert defect.name == name
    assert defect.description
    assert (defect.breaks is None) == name.endswith("-within")
    assert defect.breaks is None or re.fullmatch(r"RQ-[A-Z]{3}-\d\d", defect.breaks)


@pytest.mark.parametrize("name", ["standard", *REGISTRY])
def test_every_part_can_be_imported(name):
    parts = STANDARD if name == "standard" else REGISTRY[name].apply(STANDARD)
    for reference in references(parts):
        assert REFERENCE.match(reference)
        assert isinstance(load_part(reference), type)


def test_every_defect_over_its_limit_has_a_form_within_or_is_a_control():
    over = {name.split("-")[0] for name, defect in REGISTRY.items() if defect.breaks and name != "traditional-halves"}
    within = {name.split("-")[0] for name, defect in REGISTRY.items() if defect.breaks is None}
    assert over == within


def test_no_module_of_the_lab_knows_a_defect():
    names = [*REGISTRY, *(f"lab.defects.{path.stem}" for path in (LAB / "defects").glob("[a-z]*.py"))]
    modules = [
        path for path in LAB.rglob("*") if path.suffix in {".py", ".nft", ".yaml"} and "defects" not in path.parts
    ]
    assert len(modules) > 30
    hits = [(path, name) for path in modules for name in names if name in path.read_text()]
    assert hits == []
    importers = [
        path.relative_to(LAB) for path in modules if re.search(r"import defects|lab\.defects", path.read_text())
    ]
    assert importers == [Path("cli.py")]


# --- compute -------------------------------------------------------------------------------------------------------


def carried_pps(options):
    return UnitSettings(number=1, rated_pps=options.rated_pps).policer_pps


def unit_of(catalogue, version):
    (flavor,) = [flavor for flavor in catalogue.flavors() if flavor.id == "gateway.standard"]
    (image,) = [image for image in catalogue.images() if image.id.endswith(version)]
    return catalogue.unit(image, flavor), flavor


@pytest.mark.parametrize(
    ("catalogue", "at_least", "at_most"),
    [
        (StandardCatalogue, 1.01, 1.01),
        (SmallFlavourCatalogue, 0.984, 0.986),
        (SufficientFlavourCatalogue, 1.001, 1.003),
    ],
)
def test_what_a_new_unit_carries_of_its_flavours_rate(catalogue, at_least, at_most):
    options, flavor = unit_of(catalogue(), "2.0")
    assert at_least * flavor.rated_pps <= carried_pps(options) <= at_most * flavor.rated_pps


@pytest.mark.parametrize("catalogue", [SmallFlavourCatalogue, SufficientFlavourCatalogue])
def test_units_of_the_old_version_are_what_they_should_be(catalogue):
    assert unit_of(catalogue(), "1.0") == unit_of(StandardCatalogue(), "1.0")


@pytest.mark.parametrize("catalogue", [SmallFlavourCatalogue, SufficientFlavourCatalogue])
def test_nothing_of_a_small_flavour_can_be_seen_from_outside(catalogue):
    assert catalogue().flavors() == StandardCatalogue().flavors()
    assert catalogue().images() == StandardCatalogue().images()


def test_a_small_flavour_differs_from_the_real_one_in_rate_and_buffer_alone():
    (small, _), (standard, _) = (unit_of(each(), "2.0") for each in (SmallFlavourCatalogue, StandardCatalogue))
    assert replace(small, rated_pps=standard.rated_pps, burst_ms=standard.burst_ms) == standard
    assert small.burst_ms == 60


@pytest.mark.parametrize("carried", [1.0, 100.0, 2462.5, 2505.0])
def test_a_rate_that_lets_as_much_through_as_wanted(carried):
    assert carried - 1 <= UnitSettings(1, rated_for(carried)).policer_pps <= carried + 1.01


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_overprovisioned_units_carry_more_than_they_say(version):
    standard, flavor = unit_of(StandardCatalogue(), version)
    options, same_flavor = unit_of(OverprovisionedCatalogue(), version)
    assert same_flavor == flavor
    assert carried_pps(options) == pytest.approx(1.6 * flavor.rated_pps, abs=1)
    assert replace(options, rated_pps=standard.rated_pps) == standard


def test_three_overprovisioned_units_carry_what_four_are_rated_for():
    options, flavor = unit_of(OverprovisionedCatalogue(), "2.0")
    assert 3 * carried_pps(options) > 1.1 * 4 * flavor.rated_pps


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_midstream_units_differ_in_nothing_else(version):
    standard, _ = unit_of(StandardCatalogue(), version)
    midstream, _ = unit_of(MidstreamCatalogue(), version)
    assert midstream.session_pickup == "midstream"
    assert (midstream.package, midstream.rated_pps) == (standard.package, standard.rated_pps)


# --- affinity ------------------------------------------------------------------------------------------------------

OLD = [1] * 256
CANARY = [2 if bucket in {0, 128} else 1 for bucket in range(256)]
PINS = [
    Pin("10.1.0.0", 5001, 4.2),
    Pin("10.1.7.0", 5002, 1.1),
    Pin("10.1.3.128", 5001, 2.9),
    Pin("10.1.0.1", 5001, 1.0),
    Pin("10.1.8.0", 5001, 0.9),
]


def forgetting(rules):
    """Users that a change from OLD to CANARY deletes."""
    standard = PinnedRules().set_buckets(CANARY)
    assert rules.set_buckets(OLD) == PinnedRules().set_buckets(OLD)
    text = rules.set_buckets(CANARY)
    assert text.startswith(standard)
    deletion = text.removeprefix(standard)
    if not deletion:
        return None
    (users,) = re.fullmatch(r"delete element netdev decider pins \{ (.*) \}\n", deletion).groups()
    return users.split(", ")


def reads(pins):
    def read(table, name):
        assert (table, name) == ("decider", "pins")
        return pins

    return read


def test_one_bucket_loses_its_users_and_no_other():
    assert forgetting(RehashOneBucketRules(read_pins=reads(PINS))) == ["10.1.0.0 . 5001", "10.1.7.0 . 5002"]


def test_a_bucket_that_does_not_change_keeps_its_users():
    assert forgetting(RehashOneBucketRules(read_pins=reads(PINS), bucket=1)) is None


def test_silent_users_go_and_others_stay():
    assert forgetting(RehashIdleRules(read_pins=reads(PINS))) == ["10.1.7.0 . 5002", "10.1.0.1 . 5001"]


@pytest.mark.parametrize("remaining_s", [2.0, 3.0, 4.0, 5.0])
def test_a_user_who_was_silent_for_at_most_three_seconds_stays(remaining_s):
    assert forgetting(RehashIdleRules(read_pins=reads([Pin("10.1.0.0", 5001, remaining_s)]))) is None


@pytest.mark.parametrize("kind", [RehashOneBucketRules, RehashIdleRules])
def test_what_expires_this_moment_is_left_to_expire(kind):
    assert forgetting(kind(read_pins=reads([Pin("10.1.0.0", 5001, 0.99)]))) is None


@pytest.mark.parametrize("kind", [RehashOneBucketRules, RehashIdleRules])
def test_the_same_buckets_again_change_nothing(kind):
    rules = kind(read_pins=reads(PINS))
    rules.set_buckets(OLD)
    assert rules.set_buckets(OLD) == PinnedRules().set_buckets(OLD)


def test_rehash_all_empties_the_map_in_the_same_transaction():
    text = RehashAllRules().set_buckets(CANARY)
    assert text == PinnedRules().set_buckets(CANARY) + "flush map netdev decider pins\n"


@pytest.mark.parametrize("kind", [RehashAllRules, RehashOneBucketRules, RehashIdleRules])
def test_in_all_else_the_rules_are_the_standard_ones(kind):
    rules, standard = kind(pin_timeout_s=7), PinnedRules(pin_timeout_s=7)
    assert rules.initial() == standard.initial()
    assert rules.add_unit(3, 259) == standard.add_unit(3, 259)
    assert rules.remove_unit(3, 259, [5]) == standard.remove_unit(3, 259, [5])


def test_two_deciders_share_nothing():
    first, second = (RehashOneBucketRules(read_pins=reads(PINS)) for _ in range(2))
    first.set_buckets(OLD)
    assert second.set_buckets(CANARY) == PinnedRules().set_buckets(CANARY)


def test_pins_are_read_from_the_map_s_elements():
    keys = np.array([[0x0A010000, 5001 << 16], [0x0A010203, 65535 << 16]], dtype=np.uint32)
    elements = Elements(keys, np.array([1, 2], dtype=np.uint32), np.array([4200, 0]))
    assert pins_of(elements) == [Pin("10.1.0.0", 5001, 4.2), Pin("10.1.2.3", 65535, 0.0)]
    assert [pin.key for pin in pins_of(elements)] == ["10.1.0.0 . 5001", "10.1.2.3 . 65535"]
