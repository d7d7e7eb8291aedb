from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from hitless.sut import load, parse
from hitless.sut.document import parse_document
from hitless.sut.management import UndeclaredError
from hitless.sut.model import SystemUnderTest
from hitless.sut.secret import Secret, SecretNotFoundError
from hitless.sut.template import render
from tests.sut.declarations import RIGHT, with_value, written

ROOT = Path(__file__).parents[2]
SUTS = ROOT / "suts"


class TestDefaults:
    def test_the_least_declaration(self):
        sut = parse(RIGHT)
        assert sut.vnf.rated_capacity.directions == "both"
        assert (sut.vnf.marks.versions, sut.vnf.marks.instance) == ({}, "none")
        assert sut.mano.sol003.auth.type == "none"
        assert sut.mano.poll_interval_ms <= 200
        assert sut.notifications is not None
        assert (sut.notifications.bind, sut.notifications.port) == ("127.0.0.1", 0)
        assert (sut.traffic.ports.users, sut.traffic.ports.network) == (0, 1)
        assert sut.upgrade.trigger == "sol003"
        assert not sut.traffic.trex.force_acquire
        assert not sut.disruptive_allowed
        assert sut.limits == {}

    def test_no_way_back_for_notifications(self):
        assert parse(RIGHT + "notifications:\n").notifications is None
        assert parse(RIGHT + "notifications: null\n").notifications is None

    def test_it_cannot_be_changed(self):
        sut = parse(RIGHT)
        with pytest.raises(ValidationError):
            sut.name = "other"
        with pytest.raises(ValidationError):
            sut.vnf.session_timeout_s = 1


class TestHowItIsUpgraded:
    def test_rollback_is_expected_unless_declared_otherwise(self):
        rollback = parse(RIGHT).rollback
        assert rollback.supported
        assert rollback.cancel
        assert rollback.retry
        assert rollback.fail
        assert rollback.downgrade
        assert not parse(written(with_value("rollback.cancel", value=False))).rollback.cancel

    def test_by_a_command_and_without_a_vnfm(self):
        changed = with_value("upgrade", {"trigger": "command", "command": ["helm", "upgrade", "x"]})
        del changed["mano"]
        sut = parse(written(changed))
        assert sut.upgrade.command == ("helm", "upgrade", "x")
        assert sut.mano.sol003 is None
        with pytest.raises(UndeclaredError, match=r"^mano\.sol003 - not declared - Expected: the VNFM's interface"):
            _ = sut.mano.vnfm
        public = sut.public()
        assert public["mano"]["sol003"] is None
        assert public["upgrade"]["command"] == ["helm", "upgrade", "x"]

    def test_the_vnfm_of_those_who_have_one(self):
        sut = parse(RIGHT)
        assert sut.mano.vnfm is sut.mano.sol003
        assert sut.mano.vnfm.api_root == "http://127.0.0.1:8001"

    def test_a_manual_trigger_may_have_a_vnfm_that_is_watched(self):
        sut = parse(written(with_value("upgrade.trigger", "manual")))
        assert (sut.upgrade.trigger, sut.mano.vnfm.version) == ("manual", "2.0.0")

    def test_a_decider(self):
        http = {"http": {"url": "http://127.0.0.1:1/rules"}, "hold_params": {"canary_share": 0}}
        decider = parse(written(with_value("decider", http))).decider
        assert decider is not None
        assert decider.http is not None
        assert (decider.http.url, decider.http.timeout_s) == ("http://127.0.0.1:1/rules", 5)
        assert decider.hold_params == {"canary_share": 0}
        by_command = parse(written(with_value("decider", {"command": ["a", "b"]}))).decider
        assert by_command is not None
        assert by_command.command == ("a", "b")
        assert parse(RIGHT).decider is None

    def test_capacity_of_units(self):
        changed = with_value("vnf.unit_capacity_pps", {"gateway": 2500, "gateway-large": 5000.0})
        assert parse(written(changed)).vnf.unit_capacity_pps == {"gateway": 2500, "gateway-large": 5000}


