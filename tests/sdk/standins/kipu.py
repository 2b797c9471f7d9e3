"""Kipu Quantum Hub's quantum API: PlanQK's, whose successor it is."""

from .core import Answer
from .planqk import PlanQK


class Kipu(PlanQK):
    """Jobs as PlanQK's: running at the first look, completed at the second; one named `hold…` stays running."""

    provider = "kipu"

    def refusal(self, status, text):
        return Answer(status, {"status": status, "title": "Refused", "detail": text})
