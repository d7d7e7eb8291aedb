"""Each way to get a declaration wrong has one clear line; all of them are told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitless.sut import DeclarationError, load, parse
from tests.sut.declarations import RIGHT, with_value, written

TEMPLATE_SAYS = "start from suts/template.yaml"


def complaint(text):
    with pytest.raises(DeclarationError) as raised:
        parse(text, "x.yaml")
    return str(raised.value)


def replaced(old, new):
    assert old in RIGHT
    return RIGHT.replace(old, new)


# name of the case: text, the whole message
FORM = {
    "empty": (
        "",
        f"x.yaml:1: file - empty - Expected: sections such as vnf and mano Actual: nothing - {TEMPLATE_SAYS}",
    ),
    "only comments": (
        "# nothing\n\n",
        f"x.yaml:1: file - empty - Expected: sections such as vnf and mano Actual: nothing - {TEMPLATE_SAYS}",
    ),
    "a list": (
        "\n- a\n- b\n",
        f"x.yaml:2: file - wrong type - Expected: sections, one 'key: value' a line Actual: a list - {TEMPLATE_SAYS}",
    ),
    "a word": (
        "hello",
        (
            "x.yaml:1: file - wrong type - Expected: sections, one 'key: value' a line Actual: a single value"
            f" - {TEMPLATE_SAYS}"
        ),
    ),
    "a tab": (
        "vnf:\n\tsource: x\n",
        "x.yaml:2: file - not YAML - Expected: valid YAML Actual: a tab, column 1 - indent with spaces",
    ),
    "a missing bracket": (
        "vnf: {source: x\nmano: y\n",
        (
            "x.yaml:2: file - not YAML - Expected: valid YAML Actual: expected ',' or '}', but got ':', column 5"
            " - look at this line and the one above: indentation, a missing colon or quote"
        ),
    ),
    "wrong indentation": (
        "vnf:\n  a: 1\n b: 2\n",
        (
            "x.yaml:3: file - not YAML - Expected: valid YAML Actual: expected <block end>, but found"
            " '<block mapping start>', column 2"
            " - look at this line and the one above: indentation, a missing colon or quote"
        ),
    ),
    "a control character": (
        "name: \x01",
        (
            "x.yaml:1: file - not YAML - Expected: printable text Actual: unacceptable character #x0001: special"
            ' characters are not allowed in "<unicode string>", position 6 - remove the character'
        ),
    ),
    "far too deep": (
        "a: " + "[" * 20_000,
        "x.yaml:1: file - nested too deeply - Expected: a few levels Actual: hundreds - is this the right file?",
    ),
    "a duplicate key": (
        replaced("  flavour_id: default", "  flavour_id: default\n  flavour_id: other"),
        "x.yaml:7: vnf.flavour_id - duplicate key - Expected: each key once Actual: also in line 6 - remove one",
    ),
    "a duplicate section": (
        RIGHT + "mano: {}\n",
        "x.yaml:16: mano - duplicate key - Expected: each key once Actual: also in line 9 - remove one",
    ),
    "a key that is a list": (
        RIGHT + "[a, b]: c\n",
        "x.yaml:16: file - wrong key - Expected: a word Actual: a list or a section - write 'key: value'",
    ),
    "an alias": (
        replaced("default", "&f default") + "description: *f\n",
        "x.yaml:6: description - alias - Expected: the value itself Actual: a reference (*name) - write it out",
    ),
}


@pytest.mark.parametrize("case", FORM)
def test_form(case):
    text, expected = FORM[case]
    assert complaint(text) == expected


def test_an_alias_that_contains_itself_does_not_hang():
    assert "alias" in complaint("vnf: &a\n  source: *a\n")


# dotted path, wrong value, what is told after "path - "
VALUES = {
    "number in place of text": (
        "vnf.source.software_version",
        1.5,
        "wrong type - Expected: text Actual: number 1.5 - put it in quotes",
    ),
    "text in place of number": (
        "vnf.rated_capacity.value_pps",
        "10 kpps",
        "wrong type - Expected: a number Actual: text 10 kpps - write it without quotes and without a unit",
    ),
    "yes is a word": (
        "disruptive_allowed",
        "yes",
        "wrong type - Expected: true or false Actual: text yes - write it without quotes and without a unit",
    ),
    "true in place of a number": (
        "vnf.rated_capacity.frame_bytes",
        True,
        "wrong type - Expected: a whole number Actual: true - correct it",
    ),
    "a fraction in place of a whole number": (
        "vnf.rated_capacity.frame_bytes",
        128.5,
        "wrong type - Expected: a whole number Actual: number 128.5 - correct it",
    ),
    "a value in place of a section": (
        "vnf.marks",
        "dscp",
        "wrong type - Expected: a section with keys Actual: text dscp - correct it",
    ),
    "a list in place of a section": (
        "mano.sol003",
        ["http://x"],
        "wrong type - Expected: a section with keys Actual: a list - correct it",
    ),
    "a section in place of a list": (
        "upgrade.ext_virtual_links",
        {"a": 1},
        "wrong type - Expected: a list Actual: a section - correct it",
    ),
    "nothing in place of a section": (
        "traffic.trex",
        None,
        (
            "wrong type - Expected: a section with keys Actual: nothing"
            " - write its content, indented below, or see suts/template.yaml for traffic.trex"
        ),
    ),
    "a BPF expression that is no text": (
        "vnf.marks.versions",
        {"1.0": 40, "2.0": "ip"},
        "1.0 - wrong type - Expected: text Actual: number 40 - put it in quotes",
    ),
    "an empty text": (
        "vnf.flavour_id",
        "",
        "empty - Expected: deployment flavour (flavourId) Actual: nothing - write it",
    ),
    "an unknown choice": (
        "traffic.attachment",
        "l3",
        "wrong value - Expected: l2, routed or direct Actual: text l3 - correct it",
    ),
    "a choice close to one": (
        "traffic.attachment",
        "router",
        "wrong value - Expected: l2, routed or direct Actual: text router - did you mean routed?",
    ),
    "a choice far from all": (
        "vnf.marks.instance",
        "colour",
        "wrong value - Expected: source_mac, ttl, vlan, dscp or none Actual: text colour - correct it",
    ),
    "another schema version": (
        "schema_version",
        2,
        "wrong value - Expected: 1 Actual: number 2 - correct it",
    ),
    "port 0 of TRex": (
        "traffic.trex.sync_port",
        0,
        "out of range - Expected: >= 1 and <= 65535 Actual: number 0 - correct it",
    ),
    "port 70000 of TRex": (
        "traffic.trex.async_port",
        70000,
        "out of range - Expected: >= 1 and <= 65535 Actual: number 70000 - correct it",
    ),
    "port of notifications": (
        "notifications.port",
        65536,
        "out of range - Expected: >= 0 and <= 65535 Actual: number 65536 - correct it",
    ),
    "polling too rarely": (
        "mano.poll_interval_ms",
        500,
        "out of range - Expected: >= 10 and <= 200 Actual: number 500 - correct it",
    ),
    "no capacity": (
        "vnf.rated_capacity.value_pps",
        0,
        "out of range - Expected: > 0 and <= 1000000000.0 Actual: number 0 - correct it",
    ),
    "both packages the same": (
        "vnf.target.vnfd_id",
        "d1",
        "wrong value - Expected: source and target with different vnfd_id Actual: both d1 - correct one",
    ),
    "both versions the same": (
        "vnf.target.software_version",
        "1.0",
        "wrong value - Expected: source and target of different versions Actual: both 1.0 - correct one",
    ),
    "a mark for one version only": (
        "vnf.marks.versions",
        {"1.0": "ip"},
        (
            "wrong value - Expected: marks.versions for 1.0 and 2.0, or none at all Actual: 1.0"
            " - one mark for each version"
        ),
    ),
    "no URL": (
        "mano.sol003.api_root",
        "127.0.0.1:8001",
        (
            "not a URL - Expected: http://host:port or https://host:port Actual: 127.0.0.1:8001"
            " - write scheme, host and port"
        ),
    ),
    "a URL with a port that is none": (
        "mano.sol003.api_root",
        "http://host:port",
        (
            "not a URL - Expected: http://host:port Actual: http://host:port"
            " - Port could not be cast to integer value as 'port'"
        ),
    ),
    "a URL with a password": (
        "mano.sol003.api_root",
        "http://tester:hunter2@host:1",
        (
            "credentials in a URL - Expected: http://host:port Actual: user or password before the host"
            " - take them out of the URL; their place is auth, in a section that has it"
        ),
    ),
    "a URL with a query": (
        "mano.sol003.api_root",
        "http://host:1/?a=1",
        (
            "not a plain URL - Expected: nothing after the path Actual: http://host:1/?a=1"
            " - remove '?' or '#' and what follows"
        ),
    ),
    "a URL that goes too far": (
        "mano.sol003.api_root",
        "http://host:1/vnflcm/v2",
        "wrong value - Expected: what stands before /vnflcm Actual: http://host:1/vnflcm/v2 - end it before /vnflcm",
    ),
    "a version that is none": (
        "mano.sol003.version",
        "2.0",
        (
            "wrong value - Expected: major.minor.patch, such as 2.0.0 Actual: 2.0"
            " - ask the VNFM: GET {api_root}/vnflcm/api_versions"
        ),
    ),
    "a version without change_vnfpkg": (
        "mano.sol003.version",
        "1.3.0",
        "wrong value - Expected: a version 2.x.y, which knows change_vnfpkg Actual: 1.3.0 - name a version 2 of vnflcm",
    ),
    "basic without a password": (
        "mano.sol003.auth",
        {"type": "basic", "username": "u"},
        "missing - Expected: username and password, as type is basic Actual: username - add what is missing",
    ),
    "a user without basic": (
        "mano.sol003.auth",
        {"username": "u"},
        "wrong value - Expected: no username and no password, as type is none Actual: username - type: basic",
    ),
    "two places of one secret": (
        "mano.sol003.auth.password",
        {"env": "A", "file": "b"},
        "wrong value - Expected: {env: NAME} or {file: PATH} Actual: both - say in one way where the secret is",
    ),
    "no place of a secret": (
        "mano.sol003.auth.password",
        {},
        "wrong value - Expected: {env: NAME} or {file: PATH} Actual: neither - say in one way where the secret is",
    ),
    "one port twice": (
        "traffic.ports",
        {"users": 1, "network": 1},
        "wrong value - Expected: two different ports Actual: users and network are both 1 - change one",
    ),
    "an address that is none": (
        "notifications.bind",
        "localhost",
        "wrong value - Expected: bind: an IP address of this host Actual: localhost - write the address",
    ),
    "an address that nobody can call": (
        "notifications.bind",
        "0.0.0.0",
        (
            "missing - Expected: public_url, as 0.0.0.0 is no address to call Actual: none"
            " - bind to the address that MANO can reach, or add public_url"
        ),
    ),
    "a public URL without a fixed port": (
        "notifications.public_url",
        "http://tester:1/",
        "wrong value - Expected: a fixed port, as public_url leads to it Actual: port 0 - set the port",
    ),
    "a list as tunable": (
        "traffic.tunables",
        {"a": [1]},
        "a - wrong type - Expected: a number, a text, true or false Actual: list - one value for each name",
    ),
    "a requirement that is none": (
        "limits",
        {"CAP-01": {}},
        "CAP-01 - wrong key - Expected: requirements such as RQ-CAP-01 Actual: CAP-01 - see features/catalogue.yaml",
    ),
    "a trigger that is not there": (
        "upgrade.trigger",
        "helm",
        "wrong value - Expected: sol003, command or manual Actual: text helm - correct it",
    ),
    "a command without one": (
        "upgrade",
        {"trigger": "command"},
        "missing - Expected: command, as trigger is command Actual: none - add command: [program, argument, ...]",
    ),
    "a command that nobody runs": (
        "upgrade",
        {"command": ["true"]},
        "wrong value - Expected: trigger command, as there is a command Actual: trigger sol003 - trigger: command",
    ),
    "a command as one text": (
        "upgrade.command",
        "helm upgrade",
        "wrong type - Expected: a list Actual: text helm upgrade - correct it",
    ),
    "a first share of everything": (
        "upgrade.first_share",
        1,
        "out of range - Expected: > 0 and < 1 Actual: number 1 - correct it",
    ),
    "the failing package is the target": (
        "vnf.failing",
        {"vnfd_id": "d2", "software_version": "3"},
        "vnfd_id - wrong value - Expected: a package of its own Actual: that of target - correct it",
    ),
    "the failing package has the old version": (
        "vnf.failing",
        {"vnfd_id": "d3", "software_version": "1.0"},
        (
            "software_version - wrong value - Expected: a version of its own Actual: 1.0, the version of the source"
            " - correct it"
        ),
    ),
    "the disabled package is the source": (
        "vnf.disabled_vnfd_id",
        "d1",
        "wrong value - Expected: a package of its own Actual: that of source - correct it",
    ),
    "a unit without capacity": (
        "vnf.unit_capacity_pps",
        {"gateway": 0},
        "gateway - out of range - Expected: > 0 Actual: number 0 - correct it",
    ),
    "packages behind the API's name": (
        "mano.packages",
        {"api_root": "http://host:1/vnfpkgm"},
        (
            "api_root - wrong value - Expected: what stands before /vnfpkgm Actual: http://host:1/vnfpkgm"
            " - end it before /vnfpkgm"
        ),
    ),
    "a decider that is nothing": (
        "decider",
        {"hold_params": {}},
        "wrong value - Expected: http or command Actual: neither - say in one way how rules are set",
    ),
    "a decider that is two": (
        "decider",
        {"http": {"url": "http://host:1/rules"}, "command": ["set-rules"]},
        "wrong value - Expected: http or command Actual: both - say in one way how rules are set",
    ),
    "rollback that is a word": (
        "rollback.supported",
        "no",
        "wrong type - Expected: true or false Actual: text no - write it without quotes and without a unit",
    ),
    "a long text is cut": (
        "traffic.attachment",
        "x" * 100,
        "wrong value - Expected: l2, routed or direct Actual: text " + "x" * 52 + "... - correct it",
    ),
}


@pytest.mark.parametrize("case", VALUES)
def test_value(case):
    path, value, expected = VALUES[case]
    text = written(with_value(path, value))
    message = complaint(text)
    line, _, told = message.removeprefix("x.yaml:").partition(": ")
    # rules about a whole section are told at the section
    section = path.rpartition(".")[0]
    joints = (f"{path} - ", f"{path}.", f"{section} - ", f"{section.rpartition('.')[0]} - ")
    assert told in {joint + expected for joint in joints}
    key = told.partition(" - ")[0].rpartition(".")[2]
    assert key in text.splitlines()[int(line) - 1] or key == "0"


def test_a_password_in_the_file_is_refused_without_being_shown():
    auth = {"type": "basic", "username": "u", "password": "hunter2"}
    message = complaint(written(with_value("mano.sol003.auth", auth)))
    assert message.partition(": ")[2] == (
        "mano.sol003.auth.password - wrong type - Expected: {env: NAME} or {file: PATH} Actual: text (not shown)"
        " - say where the secret is; it must not stand in this file"
    )


@pytest.mark.parametrize("written_value", ["1e999", "9" * 400])
def test_a_number_without_end(written_value):
    message = complaint(replaced("session_timeout_s: 5", f"session_timeout_s: {written_value}"))
    expected = "out of range - Expected: > 0 and <= 86400 Actual: number inf - correct it"
    assert message == f"x.yaml:8: vnf.session_timeout_s - {expected}"


MISSING = {
    "vnf": "the VNF that is upgraded - add it to the file, at the left margin",
    "vnf.source.vnfd_id": "identifier of its VNF descriptor (vnfdId) - add it to section vnf.source",
    "vnf.session_timeout_s": "a session without a packet for longer is over; its address and port are not used again"
    " sooner - add it to section vnf",
    "mano.sol003.api_root": "URL of the VNFM up to, without, /vnflcm - add it to section mano.sol003",
    "decider.http.url": "PUT with {rules: [{name, users, service_port, version}]} replaces all of them; 2xx says that"
    " they are in force - add it to section decider.http",
    "traffic.profile": "TRex profile to send, with register() and describe(), seen from the folder of this file"
    " - add it to section traffic",
}


@pytest.mark.parametrize("path", MISSING)
def test_missing(path):
    changed = with_value("name", "x")
    section = changed
    *around, last = path.split(".")
    for part in around:
        section = section.setdefault(part, {})
    section.pop(last, None)
    message = complaint(written(changed))
    assert message.partition(": ")[2] == f"{path} - missing - Expected: {MISSING[path]}"


UNKNOWN = {
    "vnf.flavor_id": ("vnf.flavour_id", "did you mean flavour_id?"),
    "traffic.ports.side": (None, "remove it"),
    "mano.sol003.apiroot": ("mano.sol003.api_root", "did you mean api_root?"),
    "limits.RQ-CAP-01.loss.reason": (None, "remove it"),
    "notifications.prot": (None, "did you mean port?"),
    "Vnf": (None, "did you mean vnf?"),
}


@pytest.mark.parametrize("path", UNKNOWN)
def test_unknown_key(path):
    _, remedy = UNKNOWN[path]
    lines = complaint(written(with_value(path, "x"))).splitlines()
    (line,) = [line for line in lines if " - unknown key - " in line]
    assert line.partition(": ")[2].startswith(f"{path} - unknown key - Expected: one of ")
    assert line.endswith(f"Actual: {path.rpartition('.')[2]} - {remedy}")


@pytest.mark.parametrize("section", ["", "mano: {poll_interval_ms: 50}\n"])
def test_an_upgrade_by_sol003_needs_the_vnfm(section):
    text = RIGHT.replace("mano:\n  sol003:\n    api_root: http://127.0.0.1:8001\n", section)
    line = "9" if section else "1"
    assert complaint(text) == (
        f"x.yaml:{line}: mano.sol003 - missing - Expected: the VNFM's interface, as upgrade.trigger is sol003"
        " Actual: none - add section mano.sol003, or upgrade by trigger command or manual"
    )


def test_everything_is_told_at_once_by_line():
    text = (
        replaced('software_version: "1.0"', "software_version: 1.0")
        .replace("flavour_id: default", "flavour: default")
        .replace("attachment: l2", "attachment: l2\n  attachment: l2\n  ports: {users: x}")
    )
    lines = complaint(text).splitlines()
    assert [line.split(" - ")[:2] for line in lines] == [
        ["x.yaml:3: vnf.flavour_id", "missing"],
        ["x.yaml:4: vnf.source.software_version", "wrong type"],
        ["x.yaml:6: vnf.flavour", "unknown key"],
        ["x.yaml:16: traffic.attachment", "duplicate key"],
        ["x.yaml:17: traffic.ports.users", "wrong type"],
    ]


class TestFiles:
    def test_missing_file(self, tmp_path):
        with pytest.raises(DeclarationError) as raised:
            load(tmp_path / "none.yaml")
        assert str(raised.value) == (
            f"{tmp_path}/none.yaml:1: file - cannot be read - Expected: a readable file"
            f" Actual: No such file or directory - name an existing file, or copy {tmp_path}/template.yaml"
            f" to {tmp_path}/none.yaml"
        )

    def test_a_folder(self, tmp_path):
        with pytest.raises(DeclarationError, match="cannot be read - Expected: a readable file Actual: Is a directory"):
            load(tmp_path)

    def test_not_text(self, tmp_path):
        (tmp_path / "x.yaml").write_bytes(b"name: a\nvnf: \xff\n")
        with pytest.raises(DeclarationError, match=r"x\.yaml:2: file - not text - Expected: UTF-8 Actual: byte 0xff"):
            load(tmp_path / "x.yaml")

    def test_far_too_large(self, tmp_path):
        (tmp_path / "x.yaml").write_text("#" * 300_000, encoding="utf-8")
        with pytest.raises(DeclarationError, match="too large - Expected: at most 262144 bytes"):
            load(tmp_path / "x.yaml")

    def test_a_profile_that_is_not_there(self, tmp_path):
        (tmp_path / "x.yaml").write_text(RIGHT, encoding="utf-8")
        with pytest.raises(DeclarationError) as raised:
            load(tmp_path / "x.yaml")
        assert str(raised.value) == (
            f"{tmp_path}/x.yaml:13: traffic.profile - no such file"
            " - Expected: a file, seen from the folder of this declaration Actual: profile.py"
            f" - looked for {tmp_path}/profile.py"
        )

    def test_the_error_has_no_pydantic_behind_it(self):
        with pytest.raises(DeclarationError) as raised:
            parse("name: 1", "x.yaml")
        assert raised.value.__suppress_context__
        assert raised.value.source == "x.yaml"

    def test_a_name_as_the_user_wrote_it(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("x.yaml").write_text("", encoding="utf-8")
        with pytest.raises(DeclarationError, match=r"^x\.yaml:1: file - empty"):
            load("x.yaml")
