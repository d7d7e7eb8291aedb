"""VNF packages as archives (SOL004) and their descriptors (SOL001): read, verified, built.

Words: a *package* is the archive, a *descriptor* (VNFD) says what the VNF consists of, an *image* is the software of a
VDU.
"""
