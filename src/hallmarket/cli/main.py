"""The command `hallmarket`: finds the verb, loads it only then, and turns every failure into one line and a status."""

import os
import sys
from importlib import import_module

import click

from hallmarket.cli import exits

# Verb, where it lives, and its line in `hallmarket --help`, which is shown without loading any of them.
VERBS = {
    "anchor": ("hallmarket.cli.anchor:anchor", "Fingerprint files and anchor them in the log."),
    "verify": ("hallmarket.cli.verify:verify", "Check files, or a saved proof, against the log."),
    "proof": ("hallmarket.cli.proof:proof", "Save the proof of a file, to be checked without any server."),
    "status": ("hallmarket.cli.status:status", "Show the server, its log, its queue and its last checkpoint."),
    "publish": ("hallmarket.cli.publish:publish", "Publish files and tables: upload, anchor, make them assets."),
    "datasets": ("hallmarket.cli.datasets:datasets", "List, query, pull and push datasets."),
    "assets": ("hallmarket.cli.assets:assets", "Find, fetch, share, sell and delete assets."),
    "wallet": ("hallmarket.cli.wallet:wallet", "Show your wallet, buy assets, send money and give it back."),
    "licences": ("hallmarket.cli.licences:licences", "Show what you bought and sold, and save the proof of it."),
    "serve": ("hallmarket.cli.serve:serve", "Run a server."),
    "admin": ("hallmarket.cli.admin:admin", "Manage organizations, people, API keys and money."),
}


class _ReaderGone(Exception):
    """Whoever reads our stdout has closed it."""


class _Verbs(click.Group):
    """A group whose verbs are imported when they are asked for."""

    def invoke(self, ctx: click.Context) -> object:
        # Click's own answer to a closed pipe is status 1, which here means that verification said no.
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"hallmarket {version('hallmarket')}")
        ctx.exit()


@click.group(
    cls=_Verbs,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"""
    \b
    Examples:
      hallmarket serve
      hallmarket anchor ~/Pictures
      hallmarket verify photo.jpg
      hallmarket proof photo.jpg -o photo.proof
      hallmarket verify --proof photo.proof photo.jpg

    {exits.STATUSES.replace(chr(10), chr(10) + "    ")}
    """,
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def hallmarket() -> None:
    """Anchor media in a public, verifiable log, and prove it to anyone; publish, share and sell files and datasets."""


def main() -> int:
    """Run the command line and return its exit status."""
    try:
        status = hallmarket(standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else exits.OK
    except (KeyboardInterrupt, click.Abort):
        return _tell(exits.CommandError("interrupted", exits.INTERRUPTED, "INTERRUPTED"))
    except (_ReaderGone, BrokenPipeError):
        # Keep the interpreter from complaining on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + 13
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return exits.USAGE
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        # Click lists the choices of a missing option on lines of their own.
        message = " ".join(error.format_message().split())
        return _tell(exits.CommandError(message + hint, exits.USAGE, "USAGE"))
    except click.ClickException as error:
        return _tell(exits.CommandError(error.format_message(), exits.USAGE, "USAGE"))
    except Exception as error:
        if os.environ.get("HALLMARKET_TRACE"):
            raise
        return _tell(exits.command_error(error))


def _tell(error: exits.CommandError) -> int:
    """Print the failure in one line, and as JSON where JSON was asked for."""
    from hallmarket.cli.output import print_json, printable

    if "--json" in sys.argv and not error.told:
        print_json({"error": error.as_json()})
    print(f"hallmarket: {printable(str(error))}", file=sys.stderr)
    return error.status
