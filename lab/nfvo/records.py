"""What the NFVO keeps about a package."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

OnboardingState = Literal["CREATED", "UPLOADING", "PROCESSING", "ONBOARDED", "ERROR"]
OperationalState = Literal["ENABLED", "DISABLED"]


class PackageRecord(BaseModel):
    """One package resource; what its content says is not repeated here.

    Attributes:
        number: packages are listed in this order, that of their creation.
        failure: problem details of a failed on-boarding, in state ERROR only.
        user_defined_data: what consumers wanted to be kept with it.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    id: str
    number: int = 0
    onboarding_state: OnboardingState = "CREATED"
    operational_state: OperationalState = "DISABLED"
    user_defined_data: dict[str, Any] = Field(default_factory=dict)
    failure: dict[str, Any] | None = None
