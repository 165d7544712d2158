"""`python -m simulator`: a fleet of devices from the command line.

Exit status:

- 0: every image that can be stored was acknowledged, no damaged image was, and every picture was taken;
  in conversation, no device waited without an answer.
- 1: at least one of these conditions does not hold.
- 2: an option is wrong, or the broker cannot be reached.
- 130: the run was interrupted; the summary up to that moment is still printed.
"""

import signal
import sys
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from typer import Option

from simulator.dialects import DIALECTS, MIXED
from simulator.fleet import Fleet
from simulator.network import BrokerUnreachableError
from simulator.options import FleetOptions, OptionError
from simulator.report import FleetReport
from simulator.show import FleetShow, show_summary

BROKER, FLEET, WIRE, LINE, TALK, PICTURES, OUTPUT = (
    "Broker",
    "Fleet",
    "Wire format",
    "Line and time",
    "Conversation",
    "Pictures",
    "Output",
)
DIALECT_NAMES = ", ".join([*DIALECTS, MIXED])

app = typer.Typer(add_completion=False)


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def simulate(
    *,
    host: Annotated[str, Option(help="Broker.", rich_help_panel=BROKER)] = "127.0.0.1",
    port: Annotated[
        int | None, Option(help="Port; default 1883, with TLS 8883.", rich_help_panel=BROKER)
    ] = None,
    tls: Annotated[bool, Option("--tls", help="Use TLS.", rich_help_panel=BROKER)] = False,
    ca_cert: Annotated[
        Path | None,
        Option(help="CA certificate (PEM); default: those of the system.", rich_help_panel=BROKER),
    ] = None,
    username: Annotated[
        str | None, Option(envvar="MQTT_USERNAME", help="User name.", rich_help_panel=BROKER)
    ] = None,
    password: Annotated[
        str | None,
        Option(
            envvar="MQTT_PASSWORD",
            help="Password; better in the environment, where no process list shows it.",
            show_default=False,
            rich_help_panel=BROKER,
        ),
    ] = None,
    keepalive: Annotated[int, Option(help="MQTT keepalive in seconds.", rich_help_panel=BROKER)] = 60,
    shared_connections: Annotated[
        int,
        Option(
            help="Spread all devices over so many connections; 0: one each, closed while it sleeps.",
            rich_help_panel=BROKER,
        ),
    ] = 0,
    persistent_session: Annotated[
        bool,
        Option(
            "--persistent-session",
            help="The broker keeps answers for devices that are away.",
            rich_help_panel=BROKER,
        ),
    ] = False,
    devices: Annotated[int, Option(help="Number of devices.", rich_help_panel=FLEET)] = 1,
    images: Annotated[int, Option(help="Pictures each device takes.", rich_help_panel=FLEET)] = 1,
    backlog: Annotated[
        int, Option(help="Old pictures on each SD card at the start.", rich_help_panel=FLEET)
    ] = 0,
    device_id: Annotated[
        list[str] | None, Option(help="Id of a device; repeat for more.", rich_help_panel=FLEET)
    ] = None,
    names_prefix: Annotated[
        str, Option(help="Ids PREFIX001, PREFIX002, … instead of MACs.", rich_help_panel=FLEET)
    ] = "",
    spread: Annotated[float, Option(help="First wakes within so many seconds.", rich_help_panel=FLEET)] = 0.0,
    seed: Annotated[int | None, Option(help="Makes a run repeatable.", rich_help_panel=FLEET)] = None,
    dialect: Annotated[str, Option(help=f"Firmware: {DIALECT_NAMES}.", rich_help_panel=WIRE)] = "standard",
    nack_topic: Annotated[
        Literal["ack", "cmd"], Option(help="Where devices hear missing_chunks.", rich_help_panel=WIRE)
    ] = "ack",
    wake_form: Annotated[
        Literal["iso", "12h"], Option(help="Form of next_wake.", rich_help_panel=WIRE)
    ] = "iso",
    time_zone: Annotated[
        str, Option(help="The devices' zone, for 12-hour times.", rich_help_panel=WIRE)
    ] = "UTC",
    chunk_size: Annotated[int, Option(help="Bytes per chunk.", rich_help_panel=WIRE)] = 1024,
    sha256: Annotated[bool, Option("--sha256", help="Send image_sha256.", rich_help_panel=WIRE)] = False,
    metadata_repeats: Annotated[int, Option(help="Empty repeats of the metadata.", rich_help_panel=WIRE)] = 3,
    metadata_late: Annotated[
        int, Option(help="So many chunks before the metadata.", rich_help_panel=WIRE)
    ] = 0,
    reuse_names: Annotated[
        bool, Option("--reuse-names", help="image_1.jpg again and again.", rich_help_panel=WIRE)
    ] = False,
    loss: Annotated[float, Option(help="Share of chunks lost.", rich_help_panel=LINE)] = 0.0,
    duplicates: Annotated[float, Option(help="Share of chunks sent twice.", rich_help_panel=LINE)] = 0.0,
    reorder: Annotated[float, Option(help="Share of chunks overtaken.", rich_help_panel=LINE)] = 0.0,
    pace: Annotated[float, Option(help="Seconds between chunks.", rich_help_panel=LINE)] = 0.0,
    image_seconds: Annotated[
        float | None, Option(help="Seconds per image, instead of --pace.", rich_help_panel=LINE)
    ] = None,
    timeout: Annotated[
        float, Option(help="Seconds a device waits for an answer.", rich_help_panel=LINE)
    ] = 60.0,
    wakes: Annotated[
        int, Option(help="An image is offered in at most so many wakes.", rich_help_panel=LINE)
    ] = 3,
    sleep: Annotated[
        float | None,
        Option(
            help="Seconds between wakes without a schedule; default 1, in conversation 3600.",
            rich_help_panel=LINE,
        ),
    ] = None,
    conversation: Annotated[
        bool, Option("--conversation", help="Wait for a command after hello.", rich_help_panel=TALK)
    ] = False,
    time_scale: Annotated[
        float, Option(help="Device seconds per real second of sleep.", rich_help_panel=TALK)
    ] = 1.0,
    clock_start: Annotated[
        str | None, Option(help="Date on the devices' clocks (ISO 8601); default now.", rich_help_panel=TALK)
    ] = None,
    wake_clock: Annotated[
        Literal["device", "service"],
        Option(help="Whose clock the given wakes are read against.", rich_help_panel=TALK),
    ] = "device",
    days: Annotated[
        float, Option(help="Run so many device days, instead of --images.", rich_help_panel=TALK)
    ] = 0.0,
    linger: Annotated[
        float, Option(help="Seconds awake after an answer, for one more command.", rich_help_panel=TALK)
    ] = 2.0,
    offline: Annotated[
        float, Option(help="Share of wakes that begin an outage.", rich_help_panel=TALK)
    ] = 0.0,
    offline_hours: Annotated[
        float, Option(help="Length of an outage, half to one and a half times.", rich_help_panel=TALK)
    ] = 48.0,
    photos: Annotated[
        Path | None, Option(help="Folder of .jpg files; default: five of its own.", rich_help_panel=PICTURES)
    ] = None,
    corrupt: Annotated[
        float, Option(help="Share without SOI or EOI marker.", rich_help_panel=PICTURES)
    ] = 0.0,
    truncate: Annotated[float, Option(help="Share cut short.", rich_help_panel=PICTURES)] = 0.0,
    wrong_size: Annotated[
        float, Option(help="Share with a wrong image_size.", rich_help_panel=PICTURES)
    ] = 0.0,
    wrong_sha256: Annotated[
        float, Option(help="Share with a wrong image_sha256.", rich_help_panel=PICTURES)
    ] = 0.0,
    device_error: Annotated[
        float, Option(help="Share that the device cannot take.", rich_help_panel=PICTURES)
    ] = 0.0,
    wrong_clock: Annotated[
        float, Option(help="Share with a capture time in 1970.", rich_help_panel=PICTURES)
    ] = 0.0,
    json: Annotated[
        Path | None, Option(help="Write the report here; - is standard output.", rich_help_panel=OUTPUT)
    ] = None,
    quiet: Annotated[
        bool, Option("--quiet", "-q", help="Show the summary only.", rich_help_panel=OUTPUT)
    ] = False,
) -> int:
    """Run a fleet of cameras against a broker, by default the local one."""
    given = dict(locals())
    given |= {
        "port": port if port is not None else (8883 if tls else 1883),
        "device_ids": tuple(device_id or ()),
        "clock_start": _read_date(clock_start),
    }
    options = FleetOptions(**{field.name: given[field.name] for field in fields(FleetOptions)})
    if json is not None and str(json) != "-" and not json.absolute().parent.is_dir():
        raise OptionError(f"json: no such folder: {json.absolute().parent}")
    # With `--json -` only the JSON may go to standard output, so the console writes to standard error.
    console = Console(stderr=json is not None and str(json) == "-")
    report = _run(options, console, quiet=quiet)
    show_summary(console, report)
    if json is not None:
        _write(json, report)
    if report.interrupted:
        return 128 + signal.SIGINT
    return 0 if report.ok else 1


def _run(options: FleetOptions, console: Console, *, quiet: bool) -> FleetReport:
    show = FleetShow(console, options)
    fleet = Fleet(options, on_event=None if quiet else show.on_event)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: fleet.stop())
    if quiet:
        return fleet.run()
    with show:
        return fleet.run()


def _read_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise OptionError(f"clock-start is not an ISO 8601 time: {text!r}") from error
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _write(path: Path, report: FleetReport) -> None:
    if str(path) == "-":
        sys.stdout.buffer.write(report.as_json())
        sys.stdout.flush()
        return
    try:
        path.write_bytes(report.as_json())
    except OSError as error:
        raise OptionError(f"json: cannot write {path}: {error.strerror}") from error


def main() -> int:
    """Run the command line and return the exit status; an error is printed as one line on standard error."""
    try:
        status = app(prog_name="simulator", standalone_mode=False)
    except typer.TyperException as error:
        problem = error.format_message()
    except (OptionError, BrokerUnreachableError) as error:
        problem = str(error)
    else:
        return int(status or 0)
    print(f"simulator: {problem}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
