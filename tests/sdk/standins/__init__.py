"""Stand-ins for the providers: each speaks enough of one provider's API for its unmodified SDK to run a job."""

from .dwave import DWave
from .ionq import IonQ
from .iqm import Iqm
from .planqk import PlanQK

__all__ = ["DWave", "IonQ", "Iqm", "PlanQK"]
