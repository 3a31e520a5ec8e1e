"""The command line: one file per command, which is imported when the command is used."""

from __future__ import annotations

import shlex
import sys
import warnings
from typing import Any

import click

from vaebench.cli.lazy import LazyGroup
from vaebench.errors import UserError
from vaebench.running.termination import terminable

# Name -> (module, summary). To add a command, write a file that defines a click command called `command`, and add a
# line here.
COMMANDS = {
    "run": ("vaebench.cli.run", "Train and measure the models of a suite"),
    "tune": ("vaebench.cli.tune", "Search each method's parameters, and write a suite with the best ones"),
    "status": ("vaebench.cli.status", "Show runs in progress, time left, finished and failed trials"),
    "leaderboard": ("vaebench.cli.leaderboard", "Make the leaderboard from existing records"),
    "compare": ("vaebench.cli.compare", "Compare two models of a board, or two results folders"),
    "index": ("vaebench.cli.index", "Index a large number of records, so that boards are made faster"),
    "score": ("vaebench.cli.score", "Compute missing metrics from stored weights"),
    "work": ("vaebench.cli.work", "Run trials on this machine for a run started elsewhere (used by Slurm)"),
    "verify-results": ("vaebench.cli.verify_results", "Check submitted results"),
    "list": ("vaebench.cli.list_", "List available models, datasets, losses, metrics, executors and suites"),
    "show": ("vaebench.cli.show", "Show one component, suite or record in full"),
    "check": ("vaebench.cli.check", "Check that a component meets its contract"),
    "new": ("vaebench.cli.new", "Create a plugin package from a template"),
    "plugins": ("vaebench.cli.plugins", "List installed plugins, and the errors of broken ones"),
    "data": ("vaebench.cli.data", "Find, download and check real datasets"),
    "doctor": ("vaebench.cli.doctor", "Show versions, devices, data and plugins for a bug report"),
}

TYPED = "vaebench.typed"
"""The key of the typed arguments, which are kept so that an interrupted command can be repeated"""


class Mistake(click.ClickException):
    exit_code = 2


class Commands(LazyGroup):
    """Reports user errors without a traceback, and exits with the code that the command returns, or 130 on Ctrl-C."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[TYPED] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        warnings.showwarning = lambda message, *_: _warn(message)
        try:
            with terminable():
                ctx.exit(super().invoke(ctx) or 0)
        except UserError as error:
            raise Mistake(_visible(error)) from error
        except KeyboardInterrupt as stop:
            told = f"Interrupted: {stop}." if str(stop) else "Interrupted."
            typed = shlex.join([ctx.info_name or "vaebench", *ctx.meta[TYPED]])
            click.echo(
                f"{told} Finished work is kept. To continue, run the same command:\n  {_visible(typed)}", err=True
            )
            ctx.exit(130)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}. Finished work is kept.") from error
        finally:
            _report_problems()


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from vaebench.records.provenance import package_version

        click.echo(f"vaebench {package_version('vaebench')}")
        ctx.exit()


@click.group(
    cls=Commands, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Benchmark VAE variants on medical images.

    Every model is trained on every dataset. The same checkpoint is then judged on generation, reconstruction, the
    usefulness of its latent codes, and anomaly detection.

    \b
    Start here:
      vaebench run --suite smoke        check that everything works (takes seconds)
      vaebench run                      run the suite `medical`, sized to this machine
      vaebench leaderboard              show the leaderboard again
      vaebench list                     list available models, datasets and metrics
    """


def _report_problems() -> None:
    """Report each broken plugin once, if any plugins were loaded."""
    module = sys.modules.get("vaebench.components.discovery")
    if module is not None and module.installed.cache_info().currsize:
        for problem in module.installed().untold():
            _warn(problem)


def _warn(what: object) -> None:
    click.echo(f"Warning: {_visible(what)}", err=True)


def _visible(what: object) -> str:
    """Return the text without terminal control characters: a message may quote an untrusted file."""
    from vaebench.records.clean import clean_lines

    return clean_lines(str(what))
