"""Plays a recorded conversation to a generator on real devices, with a router between its ports."""

from __future__ import annotations

import sys
import time

from tests.generator import conversation
from tests.generator.inside import world

RULES = {
    "drop all": """
        table ip loss { chain forward { type filter hook forward priority 0; policy accept; drop; } }
    """,
    "drop one in 100": """
        table ip loss { chain forward { type filter hook forward priority 0; policy accept;
            numgen inc mod 100 0 drop
        } }
    """,
    "delay probes": """
        table ip loss { chain forward { type filter hook forward priority 0; policy accept;
            ip id 0xffff numgen inc mod 100 0 meta priority set 1:2
        } }
    """,
}
# A class so slow that one probe in a hundred, ten a second, queues up a little.
DELAY = (
    ("qdisc", "add", "dev", "r1", "root", "handle", "1:", "htb", "default", "1"),
    ("class", "add", "dev", "r1", "parent", "1:", "classid", "1:1", "htb", "rate", "1gbit"),
    ("class", "add", "dev", "r1", "parent", "1:", "classid", "1:2", "htb", "rate", "8kbit", "burst", "1600"),
)


class Server:
    """What a conversation is played to."""

    def __init__(self, router, process):
        self.router, self.process = router, process
        self.client = world.RpcClient()
        self.begun = time.monotonic()

    def begin(self):
        self.begun = time.monotonic()

    def wait_until(self, seconds):
        self.pause(self.begun + seconds - time.monotonic())

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
                self.router.run("tc", *words)
        self.router.apply(RULES[what])

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
