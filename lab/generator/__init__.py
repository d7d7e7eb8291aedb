"""The lab's traffic generator: speaks TRex's stateless RPC, sends and receives real packets over AF_PACKET rings.

Three processes share the work: the server (RPC, events, captures), the sender (both ports) and the receiver
(accounting). They meet in one block of shared counters and over one control connection each.

Names of fields, error texts and numbers on the wire are TRex's (version 3.08, stateless, software mode), because the
unchanged `lbr-trex-client` has to understand them. What is not served is answered by an error that says so.
"""
