"""``osdimage media verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from osdimage.cli import params, render, values
from osdimage.cli.failures import INVALID_INPUT
from osdimage.cli.render import Reporter
from osdimage.imaging.units import counted, format_size

if TYPE_CHECKING:
    from osdimage.imaging.media.checked.report import MediumReport
    from osdimage.imaging.media.sequence.checking import CheckedManifest

_MEDIUM = values.PathType(exists=True, path_type=Path)


@click.command("verify")
@click.argument("media", metavar="MEDIUM...", nargs=-1, required=True, type=_MEDIUM)
@click.option(
    "--allowed-signers",
    type=values.PRESENT,
    metavar="FILE",
    help="Who may have signed, as ssh-keygen(1) has them.  What is not signed by one of them is an error then.",
)
@click.option("--identity", metavar="NAME", help="The only one of them who may have.")
@click.option(
    "--boot-only", is_flag=True, help="Look at nothing but what starts a computer; what starts none is an error then."
)
@params.output()
def verify_command(
    media: tuple[Path, ...], allowed_signers: Path | None, identity: str | None, boot_only: bool, reporter: Reporter
) -> int:
    """Look at all that can be known of each MEDIUM without starting it, and say what to do about each fault.

    A MEDIUM is an ISO file or a drive, a stick or the image of one, or a folder.  Looked at are its table, its volumes
    and every name in them; the way from firmware to Windows PE: boot catalog or boot code, loaders, the entries of both
    stores, the WIM and boot.sdi that these name, and whether all are of one architecture; and where there is a
    manifest, its signature and the hash of every file.  Whether a loader does its work is not tried.

    The discs of a set are named together: each is wanted once.  Leaves with 3 when there is an error, with 0 for mere
    warnings and notes.
    """
    from osdimage.imaging.media.checked.verify import VerifyOptions, verify_media  # noqa: PLC0415 - start-up is cheap
    from osdimage.imaging.media.sequence.signature import Trusted  # noqa: PLC0415

    if identity is not None and allowed_signers is None:
        raise click.UsageError("--identity goes with --allowed-signers")
    if boot_only and allowed_signers is not None:
        raise click.UsageError("--boot-only looks at no signature; leave --allowed-signers out")
    trusted = None if allowed_signers is None else Trusted(allowed_signers, identity)
    report = verify_media(media, VerifyOptions(boot_only, trusted), progress=reporter.callback)
    if reporter.as_json:
        found = [_facts(each) for each in report.media]
        render.document({"media": found, "findings": report.findings, "is_sound": report.is_sound})
    else:
        for each in report.media:
            render.findings(each.findings, quiet=reporter.quiet)
            if not reporter.quiet:
                render.line(_line(each, counts=not boot_only))
        render.findings(report.findings, quiet=reporter.quiet)
    return 0 if report.is_sound else INVALID_INPUT


def _facts(report: MediumReport) -> dict[str, object]:
    return {
        "medium": report.medium,
        "kind": report.kind,
        "label": report.label,
        "files": report.files,
        "contents_bytes": report.contents_bytes,
        "firmware": report.firmware,
        "architecture": report.architecture,
        "signed": report.signed,
        "manifest": None if report.manifest is None else _manifest(report.manifest),
        "findings": report.findings,
        "is_sound": report.is_sound,
    }


def _manifest(checked: CheckedManifest) -> dict[str, object]:
    said, signature = checked.manifest, checked.signature
    of_set = None if said is None else said.of_set
    facts: dict[str, object] = {"kind": None, "created": None, "sha256": checked.sha256, "set": None}
    if said is not None:
        facts |= {"kind": said.kind, "created": said.created}
    if of_set is not None:
        facts["set"] = {
            "id": of_set.identifier,
            "name": of_set.name,
            "volume": of_set.volume,
            "volumes": of_set.volumes,
        }
    state = (None, None, None) if signature is None else (signature.state, signature.signer, signature.key)
    return facts | dict(zip(("signature", "signer", "key"), state, strict=True))


def _is_as_made(report: MediumReport) -> bool:
    """Tell whether every file was compared with a manifest, and is what that says."""
    checked = report.manifest
    if checked is None or checked.manifest is None:
        return False
    return not any(each.code.startswith("files-") for each in checked.findings)


def _line(report: MediumReport, *, counts: bool) -> str:
    label = "" if report.label is None else f", label {report.label}"
    held = f", {counted(report.files, 'file')}, {format_size(report.contents_bytes)}" if counts else ""
    if _is_as_made(report):
        held += ", as its manifest says"
    kinds = " and ".join(each.upper() for each in report.firmware)
    signed = None if report.signed == "unknown" else f"signed with {report.signed.called}"
    told = [each for each in (report.architecture, signed) if each is not None]
    of = f" ({', '.join(told)})" if told else ""
    starts = f"starts under {kinds}{of}, as far as can be told" if kinds else "nothing starts it"
    return f"{report.medium}: {report.kind.called}{label}{held}: {starts}"
