from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from hitless.sut import load, parse
from hitless.sut.document import parse_document
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

    def test_public_is_plain_data(self):
        public = parse(RIGHT).public()
        assert json.loads(json.dumps(public)) == public


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
        lines = render().splitlines()
        enabled = []
        for line in lines:
            plain = line.replace("# ", "", 1)
            key, _, value = plain.strip().partition(": ")
            is_entry = line.strip().startswith("#") and key.isidentifier() and value.startswith(('"', "{", "["))
            previous = enabled[-1].strip().partition(": ")[0] if enabled else ""
            if is_entry and previous == key:
                enabled[-1] = plain
            else:
                enabled.append(plain if is_entry else line)
        text = "\n".join(enabled).replace('type: "none"', "type: basic")
        text = text.replace("port: 0", "port: 18010")
        sut = parse(text)
        assert sut.vnf.marks.versions
        assert sut.mano.sol003.auth.password is not None
        assert sut.limits
        assert sut.notifications is not None
        assert sut.notifications.public_url

    def test_the_lab(self):
        sut = load(SUTS / "lab.yaml")
        assert sut.vnf.rated_capacity.value_pps == 10_000
        assert set(sut.vnf.marks.versions) == {"1.0", "2.0"}
        assert sut.traffic.profile.is_file()
        assert ".." not in sut.traffic.profile.parts[1:]
