"""Which implementation each process of the lab works with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parts:
    """The choices that can be made when a lab is put together, each as `module:Name`.

    Attributes:
        decider_rules: The traffic decider's rules.
        bucket_hash: How the controller turns shares into buckets.
        compute_catalogue: The VIM's flavours and images, and what units made from them really are.
        upgrade_procedure: How the VNFM changes the package of an instance.
        pin_timeout_s: The decider forgets a user who has been silent for so long, in seconds.
    """

    decider_rules: str
    bucket_hash: str
    compute_catalogue: str
    upgrade_procedure: str
    pin_timeout_s: int


STANDARD = Parts(
    decider_rules="lab.decider.rules:PinnedRules",
    bucket_hash="lab.controller.buckets:BitReversedHash",
    compute_catalogue="lab.vim.catalogue:StandardCatalogue",
    upgrade_procedure="lab.vnfm.upgrade:FourStepUpgrade",
    pin_timeout_s=5,
)
"""The lab without defects."""
