"""The product of one process, without its edge: kernel and contexts, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from autobot.bootstrap.accelerators import Accelerators
from autobot.bootstrap.acting import action_work
from autobot.bootstrap.answering import Answering, answering
from autobot.bootstrap.carrying import Carrying, carried, framed
from autobot.bootstrap.channels import EngineTexts
from autobot.bootstrap.documents import (
    Knowledge,
    indexer_of,
    knowledge_context,
    knowledge_on,
    runs_of_documents,
)
from autobot.bootstrap.figures import Figures, SharedControl
from autobot.bootstrap.following import GROUP, caught_up_with, reacted
from autobot.bootstrap.health import ProbedHealth
from autobot.bootstrap.history import history_context, kept_chats, past_of
from autobot.bootstrap.household import household
from autobot.bootstrap.knowing import MODEL_LOG, WORKER_LOG, ProcessFacts, asked_models, dependencies, logs_of
from autobot.bootstrap.models import LiveModels
from autobot.bootstrap.outside import Outside
from autobot.bootstrap.placing import EMBEDDED, HOPS, Placement, Role, fixed_targets
from autobot.bootstrap.published import EVENTS, UPCASTERS
from autobot.bootstrap.publisher import PUBLISH, publisher, publisher_service
from autobot.bootstrap.reacting import connect_reactions
from autobot.bootstrap.registered import Ground, modules_on
from autobot.bootstrap.registry import messaging_context, schemas_context
from autobot.bootstrap.routing import routed
from autobot.bootstrap.selves import process_id, self_of, speaking, tenure_of
from autobot.bootstrap.tools import toolbox
from autobot.bootstrap.upkeep import StoreUpkeep
from autobot.bootstrap.wiring import ModelWires, direct, load_matrix, wire_fixed
from autobot.config import Config
from autobot.contexts.actions import module as actions_module
from autobot.contexts.agents import module as agents_module
from autobot.contexts.agents.facade import ModelFacade
from autobot.contexts.agents.ports import FoundRuns
from autobot.contexts.agents.process import ChatReply
from autobot.contexts.chat import module as chat_module
from autobot.contexts.history import module as history_module
from autobot.contexts.identity import module as identity_module
from autobot.contexts.knowledge.module import Indexer, QueryLog
from autobot.contexts.messaging import module as messaging_module
from autobot.contexts.roles import module as roles_module
from autobot.contexts.roles.module import Observer, Self
from autobot.contexts.sagas import module as sagas_module
from autobot.contexts.settings import module as settings_module
from autobot.contexts.settings.read_model import SettingsReader
from autobot.contexts.system import module as system_module
from autobot.contexts.system.ports import LinkControl
from autobot.contracts.models import MODELS_TAG
from autobot.kernel.commands.authorize import Authorizer, Verdict
from autobot.kernel.commands.bus import Bus
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.linked import COMMAND, QUERY, BusService, LinkedBus
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.commands.refusals import Refusals
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import HopFailed, Rejected
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.linked import LinkedEventStore, store_service
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.broker import Subscription
from autobot.kernel.messaging.keeping import Keeper
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.kernel.sagas.engine import RunEngine


@dataclass(slots=True, kw_only=True)
class Product:
    """The running parts. `bus` is what edges hold: it lies behind rows of the matrix, and reaches every context
    wherever it runs. `services` reaches those that run here."""

    config: Config
    outside: Outside
    registry: LinkRegistry
    codec: EventCodec
    store: LinkedEventStore
    bus: Dispatcher
    authorizer: Authorizer
    refusals: Refusals
    engine: RunEngine
    facade: ModelFacade
    live: LiveModels
    answering: Answering
    settings: SettingsReader
    upkeep: StoreUpkeep
    wires: ModelWires
    accelerators: Accelerators
    modules: tuple[Module, ...]
    health: ProbedHealth
    chat_view: Keeper
    broker: SourceBroker
    frames: list[Callable[[dict[str, Any]], None]]
    counts: dict[str, Callable[[], Any]]
    reacting: Subscription
    placement: Placement
    services: LinkedBus
    figures: Figures
    carrying: Carrying
    own: Self
    observer: Observer
    knowledge: Knowledge
    indexer: Indexer
    query_log: QueryLog

    def context(self, principal: Any = SYSTEM) -> CallContext:
        """Return the context of work that this process begins by itself."""
        trace = new_trace(self.outside.chance)
        return CallContext(correlation_id=self.outside.ids.new(), principal=principal, trace=trace)


def _direct_rows(outside: Outside, codec: EventCodec, registry: LinkRegistry) -> LinkedEventStore:
    """Connect the rows that lie below the bus."""
    registry.wire("services-repositories", direct(DirectTransport(store_service(outside.store))))
    publish = DirectTransport({PUBLISH.name: publisher_service(codec)})
    registry.wire("services-publisher", direct(publish))
    own = CallContext(correlation_id="process", principal=SYSTEM, trace=new_trace(outside.chance))
    return LinkedEventStore(registry.link("services-repositories"), outside.store, own)


def assemble(config: Config, outside: Outside, placement: Placement = EMBEDDED) -> Product:
    """Build every part and connect it; rows to other processes are connected by who knows where those are.

    Nothing runs yet. Raises ConfigurationError.
    """
    return _Assembly(config, outside, placement).product()


class _Assembly:
    """The order in which parts need one another."""

    def __init__(self, config: Config, outside: Outside, placement: Placement) -> None:
        self.config, self.outside, self.placement = config, outside, placement
        self.registry = LinkRegistry(load_matrix(config), outside.clock, outside.chance, outside.listener)
        wire_fixed(self.registry, outside.place, placement)
        self.accelerators = Accelerators(config, outside, self.registry, apart=placement.scaled)
        self.codec = EventCodec(
            EVENTS, outside.clock, outside.ids, source="urn:autobot:backend", upcast=UPCASTERS
        )
        self.store = _direct_rows(outside, self.codec, self.registry)
        self.upkeep = StoreUpkeep(config, outside.store)
        self.chat_view = kept_chats(config, placement, self.store, self.codec, outside.clock, self._on_poison)
        self.past = past_of(self.store, self.codec, self._on_poison)
        self.observer = Observer()
        self.figures = Figures(
            process_id(config, placement),
            self.store,
            self.registry,
            outside.clock,
            lambda: self.health.own(),  # noqa: PLW0108 - it is made later
            self._consumers,
        )
        self.control: LinkControl = (
            SharedControl(self.registry, self.figures, self.observer) if placement.scaled else self.registry
        )
        self.views = {"chat": self.chat_view}
        self.knowledge = knowledge_on(config, outside, self.registry)
        self.work = action_work(config)
        self.frames: list[Callable[[dict[str, Any]], None]] = []
        self.carrying = carried(outside, self.store, self.registry, self.frames)
        self.broker, self.send = self.carrying.broker, self.carrying.send
        self.counts: dict[str, Callable[[], Any]] = {"runs_live": lambda: len(self.engine.all_live())}

    def product(self) -> Product:
        """Return the whole."""
        outside, registry = self.outside, self.registry
        live, facade = self._models()
        # Only ai reaches models (design §5), so only ai asks them.
        providers = self.catalogue.providers if self.placement.holds("ai") else ()
        known = dependencies(self.store, asked_models(providers, outside.chance), outside.place)
        health = self.health = ProbedHealth(known, outside.clock, elsewhere=self.figures.checks)
        modules, runs = self._modules(facade, health)
        self.authorizer = Authorizer(rule for module in modules for rule in module.rules)
        refusals = Refusals(self.store, outside.clock, outside.ids)
        services = self._services(modules, refusals)
        bus = routed(registry, self.placement, modules, services)
        engine = self.engine = self._engine(services, facade, live)
        runs.use(engine)
        reacting = connect_reactions(registry, self.placement, self.codec, self.store, engine, self.knowledge)
        return Product(
            config=self.config,
            outside=outside,
            registry=registry,
            codec=self.codec,
            store=self.store,
            bus=bus,
            authorizer=self.authorizer,
            refusals=refusals,
            engine=engine,
            facade=facade,
            live=live,
            answering=self.answering,
            settings=self.settings.reader,
            upkeep=self.upkeep,
            accelerators=self.accelerators,
            wires=self.answering.wires,
            modules=modules,
            health=health,
            chat_view=self.chat_view,
            broker=self.broker,
            frames=self.frames,
            counts=self.counts,
            reacting=reacting,
            placement=self.placement,
            services=services,
            figures=self.figures,
            carrying=self.carrying,
            own=self.own,
            observer=self.observer,
            knowledge=self.knowledge,
            query_log=self.query_log,
            indexer=indexer_of(self, services),
        )

    def _models(self) -> tuple[LiveModels, ModelFacade]:
        outside, config = self.outside, self.config
        self.settings = settings_module.build(
            store=self.store,
            codec=self.codec,
            clock=outside.clock,
            ids=outside.ids,
            vault=outside.vault,
            file=config.file,
            environment=config.environment,
            apply=self._apply_settings,
        )
        made = self.answering = answering(outside, self.placement, self.registry, self.store, self.settings)
        self.accelerators.embedder = made.catalogue.default_embedder
        made.tell_models(lambda: self.carrying.invalidation.invalidate(MODELS_TAG))
        self.catalogue, self.facade, self.live = made.catalogue, made.facade, made.live
        return made.live, made.facade

    async def _apply_settings(self) -> None:
        try:
            await self.live.refresh()
        except (Rejected, HopFailed):
            # It is made all the same; who follows the log puts it in force when the store is reached again.
            return

    def _modules(self, facade: ModelFacade, health: ProbedHealth) -> tuple[tuple[Module, ...], FoundRuns]:
        outside, store, codec = self.outside, self.store, self.codec
        begun = reacted(self.broker, self.placement.group(GROUP), self.store, outside.clock)
        agents, runs = agents_module.build(
            store,
            facade.list_models,
            begun,
            self._allowed,
            self.accelerators.overview,
            self.answering.watched(self.control.describe, outside.clock),
        )
        facts = ProcessFacts(
            self.config,
            outside.clock,
            store,
            self.control,
            self._counted,
            health.checks,
            lambda: logs_of({MODEL_LOG: self.live.server, WORKER_LOG: self.accelerators.child}),
            "scaled" if self.placement.scaled else "embedded",
        )
        acting = actions_module.build(
            store=store, clock=outside.clock, ids=outside.ids, work=self.work, allowed=self._allowed
        )
        self.query_log, knowledge = knowledge_context(
            self.knowledge, outside, store, codec, self.settings.reader
        )
        lists = caught_up_with(self.chat_view, store, outside.clock)
        modules = (
            self._people(),
            acting,
            self.settings.module,
            chat_module.build(store, codec, outside.ids, lists, self.past),
            agents,
            system_module.build(store, codec, self.control, health, facts, self.upkeep),
            sagas_module.build(store, codec, outside.clock, lambda: self.engine.kinds, begun),
            messaging_context(store, codec, outside, self.broker, self._served),
            schemas_context(store, codec, outside.clock),
            knowledge,
            history_context(store, self.past, self.views, outside.clock, outside.ids),
            *modules_on(Ground(store=store, codec=codec, clock=outside.clock, ids=outside.ids)),
        )
        return (*modules, self._roles(modules)), runs

    def _people(self) -> Module:
        outside = self.outside
        return identity_module.build(
            store=self.store,
            codec=self.codec,
            clock=outside.clock,
            ids=outside.ids,
            passwords=outside.passwords,
            tokens=outside.tokens,
            vault=outside.vault,
            actions_of=self._actions_of,
        )

    def _roles(self, modules: tuple[Module, ...]) -> Module:
        own = self_of(self.config, self.placement)
        module = roles_module.build(
            self.store,
            self.outside.clock,
            own,
            self.observer if self.placement.scaled else None,
            hops=HOPS,
            fixed=fixed_targets(self.registry),
            household=household(self.accelerators, lambda: self.live.server),
        )
        self.own = speaking(own, self.placement, (*modules, module))
        return module

    async def _counted(self) -> dict[str, Any]:
        """Return what the status shows besides links: runs, sessions, consumers and read models with their lag."""
        view = await self.chat_view.statistics()
        return {
            **{name: count() for name, count in self.counts.items()},
            "consumers": await self._served(),
            "read_models": [{**asdict(view), "lag": view.lag, "on_poison": await self._on_poison()}],
        }

    async def _consumers(self) -> list[dict[str, Any]]:
        """Return the groups of this process."""
        where = {"role": self.placement.name, "process": process_id(self.config, self.placement)}
        return [{**asdict(await self.broker.statistics(group)), **where} for group in self.broker.groups]

    async def _served(self) -> list[dict[str, Any]]:
        """Return each group in each process that serves it."""
        return [*await self._consumers(), *self.figures.consumers()]

    def _actions_of(self, role: Any) -> frozenset[str]:
        """Return what a role may do, its own objects included."""
        return self.authorizer.actions_of(role)

    async def _on_poison(self) -> Any:
        return await self.settings.reader.current("read_models.on_poison")

    def _allowed(self, principal: Any, action: str) -> bool:
        return self.authorizer.verdict(principal, action) is not Verdict.DENY

    def _services(self, modules: tuple[Module, ...], refusals: Refusals) -> LinkedBus:
        """Return the bus of the contexts that run here, behind its row."""
        outside, local = self.outside, [one for one in modules if self.placement.serves(one.name)]
        bus = Bus(
            commands=[spec for module in local for spec in module.commands],
            queries=[spec for module in local for spec in module.queries],
            authorizer=self.authorizer,
            store=self.store,
            publish=publisher(self.registry.link("services-publisher")),
            refusals=refusals,
            clock=outside.clock,
            ids=outside.ids,
        )
        service = BusService(bus)
        handlers = {COMMAND.name: service.command, QUERY.name: service.query}
        self.registry.wire("routers-services", direct(DirectTransport(handlers)))
        if not self.placement.scaled:
            self.registry.wire("ai-backend", direct(DirectTransport(handlers)))
        return LinkedBus(self.registry.link("routers-services"))

    def _engine(self, bus: LinkedBus, facade: ModelFacade, live: LiveModels) -> RunEngine:
        backend = LinkedBus(self.registry.link("ai-backend"))
        tools = toolbox(backend, self.outside.clock, self._allowed)

        self.answering.agents(self.registry, tools, self.outside.clock)

        async def dispatch(command: Any, context: CallContext, key: str) -> Any:
            return (await backend.dispatch(command, context, key=key)).value

        reply = ChatReply(
            backend.ask, dispatch, self.registry, self.catalogue.default_for, router=self.answering.router
        )
        acts = actions_module.action_run(
            bus=bus, store=self.store, codec=self.codec, clock=self.outside.clock, work=self.work
        )
        again = messaging_module.replay_run(bus=bus, store=self.store, clock=self.outside.clock)
        changes = history_module.change_run(bus=bus, store=self.store, views=self.views)
        of_documents = runs_of_documents(self.knowledge, bus, self.store, self.outside.clock)
        kinds: dict[Role, tuple[Any, ...]] = {
            "ai": (reply,),
            "backend": (acts, identity_module.user_removal(bus), again, changes, *of_documents),
        }
        frame = framed(self.send, lambda body: EngineTexts(self.engine).piece(body))
        return RunEngine(
            [kind for role, own in kinds.items() if self.placement.holds(role) for kind in own],
            self.store,
            self.codec,
            self.outside.clock,
            frame,
            self.outside.listener,
            tenure_of(self.config, self.placement, self.store, self.outside.clock),
        )
