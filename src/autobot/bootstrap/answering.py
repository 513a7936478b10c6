"""The models of a process: providers by the settings, the catalogue, the facade with its limits and its meter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autobot.bootstrap.guide import LazyGuide
from autobot.bootstrap.models import LiveModels
from autobot.bootstrap.outside import Outside
from autobot.bootstrap.placing import Placement
from autobot.bootstrap.routing import MODELS, OF_DOCUMENTS
from autobot.bootstrap.tools import document_search
from autobot.bootstrap.wiring import ModelWires, direct
from autobot.contexts.agents.agent import CHAT, DOCUMENTS, AgentFactory, ChatAgent, Choice
from autobot.contexts.agents.assistant.commands import standard_commands
from autobot.contexts.agents.assistant.model import Assistant
from autobot.contexts.agents.catalogue import Catalogue, full_name
from autobot.contexts.agents.facade import ModelFacade, over_facade
from autobot.contexts.agents.limits import ModelLimits
from autobot.contexts.agents.metering import Meter
from autobot.contexts.agents.orchestrator import ASSISTANT_MODEL
from autobot.contexts.agents.ports import Embeddings, ServedBy
from autobot.contexts.agents.process import EXECUTE, execute_agent
from autobot.contexts.agents.read_model import Watched
from autobot.contexts.agents.rewriting import Rewriting
from autobot.contexts.agents.routing import Router
from autobot.contexts.agents.similar import SimilarAnswers
from autobot.contexts.agents.tools import SEARCH_DOCUMENTS, SearchDocuments, ToolBox, documents_tool
from autobot.contexts.settings.module import Settings
from autobot.kernel.commands.linked import LinkedBus
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import LinkRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What answers with models."""

    wires: ModelWires
    live: LiveModels
    catalogue: Catalogue
    facade: ModelFacade
    meter: Meter
    limits: ModelLimits
    router: Router
    similar: SimilarAnswers
    documents: SearchDocuments

    def tell_models(self, tell: Callable[[], object]) -> None:
        """Have `tell` called when a provider has other models than it had; what answers rest on them is forgotten."""

        def changed() -> None:
            self.similar.forget()
            tell()

        self.catalogue.changed = changed

    def agents(self, registry: LinkRegistry, tools: ToolBox, clock: Clock) -> None:
        """Connect the row to the agents of this process."""

        rewriting = Rewriting(self.facade, clock, self.live.rewrites)

        def chat_agent(choice: Choice) -> ChatAgent:
            return ChatAgent(
                choice.model,
                self.facade,
                tools.beside(documents_tool(self.documents, choice.documents)),
                self.live.system_prompt(),
                clock,
                choice.first_tool,
                SEARCH_DOCUMENTS if choice.agent == DOCUMENTS else "",
                None if choice.model == ASSISTANT_MODEL else rewriting,
            )

        factory = AgentFactory({CHAT: chat_agent, DOCUMENTS: chat_agent})
        execute = DirectTransport({EXECUTE.name: execute_agent(factory)})
        registry.wire("orchestrator-agents", direct(execute))

    def watched(self, links: Callable[[], Sequence[Mapping[str, Any]]], clock: Clock) -> Watched:
        """Return where the page of models has its figures from; `links` describes the rows of the matrix."""
        return Watched(
            links=links,
            loads=self.limits.loads,
            pace=self.meter.pace,
            currency=lambda: self.live.rules().currency,
            now=clock.now,
        )


def _embedded(
    catalogue: Catalogue, facade: ModelFacade
) -> Callable[[Sequence[str], CallContext], Awaitable[Embeddings]]:
    """Return what embeds questions by the model that embeds when none is named."""

    async def embedded(texts: Sequence[str], context: CallContext) -> Embeddings:
        # What providers last said is enough: a question does not wait for one that is slow to list its models.
        name = catalogue.default_embedder()
        if name is None:
            raise Absent("embeddings", "No model that embeds is known yet.", hint="autobot add npu")
        return await facade.embed(name, texts, context)

    return embedded


def _connect(registry: LinkRegistry, placement: Placement, facade: ModelFacade) -> None:
    """Connect the rows that lead to the facade in this process."""
    registry.wire("agents-llm", direct(DirectTransport(facade.calls, facade.streams)))
    if not placement.scaled:
        calls, streams = over_facade(facade)
        registry.wire("gateway-ai", direct(DirectTransport(calls, streams)))
        registry.wire(MODELS, direct(DirectTransport({name: calls[name] for name in OF_DOCUMENTS})))


def answering(
    outside: Outside, placement: Placement, registry: LinkRegistry, store: EventStore, settings: Settings
) -> Answering:
    """Build it and connect the rows that lead to it in this process."""
    wires = ModelWires(registry, outside.clock, outside.chance, outside.listener)
    live = LiveModels(settings, registry, wires, outside.ids)

    async def listed(context: CallContext) -> Any:
        return await catalogue.choices(context)

    ask = LinkedBus(registry.link("ai-backend")).ask
    documents = document_search(ask)
    assistant = Assistant(LazyGuide(), standard_commands(ask, listed), documents)
    catalogue = Catalogue(
        (live.ollama, live.openai, live.llamacpp, live.npu, assistant),
        outside.clock,
        configured_default=live.default_model,
        windows=live.windows,
    )
    limits = ModelLimits(live.limits, outside.clock)
    meter = Meter(store, outside.clock, outside.ids, live.rules)
    facade = ModelFacade(catalogue, registry, live.chain, limits=limits, meter=meter)
    _connect(registry, placement, facade)

    def counted(context: CallContext, by: ServedBy) -> None:
        meter.cached(context.principal, full_name(by.provider, by.model))

    embedded = _embedded(catalogue, facade)
    similar = SimilarAnswers(live.similar, embedded, outside.clock, counted)
    facade.similar = similar

    def models_changed() -> None:
        catalogue.ask_again()
        similar.forget()

    live.changed = models_changed
    router = Router(live.routes, embedded, outside.clock)
    return Answering(
        wires=wires,
        live=live,
        catalogue=catalogue,
        facade=facade,
        meter=meter,
        limits=limits,
        router=router,
        similar=similar,
        documents=documents,
    )
