"""The entry point of the command `hallmarket`: finds the verb, runs it, and reports errors in one line."""

import os
import sys

import click

from hallmarket.cli._shared import exit_status
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "anchor": Verb("anchor.anchor:anchor", "Fingerprint files and anchor them in the log."),
    "verify": Verb("verify.verify:verify", "Check files, or a saved proof, against the log."),
    "proof": Verb("proof:proof", "Save the proof of a file, which can be checked without a server."),
    "status": Verb("status:status", "Show the server, its log, its queue and its last checkpoint."),
    "publish": Verb("publish.publish:publish", "Publish files and tables: upload them and anchor them."),
    "datasets": Verb("datasets:datasets", "List, query, pull and push datasets."),
    "assets": Verb("assets:assets", "Find, download, share, sell and delete assets."),
    "wallet": Verb("wallet:wallet", "Show your wallet, buy assets, send and refund money."),
    "licences": Verb("licences:licences", "Show what you bought and sold, and save the proof of it."),
    "serve": Verb("serve:serve", "Run a server."),
    "admin": Verb("admin:admin", "Manage organizations, people, API keys and money."),
}


class _PipeClosed(Exception):
    """The program that reads stdout has closed it."""


class _RootGroup(LazyGroup):
    """The command itself."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb; raises _PipeClosed instead of BrokenPipeError."""
        # For a BrokenPipeError click would exit with status 1, which here means that verification failed.
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _PipeClosed from None


def _print_version(ctx: click.Context, _: click.Parameter, requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        click.echo(f"hallmarket {version('hallmarket')}")
        ctx.exit()


@click.group(
    cls=_RootGroup,
    package="hallmarket.cli",
    verbs=VERBS,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket serve
          hallmarket anchor ~/Pictures
          hallmarket verify photo.jpg
          hallmarket proof photo.jpg -o photo.proof
          hallmarket verify --proof photo.proof photo.jpg

        \b
        Shell completion, for your shell's startup file:
          bash    eval "$(_HALLMARKET_COMPLETE=bash_source hallmarket)"
          zsh     eval "$(_HALLMARKET_COMPLETE=zsh_source hallmarket)"
          fish    _HALLMARKET_COMPLETE=fish_source hallmarket | source
        """
    ),
)
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_print_version, help="Show the version."
)
def hallmarket() -> None:
    """Anchor media in a public, verifiable log, and prove it to anyone; publish, share and sell files and datasets."""


def main() -> int:
    """Run the command line and return its exit status."""
    try:
        result = hallmarket(standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else exit_status.OK
    except (KeyboardInterrupt, click.Abort):
        return _report(exit_status.CommandError("interrupted", exit_status.INTERRUPTED, "INTERRUPTED"))
    except (_PipeClosed, BrokenPipeError):
        # Otherwise the interpreter would fail to flush stdout while exiting, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return exit_status.PIPE_CLOSED
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return exit_status.USAGE
    except click.UsageError as error:
        hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        # Click lists the choices of a missing option on separate lines.
        message = " ".join(error.format_message().split())
        return _report(exit_status.CommandError(message + hint, exit_status.USAGE, "USAGE"))
    except click.ClickException as error:
        return _report(exit_status.CommandError(error.format_message(), exit_status.USAGE, "USAGE"))
    except Exception as error:
        if os.environ.get("HALLMARKET_TRACE"):
            raise
        return _report(exit_status.command_error(error))


def _report(error: exit_status.CommandError) -> int:
    """Print an error in one line on stderr, and with --json as JSON on stdout; returns its exit status."""
    from hallmarket.cli._shared.output import notify, print_json, printable

    if "--json" in sys.argv and not error.reported:
        print_json({"error": error.as_json()})
    notify(printable(str(error)))
    return error.status