class TestScalars:
    """YAML 1.2: what looks like a number is one, words stay words."""

    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("1e-4", 1e-4),
            ("1.5e3", 1500.0),
            (".5", 0.5),
            ("-7", -7),
            ("010", 10),
            ("true", True),
            ("False", False),
            ("~", None),
            ("", None),
            ("yes", "yes"),
            ("on", "on"),
            ("12:30:45", "12:30:45"),
            ("2026-01-01", "2026-01-01"),
            ("1.0.0", "1.0.0"),
            ("0x10", "0x10"),
            ('"1.0"', "1.0"),
            ("'true'", "true"),
            ("9" * 400, math.inf),
        ],
    )
    def test_scalar(self, written, value):
        read = parse_document(f"key: {written}").data["key"]
        assert read == value
        assert type(read) is type(value)

    def test_keys_stay_as_they_are_written(self):
        assert parse_document("1.0: a\n2.10: b\ntrue: c\n").data == {"1.0": "a", "2.10": "b", "true": "c"}

    def test_marks_by_version_without_quotes(self):
        marks = "  marks:\n    versions: {1.0: ip, 2.0: ip6}\nmano:"
        assert parse(RIGHT.replace("mano:", marks)).vnf.marks.versions == {"1.0": "ip", "2.0": "ip6"}


class TestLimits:
    def test_an_override(self):
        limit = {"RQ-CAP-01": {"loss_ratio": {"value": 1e-4, "by": "me", "why": "contract"}}}
        sut = parse(written(with_value("limits", limit)))
        chosen = sut.limits["RQ-CAP-01"]["loss_ratio"]
        assert (chosen.value, chosen.by, chosen.why) == (1e-4, "me", "contract")


class TestPaths:
    def test_they_start_from_the_folder_of_the_file(self, tmp_path):
        (tmp_path / "suts").mkdir()
        (tmp_path / "profile.py").touch()
        text = RIGHT.replace("profile.py", "../profile.py")
        (tmp_path / "suts" / "x.yaml").write_text(text, encoding="utf-8")
        assert load(tmp_path / "suts" / "x.yaml").traffic.profile == tmp_path / "profile.py"

    def test_a_byte_order_mark_does_not_matter(self, tmp_path):
        (tmp_path / "profile.py").touch()
        (tmp_path / "x.yaml").write_text(RIGHT, encoding="utf-8-sig")
        assert load(tmp_path / "x.yaml").name == "example"


class TestProfileArguments:
    def test_the_rated_capacity(self):
        assert parse(RIGHT).profile_arguments() == ("--load-pps", "10000.0", "--load-frame", "128")
        assert parse(RIGHT).profile_arguments(70)[1] == "7000.0"

    def test_tunables_win(self):
        tunables = {"load_pps": 500, "long-pps": 1e3, "fast": True, "slow": False, "name": "x"}
        sut = parse(written(with_value("traffic.tunables", tunables)))
        assert sut.profile_arguments() == (
            *("--load-pps", "500", "--load-frame", "128", "--long-pps", "1000.0"),
            *("--fast", "--name", "x"),
        )


class TestSecrets:
    def declared(self, place):
        auth = {"type": "basic", "username": "u", "password": place}
        return parse(written(with_value("mano.sol003.auth", auth)))

    def test_from_the_environment(self, monkeypatch):
        monkeypatch.setenv("VNFM_PASSWORD", "hunter2")
        password = self.declared({"env": "VNFM_PASSWORD"}).mano.sol003.auth.password
        assert password is not None
        assert password.read() == "hunter2"

    def test_from_a_file(self, tmp_path):
        (tmp_path / "p").write_text("hunter2 \nsecond line\n", encoding="utf-8")
        assert Secret(file=tmp_path / "p").read() == "hunter2"

    @pytest.mark.parametrize("value", [None, ""])
    def test_an_unset_variable(self, monkeypatch, value):
        monkeypatch.delenv("VNFM_PASSWORD", raising=False)
        if value is not None:
            monkeypatch.setenv("VNFM_PASSWORD", value)
        with pytest.raises(SecretNotFoundError, match="environment variable VNFM_PASSWORD - no secret there"):
            Secret(env="VNFM_PASSWORD").read()

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "p").touch()
        with pytest.raises(SecretNotFoundError, match="p - no secret there"):
            Secret(file=tmp_path / "p").read()

    def test_nothing_shows_them(self, monkeypatch):
        monkeypatch.setenv("VNFM_PASSWORD", "hunter2")
        sut = self.declared({"env": "VNFM_PASSWORD"})
        shown = repr(sut) + str(sut) + json.dumps(sut.public()) + sut.model_dump_json()
        assert "hunter2" not in shown

    def test_public_keeps_the_place_and_hides_free_content(self):
        changed = with_value("mano.sol003.auth", {"type": "basic", "username": "u", "password": {"env": "P"}})
        changed["upgrade"] = {"additional_params": {"vdu_params": [{"username": "a", "password": "hunter2"}]}}
        changed["vnf"]["instantiate"] = {
            "vim_connection_info": {"vim1": {"accessInfo": {"password": "hunter3", "project": "p"}}}
        }
        sut = parse(written(changed))
        public = sut.public()
        assert public["mano"]["sol003"]["auth"]["password"] == {"env": "P", "file": None}
        assert public["upgrade"]["additional_params"] == {"vdu_params": [{"username": "a", "password": "***"}]}
        vim = public["vnf"]["instantiate"]["vim_connection_info"]["vim1"]
        assert vim == {"accessInfo": {"password": "***", "project": "p"}}
        assert "hunter" not in repr(sut) + json.dumps(public)
        # what is sent is not redacted
        assert sut.upgrade.additional_params["vdu_params"] == [{"username": "a", "password": "hunter2"}]

    def test_public_keeps_the_place_for_packages_and_hides_what_a_decider_is_told(self):
        auth = {"type": "basic", "username": "u", "password": {"env": "Q"}}
        changed = with_value("mano.packages", {"api_root": "http://127.0.0.1:2", "auth": auth})
        changed["decider"] = {"command": ["set", "--token=hunter2"], "hold_params": {"token": "hunter3"}}
        changed["upgrade"] = {"step_params": {"secret": "hunter4"}}
        public = parse(written(changed)).public()
        assert public["mano"]["packages"]["auth"]["password"] == {"env": "Q", "file": None}
        assert public["decider"]["command"] == ["set", "--token=***"]
        assert "hunter" not in json.dumps(public)

    def test_public_is_plain_data(self):
        public = parse(RIGHT).public()
        assert json.loads(json.dumps(public)) == public


