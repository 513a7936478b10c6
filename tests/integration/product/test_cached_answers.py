"""Answers that a row caches are given again until they are wrong, and then never."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autobot.contexts.agents.catalogue import FRESH_S, Catalogue
from autobot.contracts.models import ModelInfo
from autobot.testing.harness import App, in_process
from autobot.testing.models.contexts import CONTEXT
from autobot.testing.models.scripted_model import ScriptedModel
from autobot.testing.virtual_time import ManualClock
from tests.integration.product.stand_in import ModelServer

pytestmark = pytest.mark.anyio
CACHING = "format = 1\n[rows.agents-llm]\ncache = { ttl = 3600.0 }\n"


async def cached(app: App) -> int:
    """How many answers the row gave from its cache."""
    row: dict[str, Any] = (await app("GET", "/api/v1/system/links/agents-llm")).expect(200).json
    return int(row["cached"])


async def listed(app: App) -> set[str]:
    """The names of the models as programs see them."""
    return {one["id"] for one in (await app("GET", "/v1/models")).expect(200).json["data"]}


async def test_a_cached_list_of_models_ends_with_the_setting_it_came_from(tmp_path: Path) -> None:
    """A row that caches answers from memory, and asks anew once another model server is set."""
    overlay = tmp_path / "matrix.toml"
    overlay.write_text(CACHING, encoding="utf-8")
    with ModelServer(("first",)) as first, ModelServer(("second",)) as second:
        async with in_process(overlay=overlay) as app:
            (await app.sign_in()).expect(200)
            for server, model in ((first, "openai:first"), (second, "openai:second")):
                before = await cached(app)
                body = {"value": server.address}
                (await app("PUT", "/api/v1/settings/openai.base_url", body)).expect(200)
                assert model in await listed(app)
                while await cached(app) == before:
                    await listed(app)
            assert "openai:first" not in await listed(app)


async def test_a_provider_with_other_models_is_told() -> None:
    """The catalogue says that models changed when a list differs from the one before, and only then."""
    clock, model = ManualClock(), ScriptedModel()
    catalogue = Catalogue((model,), clock)
    told: list[int] = []
    catalogue.changed = lambda: told.append(1)
    await catalogue.choices(CONTEXT)
    clock.advance(FRESH_S + 1)
    await catalogue.choices(CONTEXT)
    assert len(told) == 1
    model.infos = [ModelInfo(id="tiny"), ModelInfo(id="new")]
    clock.advance(FRESH_S + 1)
    await catalogue.choices(CONTEXT)
    assert len(told) == 2
