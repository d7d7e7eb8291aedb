"""Descriptors: what they say, and that a descriptor that contradicts itself is not used."""

from __future__ import annotations

import pytest

from lab.sol.descriptor import PackageChange, ScalingAspect
from lab.sol.tosca import DescriptorError, Template
from lab.sol.vnfd import parse
from tests.nfvo.sources import DESCRIPTOR, VNFD_1_0, VNFD_2_0, package, unpacked

TEXT = unpacked(package("2.0"))[DESCRIPTOR].decode()


def with_change(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


def test_the_vnf() -> None:
    found = parse(TEXT)
    assert (found.vnfd_id, found.vnfd_version, found.software_version) == (VNFD_2_0, "2.0", "2.0")
    assert (found.provider, found.product, found.flavour_id) == ("Hitless", "lab-gateway", "default")
    assert found.vnfm_info == ("etsivnfm:v3.7.1",)
    assert found.metadata["compatible_specification_versions"] == "4.2.1"


def test_the_vdu_and_its_image() -> None:
    (vdu,) = parse(TEXT).vdus
    assert (vdu.id, vdu.compute_flavour) == ("gateway", "gateway.standard")
    assert (vdu.min_units, vdu.initial_units, vdu.max_units) == (1, 4, 8)
    assert (vdu.image.name, vdu.image.version, vdu.image.algorithm) == ("lab-gateway-2.0", "2.0", "SHA-256")
    assert (vdu.image.container_format, vdu.image.disk_format, vdu.image.min_disk_bytes) == ("bare", "raw", 0)
    assert vdu.image.path == "../Files/Images/lab-gateway-2.0.tar"


def test_scaling() -> None:
    (aspect,) = parse(TEXT).aspects
    assert aspect == ScalingAspect(id="gateway", vdu_id="gateway", smallest_units=1, step_units=1, max_level=7)
    assert [aspect.units(level) for level in (0, 3, 7)] == [1, 4, 8]
    assert [aspect.level(units) for units in (1, 4, 8)] == [0, 3, 7]
    assert aspect.max_units == 8


def test_steps_of_several_units() -> None:
    aspect = ScalingAspect(id="a", vdu_id="v", smallest_units=2, step_units=3, max_level=2)
    assert [aspect.units(level) for level in (0, 1, 2)] == [2, 5, 8]
    assert [aspect.level(units) for units in (2, 4, 5, 7, 8)] == [0, 0, 1, 1, 2]


def test_changes_of_package() -> None:
    changes = parse(TEXT).package_changes
    assert [(one.source_vnfd_id, one.destination_vnfd_id, one.qualifier) for one in changes] == [
        (VNFD_1_0, VNFD_2_0, "up"),
        (VNFD_2_0, VNFD_1_0, "down"),
    ]
    assert isinstance(changes[0], PackageChange)
    assert {(one.source_flavour_id, one.destination_flavour_id) for one in changes} == {("default", "default")}


def test_a_vnf_without_scaling() -> None:
    start, end = TEXT.index("    - step:"), TEXT.index("    - levels:")
    assert parse(TEXT[:start] + TEXT[end:]).aspects == ()


def test_the_only_level_is_the_default() -> None:
    assert parse(with_change("          default_level: four_units\n", "")) == parse(TEXT)


def test_types_of_several_generations() -> None:
    text = with_change("    derived_from: tosca.nodes.nfv.VNF\n", "    derived_from: acme.Base\n").replace(
        "node_types:\n", "node_types:\n  acme.Base:\n    derived_from: tosca.nodes.nfv.VNF\n", 1
    )
    assert parse(text) == parse(TEXT)


def test_types_that_derive_from_each_other_end() -> None:
    text = with_change("    derived_from: tosca.nodes.nfv.VNF\n", "    derived_from: hitless.nodes.LabGateway\n")
    assert Template(text).nodes("tosca.nodes.nfv.VNF") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tosca_definitions_version: tosca_simple_yaml_1_3\n", "", "tosca_definitions_version - missing"),
        (
            "    derived_from: tosca.nodes.nfv.VNF\n",
            "    derived_from: a.b\n",
            "nodes of type .*VNF - Expected: 1 Actual: 0",
        ),
        ("type: tosca.nodes.nfv.Vdu.Compute", "type: a.b", "no node of type tosca.nodes.nfv.Vdu.Compute"),
        (f"descriptor_id: {VNFD_2_0}", "descriptor_id: seven", "lab_gateway/properties - descriptor_id"),
        ("        provider: Hitless\n", "", "provider: Field required"),
        ('software_version: "2.0"', "software_version: 2.0", "software_version: Input should be a valid string"),
        ("max_number_of_instances: 8", "max_number_of_instances: 800", "max_number_of_instances"),
        ("max_number_of_instances: 8", "max_number_of_instances: 3", "Expected: 1 to 3 Actual: 4"),
        ("max_number_of_instances: 8", "max_number_of_instances: 7", "contradicts .*at most 7 Actual: 4, at most 8"),
        ("gateway: {scale_level: 3}", "gateway: {scale_level: 2}", "Expected: 4 at level .four_units.*Actual: 3"),
        (
            "four_units: {number_of_instances: 4}",
            "five: {number_of_instances: 5}",
            "no number of units for the default",
        ),
        ("default_level: four_units", "default_level: other", "default_level - Expected: one of .'four_units'."),
        ("aspect: gateway", "aspect: other", "aspect - Expected: one of .'gateway'. Actual: 'other'"),
        ("one_unit: {number_of_instances: 1}", "one_unit: {number_of_instances: 0}", "greater than or equal to 1"),
        ("max_scale_level: 7", "max_scale_level: high", "scaling/properties - aspects/gateway/max_scale_level"),
        (
            "type: tosca.policies.nfv.VduInitialDelta",
            "type: a.b",
            "among the targets of no policy",
        ),
        ("modification_qualifier: up", "modification_qualifier: sideways", "modification_qualifier: Input should be"),
        ("source_flavour_id: default", "flavour: default", "selector/0/source_flavour_id: Field required"),
        ("min_disk: 0 B", "min_disk: some", "min_disk: .*Expected: number and unit"),
        ("sw_image_data:", "image:", "sw_image_data"),
        ("        sw_image:\n", "        other:\n", "gateway/artifacts - sw_image"),
        ("name: gateway.standard", "flavour: gateway.standard", "target_performance_parameters/name: Field required"),
    ],
)
def test_descriptors_that_cannot_be_used_say_why(old: str, new: str, message: str) -> None:
    with pytest.raises(DescriptorError, match=message):
        parse(with_change(old, new))


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "\tx: 1", "tosca_definitions_version: x\n"])
def test_no_service_template(text: str) -> None:
    with pytest.raises(DescriptorError):
        parse(text)


@pytest.mark.parametrize(("size", "size_bytes"), [("5 B", 5), ("5kB", 5000), ("2 MiB", 2 * 2**20), ("1 GB", 10**9)])
def test_sizes(size: str, size_bytes: int) -> None:
    assert parse(with_change("min_disk: 0 B", f"min_disk: {size}")).vdus[0].image.min_disk_bytes == size_bytes
