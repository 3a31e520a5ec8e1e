"""The command line: thin Click commands over the harness. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import click

from vaebench.errors import UserError
from vaebench.training.checkpoint import EVERY

FOLDER = click.Path(file_okay=False, path_type=Path)
FORMATS = ("table", "md", "csv", "json", "tex", "html")
SUITE = click.option("--suite", default="medical", show_default=True, help="Suite by name, or path of a .toml file.")
PRESET = click.option(
    "--preset", default="auto", show_default=True, help="Effort: quick, compact, standard, full; auto fits the device."
)
SOURCE = click.option(
    "--source", type=click.Choice(["auto", "real", "phantom"]), default="auto", show_default=True,
    help="auto: real data where any is present, else phantoms for all. Never downloads.",
)  # fmt: skip
DEVICE = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:1", help="Where to compute."
)
SLOTS = click.option(
    "-j", "--slots", type=click.IntRange(min=1), help="Trials at once [default: cores on a CPU, 1 on a GPU]."
)
RESULTS = click.option(
    "--results", type=FOLDER, default=Path("results"), show_default=True, envvar="VAEBENCH_RESULTS",
    help="Folder of records and leaderboards.",
)  # fmt: skip
DATA = click.option(
    "--data", type=FOLDER, default=None, help="Folder of real datasets [default: $VAEBENCH_DATA or your data folder]."
)


class Mistake(click.ClickException):
    exit_code = 2


class Commands(click.Group):
    """Turns a user's mistake into words and Ctrl-C into exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        warnings.showwarning = lambda message, *_: click.echo(f"Warning: {message}", err=True)
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise Mistake(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Interrupted. Everything finished is kept; the same command goes on from there.", err=True)
            ctx.exit(130)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise click.ClickException(
                f"{error.strerror or error}{where}. Nothing that was finished is lost."
            ) from error
        finally:
            _tell_problems()


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from vaebench.records.provenance import package_version

        click.echo(f"vaebench {package_version('vaebench')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def main() -> None:
    """Benchmark VAE variants on medical images.

    Every model is trained on every dataset and the same checkpoint is judged on generation, reconstruction, the use of
    its code and anomaly detection, with honest statistics.

    \b
    Start here:
      vaebench run --suite smoke        seconds: does everything work?
      vaebench run                      the suite `medical`, sized to this machine
      vaebench leaderboard              the tables again
      vaebench list                     what there is to compare
    """


@main.command(short_help="Train and measure what a suite asks for.")
@click.argument("record", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@SUITE
@PRESET
@SOURCE
@click.option(
    "-m", "--model", "models", multiple=True, metavar="NAME[param=value,...]", help="Only this model (repeatable)."
)
@click.option("-d", "--dataset", "datasets", multiple=True, metavar="NAME[param=value,...]", help="Only this dataset.")
@click.option("--seeds", metavar="0,1,2", help="Seeds instead of the preset's.")
@DEVICE
@SLOTS
@click.option("--force", is_flag=True, help="Do trials again whose record is good, from the start.")
@click.option("--lf", "last_failed", is_flag=True, help="Only trials that failed last time.")
@click.option("-x", "--stop", is_flag=True, help="Stop at the first failure.")
@click.option("--checkpoint", "every", type=click.FloatRange(min=0), default=EVERY, show_default=True,
              metavar="SECONDS",
              help="How far apart a training's checkpoints are; it goes on from the last one.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Show what would be done, with an estimate; train nothing.")
@RESULTS
@DATA
@click.pass_context
def run(ctx: click.Context, **options: Any) -> None:
    """Train and measure what a suite asks for, then show and write the leaderboard.

    Trials that have a good record are not done again, and a training that was cut off goes on from its checkpoint, to
    the same bits: the same command goes on where it stopped. Two of them in one results folder share the work.
    RECORD.json does the trial of one record again.

    \b
    Examples:
      vaebench run --suite smoke
      vaebench run -m vae -m "vae[latent=4,beta=0.5]" -d kermany-cxr --seeds 0,1,2
      vaebench run -d "kermany-cxr[path=xrays]" --source real
      vaebench run results/medical@1/quick/phantom/cpu/kermany-cxr/vae-0123456789ab.json
    """
    from vaebench.cli.run import run_sweep

    ctx.exit(run_sweep(**options))


@main.command(name="status", short_help="What is done, at work and failed.")
@RESULTS
def status_(results: Path) -> None:
    """Show what a results folder holds: good and failed trials, and runs in progress, with the time left.

    Its subfolder `reference` is left out.

    \b
    Examples:
      vaebench status
      vaebench status --results results/reference
    """
    from vaebench.cli.status import show_status

    show_status(results)


@main.command(short_help="The tables again, from the records.")
@SUITE
@click.option("--preset", help="Only this preset [default: every one that has records].")
@click.option("--source", type=click.Choice(["real", "phantom"]), help="Only this source [default: both].")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only this metric (repeatable); it ranks.")
@click.option("--dataset", metavar="NAME", help="Only this dataset.")
@click.option("--all", "everything", is_flag=True, help="Print every metric on every dataset too, and every note.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of the terminal.")
@click.option(
    "--with", "others", multiple=True, metavar="PATH", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Also show the records in this results folder (repeatable).",
)  # fmt: skip
@RESULTS
def leaderboard(**options: Any) -> None:
    """Make the leaderboard from the records, print it and write its files beside them. Trains nothing.

    --metric and --dataset choose what is printed, or written to --output; the files beside the records hold everything.

    --with places your records beside those in other results folders, so that comparing a new model costs only its own
    trials. Nothing is written then but --output. A trial that several folders have from the same class of device
    counts once, as in your own folder. If you have no records, the board of results/reference is shown.

    \b
    Examples:
      vaebench leaderboard
      vaebench leaderboard --metric psnr --dataset kermany-cxr
      vaebench leaderboard --with results/reference
      vaebench leaderboard --suite medical --preset quick --source phantom --format md --output board.md
    """
    from vaebench.cli.leaderboard import show_leaderboard

    show_leaderboard(**options)


@main.command(short_help="Answer missing metrics from stored weights.")
@SUITE
@PRESET
@SOURCE
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="A metric beside the suite's (repeatable).")
@DEVICE
@SLOTS
@RESULTS
@DATA
@click.pass_context
def score(ctx: click.Context, **options: Any) -> None:
    """Compute metrics that records lack, or have in an older version, from the stored weights. Trains nothing.

    \b
    Example:
      vaebench score --suite smoke --metric l1-error
    """
    from vaebench.cli.score import score_records

    ctx.exit(score_records(**options))


@main.command(name="verify-results", short_help="Are records, weights and boards what they say they are?")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--sample", type=click.IntRange(min=0), default=3, show_default=True,
              help="So many records with weights, drawn by chance, are measured again.")  # fmt: skip
@click.option(
    "--suite", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.toml",
    help="The suite of the results, where no plugin brings it.",
)  # fmt: skip
@DATA
@click.pass_context
def verify_results_(ctx: click.Context, **options: Any) -> None:
    """Check results that somebody hands in: records against their schema, ids, digests and weights; boards against
    records; some numbers against weights and data, where these are there. Nothing in FOLDER is executed or changed.
    Its subfolder `reference` is left out unless FOLDER names it.

    \b
    Examples:
      vaebench verify-results results
      vaebench verify-results results/reference
    """
    from vaebench.cli.verify_results import verify_results

    ctx.exit(verify_results(**options))


@main.command(name="list", short_help="What there is: models, datasets, losses, metrics, suites.")
@click.argument("kind", required=False, type=click.Choice(["models", "datasets", "losses", "metrics", "suites"]))
def list_(kind: str | None) -> None:
    """List components and suites of all plugins, each with one line on what it is.

    \b
    Example:
      vaebench list models
    """
    from vaebench.cli.inventory import list_kinds

    list_kinds([kind] if kind else ["suites", "models", "datasets", "losses", "metrics"])


@main.command(short_help="One component or record in full.")
@click.argument("name", metavar="NAME|RECORD.json")
def show(name: str) -> None:
    """Show a component with its parameters and their defaults, a suite, or a record.

    \b
    Examples:
      vaebench show vae
      vaebench show results/medical@1/quick/phantom/cpu/kermany-cxr/vae-0123456789ab.json
    """
    from vaebench.cli.inventory import show_name

    show_name(name)


@main.command(short_help="Does a component keep its contract?")
@click.argument("name")
@click.pass_context
def check(ctx: click.Context, name: str) -> None:
    """Run the conformance kit on a component: what passed, what failed and why, what was skipped and why.

    \b
    Example:
      vaebench check vae
    """
    from vaebench.cli.check import check_name

    ctx.exit(check_name(name))


@main.command(short_help="Installed plugins, and what is wrong with broken ones.")
def plugins() -> None:
    """List the plugins of this environment with version and hooks, and those that could not be loaded, with the reason.

    \b
    Example:
      vaebench plugins
    """
    from vaebench.cli.inventory import list_plugins

    list_plugins()


@main.group(short_help="Real datasets: where they are and how to get them.")
def data() -> None:
    """Real datasets: what is present, what can be fetched, and what needs an account."""


@data.command(short_help="Present, fetchable, or how to get it.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@DATA
def status(names: tuple[str, ...], data: Path | None) -> None:
    """Say for each dataset whether its real images are there, and otherwise how to get them.

    \b
    Example:
      vaebench data status kermany-cxr
    """
    from vaebench.cli.data import data_status

    data_status(names, data)


@data.command(short_help="Download what is free.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@DATA
def fetch(names: tuple[str, ...], data: Path | None) -> None:
    """Download datasets that are free, checked against their published checksums, into the data folder; or the file
    that a metric needs, to where it looks.

    \b
    Examples:
      vaebench data fetch pneumoniamnist
      vaebench data fetch fid              Inception's weights (95 MB)
    """
    from vaebench.cli.data import data_fetch

    data_fetch(names, data)


@data.command(short_help="Are all files there, whole and readable?")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@DATA
@click.pass_context
def verify(ctx: click.Context, names: tuple[str, ...], data: Path | None) -> None:
    """Check counts, checksums and readability of every file of the datasets named, or of all that are present.

    \b
    Example:
      vaebench data verify kermany-cxr --data xrays
    """
    from vaebench.cli.data import data_verify

    ctx.exit(data_verify(names, data))


@data.command(name="audit", short_help="Shared patients, duplicates, shortcuts.")
@click.argument("name")
@click.option("--source", type=click.Choice(["real", "phantom"]), default="real", show_default=True,
              help="Which images.")  # fmt: skip
@click.option("--size", type=click.IntRange(min=8), default=64, show_default=True, help="Image size in pixels.")
@DATA
@click.pass_context
def audit_(ctx: click.Context, name: str, source: str, size: int, data: Path | None) -> None:
    """Look for what makes a score mean less than it seems: patients or images on both sides of a split, and shortcuts
    (brightness, contrast, sharpness, native size) that tell healthy from diseased without any anatomy.

    \b
    Examples:
      vaebench data audit kermany-cxr --data xrays
      vaebench data audit kermany-cxr --source phantom
    """
    from vaebench.cli.data import data_audit

    ctx.exit(data_audit(name, data, source, size))


@main.command(short_help="Versions, devices, data, plugins: to paste into an issue.")
def doctor() -> None:
    """Tell what this installation is and has, to paste into an issue.

    \b
    Example:
      vaebench doctor
    """
    from vaebench.cli.doctor import tell_health

    tell_health()


def _tell_problems() -> None:
    """Broken plugins, each once, if any were loaded at all."""
    module = sys.modules.get("vaebench.components.discovery")
    if module is not None and module.installed.cache_info().currsize:
        for problem in module.installed().untold():
            click.echo(f"Warning: {problem}", err=True)
