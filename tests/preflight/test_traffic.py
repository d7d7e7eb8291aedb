from __future__ import annotations

import pytest

from hitless.preflight.generator import GeneratorChecks
from hitless.preflight.observed import block_of, judge_marks, seen_values
from hitless.preflight.through import send_through
from hitless.traffic import TrafficError
from tests.preflight.fakes import GROUPS, MARKS, FakeGenerator, declared, frame, port


def lines(findings):
    return [str(finding) for finding in findings]


def reach(generator, **values):
    checks = GeneratorChecks(declared(**values), generator)
    return checks, lines(checks.reach())


class TestGenerator:
    def test_all_well(self):
        generator = FakeGenerator()
        checks, told = reach(generator)
        assert told == [
            "ok       traffic generator - TRex v3.08 (STL) at 127.0.0.1:4501",
            "ok       port 0 (users) - free, MAC m0, driver net_fake",
            "ok       port 1 (network) - free, MAC m1, driver net_fake",
        ]
        assert lines(checks.load(take=False)) == [
            (
                "ok       traffic profile - profile.py is loaded: load-up 700 pps, new-sessions 200 pps,"
                " long-sessions 100 pps, filler-up 100 pps"
            )
        ]
        assert generator.calls == [
            "connect 127.0.0.1 4501 4500",
            "prepare profile.py --load-pps 10000.0 --load-frame 128 (0, 1) False",
        ]

    def test_not_there(self):
        error = TrafficError("TRex server 127.0.0.1:4501", "connect: no answer", "worker log /x")
        checks, told = reach(FakeGenerator(trouble={"connect": error}))
        assert told == [
            (
                "failed   traffic generator - TRex server 127.0.0.1:4501 - connect: no answer - worker log /x"
                " - is the TRex server up, and is traffic.trex right?"
            )
        ]
        assert list(checks.load(take=True)) == []

    def test_no_such_port(self):
        checks, told = reach(FakeGenerator(), traffic__ports={"users": 4, "network": 1})
        assert (
            told[1]
            == "failed   port 4 (users) - no such port - Expected: one of 0, 1 Actual: 4 - correct traffic.ports.users"
        )
        assert list(checks.load(take=True)) == []

    def test_link_down(self):
        _, told = reach(FakeGenerator(ports=(port(0), port(1, link_up=False))))
        assert (
            told[2] == "failed   port 1 (network) - link is down - Expected: up Actual: down - look at cable or device"
        )

    def test_unknown_link_is_no_fault(self):
        _, told = reach(FakeGenerator(ports=(port(0, link_up=None), port(1))))
        assert all(line.startswith("ok") for line in told)

    def test_somebody_elses_port(self):
        checks, told = reach(FakeGenerator(ports=(port(0, owner="jane"), port(1))))
        assert told[1] == (
            "failed   port 0 (users) - in use - Expected: free Actual: owned by jane"
            " - release it there, or set traffic.trex.force_acquire"
        )
        assert list(checks.load(take=True)) == []

    def test_somebody_elses_port_that_may_be_taken(self):
        generator = FakeGenerator(ports=(port(0, owner="jane"), port(1)))
        checks, told = reach(generator, traffic__trex__force_acquire=True)
        assert told[1] == (
            "warning  port 0 (users) - in use by jane, from whom a run will take it - see that nobody measures there"
        )
        # looking alone disturbs nobody
        assert lines(checks.load(take=False)) == ["warning  traffic profile - not tried, as the ports are in use"]
        assert not [call for call in generator.calls if call.startswith("prepare")]
        assert [finding.level for finding in checks.load(take=True)] == ["ok"]
        assert generator.calls[-1].endswith("True")

    def test_a_profile_that_cannot_be_loaded(self):
        checks, _ = reach(FakeGenerator(trouble={"prepare": TrafficError("traffic profile x", "tunables: unknown")}))
        assert lines(checks.load(take=True)) == [
            (
                "failed   traffic profile - traffic profile x - tunables: unknown"
                " - correct traffic.profile, traffic.tunables or vnf.rated_capacity"
            )
        ]
        assert checks.groups == ()


