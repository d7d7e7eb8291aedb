"""The NFVO's package management: brings packages on board and gives them out (SOL003 and SOL005 ``/vnfpkgm``)."""