def uncommented(template):
    """Return the template with what stands behind one comment sign in place of the defaults."""
    enabled = []
    for line in template.splitlines():
        plain = line.replace("# ", "", 1)
        key, colon, value = plain.strip().partition(":")
        commented = line.strip().startswith("# ")
        is_entry = (
            commented and colon and key.isidentifier() and re.fullmatch(r"( ([\"{\[]|[0-9.]+$|true$|false$).*)?", value)
        )
        in_section = bool(commented and re.match(r" *#  +# ", line))
        previous = enabled[-1].strip().partition(":")[0] if enabled else ""
        if is_entry and previous == key:
            enabled[-1] = plain
        else:
            enabled.append(plain if is_entry or in_section else line)
    return "\n".join(enabled)


class TestShippedFiles:
    def test_the_template_is_that_of_the_model(self):
        text = (SUTS / "template.yaml").read_text(encoding="utf-8")
        assert text == render(), "run: python -m hitless.sut.template > suts/template.yaml"

    def test_the_template_can_be_loaded(self):
        assert load(SUTS / "template.yaml").schema_version == 1

    def test_the_template_has_every_key_and_says_what_it_means(self):
        text = render()

        def walk(model):
            for name, field in model.model_fields.items():
                assert field.description, name
                assert f"{name}:" in text, name
                for kind in (field.annotation, *getattr(field.annotation, "__args__", ())):
                    if hasattr(kind, "model_fields") and kind.__name__ != "Limit":
                        walk(kind)

        walk(SystemUnderTest)

    def test_what_the_template_comments_out_is_right_as_well(self):
        text = uncommented(uncommented(render())).replace("port: 0", "port: 18010")
        text = text.replace('type: "none"', "type: basic").replace('trigger: "sol003"', "trigger: command")
        http = text[text.index("  http:") : text.index("  command: [", text.index("\ndecider:"))]
        sut = parse(text.replace(http, ""))
        assert sut.vnf.marks.versions
        assert sut.mano.sol003.auth.password is not None
        assert sut.limits
        assert sut.notifications is not None
        assert sut.notifications.public_url
        assert sut.vnf.failing is not None
        assert sut.mano.packages is not None
        assert sut.decider is not None
        assert sut.upgrade.command

    def test_the_lab(self):
        sut = load(SUTS / "lab.yaml")
        assert sut.vnf.rated_capacity.value_pps == 10_000
        assert set(sut.vnf.marks.versions) == {"1.0", "2.0"}
        assert sut.traffic.profile.is_file()
        assert ".." not in sut.traffic.profile.parts[1:]
        assert sut.vnf.failing is not None
        assert sut.vnf.failing.software_version == "2.0-faulty"
        assert sum(sut.vnf.unit_capacity_pps.values()) == 7500
        assert sut.mano.packages is not None
        assert sut.decider is not None
        assert sut.decider.http is not None