def through(generator, **values):
    return lines(send_through(declared(**values), generator, GROUPS, generator.sleep))


class TestThrough:
    def test_all_well(self):
        generator = FakeGenerator()
        assert through(generator) == [
            "ok       offered load - 1000 pps over 4.5 s, 1000 pps planned, generator CPU 12 %",
            "ok       tester - no errors at its own ports",
            "ok       return - all 5504 packets came back",
            (
                "ok       probe packets - 64 identified by their payload; as sent: source_address, destination_address,"
                " source_port, destination_port, ip_id, ttl, index; rewritten on the way: dscp (sent 0, received 10)"
            ),
            "ok       version mark 1.0 - ip and ip[1] & 0xfc = 0x28 matches 64 of 64 packets",
            "ok       version mark 2.0 - matches none of 64 packets, as 1.0 is in service",
            "ok       instance mark - source_mac tells 2 instances: 02:00:00:01:00:01, 02:00:00:01:00:02",
        ]
        # the part that replaces another one later is not sent with it
        assert generator.calls == [
            *("start main", "start long", "snapshot", "sample_packets udp", "snapshot"),
            *("stop main", "stop long", "snapshot"),
        ]

    @pytest.mark.parametrize(("speed", "level"), [(0.99, "failed"), (0.9995, "ok"), (1.0005, "ok"), (1.01, "failed")])
    def test_the_load_is_held_to_one_in_a_thousand(self, speed, level):
        assert through(FakeGenerator(speed=speed))[0].startswith(level)

    def test_too_little(self):
        assert through(FakeGenerator(speed=0.5))[0] == (
            "failed   offered load - the tester sends too little - Expected: 1000 pps within 0.1 %"
            " Actual: 500 pps over 4.5 s, generator CPU 12 % - lower the load or use a faster generator"
        )

    def test_the_tester_loses(self):
        assert through(FakeGenerator(ierrors=3))[1] == (
            "failed   tester - the tester loses packets - Expected: ierrors 0, oerrors 0 Actual: port 1 ierrors 3"
            " - larger rings, a lower load, or a faster generator"
        )

    def test_a_lossy_way(self):
        assert through(FakeGenerator(kept=0.9))[2] == (
            "warning  return - 550 of 5504 packets are missing without any upgrade - Expected: 0 - by group:"
            " load-up 385, new-sessions 110, long-sessions 55 - a lossy baseline leaves verdicts inconclusive"
        )

    def test_nothing_comes_back(self):
        told = through(FakeGenerator(kept=0.0, packets=[]))
        assert told[2] == (
            "failed   return - nothing comes back - Expected: 5504 packets Actual: 0"
            " - look at the way through the system under test and at traffic.ports"
        )
        assert told[3] == (
            "failed   probe packets - no UDP packet reached port 1 - Expected: 300"
            " - look at the way through the system under test, from the users' port on"
        )
        assert len(told) == 4

    def test_probes_that_do_not_survive(self):
        told = through(FakeGenerator(packets=[frame(probe=False)] * 10))
        assert told[3] == (
            "failed   probe packets - no probe among 10 packets"
            " - Expected: payload tail and UDP header as they were sent"
            " - does the system under test end, translate or re-segment the traffic?"
        )

    def test_a_wrong_header_checksum(self):
        broken = bytearray(frame())
        broken[15] ^= 0x04  # another DSCP, the checksum left as it was
        told = through(FakeGenerator(packets=[bytes(broken)]))
        assert (
            "warning  probe packets - 1 of 1 came with a wrong IP header checksum - Expected: 0"
            " - whoever writes the mark has to correct the checksum"
        ) in told

    @pytest.mark.parametrize("call", ["start", "snapshot", "sample_packets"])
    def test_a_generator_that_fails(self, call):
        generator = FakeGenerator(trouble={call: TrafficError("TRex server x", "lost")})
        assert through(generator) == ["failed   traffic - TRex server x - lost - look at the TRex server"]
        started = [name for name in generator.calls if name.startswith("start")]
        stopped = [name for name in generator.calls if name.startswith("stop")]
        assert len(stopped) == (0 if call == "start" else len(started))

    def test_without_marks(self):
        told = through(FakeGenerator(), vnf__marks={})
        assert [line.split(" - ")[0] for line in told] == [
            *("ok       offered load", "ok       tester", "ok       return", "ok       probe packets")
        ]


