"""Every setting that can be stored. What must be known before the database opens (address, port, data folder,
certificates, key file) is none of these: it comes from file and environment alone."""

from __future__ import annotations

from typing import Final

from autobot.contexts.settings.domain.definition import Definition

_MODEL: Final = r"\S.{0,198}\S|\S"
_MODEL_FORM: Final = "the name of a model of at most 200 characters, without a space at its ends"

MODELS: Final = (
    Definition(
        key="ollama.url",
        type="string",
        group="Models",
        title="Ollama address",
        description="Where Ollama listens; it is looked for at its standard address. Several servers: their addresses "
        "with commas between. Each model is asked where it is.",
        default="http://127.0.0.1:11434",
        address=True,
        several=True,
        maximum=2_000,
        env="OLLAMA_URL",
    ),
    Definition(
        key="openai.base_url",
        type="string",
        group="Models",
        title="OpenAI-compatible server",
        description="Base address of a server that speaks the OpenAI dialect, such as http://host:8000/v1. Several "
        "servers: their addresses with commas between; all get the same key.",
        address=True,
        several=True,
        maximum=2_000,
        env="OPENAI_BASE_URL",
    ),
    Definition(
        key="openai.api_key",
        type="secret",
        group="Models",
        title="Key of the OpenAI-compatible server",
        description="Sent to that server as a bearer token, and nowhere else.",
        maximum=4096,
        pattern=r"[!-~]+",
        form="visible ASCII characters without a space",
        env="OPENAI_API_KEY",
    ),
    Definition(
        key="model.default",
        type="string",
        group="Models",
        title="Default model",
        description="The model of a new chat. Not set: the first model that a provider has, and the built-in "
        "assistant while there is none.",
        maximum=200,
        pattern=_MODEL,
        form=_MODEL_FORM,
        env="MODEL",
    ),
    Definition(
        key="model.file",
        type="string",
        group="Models",
        title="Local model file",
        description="A GGUF file that AutoBot serves itself, in a process of its own.",
        maximum=4096,
        pattern=r"[^\x00-\x1f]+\.gguf",
        form="the path of a file that ends in .gguf",
        env="MODEL_FILE",
        restart=True,
    ),
    Definition(
        key="model.failover",
        type="list",
        group="Models",
        title="Failover chain",
        description="Models that are asked in turn when the one before does not answer. The answer says which did.",
        default=[],
        maximum=10,
        pattern=_MODEL,
        form=_MODEL_FORM,
    ),
    Definition(
        key="model.windows",
        type="list",
        group="Models",
        title="Model windows",
        description="Tokens that a model takes, where its server does not say or shall be overruled: NAME=TOKENS.",
        default=[],
        maximum=100,
        pattern=r"\S.{0,198}=[1-9][0-9]{2,7}",
        form="NAME=TOKENS with at least 100 tokens, such as ollama:llama3=16384",
    ),
    Definition(
        key="model.concurrency",
        type="list",
        group="Models",
        title="Answers at a time",
        description="How many answers of a model are made at once, and how many more may wait: NAME=LIMIT or "
        "NAME=LIMIT+QUEUE. Who finds no place gets 503. Models that are not named are not limited.",
        default=[],
        maximum=100,
        pattern=r"\S.{0,198}=[1-9][0-9]{0,3}(\+[0-9]{1,5})?",
        form="NAME=LIMIT or NAME=LIMIT+QUEUE, such as ollama:llama3=4+16",
    ),
    Definition(
        key="model.similar_answers",
        type="number",
        group="Models",
        title="Answers to similar questions",
        description="How near in meaning a question must be to an earlier one of the same person to get its answer "
        "again, such as 0.95; 0 is off. Never with tools; needs a model that embeds.",
        default=0.0,
        minimum=0.0,
        maximum=1.0,
    ),
    Definition(
        key="model.prices",
        type="list",
        group="Models",
        title="Prices",
        description="What a million tokens of a model cost, read and written: NAME=INPUT/OUTPUT. Models that are not "
        "named cost nothing. A new price holds for what comes after it.",
        default=[],
        maximum=200,
        pattern=r"\S.{0,198}=[0-9]{1,6}(\.[0-9]{1,6})?(/[0-9]{1,6}(\.[0-9]{1,6})?)?",
        form="NAME=INPUT/OUTPUT, such as openai:gpt-4o-mini=0.15/0.60",
    ),
    Definition(
        key="model.currency",
        type="string",
        group="Models",
        title="Currency of the prices",
        description="Three letters (ISO 4217). Sums are kept apart by currency.",
        default="USD",
        pattern=r"[A-Z]{3}",
        form="three capital letters, such as EUR",
    ),
    Definition(
        key="model.quotas",
        type="list",
        group="Models",
        title="Quotas of a day",
        description="How much a user or an API key may use of models from midnight to midnight UTC: user:WHO=N tokens, "
        "key:WHO=N cost. WHO is a user's name, a key's id, or * for each. Beyond it: 429.",
        default=[],
        maximum=500,
        pattern=r"(user|key):\S{1,100}=[0-9]{1,15}(\.[0-9]{1,6})? (tokens|cost)",
        form="user:WHO=N tokens or key:WHO=N cost, such as user:*=200000 tokens",
    ),
)

