from __future__ import annotations

import pytest

from hitless import sut as declarations
from hitless.mano.errors import ProblemDetails, UnreachableError
from hitless.mano.resources import Accepted, Operation, VnfInstance
from hitless.procedures.initial_state import InitialState, InitialStateError

SOURCE, TARGET = "vnfd-1", "vnfd-2"


class Declared:
    """The part of a declaration that the initial state reads."""

    def __init__(self, *, instance_id=None, disruptive_allowed=False):
        package = {"vnfd_id": SOURCE, "software_version": "1.0"}
        self.sut = declarations.SystemUnderTest.model_validate(
            {
                "schema_version": 1,
                "name": "x",
                "vnf": {
                    "source": package,
                    "target": {"vnfd_id": TARGET, "software_version": "2.0"},
                    "flavour_id": "default",
                    "instance_id": instance_id,
                    "rated_capacity": {"value_pps": 100, "frame_bytes": 128, "new_sessions_per_s": 1},
                    "session_timeout_s": 5,
                    "instantiate": {"additional_params": {"size": "small"}},
                },
                "mano": {"sol003": {"api_root": "http://127.0.0.1:1"}},
                "upgrade": {"deadline_s": 30},
                "disruptive_allowed": disruptive_allowed,
                "traffic": {
                    "profile": "p.py",
                    "trex": {"server": "127.0.0.1"},
                    "ports": {"users": 0, "network": 1},
                    "attachment": "l2",
                },
            }
        )


class FakeVnfm:
    """A VNFM in which each operation takes three polls."""

    def __init__(self):
        self.kept = {}
        self.made = 0
        self.log = []
        self.ending = "COMPLETED"
        self.polls_left = 0
        self.effect = lambda: None
        self.waiting = {}
        self.after_cancel = ""

    def operations(self, identifier):
        state = self.waiting.get(identifier)
        return () if state is None else (Operation(f"op-of-{identifier}", "X", state, identifier, None, {}),)

    def try_task(self, operation_id, task, body=None, *, state):
        self.log.append((task, operation_id, state))
        if task == "fail":
            self.waiting.clear()

    def change_vnfpkg(self, identifier, request, *, conflict_patience_s=0.0):
        self.log.append(("change_vnfpkg", identifier, request["vnfdId"]))
        name, _, instantiated = self.kept[identifier]
        return self.begin(lambda: self.kept.__setitem__(identifier, (name, request["vnfdId"], instantiated)))

    def add(self, name, vnfd_id=SOURCE, *, instantiated):
        self.made += 1
        identifier = f"i{self.made}-{name}"
        self.kept[identifier] = (name, vnfd_id, instantiated)
        return identifier

    def instance(self, identifier):
        name, vnfd_id, instantiated = self.kept[identifier]
        document = {"vnfInstanceName": name, "instantiationState": "INSTANTIATED" if instantiated else "NOT"}
        return VnfInstance(identifier, vnfd_id, "1.0", instantiated, (), None, document)

    def instances(self):
        return tuple(self.instance(identifier) for identifier in list(self.kept))

    def create(self, vnfd_id, *, name, description=""):
        self.log.append(("create", vnfd_id, name))
        return self.instance(self.add(name, vnfd_id, instantiated=False))

    def instantiate(self, identifier, request):
        self.log.append(("instantiate", identifier, request))
        name, vnfd_id, _ = self.kept[identifier]
        return self.begin(lambda: self.kept.__setitem__(identifier, (name, vnfd_id, True)))

    def terminate(self, identifier, *, conflict_patience_s=0.0):
        assert identifier not in self.waiting, "an operation waits for a decision"
        self.log.append(("terminate", identifier))
        name, vnfd_id, _ = self.kept[identifier]
        return self.begin(lambda: self.kept.__setitem__(identifier, (name, vnfd_id, False)))

    def delete(self, identifier, *, conflict_patience_s=0.0):
        self.log.append(("delete", identifier))
        assert not self.kept[identifier][2], "an instantiated instance cannot be deleted"
        del self.kept[identifier]

    def begin(self, effect):
        self.polls_left, self.effect = 3, effect
        return Accepted("op", "http://x/op", 0, 0)

    def operation(self, identifier):
        if identifier.startswith("op-of-"):
            return Operation(identifier, "X", self.after_cancel, "", None, {})
        self.polls_left -= 1
        if self.polls_left > 0:
            return Operation(identifier, "X", "PROCESSING", "", None, {})
        self.effect()
        error = (
            ProblemDetails(500, "no image", "image missing", conforming=True) if self.ending != "COMPLETED" else None
        )
        return Operation(identifier, "X", self.ending, "", error, {})


