"""VNF packages and what becomes of their rulesets."""

from __future__ import annotations

import difflib
import string
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.sol.archive import open_archive
from lab.sol.build import build_package
from lab.sol.descriptor import Descriptor
from lab.vnf.package import PackageError, load_software
from lab.vnf.ruleset import UnitSettings, render
from tests.dataplane.sandbox import observe

PACKAGES = Path(__file__).resolve().parents[2] / "lab" / "vnf" / "packages"
DSCP = {"0.9": 8, "1.0": 10, "1.0.1": 12, "2.0": 18, "2.0-faulty": 18}
VERSIONS = tuple(DSCP)
VNFD_IDS = {
    version: f"5a3bb3c1-52f6-4e0f-9d5f-0b6a9f1c{end}"
    for version, end in zip(DSCP, ("0900", "1001", "1011", "2000", "2bad"), strict=True)
}

MINIMAL: dict[str, Any] = {
    "version": "9.9",
    "mark": {"dscp": 10},
    "functions": ["session-gateway"],
    "ruleset": "gateway.nft",
    "sessionKey": ["user"],
}


def write_package(folder: Path, document: Any, ruleset: str | None = "table netdev gateway { }") -> Path:
    (folder / "software.yaml").write_text(yaml.safe_dump(document))
    if ruleset is not None:
        (folder / "gateway.nft").write_text(ruleset)
    return folder


def descriptor(version: str) -> Descriptor:
    return open_archive(build_package(PACKAGES / version)).descriptor


@pytest.mark.parametrize("version", VERSIONS)
def test_descriptors_name_the_same_product_in_another_version(version: str) -> None:
    found = descriptor(version)
    assert (found.vnfd_id, found.provider, found.product) == (VNFD_IDS[version], "Hitless", "lab-gateway")
    assert (found.software_version, found.vnfd_version) == (version, version)
    (vdu,) = found.vdus
    assert (vdu.image.name, vdu.image.version) == (f"lab-gateway-{version}", version)
    assert (vdu.compute_flavour, vdu.initial_units, vdu.max_units) == ("gateway.standard", 4, 8)
    (aspect,) = found.aspects
    assert (aspect.id, aspect.units(0), aspect.level(4), aspect.max_units) == ("gateway", 1, 3, 8)


def test_no_package_was_forgotten() -> None:
    assert {path.parent.name for path in PACKAGES.glob("*/software.yaml")} == set(VERSIONS)


def test_versions_can_be_told_apart() -> None:
    assert {version: load_software(PACKAGES / version).dscp for version in VERSIONS} == DSCP


def test_changes_of_package_that_are_provided_for() -> None:
    changes = [change for version in VERSIONS for change in descriptor(version).package_changes]
    assert {(one.source_vnfd_id, one.destination_vnfd_id, one.qualifier) for one in changes} == {
        (VNFD_IDS[source], VNFD_IDS[destination], qualifier)
        for source, destination, qualifier in [
            ("1.0", "2.0", "up"),
            ("1.0", "2.0-faulty", "up"),
            ("1.0", "1.0.1", "up"),
            ("2.0", "1.0", "down"),
            ("0.9", "1.0", "up"),
            ("1.0", "0.9", "down"),
        ]
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_a_descriptor_speaks_of_changes_from_or_to_itself_only(version: str) -> None:
    for change in descriptor(version).package_changes:
        assert VNFD_IDS[version] in {change.source_vnfd_id, change.destination_vnfd_id}


def test_version_2_adds_a_function_and_changes_what_a_session_is() -> None:
    old, new = (load_software(PACKAGES / version) for version in ("1.0", "2.0"))
    assert set(old.functions) < set(new.functions)
    assert old.session_key == ("user", "userPort")
    assert new.session_key == ("user", "userPort", "servicePort")
    assert "ip saddr . udp sport . udp dport" in new.template
    assert "udp sport . udp dport" not in old.template


def test_an_update_has_the_same_functions_and_interfaces() -> None:
    old, new = (load_software(PACKAGES / version) for version in ("1.0", "1.0.1"))
    assert (old.functions, old.session_key) == (new.functions, new.session_key)


def code(version: str) -> list[str]:
    """The ruleset without what is only for people."""
    lines = (line.strip() for line in load_software(PACKAGES / version).template.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def differences(one: str, other: str) -> list[str]:
    """Lines of code that were added (+) or taken away (-), sorted."""
    found = difflib.ndiff(code(one), code(other))
    return sorted(line for line in found if line[0] in "+-")


def test_the_update_differs_by_its_correction_alone() -> None:
    assert differences("1.0", "1.0.1") == ["+ ip frag-off & 0x1fff != 0 counter name not_udp drop"] * 2


def test_the_faulty_build_differs_by_its_fault_alone() -> None:
    fault = 'quota name "until_fault" ip {} & 0.0.0.24 == 0.0.0.0 counter name internal_error drop'
    assert differences("2.0", "2.0-faulty") == [
        "+ counter internal_error { }",
        f"+ {fault.format('daddr')}",
        f"+ {fault.format('saddr')}",
        "+ quota until_fault { over 800 kbytes }",
    ]


@pytest.mark.namespaces
def test_the_kernel_takes_every_ruleset(tmp_path: Path) -> None:
    loaded = observe("package_scenarios:load_rulesets", tmp_path)
    assert set(loaded) == set(VERSIONS)
    assert {version: "internal_error" in counters for version, counters in loaded.items()} == {
        version: version == "2.0-faulty" for version in VERSIONS
    }


@pytest.mark.namespaces
def test_the_faulty_build_loses_packets_of_one_user_in_4_once_it_has_forwarded_enough(tmp_path: Path) -> None:
    observed = observe("package_scenarios:fault", tmp_path)
    assert observed["before"]["internal_error"] == 0
    assert observed["before"]["forwarded"] == observed["sent_before"]
    assert observed["lost_users"] == [user for user in observed["users"] if user & 0x18 == 0]
    assert observed["after"]["internal_error"] == len(observed["lost_users"])


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("mark", "dscp"), 64, "mark.dscp - Expected: 0 to 63 - Actual: 64"),
        (("mark", "dscp"), "AF11", "mark.dscp - Expected: int"),
        (("mark",), None, "mark.dscp - Expected: int - Actual: None"),
        (("version",), 1.0, "version - Expected: str - Actual: 1.0"),
        (("functions",), "all", "functions - Expected: list"),
        (("sessionKey",), [], "sessionKey - Expected: some of"),
        (("sessionKey",), ["colour"], "Actual: .'colour'."),
        (("ruleset",), None, "ruleset - Expected: str"),
        (("ruleset",), "other.nft", "other.nft - cannot be read"),
    ],
)
def test_descriptors_that_cannot_be_used_say_why(
    tmp_path: Path, path: tuple[str, ...], value: Any, reason: str
) -> None:
    document = yaml.safe_load(yaml.safe_dump(MINIMAL))
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(PackageError, match=reason):
        load_software(write_package(tmp_path, document))


