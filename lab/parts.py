"""Which implementation each process of the lab works with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parts:
    """The choices that can be made when a lab is put together, each as `module:Name`.

    Attributes:
        decider_rules: The traffic decider's rules.
        decider_switching: How the traffic decider comes from one set of selection rules to another.
        bucket_hash: How the controller turns shares into buckets.
        compute_catalogue: The VIM's flavours and images, and what units made from them really are.
        upgrade_procedure: How the VNFM changes the package of an instance.
        vnfm_engine: How the VNFM answers requests for operations and for tasks on them.
        vnfm_runner: How it does, resumes, undoes and cancels operations.
        vnfm_journal: How it stores operations and tells of them.
        vnfm_documents: What it shows of them.
        pin_timeout_s: The decider forgets a user who has been silent for so long, in seconds.
    """

    decider_rules: str
    decider_switching: str
    bucket_hash: str
    compute_catalogue: str
    upgrade_procedure: str
    vnfm_engine: str
    vnfm_runner: str
    vnfm_journal: str
    vnfm_documents: str
    pin_timeout_s: int


STANDARD = Parts(
    decider_rules="lab.decider.rules:PinnedRules",
    decider_switching="lab.decider.switching:OneTransaction",
    bucket_hash="lab.controller.buckets:BitReversedHash",
    compute_catalogue="lab.vim.catalogue:StandardCatalogue",
    upgrade_procedure="lab.vnfm.upgrade:FourStepUpgrade",
    vnfm_engine="lab.vnfm.engine:Engine",
    vnfm_runner="lab.vnfm.runner:Runner",
    vnfm_journal="lab.vnfm.journal:Journal",
    vnfm_documents="lab.vnfm.documents:Documents",
    pin_timeout_s=5,
)
"""The lab without defects."""
