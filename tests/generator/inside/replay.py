"""Plays a recorded conversation to a generator on real devices, with a router between its ports."""

from __future__ import annotations

import sys
import time

from tests.generator import conversation
from tests.generator.inside import world

RULES = {
    "drop all": "drop",
    "drop one in 100": "numgen inc mod 100 0 drop",
    "delay probes": "ip id 0xffff numgen inc mod 100 0 meta priority set 1:2",
}
# A line for each brace: nftables 1.0.6, for one, takes "} }" for a mistake.
TABLE = """
table ip loss {
    chain forward {
        type filter hook forward priority 0; policy accept;
        RULE
    }
}
"""
# A class that is a tenth too slow for one probe of 124 bytes each 100 ms: what it may send in advance is used up after
# about ten of them, and each of the others waits 10 ms longer than the one before.
DELAY = (
    "qdisc add dev r1 root handle 1: htb default 1",
    "class add dev r1 parent 1: classid 1:1 htb rate 1gbit quantum 1514",
    "class add dev r1 parent 1: classid 1:2 htb rate 9kbit burst 130 quantum 1514",
)
IN_TIME_S = 0.02


class Server:
    """What a conversation is played to."""

    def __init__(self, router, process):
        self.router, self.process = router, process
        self.client = world.RpcClient()
        self.begun, self.late_s = time.monotonic(), 0.0

    def begin(self):
        self.begun = time.monotonic()

    def wait_until(self, seconds):
        late_s = time.monotonic() - self.begun - seconds
        if late_s > IN_TIME_S:  # What follows is as much later: a hurry would cut short what is counted in between.
            self.begun += late_s
            self.late_s += late_s
        self.pause(-late_s)

    def pause(self, seconds):
        if seconds > 0:
            time.sleep(seconds)

    def send(self, content):
        return self.client.send(content)

    def send_raw(self, octets):
        return self.client.send_raw(octets)

    def network(self, what):
        if what == "delay probes":
            for words in DELAY:
                self.router.run("tc", *words.split())
        began = time.monotonic()
        self.router.apply(TABLE.replace("RULE", RULES[what]))
        self.late_s += time.monotonic() - began

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def restart(self):
        self.process = world.start_generator(*world.LAYER_3)
        self.client.close()
        self.client = world.RpcClient()


def main():
    with world.routed_generator() as (router, process):
        server = Server(router, process)
        try:
            exchanges = conversation.play(sys.argv[2], server)
        finally:
            if server.process is not process:
                server.process.terminate()
                server.process.wait(10)
    world.report(exchanges)


if __name__ == "__main__":
    main()
