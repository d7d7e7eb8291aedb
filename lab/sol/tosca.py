"""TOSCA service templates, as far as descriptors need them: node templates and policies by their types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class DescriptorError(ValueError):
    """A descriptor that cannot be used; the message says where and why."""


class Part(BaseModel):
    """A piece of a template that somebody reads; what nobody reads is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")


AnyPart = TypeVar("AnyPart", bound=Part)


@dataclass(frozen=True, slots=True)
class Entity:
    """A node template or a policy.

    Attributes:
        name: what the template calls it.
        kind: its type as written, which may derive from another.
        document: all of it.
    """

    name: str
    kind: str
    document: Mapping[str, Any]

    @property
    def targets(self) -> tuple[str, ...]:
        """The nodes that a policy applies to."""
        return tuple(str(one) for one in self.document.get("targets") or ())

    def read(self, shape: type[AnyPart], *path: str) -> AnyPart:
        """Check a part of it.

        Raises:
            DescriptorError: something is missing or of another type.
        """
        value: Any = self.document
        for step in path:
            value = _mapping(value, "/".join((self.name, *path))).get(step)
        return _checked(shape, value, "/".join((self.name, *path)))


class Template:
    """One service template."""

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            DescriptorError: it is no YAML, or no service template.
        """
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise DescriptorError(f"not YAML: {error}") from error
        self._document = _mapping(document, "document")
        if "tosca_definitions_version" not in self._document:
            raise DescriptorError("tosca_definitions_version - missing - Expected: a TOSCA service template")
        self._topology = _mapping(self._document.get("topology_template"), "topology_template")
        self._parents = {
            str(name): str(_mapping(one, f"node_types/{name}").get("derived_from", ""))
            for name, one in _mapping(self._document.get("node_types") or {}, "node_types").items()
        }

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the template says about itself."""
        found = _mapping(self._document.get("metadata") or {}, "metadata")
        return {str(name): str(value) for name, value in found.items()}

    def nodes(self, base: str) -> list[Entity]:
        """Return the node templates of a type, those of derived types included, in the order of the template."""
        found = _mapping(self._topology.get("node_templates"), "topology_template/node_templates")
        return [one for one in _entities(found.items()) if base in self._ancestry(one.kind)]

    def policies(self, kind: str) -> list[Entity]:
        """Return the policies of a type, in the order of the template."""
        found = self._topology.get("policies") or []
        pairs = [pair for one in found for pair in _mapping(one, "topology_template/policies").items()]
        return [one for one in _entities(pairs) if one.kind == kind]

    def _ancestry(self, kind: str) -> set[str]:
        """Return a type and all that it derives from within this template."""
        chain: set[str] = set()
        while kind and kind not in chain:
            chain.add(kind)
            kind = self._parents.get(kind, "")
        return chain


def _checked(shape: type[AnyPart], value: Any, where: str) -> AnyPart:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        faults = "; ".join(f"{'/'.join(map(str, one['loc'])) or 'value'}: {one['msg']}" for one in error.errors())
        raise DescriptorError(f"{where} - {faults}") from error


def _entities(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Entity]:
    for name, value in pairs:
        document = _mapping(value, str(name))
        yield Entity(str(name), str(document.get("type", "")), document)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise DescriptorError(f"{where} - Expected: a map - Actual: {value!r:.80}")
    return value
