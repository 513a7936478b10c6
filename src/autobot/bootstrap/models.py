"""The providers of models as the settings describe them, and the facade over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from autobot.adapters.child.supervisor import Supervisor
from autobot.adapters.llamacpp.file import LlamaFile, LlamaOptions
from autobot.adapters.llamacpp.model import LlamaModels
from autobot.adapters.ollama.model import OllamaModels, OllamaOptions
from autobot.adapters.openai.model import OpenAIModels, options_for
from autobot.bootstrap.accelerators import HINT as NPU_HINT
from autobot.bootstrap.wiring import ModelWires, origin_of
from autobot.contexts.agents import routing
from autobot.contexts.agents.catalogue import LABELS, windows_of
from autobot.contexts.agents.facade import chain_of
from autobot.contexts.agents.limits import limits_of
from autobot.contexts.agents.metering import Rules
from autobot.contexts.agents.pool import PooledModels
from autobot.contexts.agents.ports import Chunk, Embeddings, GenerateRequest, LanguageModel, ModelInfo, Ranker
from autobot.contexts.agents.quotas import prices_of, quotas_of
from autobot.contexts.settings.module import Settings, addresses_in
from autobot.contracts.inference import Reranked, RerankTexts
from autobot.contracts.models import MODELS_TAG
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, DataCorrupt, InvalidInput
from autobot.kernel.core.ids import IdSource
from autobot.kernel.links.among import Among
from autobot.kernel.links.ports import Link
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.resilience.bulkhead.options import BulkheadOptions

KEYS: Final = (
    "ollama.url",
    "openai.base_url",
    "openai.api_key",
    "model.default",
    "model.file",
    "model.failover",
    "model.windows",
    "model.concurrency",
    "model.prices",
    "model.similar_answers",
    "model.currency",
    "model.quotas",
    "chat.system_prompt",
    "chat.rewrite_follow_ups",
    "routing.by",
    "routing.threshold",
    "routing.examples",
)
OLLAMA_HINT: Final = "Start Ollama, or set the address with AUTOBOT_OLLAMA_URL"
OPENAI_HINT: Final = "Set the address with AUTOBOT_OPENAI_BASE_URL"
GGUF_HINT: Final = "Run autobot add local-llm, then set AUTOBOT_MODEL_FILE"
CATCH_UP_S: Final = 2.0
DISCOVER_EVERY_S: Final = 5.0
OLLAMA_USUAL: Final = "http://127.0.0.1:11434"


class Switched:
    """A provider that can be exchanged while the product runs: what the newest settings describe."""

    def __init__(self, provider: str, link_id: str, hint: str) -> None:
        self._provider, self._link_id, self._hint = provider, link_id, hint
        self.current: LanguageModel | None = None

    @property
    def provider(self) -> str:
        """The provider's word."""
        return self._provider

    @property
    def link_id(self) -> str:
        """The row it is reached by."""
        return self._link_id

    def _there(self) -> LanguageModel:
        if self.current is None:
            raise Absent(self._provider, f"{LABELS[self._provider]} is not set up.", hint=self._hint)
        return self.current

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        """Return what it has now."""
        return await self._there().models(context)

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate an answer."""
        return self._there().generate(request, context)

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed texts."""
        return await self._there().embed(model, texts, context)


class SwitchedRanker(Switched):
    """One that puts texts in order, too."""

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        """Put texts in order. Raises InvalidInput where what is there now does not."""
        there = self._there()
        if not isinstance(there, Ranker):
            raise InvalidInput(f"{LABELS[self.provider]} puts no texts in order.")
        return await there.rerank(request, context)


