"""``mynah deploy``."""

from __future__ import annotations

import click

from mynah.cli.common import chosen_port, json_option, port_option, print_json, progress_bar, talk


@click.command()
@port_option
@click.option("--board", metavar="NAME", help="What it is; without it, what the board says.")
@click.option(
    "--models", metavar="NAME[,NAME]", help="Wake-word models; without it, those on the board."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only say what would be done. To look at its files, the speaker is stopped and restarted.",
)
@click.option(
    "--clean", is_flag=True, help="Delete files that are neither the speaker's nor its settings."
)
@click.option("--no-reset", is_flag=True, help="Leave the board stopped, at the REPL.")
@json_option
def command(
    port: str | None,
    board: str | None,
    models: str | None,
    *,
    dry_run: bool,
    clean: bool,
    no_reset: bool,
    as_json: bool,
) -> None:
    """Send a board the firmware files that changed, and restart it. Its settings stay.

    All files change or none: a board whose power fails meanwhile starts with the old firmware or
    with the new one.

    \b
    mynah deploy --port /dev/ttyUSB0
    mynah deploy --port rfc2217://127.0.0.1:3333 --dry-run
    """
    from mynah import boards
    from mynah.flash.deploy import deploy

    url = chosen_port(port)
    with progress_bar("sending") as progress:
        report = deploy(
            url,
            board=boards.load(board) if board else None,
            models=None if models is None else [name for name in models.split(",") if name],
            clean=clean,
            dry_run=dry_run,
            reset=not no_reset,
            progress=progress,
            on_log=None if dry_run else lambda record: talk(f"  {record}"),
        )
    if as_json:
        print_json(report)
    else:
        lists = (
            ("clean", report.cleaned),
            ("write", report.written),
            ("delete", report.deleted),
        )
        for verb, paths in lists:
            for path in paths:
                click.echo(f"{verb} {path}")
        talk(
            f"{report.board}: {len(report.written)} written, {len(report.deleted)} deleted, "
            f"{len(report.unchanged)} unchanged in {report.seconds:.1f} s"
            + (" (dry run)" if dry_run else "")
        )