class Scene:
    def __init__(self, **declared):
        self.now_ns = 0
        self.vnfm = FakeVnfm()
        self.said = []
        self.state = InitialState(
            Declared(**declared).sut, self.vnfm, say=self.said.append, clock_ns=lambda: self.now_ns, sleep=self.sleep
        )

    def sleep(self, seconds):
        self.now_ns += int(seconds * 1e9)


def test_makes_an_instance_and_brings_it_into_service():
    scene = Scene()
    instance = scene.state.establish()
    assert instance.instantiated
    assert [entry[0] for entry in scene.vnfm.log] == ["create", "instantiate"]
    assert scene.vnfm.log[0] == ("create", SOURCE, "hitless-x")
    assert scene.vnfm.log[1][2] == {"flavourId": "default", "additionalParams": {"size": "small"}}


def test_removes_what_an_earlier_run_left_and_nothing_else():
    scene = Scene()
    foreign = scene.vnfm.add("customer", instantiated=True)
    left = scene.vnfm.add("hitless-x", TARGET, instantiated=True)
    half = scene.vnfm.add("hitless-x", TARGET, instantiated=False)
    scene.state.establish()
    assert foreign in scene.vnfm.kept
    assert left not in scene.vnfm.kept
    assert half not in scene.vnfm.kept
    assert ("terminate", left) in scene.vnfm.log
    assert ("terminate", half) not in scene.vnfm.log


def test_an_existing_instance_is_used_as_it_is():
    scene = Scene(instance_id="i1-customer")
    scene.vnfm.add("customer", instantiated=True)
    assert scene.state.establish().id == "i1-customer"
    assert scene.vnfm.log == []


@pytest.mark.parametrize(
    ("vnfd_id", "instantiated", "expected"),
    [(SOURCE, False, "not in service"), (TARGET, True, "other package")],
)
def test_an_existing_instance_in_another_state_is_refused(vnfd_id, instantiated, expected):
    scene = Scene(instance_id="i1-customer")
    scene.vnfm.add("customer", vnfd_id, instantiated=instantiated)
    with pytest.raises(InitialStateError, match=expected):
        scene.state.establish()
    assert scene.vnfm.log == []


def test_an_operation_that_waits_for_a_decision_is_given_up_before_the_instance_is_removed():
    scene = Scene()
    left = scene.vnfm.add("hitless-x", TARGET, instantiated=True)
    scene.vnfm.waiting[left] = "FAILED_TEMP"
    scene.state.establish()
    assert [entry[0] for entry in scene.vnfm.log][:2] == ["fail", "terminate"]


def test_an_existing_instance_is_taken_back_if_it_may_be_disturbed():
    scene = Scene(instance_id="i1-customer", disruptive_allowed=True)
    scene.vnfm.add("customer", TARGET, instantiated=True)
    instance = scene.state.establish()
    assert instance.vnfd_id == SOURCE
    assert scene.vnfm.log == [("change_vnfpkg", "i1-customer", SOURCE)]


def test_an_operation_that_fails_says_why():
    scene = Scene()
    scene.vnfm.ending = "FAILED_TEMP"
    with pytest.raises(InitialStateError, match="Expected: COMPLETED Actual: FAILED_TEMP no image: image missing"):
        scene.state.establish()


def test_an_operation_that_never_ends_is_given_up():
    scene = Scene()
    scene.vnfm.ending = "PROCESSING"
    with pytest.raises(InitialStateError, match="COMPLETED within 30 s"):
        scene.state.establish()
    assert scene.now_ns >= 30_000_000_000


def test_trouble_with_the_interface_is_told_as_such():
    scene = Scene()

    def instances():
        raise UnreachableError("GET /vnf_instances", "unreachable", expected="a connection", actual="refused")

    scene.vnfm.instances = instances
    with pytest.raises(InitialStateError, match=r"initial state not reached - GET /vnf_instances - unreachable"):
        scene.state.establish()


@pytest.mark.parametrize("state", ["PROCESSING", "ROLLING_BACK"])
def test_an_operation_that_goes_on_is_cancelled_before_the_instance_is_removed(state):
    """A tester that was interrupted has left it behind; an upgrade may be held for minutes."""
    scene = Scene()
    left = scene.vnfm.add("hitless-x", TARGET, instantiated=True)
    scene.vnfm.waiting[left] = state
    scene.vnfm.after_cancel = "FAILED_TEMP"
    scene.state.establish()
    assert [entry[0] for entry in scene.vnfm.log][:3] == ["cancel", "fail", "terminate"]


def test_an_operation_that_cannot_be_cancelled_is_not_waited_for_for_ever():
    scene = Scene()
    left = scene.vnfm.add("hitless-x", TARGET, instantiated=True)
    scene.vnfm.waiting[left] = "PROCESSING"
    scene.vnfm.after_cancel = "PROCESSING"
    with pytest.raises(AssertionError, match="an operation waits"):
        scene.state.establish()
    assert scene.now_ns < 12e9
