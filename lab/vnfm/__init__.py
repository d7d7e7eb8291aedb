"""The lab's VNF manager: SOL003 ``/vnflcm/v2`` on top, VIM, decider and controller below.

Layers, from the outside in; each imports only those below it:

* ``__main__`` - command line and process; ``api`` - HTTP; ``views`` - records to SOL003 documents;
* ``engine`` - operations: state machine, worker threads, notifications;
* ``upgrade``, ``traditional`` - upgrade procedures, chosen by ``--procedure``;
* ``fleet`` - what procedures do with units; ``procedure`` - the interface between them and the engine;
* ``http_site`` - the systems below over HTTP; ``site`` - the same as a protocol;
* ``records``, ``store`` - what is kept and where; ``states`` - the state machine as a table; ``problem`` - errors.
"""
