"""What looks into folders keeps its port's promises, and the suite finds what does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from autobot.adapters.files.folders import MachineFolders
from autobot.contexts.knowledge.ports.folders import Folders, Seen, SeenFile
from autobot.testing.conformance.folders import FoldersSuite
from tests.conformance.planted import found_by


class OnThisMachine(FoldersSuite):
    made: type[MachineFolders] = MachineFolders

    def folders(self) -> Folders:
        return self.made()


class TestMachineFolders(OnThisMachine):
    pass


class TakesMissingForEmpty(MachineFolders):
    async def look(self, folder: str, most: int) -> Seen | None:
        return await super().look(folder, most) or Seen(files=[], whole=True, place="")


class MarksBySizeAlone(MachineFolders):
    async def look(self, folder: str, most: int) -> Seen | None:
        found = await super().look(folder, most)
        if found is None:
            return None
        return replace(found, files=[replace(one, mark=str(one.size)) for one in found.files])


class TakesAPartForTheWhole(MachineFolders):
    async def look(self, folder: str, most: int) -> Seen | None:
        found = await super().look(folder, most)
        return None if found is None else replace(found, whole=True)


class KnowsPlacesByTheirNames(MachineFolders):
    async def look(self, folder: str, most: int) -> Seen | None:
        found = await super().look(folder, most)
        return None if found is None else replace(found, place=folder)


class FollowsLinks(MachineFolders):
    async def read(self, folder: str, path: str) -> AsyncIterator[bytes]:
        place = Path(folder) / path
        if place.is_symlink():
            yield place.read_bytes()
            return
        async for piece in super().read(folder, path):
            yield piece


class SeesHiddenFiles(MachineFolders):
    async def look(self, folder: str, most: int) -> Seen | None:
        found = await super().look(folder, most)
        if found is None:
            return None
        hidden = [
            SeenFile(path=one.name, size=0, mark="") for one in Path(folder).glob(".*") if one.is_file()
        ]
        return replace(found, files=[*found.files, *hidden])


@pytest.mark.parametrize(
    "fault",
    [
        TakesMissingForEmpty,
        MarksBySizeAlone,
        TakesAPartForTheWhole,
        KnowsPlacesByTheirNames,
        FollowsLinks,
        SeesHiddenFiles,
    ],
    ids=lambda one: one.__name__,
)
def test_each_planted_fault_is_found(fault: type[MachineFolders]) -> None:
    """Over one with this fault at least one test of the suite fails."""
    assert found_by(type("Suite", (OnThisMachine,), {"made": fault})()) != []
