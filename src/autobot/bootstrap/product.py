"""The product of one process, without its edge: kernel and contexts, opened in order and closed in reverse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from autobot.bootstrap.acting import action_work
from autobot.bootstrap.following import (
    DELIVER,
    Reaction,
    caught_up_with,
    reacted,
    start_reply,
)
from autobot.bootstrap.guide import LazyGuide, search_guide
from autobot.bootstrap.health import ProbedHealth
from autobot.bootstrap.history import history_context, past_of
from autobot.bootstrap.knowing import ProcessFacts, dependencies
from autobot.bootstrap.models import LiveModels
from autobot.bootstrap.outside import Outside
from autobot.bootstrap.published import EVENTS, UPCASTERS
from autobot.bootstrap.publisher import PUBLISH, publisher, publisher_service
from autobot.bootstrap.registered import Ground, modules_on
from autobot.bootstrap.registry import schemas_context
from autobot.bootstrap.upkeep import StoreUpkeep
from autobot.bootstrap.wiring import ModelWires, direct, load_matrix, wire_fixed
from autobot.config import Config
from autobot.contexts.actions import module as actions_module
from autobot.contexts.agents import module as agents_module
from autobot.contexts.agents.agent import AgentFactory, ChatAgent, Choice
from autobot.contexts.agents.assistant.commands import standard_commands
from autobot.contexts.agents.assistant.model import Assistant
from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ModelFacade, over_facade
from autobot.contexts.agents.handlers import RunHandlers
from autobot.contexts.agents.orchestrator import CHAT
from autobot.contexts.agents.process import EXECUTE, NAME, ChatReply, execute_agent
from autobot.contexts.agents.tools import ToolBox, standard_tools
from autobot.contexts.chat import module as chat_module
from autobot.contexts.chat.read_model import chat_projection
from autobot.contexts.identity import module as identity_module
from autobot.contexts.messaging import module as messaging_module
from autobot.contexts.sagas import module as sagas_module
from autobot.contexts.settings import module as settings_module
from autobot.contexts.settings.read_model import SettingsReader
from autobot.contexts.system import module as system_module
from autobot.contracts import actions, chat, identity, replays, settings
from autobot.kernel.commands.authorize import Authorizer, Verdict
from autobot.kernel.commands.bus import Bus
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.linked import COMMAND, QUERY, BusService, LinkedBus
from autobot.kernel.commands.refusals import Refusals
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.core.errors import HopFailed, Rejected
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.documents import event_document
from autobot.kernel.event_store.linked import LinkedEventStore, store_service
from autobot.kernel.event_store.projection_runner import ProjectionRunner
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.log_broker import LogBroker
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.sagas.engine import RunEngine

FRAME: Final = Operation(name="frame", effect=Effect.FREE)


@dataclass(slots=True, kw_only=True)
class Product:
    """The running parts. `bus` is what edges hold: it lies behind its row of the matrix."""

    config: Config
    outside: Outside
    registry: LinkRegistry
    codec: EventCodec
    store: LinkedEventStore
    bus: LinkedBus
    authorizer: Authorizer
    refusals: Refusals
    engine: RunEngine
    facade: ModelFacade
    live: LiveModels
    settings: SettingsReader
    upkeep: StoreUpkeep
    wires: ModelWires
    modules: tuple[Module, ...]
    health: ProbedHealth
    chat_view: ProjectionRunner
    broker: LogBroker
    frames: list[Callable[[dict[str, Any]], None]]
    counts: dict[str, Callable[[], Any]]
    reacts_to: frozenset[str]

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


def _rules(modules: tuple[Module, ...]) -> Authorizer:
    return Authorizer(rule for module in modules for rule in module.rules)


def assemble(config: Config, outside: Outside) -> Product:
    """Build every part and connect it. Nothing runs yet. Raises ConfigurationError."""
    return _Assembly(config, outside).product()


class _Assembly:
    """The order in which parts need one another."""

    def __init__(self, config: Config, outside: Outside) -> None:
        self.config, self.outside = config, outside
        self.registry = LinkRegistry(load_matrix(config), outside.clock, outside.chance, outside.listener)
        wire_fixed(self.registry, outside.place)
        self.codec = EventCodec(
            EVENTS, outside.clock, outside.ids, source="urn:autobot:backend", upcast=UPCASTERS
        )
        self.store = _direct_rows(outside, self.codec, self.registry)
        self.authorizer: Authorizer
        self.engine: RunEngine
        self.upkeep = StoreUpkeep(config, outside.store)
        self.chat_view = ProjectionRunner(chat_projection(self.codec), self.store, outside.clock)
        self.past = past_of(self.store, self.codec)
        self.work = action_work(config, {"chat": self.chat_view})
        self.broker = LogBroker(self.store, outside.clock, outside.chance)
        self.frames: list[Callable[[dict[str, Any]], None]] = []
        self.counts: dict[str, Callable[[], Any]] = {}

    def product(self) -> Product:
        """Return the whole."""
        outside, registry = self.outside, self.registry
        live, facade = self._models()
        health = self._health(facade)
        modules, runs = self._modules(facade, health)
        self.authorizer = _rules(modules)
        refusals = Refusals(self.store, outside.clock, outside.ids)
        bus = self._bus(modules, refusals)
        engine = self.engine = self._engine(bus, facade, live)
        runs.use(engine)
        reacts_to = self._react(engine)
        self.counts["runs_live"] = lambda: len(engine.all_live())
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
            settings=self.settings.reader,
            upkeep=self.upkeep,
            wires=self.wires,
            modules=modules,
            health=health,
            chat_view=self.chat_view,
            broker=self.broker,
            frames=self.frames,
            counts=self.counts,
            reacts_to=reacts_to,
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
        self.wires = ModelWires(self.registry, outside.clock, outside.chance, outside.listener)
        live = LiveModels(self.settings, self.registry, self.wires, outside.ids)
        self.live = live
        assistant = Assistant(LazyGuide(), standard_commands(self._ask_backend, self._list_models))
        providers = (live.ollama, live.openai, live.llamacpp, assistant)
        catalogue = Catalogue(
            providers, outside.clock, configured_default=live.default_model, windows=live.windows
        )
        facade = ModelFacade(catalogue, self.registry, live.chain)
        inside = direct(DirectTransport(facade.calls, facade.streams))
        self.registry.wire("agents-llm", inside)
        self.registry.wire("gateway-ai", direct(DirectTransport(*over_facade(facade))))
        self.catalogue, self.facade, self.live = catalogue, facade, live
        return live, facade

    async def _apply_settings(self) -> None:
        try:
            await self.live.refresh()
        except (Rejected, HopFailed):
            # It is made all the same; who follows the log puts it in force when the store is reached again.
            return

    async def _ask_backend(self, query: Any, context: CallContext) -> Any:
        """Ask a context on behalf of the ai role."""
        return await LinkedBus(self.registry.link("ai-backend")).ask(query, context)

    async def _list_models(self, context: CallContext) -> Any:
        return await self.catalogue.choices(context)

    def _health(self, facade: ModelFacade) -> ProbedHealth:
        async def count(provider: Any) -> int:
            trace = new_trace(self.outside.chance)
            context = CallContext(correlation_id="health", principal=SYSTEM, trace=trace)
            return len(await provider.models(context))

        asked = [(one.provider, lambda one=one: count(one)) for one in self.catalogue.providers]
        return ProbedHealth(dependencies(self.store, asked, self.outside.place), self.outside.clock)

    def _modules(self, facade: ModelFacade, health: ProbedHealth) -> tuple[tuple[Module, ...], RunHandlers]:
        outside, store, codec = self.outside, self.store, self.codec
        agents, runs = agents_module.build(
            store, facade.list_models, reacted(self.broker, self.store, outside.clock)
        )
        facts = ProcessFacts(
            self.config,
            outside.clock,
            store,
            self.registry,
            self._counted,
            health.checks,
            lambda: self.live.server.log_tail() if self.live.server else (),
        )
        people = identity_module.build(
            store=store,
            codec=codec,
            clock=outside.clock,
            ids=outside.ids,
            passwords=outside.passwords,
            tokens=outside.tokens,
            vault=outside.vault,
            actions_of=self._actions_of,
        )
        acting = actions_module.build(
            store=store, clock=outside.clock, ids=outside.ids, work=self.work, allowed=self._allowed
        )
        lists = caught_up_with(self.chat_view, store, outside.clock)
        modules = (
            people,
            acting,
            self.settings.module,
            chat_module.build(store, codec, outside.ids, lists, self.past),
            agents,
            system_module.build(store, codec, self.registry, health, facts, self.upkeep),
            sagas_module.build(store, codec, outside.clock),
            messaging_module.build(
                store=store,
                clock=outside.clock,
                ids=outside.ids,
                broker=self.broker,
                codec=codec,
                shown=event_document,
                stop_run=self._stop_run,
            ),
            schemas_context(store, codec, outside.clock),
            history_context(store, self.past, {"chat": self.chat_view}),
            *modules_on(Ground(store=store, codec=codec, clock=outside.clock, ids=outside.ids)),
        )
        return modules, runs

    async def _counted(self) -> dict[str, Any]:
        """Return what the status shows besides links: runs, sessions, consumers and read models with their lag."""
        view = await self.chat_view.statistics()
        groups = [await self.broker.statistics(group) for group in self.broker.groups]
        return {
            **{name: count() for name, count in self.counts.items()},
            "consumers": [asdict(one) for one in groups],
            "read_models": [{**asdict(view), "lag": view.lag}],
        }

    def _stop_run(self, run: str, by: str) -> bool:
        """Ask a run to end; the engine is made after the modules."""
        return self.engine.stop(run, by)

    def _actions_of(self, role: Any) -> frozenset[str]:
        """Return what a role may do, its own objects included."""
        return self.authorizer.actions_of(role)

    def _allowed(self, principal: Any, action: str) -> bool:
        return self.authorizer.verdict(principal, action) is not Verdict.DENY

    def _bus(self, modules: tuple[Module, ...], refusals: Refusals) -> LinkedBus:
        outside = self.outside
        bus = Bus(
            commands=[spec for module in modules for spec in module.commands],
            queries=[spec for module in modules for spec in module.queries],
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
        self.registry.wire("ai-backend", direct(DirectTransport(handlers)))
        return LinkedBus(self.registry.link("routers-services"))

    def _engine(self, bus: LinkedBus, facade: ModelFacade, live: LiveModels) -> RunEngine:
        backend = LinkedBus(self.registry.link("ai-backend"))
        tools = self._tools(backend)

        def chat_agent(choice: Choice) -> ChatAgent:
            return ChatAgent(choice.model, facade, tools, live.system_prompt(), self.outside.clock)

        factory = AgentFactory({CHAT: chat_agent})
        execute = DirectTransport({EXECUTE.name: execute_agent(factory)})
        self.registry.wire("orchestrator-agents", direct(execute))

        async def dispatch(command: Any, context: CallContext, key: str) -> Any:
            return (await backend.dispatch(command, context, key=key)).value

        reply = ChatReply(backend.ask, dispatch, self.registry, self.catalogue.default_for)
        acts = actions_module.action_run(
            bus=bus, store=self.store, codec=self.codec, clock=self.outside.clock, work=self.work
        )
        again = messaging_module.replay_run(bus=bus, store=self.store, clock=self.outside.clock)
        kinds = (reply, acts, identity_module.user_removal(bus), again)
        return RunEngine(
            kinds, self.store, self.codec, self.outside.clock, self._frame(), self.outside.listener
        )

    def _tools(self, backend: LinkedBus) -> ToolBox:
        async def read_setting(key: str, context: CallContext) -> Any:
            return await backend.ask(settings.GetSetting(key=key), context)

        def allowed(context: CallContext, action: str) -> bool:
            return self._allowed(context.principal, action)

        return ToolBox(standard_tools(self.outside.clock, read_setting, search_guide), allowed)

    def _frame(self) -> Callable[[str, dict[str, Any]], Awaitable[None]]:
        """Passing frames go over the Backend → Redis row; in one process they stay in it."""

        async def deliver(payload: Any, context: CallContext) -> None:
            for take in self.frames:
                take(payload)

        transport = DirectTransport({FRAME.name: deliver})
        self.registry.wire("backend-redis", direct(transport, "frames in this process"))
        link = self.registry.link("backend-redis")
        context = CallContext(correlation_id="frames", principal=SYSTEM, trace=new_trace(self.outside.chance))

        async def frame(channel: str, body: dict[str, Any]) -> None:
            try:
                await link.call(FRAME, body, context)
            except (Rejected, HopFailed):
                # A passing frame may be lost: who misses it sees the hole and gets a snapshot.
                return

        return frame

    def _react(self, engine: RunEngine) -> frozenset[str]:
        """Connect the event bus's row; return the types of fact that set something off here."""
        conversations = self.store

        async def owner_of(session_id: str) -> str:
            found = await conversations.read_stream(f"chat-{session_id}", limit=1)
            event = self.codec.unwrap(found[0]) if found else None
            return event.owner if isinstance(event, chat.SessionCreated) else ""

        reactions: dict[str, Reaction] = {
            chat.ReplyRequested.TYPE: start_reply(self.codec, engine.accept, NAME, owner_of),
            actions.ActionRequested.TYPE: actions_module.run_starter(self.codec, engine.accept),
            identity.UserRemovalRequested.TYPE: identity_module.removal_starter(self.codec, engine.accept),
            replays.ReplayRequested.TYPE: messaging_module.starter(self.codec, engine.accept),
            **sagas_module.reactions(self.codec, engine),
        }

        async def deliver(payload: Any, context: CallContext) -> None:
            await reactions[payload.message.type](payload)

        self.registry.wire(
            "services-event_bus", direct(DirectTransport({DELIVER.name: deliver}), "the log of this process")
        )
        return frozenset(reactions)