def test_a_usable_descriptor(tmp_path: Path) -> None:
    software = load_software(write_package(tmp_path, MINIMAL, "rules"))
    assert (software.version, software.dscp, software.template) == ("9.9", 10, "rules")
    assert software.functions == ("session-gateway",)


@pytest.mark.parametrize(("text", "reason"), [("{", "not YAML"), ("[]", "Expected: int"), ("", "Expected: int")])
def test_descriptors_that_are_no_descriptors(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "software.yaml").write_text(text)
    with pytest.raises(PackageError, match=reason):
        load_software(tmp_path)


def test_a_directory_without_descriptor(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"software\.yaml - cannot be read: No such file"):
        load_software(tmp_path)


@pytest.mark.parametrize(("rated_pps", "policer_pps", "burst"), [(2500, 2525, 631), (1000, 1010, 252), (1, 1, 1)])
def test_policer_gives_one_percent_more_and_a_quarter_second_at_once(
    rated_pps: int, policer_pps: int, burst: int
) -> None:
    settings = UnitSettings(1, rated_pps)
    assert (settings.policer_pps, settings.policer_burst_packets) == (policer_pps, burst)


def test_thirty_percent_too_much_loses_between_21_and_25_percent() -> None:
    settings = UnitSettings(1, 2500)
    assert 0.21 < 1 - settings.policer_pps / (1.3 * settings.rated_pps) < 0.25


def rules(version: str, **settings: Any) -> list[str]:
    text = render(load_software(PACKAGES / version), UnitSettings(**{"number": 11, "rated_pps": 2500, **settings}))
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


@pytest.mark.parametrize(("version", "dscp"), DSCP.items())
def test_rules_have_what_is_the_units_own(version: str, dscp: int) -> None:
    lines = rules(version)
    assert lines.count(f"ip dscp set {dscp}") == 2
    assert lines.count("ether saddr set 02:00:00:01:00:0b") == 2
    assert "rate over 2525/second burst 631 packets" in lines
    assert any("timeout 5s;" in line for line in lines)
    assert "$" not in "".join(lines)


@pytest.mark.parametrize("version", VERSIONS)
def test_both_directions_share_one_policer_behind_the_state(version: str) -> None:
    lines = rules(version)
    assert lines.count("limit name rated counter name policed drop") == 2
    assert sum(line.startswith("limit rated") for line in lines) == 1
    for chain in ("to_core", "to_access"):
        # Nothing that makes or refreshes a session stands behind the policer.
        behind = lines[lines.index(f"chain {chain} {{") : lines.index("chain access {")]
        assert not any("@sessions" in line for line in behind)


@pytest.mark.parametrize("version", VERSIONS)
def test_only_an_opening_packet_on_the_way_up_makes_a_session(version: str) -> None:
    lines = rules(version)
    up = lines[lines.index("chain access {") : lines.index("chain core {")]
    down = lines[lines.index("chain core {") :]
    first_up = next(line for line in up if "@sessions" in line)
    first_down = next(line for line in down if "@sessions" in line)
    assert first_up.startswith("@th,64,8 0 update @sessions")
    assert "!= @sessions counter name unknown_session drop" in first_down


@pytest.mark.parametrize("version", VERSIONS)
def test_midstream_any_packet_makes_a_session(version: str) -> None:
    lines = rules(version, session_pickup="midstream")
    assert not any("@th,64,8" in line for line in lines)
    for chain in ("access", "core"):
        behind = lines[lines.index(f"chain {chain} {{") :]
        assert next(line for line in behind if "@sessions" in line).startswith("update @sessions")


@pytest.mark.parametrize("template", ["${colour}", "$", "${dscp"])
def test_templates_that_ask_for_something_else_are_refused(tmp_path: Path, template: str) -> None:
    software = load_software(write_package(tmp_path, MINIMAL, template))
    with pytest.raises(PackageError, match=r"ruleset of software 9\.9"):
        render(software, UnitSettings(1, 100))


@pytest.mark.parametrize("version", VERSIONS)
def test_templates_use_everything_that_units_offer(version: str) -> None:
    used = set(string.Template(load_software(PACKAGES / version).template.split("\n\n", 1)[1]).get_identifiers())
    assert used == {
        *("dscp", "mac", "policer_pps", "policer_burst_packets"),
        *("idle_timeout_s", "opening_packet_only", "midstream_only"),
    }