class LiveModels:
    """Follows the settings: rows are connected anew, and what is asked at each call is kept in memory."""

    def __init__(self, settings: Settings, registry: LinkRegistry, wires: ModelWires, ids: IdSource) -> None:
        self._settings, self._registry, self._wires, self._ids = settings, registry, wires, ids
        self.values: dict[str, Any] = {}
        self._refreshing = asyncio.Lock()
        self._seen, self._moved = 0, asyncio.Event()
        self._windows: Mapping[str, int] = {}
        self._limits: Mapping[str, BulkheadOptions] = {}
        self._rules = Rules()
        self._routing = routing.Rules(intents={}, mode="off")
        self.ollama = Switched("ollama", "ai-ollama", OLLAMA_HINT)
        self.openai = Switched("openai", "ai-openai", OPENAI_HINT)
        self.llamacpp = Switched("llamacpp", "ai-llamacpp", GGUF_HINT)
        self.npu = SwitchedRanker("npu", "ai-npu", NPU_HINT)
        self.server: Supervisor | None = None
        self.changed: Callable[[], object] = lambda: None
        """Called when settings of models changed."""

    def passed(self, position: int) -> None:
        """Note that all settings up to a log position are in force here."""
        self._seen = max(self._seen, position)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def caught_up(self, position: int) -> None:
        """Return when all settings up to a position are in force here, at most after two seconds."""
        try:
            async with asyncio.timeout(CATCH_UP_S):
                while self._seen < position:
                    await self._moved.wait()
        except TimeoutError:
            # An answer by older settings is more use than none.
            return

    async def refresh(self) -> None:
        """Read the settings again and apply what changed; one at a time, so that the newest values stay."""
        async with self._refreshing:
            await self._refresh()

    async def _refresh(self) -> None:
        values: dict[str, Any] = {}
        for key in KEYS:
            try:
                values[key] = await self._settings.reader.current(key)
            except DataCorrupt:
                # A secret that this key file does not open: the provider then says that it has no key.
                values[key] = None
        before, self.values = self.values, values
        self._windows = windows_of(values["model.windows"] or ())
        self._limits = limits_of(values["model.concurrency"] or ())
        self._routing = routing.Rules(
            intents=routing.intents_of(values["routing.examples"] or routing.SHIPPED),
            mode=values["routing.by"],
            threshold=values["routing.threshold"],
        )
        self._rules = Rules(
            prices=prices_of(values["model.prices"] or ()),
            currency=values["model.currency"],
            quotas=quotas_of(values["model.quotas"] or ()),
        )
        if values != before:
            # Every process takes in every change of the settings, so each drops its own.
            self._registry.invalidate(MODELS_TAG)
            self.changed()
        if "ollama.url" not in before or values["ollama.url"] != before["ollama.url"]:
            self._connect_ollama(values["ollama.url"])
        if "openai.base_url" not in before or values["openai.base_url"] != before["openai.base_url"]:
            self._connect_openai(values["openai.base_url"])

    def open_file(self, clock: Clock, environment: Mapping[str, str]) -> None:
        """Set up the local model file, if there is one. Its process starts when it is first asked."""
        file = self.values.get("model.file")
        if not file:
            self._wires.connect("ai-llamacpp", (), GGUF_HINT)
            return
        found = LlamaFile(LlamaOptions(file=Path(file), environment=environment))
        self.server = Supervisor(found, clock)
        self.llamacpp.current = LlamaModels(self._registry.link("ai-llamacpp"), found, self.server)
        self._wires.connect("ai-llamacpp", (self.server.target,), GGUF_HINT)

    def _connect_ollama(self, address: str | None, *, found: bool = False) -> None:
        """Connect Ollama. At its usual address it is offered once it answers there, so nobody sees a broken
        link to a thing that they never installed."""
        self.ollama.current = None
        origins: tuple[str, ...] = ()
        if address and (found or address != OLLAMA_USUAL):
            places = [origin_of(one) for one in addresses_in(address)]
            origins = tuple(origin for origin, _ in places)
            options = OllamaOptions(
                target=", ".join(origins), prefix=places[0][1], configured=address != OLLAMA_USUAL
            )
            self.ollama.current = _pooled(
                self._registry.link("ai-ollama"),
                origins,
                lambda link, target: OllamaModels(link, replace(options, target=target), self._ids),
            )
        self._wires.connect("ai-ollama", origins, OLLAMA_HINT)

    async def discover(self) -> None:
        """Look for Ollama at its usual address until it is there, for ever."""
        while True:
            waits = self.ollama.current is None and self.values.get("ollama.url") == OLLAMA_USUAL
            if waits and await self._wires.answers("ai-ollama", OLLAMA_USUAL):
                self._connect_ollama(OLLAMA_USUAL, found=True)
            await asyncio.sleep(DISCOVER_EVERY_S)

    def _connect_openai(self, address: str | None) -> None:
        self.openai.current = None
        options = {
            one.target: one for one in map(options_for, addresses_in(address or "") if address else ())
        }
        if options:
            some = replace(next(iter(options.values())), name="The model server")

            def over(link: Link, target: str) -> OpenAIModels:
                return OpenAIModels(link, options.get(target) or replace(some, target=target), self.key)

            self.openai.current = _pooled(self._registry.link("ai-openai"), tuple(options), over)
        self._wires.connect("ai-openai", tuple(options), OPENAI_HINT)

    def default_model(self) -> str | None:
        """Return the operator's default model."""
        return self.values.get("model.default") or None

    def chain(self, model: str) -> Sequence[str]:
        """Return the failover chain behind a model."""
        return chain_of(self.values.get("model.failover") or (), model)

    def windows(self) -> Mapping[str, int]:
        """Return the operator's own windows by model."""
        return self._windows

    def limits(self) -> Mapping[str, BulkheadOptions]:
        """Return the operator's limits of answers at a time by model."""
        return self._limits

    def rules(self) -> Rules:
        """Return the operator's prices and quotas."""
        return self._rules

    def similar(self) -> float:
        """Return how near a question must be to get an earlier one's answer; 0 is off."""
        return float(self.values.get("model.similar_answers") or 0.0)

    def routes(self) -> routing.Rules:
        """Return the operator's examples of intents."""
        return self._routing

    def rewrites(self) -> bool:
        """Say whether follow-up questions are written anew before documents are searched."""
        return bool(self.values.get("chat.rewrite_follow_ups", True))

    def key(self) -> str | None:
        """Return the key of the OpenAI-compatible server."""
        return self.values.get("openai.api_key") or None

    def system_prompt(self) -> str:
        """Return what every model is told first."""
        return self.values.get("chat.system_prompt") or ""


def _pooled(link: Link, targets: Sequence[str], over: Callable[[Link, str], LanguageModel]) -> LanguageModel:
    """Return the provider of one server or of several; `over` makes it over a link, with the address that it shows."""
    if len(targets) == 1:
        return over(link, targets[0])
    members = {one: over(Among(link, frozenset((one,))), one) for one in targets}
    return PooledModels(members, lambda some: over(Among(link, some), ", ".join(sorted(some))))
