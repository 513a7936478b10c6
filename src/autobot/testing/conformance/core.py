"""What `Clock`, `IdSource` and `Chance` promise. Subclass, and override the factory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource

DRAWS: Final = 2_000
THREADS: Final = 4


class ClockSuite(ABC):
    """Tells the time."""

    @abstractmethod
    def clock(self) -> Clock:
        """Return the implementation under test."""

    def test_wall_time_is_aware_utc(self) -> None:
        """Wall time carries its zone, and the zone is UTC."""
        assert self.clock().now().utcoffset() == timedelta(0)

    def test_monotonic_time_never_goes_back(self) -> None:
        """Each reading is at least the one before."""
        clock = self.clock()
        readings = [clock.monotonic() for _ in range(DRAWS)]
        assert all(earlier <= later for earlier, later in pairwise(readings))

    def test_both_times_go_on_together(self) -> None:
        """Between two readings both clocks pass the same time, within a second."""
        clock = self.clock()
        wall, steady = clock.now(), clock.monotonic()
        for _ in range(DRAWS):
            clock.monotonic()
        passed = (clock.now() - wall).total_seconds()
        assert abs(passed - (clock.monotonic() - steady)) < 1


class IdSourceSuite(ABC):
    """Makes ids."""

    @abstractmethod
    def ids(self) -> IdSource:
        """Return the implementation under test."""

    def test_an_id_is_a_uuid_of_version_seven_as_text(self) -> None:
        """An id is 36 characters, lower case, and reads as a UUIDv7."""
        text = self.ids().new()
        assert (len(text), text, UUID(text).version) == (36, text.lower(), 7)

    def test_ids_sort_in_the_order_of_their_creation(self) -> None:
        """No two ids are equal, and their texts sort as they were made, also within one millisecond."""
        source = self.ids()
        made = [source.new() for _ in range(3 * DRAWS)]
        assert made == sorted(set(made))


class ChanceSuite(ABC):
    """Draws numbers."""

    @abstractmethod
    def chance(self) -> Chance:
        """Return the implementation under test."""

    def test_a_share_is_below_one(self) -> None:
        """A share lies in [0, 1)."""
        chance = self.chance()
        assert all(0 <= chance.random() < 1 for _ in range(DRAWS))

    def test_a_number_lies_between_its_bounds(self) -> None:
        """A number lies between both bounds, given in either order, and on them when they are one."""
        chance = self.chance()
        assert all(-2 <= chance.uniform(-2, 5) <= 5 for _ in range(DRAWS))
        assert all(-2 <= chance.uniform(5, -2) <= 5 for _ in range(DRAWS))
        assert chance.uniform(3, 3) == 3

    def test_bits_fit_their_width(self) -> None:
        """An integer of k bits is below 2 to the k."""
        chance = self.chance()
        for width in (1, 8, 62, 64, 128):
            assert all(0 <= chance.getrandbits(width) < 1 << width for _ in range(100))

    def test_threads_may_share_it(self) -> None:
        """Draws from several threads are all in range."""
        chance = self.chance()
        with ThreadPoolExecutor(THREADS) as pool:
            drawn = list(pool.map(lambda _: chance.random(), range(DRAWS)))
        assert len(drawn) == DRAWS
        assert all(0 <= share < 1 for share in drawn)
