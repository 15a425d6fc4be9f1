"""The command `hallmarket`: finds the verb, loads it only then, and turns every failure into one line and a status."""

import os
import sys

import click

from hallmarket.cli._shared import exit_status
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "anchor": Verb("anchor.anchor:anchor", "Fingerprint files and anchor them in the log."),
    "verify": Verb("verify.verify:verify", "Check files, or a saved proof, against the log."),
    "proof": Verb("proof:proof", "Save the proof of a file, to be checked without any server."),
    "status": Verb("status:status", "Show the server, its log, its queue and its last checkpoint."),
    "publish": Verb("publish.publish:publish", "Publish files and tables: upload, anchor, make them assets."),
    "datasets": Verb("datasets:datasets", "List, query, pull and push datasets."),
    "assets": Verb("assets:assets", "Find, fetch, share, sell and delete assets."),
    "wallet": Verb("wallet:wallet", "Show your wallet, buy assets, send money and give it back."),
    "licences": Verb("licences:licences", "Show what you bought and sold, and save the proof of it."),
    "serve": Verb("serve:serve", "Run a server.", extra="server"),
    "admin": Verb("admin:admin", "Manage organizations, people, API keys and money.", extra="server"),
}


class _ReaderGone(Exception):
    """Whoever reads our stdout has closed it."""


class _Command(LazyGroup):
    """The command itself."""

    def invoke(self, ctx: click.Context) -> object:
        # Click's own answer to a closed pipe is status 1, which here means that verification said no.
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        click.echo(f"hallmarket {version('hallmarket')}")
        ctx.exit()


@click.group(
    cls=_Command,
    package="hallmarket.cli",
    verbs=VERBS,
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

    {exit_status.STATUSES.replace(chr(10), chr(10) + "    ")}
    """,
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def hallmarket() -> None:
    """Anchor media in a public, verifiable log, and prove it to anyone; publish, share and sell files and datasets."""


def main() -> int:
    """Run the command line and return its exit status."""
    try:
        result = hallmarket(standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else exit_status.OK
    except (KeyboardInterrupt, click.Abort):
        return _tell(exit_status.CommandError("interrupted", exit_status.INTERRUPTED, "INTERRUPTED"))
    except (_ReaderGone, BrokenPipeError):
        # Keep the interpreter from complaining on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + 13
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return exit_status.USAGE
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        # Click lists the choices of a missing option on lines of their own.
        message = " ".join(error.format_message().split())
        return _tell(exit_status.CommandError(message + hint, exit_status.USAGE, "USAGE"))
    except click.ClickException as error:
        return _tell(exit_status.CommandError(error.format_message(), exit_status.USAGE, "USAGE"))
    except Exception as error:
        if os.environ.get("HALLMARKET_TRACE"):
            raise
        return _tell(exit_status.command_error(error))


def _tell(error: exit_status.CommandError) -> int:
    """Print the failure in one line, and as JSON where JSON was asked for."""
    from hallmarket.cli._shared.output import print_json, printable

    if "--json" in sys.argv and not error.told:
        print_json({"error": error.as_json()})
    print(f"hallmarket: {printable(str(error))}", file=sys.stderr)
    return error.status