def marks_of(packets, instance="none", versions=MARKS):
    return lines(judge_marks(block_of(packets), versions, instance, "1.0"))


class TestMarks:
    SEEN = "TTL 64 (4); VLAN none; source MAC 02:00:00:01:00:01 (4)"

    def test_a_mark_that_never_appears(self):
        assert marks_of([frame(dscp=0)] * 4) == [
            (
                "failed   version mark 1.0 - never appears: ip and ip[1] & 0xfc = 0x28"
                f" - Expected: in all packets Actual: 0 of 4 - seen: DSCP 0 = 0x00 (4); {self.SEEN}"
                " - correct vnf.marks.versions.1.0"
            ),
            "ok       version mark 2.0 - matches none of 4 packets, as 1.0 is in service",
        ]

    def test_marks_that_are_mixed_up(self):
        assert marks_of([frame(dscp=18)] * 4) == [
            (
                "failed   version mark 1.0 - never appears: ip and ip[1] & 0xfc = 0x28"
                f" - Expected: in all packets Actual: 0 of 4 - seen: DSCP 18 = 0x48 (4); {self.SEEN}"
                " - correct vnf.marks.versions.1.0"
            ),
            (
                "failed   version mark 2.0 - matches 4 of 4 packets - Expected: 0, as 1.0 is in service"
                f" - seen: DSCP 18 = 0x48 (4); {self.SEEN} - correct vnf.marks.versions.2.0"
            ),
        ]

    def test_a_mark_that_is_not_everywhere(self):
        assert marks_of([frame(), frame(), frame(), frame(dscp=0)])[0] == (
            "failed   version mark 1.0 - not in all packets: ip and ip[1] & 0xfc = 0x28 - Expected: 4 Actual: 3"
            f" - seen: DSCP 10 = 0x28 (3), 0 = 0x00 (1); {self.SEEN} - correct vnf.marks.versions.1.0"
        )

    def test_marks_that_do_not_exclude_each_other(self):
        told = marks_of([frame()] * 4, versions={"1.0": "ip", "2.0": "udp"})
        assert [line.partition(" - seen")[0] for line in told] == [
            f"failed   version mark {version} - 4 of 4 packets match more than one mark - Expected: 0"
            for version in ("1.0", "2.0")
        ]

    def test_a_missing_instance_mark(self):
        assert marks_of([frame()] * 4, "vlan", versions={}) == [
            (
                f"failed   instance mark - 4 of 4 packets have no vlan - Expected: 0"
                f" - seen: DSCP 10 = 0x28 (4); {self.SEEN} - correct vnf.marks.instance"
            )
        ]

    def test_vlan_as_instance_mark(self):
        packets = [frame(vlan=100 + number) for number in range(6)]
        assert marks_of(packets, "vlan", versions={}) == [
            "ok       instance mark - vlan tells 6 instances: vlan 100, vlan 101, vlan 102, vlan 103 ..."
        ]

    def test_many_values_are_told_briefly(self):
        packets = [frame(mac=number % 7) for number in range(20)]
        assert seen_values(block_of(packets)).endswith(
            "source MAC 02:00:00:01:00:00 (3), 02:00:00:01:00:01 (3), 02:00:00:01:00:02 (3), 02:00:00:01:00:03 (3)"
            " and 3 others"
        )

    def test_packets_of_different_length(self):
        block = block_of([frame(), b"", frame()[:20]])
        assert list(block.lengths) == [len(frame()), 0, 20]
        assert "DSCP 10 = 0x28 (1)" in seen_values(block)
