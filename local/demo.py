"""The demonstration: a small fleet sends photographs through every process, and the results are shown."""

import os
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.style import Style
from rich.text import Text

from local import contact_sheet, inline_image, proof, verification
from local.proof import Finding, Sent
from local.running import OUTPUT, Running, keep_logs, started
from local.stack import Stack
from local.view import FleetView
from simulator import Fleet, FleetOptions, FleetReport

DEVICES = 5
IMAGES = 2
# With the rows of the table and the lines around them that is one screen of 25.
SHEET_ROWS = 10


def fleet_options(stack: Stack, devices: int = DEVICES, images: int = IMAGES) -> FleetOptions:
    """Return the options of a fleet on a bad line: chunks are lost, duplicated and reordered."""
    return FleetOptions(
        host=stack.mqtt_host,
        port=stack.mqtt_port,
        devices=devices,
        images=images,
        chunk_size=1024,
        loss=0.02,
        duplicates=0.03,
        reorder=0.2,
        image_seconds=2.0,
        spread=1.0,
        # A short timeout, so that the demonstration reports a missing answer soon.
        timeout=10.0,
        wakes=2,
    )


def run_demo(
    console: Console,
    *,
    devices: int = DEVICES,
    images: int = IMAGES,
    broker: str | None = None,
    verbose: bool = False,
) -> bool:
    """Start everything, run a fleet, show the result, stop everything; return True if all images arrived."""
    with started(console, Stack(broker=broker)) as running:
        return show_fleet(console, running, devices, images, verbose=verbose)


def show_fleet(console: Console, running: Running, devices: int, images: int, *, verbose: bool) -> bool:
    """Run a fleet and show the result; return True if all images arrived.

    If `verbose`, what the database tells an operator is shown too.
    """
    stack = running.stack
    takes = "device takes" if devices == 1 else "devices take"
    photographs, them = ("photograph", "it") if images == 1 else ("photographs", "them")
    each, sends = ("", "sends") if devices == 1 else (" each", "send")
    console.print(
        f"{devices} {takes} {images} {photographs}{each} and {sends} {them} in chunks of 1 KB on a bad line"
    )
    view = FleetView(console, images)
    fleet = Fleet(fleet_options(stack, devices, images), on_event=view.on_event)
    with running.watched(fleet.stop), view.shown():
        report = fleet.run()
    findings = proof.examine(stack, sent_captures(report))
    if verbose:
        verification.show(verification.run(stack.supabase), console)
    complete = summarise(console, report, findings, devices * images)
    thumbnails = [
        (f"{finding.sent.device_id}\n{finding.sent.image_name}", finding.thumbnail)
        for finding in findings
        if finding.thumbnail
    ]
    if thumbnails:
        sheet = OUTPUT / "contact-sheet.png"
        contact_sheet.write(thumbnails, sheet)
        inline_image.show(console, os.environ, sheet, SHEET_ROWS)
        link = Style(link=sheet.as_uri())
        which = "the thumbnail" if len(thumbnails) == 1 else "all thumbnails on one sheet"
        told = Text.assemble(f"  {which}: ", (str(sheet), link))
        console.print(told, soft_wrap=True)
    if not verbose:
        console.print("  --verbose shows what the database tells an operator of it", highlight=False)
    if not complete:
        keep_logs(console, stack)
    return complete


def sent_captures(report: FleetReport) -> list[Sent]:
    """Convert each capture of the report into the form that `proof.examine` takes."""
    return [
        Sent(
            device_id=image.device_id,
            image_name=image.image_name,
            captured_at=datetime.fromisoformat(image.captured_at).astimezone(UTC),
            sha256=image.sha256,
            acknowledged=image.acked,
        )
        for image in report.images
    ]


def summarise(console: Console, report: FleetReport, findings: Sequence[Finding], expected: int) -> bool:
    """Print how many captures arrived and which did not; return True if all `expected` captures arrived."""
    for finding in findings:
        if finding.problem:
            name = f"{finding.sent.device_id} {finding.sent.image_name}"
            console.print(f"[red]✗[/] {escape(name)} {escape(finding.problem)}", soft_wrap=True)
    stored = sum(finding.problem is None for finding in findings)
    complete = report.ok and stored == expected == len(findings)
    asked_again = sum(image.chunks_resent for image in report.images)
    latencies = [image.ack_latency_ms for image in report.images if image.ack_latency_ms is not None]
    captures = "capture is" if expected == 1 else "captures are"
    console.print(
        f"{'[green]✓[/]' if complete else '[red]✗[/]'} {stored} of {expected} {captures} stored byte for "
        "byte as sent and acknowledged",
        soft_wrap=True,
    )
    sent = sum(image.chunks for image in report.images)
    console.print(
        f"  {decimal(sum(image.bytes for image in report.images))} in {sent:,} chunks; "
        f"{asked_again:,} of them {'was' if asked_again == 1 else 'were'} lost and asked for again"
    )
    if latencies:
        most = "" if len(latencies) == 1 else f", at most {max(latencies):.0f} ms"
        console.print(
            f"  from a device's last chunk to its ACK: {'median ' if most else ''}"
            f"{statistics.median(latencies):.0f} ms{most}",
            soft_wrap=True,
        )
    return complete
