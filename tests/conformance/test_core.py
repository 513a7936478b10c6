"""Time, ids and chance keep their promises, the real ones and those of the test kit."""

from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource, Uuid7Source
from autobot.testing.conformance.core import ChanceSuite, ClockSuite, IdSourceSuite
from autobot.testing.models.contexts import CountingIds
from autobot.testing.virtual_time import FixedChance, ManualClock, VirtualClock, VirtualTimeLoop, seeded


class TestSystemClock(ClockSuite):
    """The operating system's clocks."""

    def clock(self) -> Clock:
        return SystemClock()


class TestManualClock(ClockSuite):
    """A clock that a test moves."""

    def clock(self) -> Clock:
        return ManualClock()


class TestVirtualClock(ClockSuite):
    """The clock of a loop in virtual time."""

    def clock(self) -> Clock:
        loop = VirtualTimeLoop()
        try:
            return VirtualClock(loop)
        finally:
            loop.close()


class TestUuid7OfTheSystem(IdSourceSuite):
    """Ids from real time and chance."""

    def ids(self) -> IdSource:
        return Uuid7Source(SystemClock(), system_chance())


class TestUuid7InStandingTime(IdSourceSuite):
    """Ids while the clock stands still: more than one millisecond's counter holds."""

    def ids(self) -> IdSource:
        return Uuid7Source(ManualClock(), seeded())


class TestCountingIds(IdSourceSuite):
    """The ids of the test kit."""

    def ids(self) -> IdSource:
        return CountingIds()


class TestSystemChance(ChanceSuite):
    """Chance from the operating system's seed."""

    def chance(self) -> Chance:
        return system_chance()


class TestSeededChance(ChanceSuite):
    """Chance that repeats itself."""

    def chance(self) -> Chance:
        return seeded()


class TestFixedChance(ChanceSuite):
    """Chance with one answer."""

    def chance(self) -> Chance:
        return FixedChance(0.999)
