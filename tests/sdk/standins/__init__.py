"""Stand-ins for the providers: each speaks enough of one provider's API for its unmodified SDK to run a job."""

import importlib
import pkgutil

from .core import StandIn


def every_stand_in() -> list[type[StandIn]]:
    """One class per provider, found where they lie: a new one is a new file and nothing else."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(_below(StandIn), key=lambda stand_in: stand_in.provider)


def _below(kind: type) -> list[type]:
    found = [descendant for child in kind.__subclasses__() for descendant in (child, *_below(child))]
    return [stand_in for stand_in in found if hasattr(stand_in, "provider")]