CHAT: Final = (
    Definition(
        key="chat.system_prompt",
        type="string",
        group="Chat",
        title="System prompt",
        description="What every model is told before a conversation.",
        default="",
        maximum=20_000,
    ),
    Definition(
        key="chat.rewrite_follow_ups",
        type="boolean",
        group="Chat",
        title="Write follow-up questions anew",
        description="Before documents are searched for a question that follows others, the chat's model writes it so that "
        "it can be understood alone. The answer says what was searched for.",
        default=True,
    ),
)

ROUTING: Final = (
    Definition(
        key="routing.by",
        type="enum",
        group="Chat",
        title="Routing by intent",
        description="What a question is about decides which tool is offered first: by meaning (an embedding model, by "
        "words while there is none), by words alone, or not at all. The answer shows it.",
        choices=("meaning", "words", "off"),
        default="meaning",
    ),
    Definition(
        key="routing.threshold",
        type="number",
        group="Chat",
        title="Confidence of a route",
        description="How near in meaning a question must be to the examples of an intent; below it every tool is offered.",
        default=0.35,
        minimum=0.0,
        maximum=1.0,
    ),
    Definition(
        key="routing.examples",
        type="list",
        group="Chat",
        title="Examples of intents",
        description="What people ask, by intent: INTENT: example. An intent named like a tool offers that tool first; "
        "chat is everything that needs none. Not set: the examples as shipped.",
        default=[],
        maximum=1_000,
        pattern=r"[a-z][a-z0-9_]{0,59}:\s*\S.{0,499}",
        form="INTENT: example, such as current_time: What time is it?",
    ),
)

KNOWLEDGE: Final = (
    Definition(
        key="knowledge.folders",
        type="list",
        group="Documents",
        title="Watched folders",
        description="Folders of this machine whose files are documents: the whole path, and behind = the id of the "
        "collection that they go to. Whoever may read that collection reads them.",
        default=[],
        maximum=50,
        pattern=r"/[^\x00-\x1f=]{0,900}=[A-Za-z0-9_-]{1,64}",
        form="PATH=COLLECTION with a whole path, such as /srv/papers=01a2",
    ),
    Definition(
        key="knowledge.rerank",
        type="boolean",
        group="Documents",
        title="Put the best passages in order anew",
        description="A model that reads question and passage together orders what a search found, where the accelerator "
        "has one. A search may ask otherwise.",
        default=True,
    ),
    Definition(
        key="knowledge.rerank_passages",
        type="integer",
        group="Documents",
        title="Passages that are put in order anew",
        description="How many of the best. Each costs the model a reading.",
        default=30,
        minimum=2,
        maximum=200,
    ),
    Definition(
        key="knowledge.rerank_seconds",
        type="number",
        group="Documents",
        title="Time for putting passages in order",
        description="Seconds; a search that needs longer answers without this stage and says so.",
        default=2.0,
        minimum=0.1,
        maximum=20.0,
    ),
    Definition(
        key="knowledge.log_queries",
        type="boolean",
        group="Documents",
        title="Keep what is searched for",
        description="Each person sees their own searches, administrators those of all. Off: nothing new is kept.",
        default=True,
    ),
    Definition(
        key="knowledge.log_days",
        type="integer",
        group="Documents",
        title="Days for which searches are kept",
        description="Older ones are taken out of the log of queries.",
        default=30,
        minimum=1,
        maximum=3650,
    ),
    Definition(
        key="knowledge.log_rows",
        type="integer",
        group="Documents",
        title="Searches that are kept",
        description="At most; the oldest go first.",
        default=10_000,
        minimum=100,
        maximum=1_000_000,
    ),
)

READ_MODELS: Final = (
    Definition(
        key="read_models.on_poison",
        type="enum",
        group="Read models",
        title="An event that a read model cannot take",
        description="Stop there and say so, or leave the event out, list it, and go on.",
        choices=("stop", "skip"),
        default="stop",
    ),
)

LIMITS: Final = (
    Definition(
        key="limits.default_per_minute",
        type="integer",
        group="Limits",
        title="Requests a minute",
        description="How often one user or key may ask, for every kind of request without a limit of its own.",
        default=6_000,
        minimum=10,
        maximum=1_000_000,
        restart=True,
    ),
    Definition(
        key="limits.actions_per_minute",
        type="integer",
        group="Limits",
        title="Actions a minute",
        description="How often one user or key may process an action.",
        default=100,
        minimum=1,
        maximum=1_000_000,
        restart=True,
    ),
    Definition(
        key="limits.login_per_minute",
        type="integer",
        group="Limits",
        title="Sign-in attempts a minute",
        description="How often one address may try one name.",
        default=10,
        minimum=1,
        maximum=1_000,
        restart=True,
    ),
)

DEFINITIONS: Final = (*MODELS, *CHAT, *KNOWLEDGE, *ROUTING, *READ_MODELS, *LIMITS)
