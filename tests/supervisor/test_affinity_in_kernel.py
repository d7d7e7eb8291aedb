"""The forgetful decider rules against real nftables, in a namespace of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.supervisor import labs

pytestmark = pytest.mark.namespaces

# Pins with little of their time left stand for users that have been silent; seconds to spare, for slow machines.
SCRIPT = """
import json, os, sys
if os.getpid() != 1:
    from lab import isolation
    isolation.enter([sys.executable, "-c", sys.argv[1], *sys.argv[1:]], os.environ)
from pyroute2 import IPRoute
from lab import nft
from lab.defects.pins import live_pins
from lab.devices import prepare_device
from lab.loading import load_part

def pair(name, peer):
    with IPRoute() as netlink:
        netlink.link("add", ifname=name, kind="veth", peer={"ifname": peer})
    prepare_device(name)

for name, peer in (("users", "p0"), ("network", "p1"), ("a1", "x1"), ("c1", "y1"), ("a2", "x2"), ("c2", "y2")):
    pair(name, peer)
rules = load_part(sys.argv[2])(pin_timeout_s=50, **json.loads(sys.argv[3]))
nft.commit(rules.initial())
nft.commit(rules.add_unit(1, 1))
nft.commit(rules.add_unit(2, 2))
nft.commit(rules.set_buckets([1] * 256))
for user, left_s in json.loads(sys.argv[4]).items():
    nft.commit(f"add element netdev decider pins {{ {user} . 5001 timeout {left_s}s : 1 }}\\n")
nft.commit(rules.set_buckets([2 if bucket in (0, 128) else 1 for bucket in range(256)]))
print(json.dumps(sorted(pin.user for pin in live_pins("decider", "pins"))))
"""
# user: seconds until the pin expires, of 50
USERS = {"10.1.0.0": 48, "10.1.7.0": 12, "10.1.3.128": 48, "10.1.0.1": 12}


def left(rules, **options):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, SCRIPT, rules, json.dumps(options), json.dumps(USERS)],
        cwd=labs.ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_standard_rules_forget_nobody():
    assert left("lab.decider.rules:PinnedRules") == sorted(USERS)


def test_rehash_all_forgets_everybody():
    assert left("lab.defects.affinity:RehashAllRules") == []


def test_rehash_one_bucket_forgets_its_users():
    assert left("lab.defects.affinity:RehashOneBucketRules") == ["10.1.0.1", "10.1.3.128"]


def test_rehash_idle_forgets_silent_users():
    # 12 of 50 seconds left: silent for 38 s.
    assert left("lab.defects.affinity:RehashIdleRules", idle_s=30) == ["10.1.0.0", "10.1.3.128"]
