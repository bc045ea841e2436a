"""``osdimage facts``: what a computer is, as a file that answers the conditions of task sequences."""

from __future__ import annotations

import click
from osdimage.cli import params, render
from osdimage.cli.render import Reporter


@click.command("facts")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "--for-windows",
    is_flag=True,
    help="Print the line of PowerShell that writes such a file where Windows runs, and nothing else.",
)
@params.output(events=False)
def facts_command(*, sources: tuple[str, ...], for_windows: bool, reporter: Reporter) -> None:
    """Print what a computer is, as a file of facts for `run --facts`.

    SOURCE is `host`, this computer, which is meant without one; a virtual machine (`qemu`, `vmware`, `hyper-v`,
    `virtualbox`); the text of dmidecode; what PowerShell shows of WMI (Get-CimInstance with Format-List * or
    ConvertTo-Json); or a file of facts.  Of what several tell, the last one counts.

    The serial number and the UUID of this computer can only be read by root.
    """
    from osdimage.imaging.tasksequence.facts.document import document_of  # noqa: PLC0415 - start-up stays cheap
    from osdimage.imaging.tasksequence.facts.given import HOST, given_facts  # noqa: PLC0415
    from osdimage.imaging.tasksequence.facts.powershell import facts_line  # noqa: PLC0415

    if for_windows:
        if sources:
            raise click.UsageError("--for-windows takes no SOURCE: it prints a line for another computer")
        if reporter.as_json:
            render.document({"line": facts_line()}, kind="facts-line")
        else:
            render.out(facts_line())
        return
    render.document(document_of(given_facts(sources or (HOST,))))
