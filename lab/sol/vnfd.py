"""Reads descriptors (SOL001) that are one service template with one deployment flavour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lab.sol.descriptor import Descriptor, PackageChange, ScalingAspect, SoftwareImage, Vdu
from lab.sol.shapes import (
    ArtifactsShape,
    AspectsShape,
    ChangeShape,
    ComputeShape,
    DeltasShape,
    ImageShape,
    InitialShape,
    LevelsShape,
    ProfileShape,
    VduLevelsShape,
    VnfShape,
)
from lab.sol.tosca import DescriptorError, Entity, Template

_NODES: Final = "tosca.nodes.nfv."
_POLICIES: Final = "tosca.policies.nfv."


def parse(text: str) -> Descriptor:
    """Read a descriptor.

    Raises:
        DescriptorError: it cannot be read, lacks something, or contradicts itself.
    """
    template = Template(text)
    vnf = _only(template.nodes(f"{_NODES}VNF"), f"nodes of type {_NODES}VNF").read(VnfShape, "properties")
    nodes = template.nodes(f"{_NODES}Vdu.Compute")
    if not nodes:
        raise DescriptorError(f"node_templates - no node of type {_NODES}Vdu.Compute")
    level = _default_level(template)
    vdus = tuple(_vdu(node, template, level) for node in nodes)
    return Descriptor(
        vnfd_id=str(vnf.descriptor_id),
        provider=vnf.provider,
        product=vnf.product_name,
        software_version=vnf.software_version,
        vnfd_version=vnf.descriptor_version,
        vnfm_info=tuple(vnf.vnfm_info),
        flavour_id=vnf.flavour_id,
        vdus=vdus,
        aspects=tuple(aspect for vdu in vdus for aspect in _aspects(vdu, template, level)),
        package_changes=tuple(
            change for one in template.policies(f"{_POLICIES}VnfPackageChange") for change in _changes(one)
        ),
        metadata=template.metadata,
    )


@dataclass(frozen=True, slots=True)
class _Level:
    """The instantiation level that is taken when nobody asks for one; scale levels by aspect."""

    name: str
    scale: Mapping[str, int]


def _default_level(template: Template) -> _Level:
    kind = f"{_POLICIES}InstantiationLevels"
    policy = _only(template.policies(kind), f"policies of type {kind}")
    found = policy.read(LevelsShape, "properties")
    # SOL001 wants a default only where there is a choice.
    name = found.default_level or (next(iter(found.levels)) if len(found.levels) == 1 else "")
    if name not in found.levels:
        raise DescriptorError(f"{policy.name} - default_level - Expected: one of {list(found.levels)} Actual: {name!r}")
    return _Level(name, {aspect: one.scale_level for aspect, one in found.levels[name].scale_info.items()})


def _vdu(node: Entity, template: Template, level: _Level) -> Vdu:
    profile = node.read(ProfileShape, "properties", "vdu_profile")
    levels = _targeting(template, "VduInstantiationLevels", node.name).read(VduLevelsShape, "properties").levels
    if level.name not in levels:
        raise DescriptorError(f"{node.name} - no number of units for the default instantiation level {level.name!r}")
    vdu = Vdu(
        id=node.name,
        image=_image(node),
        compute_flavour=node.read(ComputeShape, "capabilities", "virtual_compute", "properties").flavour,
        initial_units=levels[level.name].number_of_instances,
        min_units=profile.min_number_of_instances,
        max_units=profile.max_number_of_instances,
    )
    if not vdu.min_units <= vdu.initial_units <= vdu.max_units:
        raise DescriptorError(
            f"{vdu.id} - units at level {level.name!r} - Expected: {vdu.min_units} to {vdu.max_units} "
            f"Actual: {vdu.initial_units}"
        )
    return vdu


def _image(node: Entity) -> SoftwareImage:
    image = node.read(ImageShape, "properties", "sw_image_data")
    return SoftwareImage(
        name=image.name,
        version=image.version,
        algorithm=image.checksum.algorithm.upper(),
        hash=image.checksum.hash.lower(),
        container_format=image.container_format,
        disk_format=image.disk_format,
        min_disk_bytes=image.min_disk,
        size_bytes=image.size,
        path=node.read(ArtifactsShape, "artifacts").sw_image.file,
    )


def _aspects(vdu: Vdu, template: Template, level: _Level) -> list[ScalingAspect]:
    """Read the scaling aspects of one VDU."""
    known = {
        name: aspect
        for policy in template.policies(f"{_POLICIES}ScalingAspects")
        for name, aspect in policy.read(AspectsShape, "properties").aspects.items()
    }
    found = []
    for policy in template.policies(f"{_POLICIES}VduScalingAspectDeltas"):
        if vdu.id not in policy.targets:
            continue
        deltas = policy.read(DeltasShape, "properties")
        if deltas.aspect not in known:
            raise DescriptorError(f"{policy.name} - aspect - Expected: one of {list(known)} Actual: {deltas.aspect!r}")
        initial = _targeting(template, "VduInitialDelta", vdu.id).read(InitialShape, "properties").initial_delta
        (step,) = deltas.deltas.values()
        aspect = ScalingAspect(
            id=deltas.aspect,
            vdu_id=vdu.id,
            smallest_units=initial.number_of_instances,
            step_units=step.number_of_instances,
            max_level=known[deltas.aspect].max_scale_level,
        )
        _agree(vdu, aspect, level)
        found.append(aspect)
    return found


def _agree(vdu: Vdu, aspect: ScalingAspect, level: _Level) -> None:
    """See that an aspect and the numbers of units say the same."""
    at_level = aspect.units(level.scale.get(aspect.id, 0))
    if at_level != vdu.initial_units or aspect.max_units > vdu.max_units:
        raise DescriptorError(
            f"{vdu.id} - scaling aspect {aspect.id!r} contradicts the numbers of units - Expected: {vdu.initial_units} "
            f"at level {level.name!r}, at most {vdu.max_units} Actual: {at_level}, at most {aspect.max_units}"
        )


def _changes(policy: Entity) -> list[PackageChange]:
    change = policy.read(ChangeShape, "properties")
    return [
        PackageChange(
            source_vnfd_id=str(one.source_descriptor_id),
            destination_vnfd_id=str(one.destination_descriptor_id),
            qualifier=change.modification_qualifier,
            source_flavour_id=one.source_flavour_id,
            destination_flavour_id=change.destination_flavour_id,
            description=change.additional_modification_description,
        )
        for one in change.selector
    ]


def _targeting(template: Template, kind: str, node: str) -> Entity:
    for policy in template.policies(_POLICIES + kind):
        if node in policy.targets:
            return policy
    raise DescriptorError(f"{node} - among the targets of no policy of type {_POLICIES}{kind}")


def _only(entities: list[Entity], what: str) -> Entity:
    if len(entities) != 1:
        raise DescriptorError(f"{what} - Expected: 1 Actual: {len(entities)}")
    return entities[0]
