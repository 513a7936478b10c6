"""`autobot keys …` and `autobot users …`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from autobot.cli.choices import Role
from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, complain, say, show_json, table
from autobot.config import Config

keys = typer.Typer(help="API keys.", no_args_is_help=True)
users = typer.Typer(help="People who may sign in.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Who = Annotated[str, typer.Argument(help="User name or id.")]


async def user_called(ask: Ask, name: str) -> dict[str, Any] | None:
    """Return a user by name or id; where there is none that is told."""
    found = (await ask("ListUsers", name_or_id=name))["items"]
    if not found:
        complain(f"There is no user called {name}.", "autobot users list shows them.")
        return None
    user: dict[str, Any] = found[0]
    return user


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[list[str], typer.Option(help="What it may do, as chat:read or *; several times.")],
    user: Annotated[str, typer.Option(help="Whose key it is.")] = "admin",
    expires: Annotated[str | None, typer.Option(help="When it ends, RFC 3339.")] = None,
) -> None:
    """Make a key and print it, alone, once."""

    async def work(ask: Ask, config: Config) -> int | None:
        owner = await user_called(ask, user)
        if owner is None:
            return Exit.REFUSED
        made = await ask("CreateKey", name=name, scopes=scope, user_id=owner["id"], expires_at=expires)
        say(await ask("Reveal", sealed=made["sealed_key"]))
        return None

    raise typer.Exit(run_with(work))


@keys.command("list")
def list_keys(user: Annotated[str, typer.Option()] = "admin", as_json: Json = False) -> None:
    """List a user's keys (never their secrets)."""

    async def work(ask: Ask, config: Config) -> int | None:
        owner = await user_called(ask, user)
        if owner is None:
            return Exit.REFUSED
        items = (await ask("ListKeys", user_id=owner["id"], limit=200))["items"]
        if as_json:
            show_json(items)
        else:
            table(items, ["id", "name", "prefix", "scopes", "expires_at", "last_used_at"])
        return None

    raise typer.Exit(run_with(work))


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="The key's id.")]) -> None:
    """Stop a key for good."""

    async def work(ask: Ask, config: Config) -> int | None:
        await ask("RevokeKey", key_id=key_id)
        return None

    raise typer.Exit(run_with(work))


@users.command("list")
def list_users(as_json: Json = False) -> None:
    """List everyone."""

    async def work(ask: Ask, config: Config) -> int | None:
        items = (await ask("ListUsers", limit=200))["items"]
        if as_json:
            show_json(items)
        else:
            table(items, ["username", "role", "suspended", "has_password", "created_at", "id"])
        return None

    raise typer.Exit(run_with(work))


@users.command("add")
def add_user(
    username: Annotated[str, typer.Argument()],
    role: Annotated[Role, typer.Option(help="What they may.")] = "user",
) -> None:
    """Let somebody in; prints a sign-in link for them."""

    async def work(ask: Ask, config: Config) -> int | None:
        made = await ask("AddUser", username=username, role=role)
        token = await ask("Reveal", sealed=made["sealed_link"])
        say(await sign_in_link(ask, config, token))
        return None

    raise typer.Exit(run_with(work))


@users.command("link")
def issue_link(username: Who = "admin") -> None:
    """Print a new one-time sign-in link; an earlier one stops working."""

    async def work(ask: Ask, config: Config) -> int | None:
        user = await user_called(ask, username)
        if user is None:
            return Exit.REFUSED
        made = await ask("IssueLink", user_id=user["id"])
        say(await sign_in_link(ask, config, await ask("Reveal", sealed=made["sealed_link"])))
        return None

    raise typer.Exit(run_with(work))


def _change(username: str, **fields: Any) -> int:
    async def work(ask: Ask, config: Config) -> int | None:
        user = await user_called(ask, username)
        if user is None:
            return Exit.REFUSED
        await ask("ChangeUser", user_id=user["id"], **fields)
        return None

    return run_with(work)


@users.command("role")
def change_role(username: Who, role: Annotated[Role, typer.Argument()]) -> None:
    """Give a user another role."""
    raise typer.Exit(_change(username, role=role))


@users.command("suspend")
def suspend(username: Who, reason: Annotated[str, typer.Option()] = "") -> None:
    """Stop every credential of a user, at once."""
    raise typer.Exit(_change(username, suspended=True, reason=reason))


@users.command("restore")
def restore_user(username: Who) -> None:
    """Let a suspended user in again."""
    raise typer.Exit(_change(username, suspended=False))


@users.command("remove")
def remove_user(
    username: Who,
    grace_days: Annotated[
        int, typer.Option(min=0, max=30, help="Days in which the removal can still be stopped.")
    ] = 0,
) -> None:
    """Take a user away with every credential and all that belongs to them.

    Their credentials stop working at once.
    """

    async def work(ask: Ask, config: Config) -> int | None:
        user = await user_called(ask, username)
        if user is None:
            return Exit.REFUSED
        started = await ask("RemoveUser", user_id=user["id"], grace_days=grace_days)
        say(f"The saga {started['removal_id']} removes {username}.")
        return None

    raise typer.Exit(run_with(work))


async def sign_in_link(ask: Ask, config: Config, token: str) -> str:
    """Return the address that signs in once; its path alone, and how to make it whole, where no address is known.

    The token stands behind `#`, so no server log ever holds it.
    """
    face = config.public_url or await _face(ask, config)
    if not face:
        complain(
            "The address at which people reach this installation is not known here: put it before the path.",
            "AUTOBOT_PUBLIC_URL=https://… gives it, here and to every gateway.",
        )
    return f"{face}/sign-in#token={token}"


async def _face(ask: Ask, config: Config) -> str:
    """Return where people reach AutoBot, empty when nobody here knows it.

    With roles apart that is a gateway, whatever else listens on this data folder. Where none of them answers here,
    the command line opened the database itself: the gateways are on other machines, or not up.
    """
    from autobot.bootstrap import running_address

    found = await ask("ListRoles")
    if found["mode"] == "embedded":
        alone = "" if config.redis_url else config.local_url
        return running_address(config) or alone
    gateways = [
        one["address"] for one in found["items"] if "gateway" in one["roles"] and one["state"] == "live"
    ]
    return next(iter(gateways), "")
