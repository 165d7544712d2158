"""`fleet simulate`: a fleet of devices from the command line.

Exit status:

- 0: every image that can be stored was acknowledged, no damaged image was, and every picture was taken;
  in conversation, no device waited without an answer.
- 1: at least one of these conditions does not hold.
- 2: an option is wrong, or the broker cannot be reached.
- 130: the run was interrupted; the summary up to that moment is still printed.
"""

import functools
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from typer import Option
from typer.core import TyperCommand

from simulator.dialects import DIALECTS, MIXED
from simulator.fleet import Fleet
from simulator.network import BrokerUnreachableError
from simulator.options import SENSORS, FleetOptions, OptionError
from simulator.report import FleetReport
from simulator.show import FleetShow, show_summary

# One for each panel of the help.
broker, fleet, wire, line, talk, condition, defect, output = (
    functools.partial(Option, rich_help_panel=panel)
    for panel in (
        "Broker",
        "Fleet",
        "Wire format",
        "Line and time",
        "Conversation",
        "Condition of the devices",
        "Pictures",
        "Output",
    )
)
DIALECT_NAMES = ", ".join([*DIALECTS, MIXED])

app = typer.Typer(add_completion=False)


class _Command(TyperCommand):
    """Exits with the status that the command returns, or with 2 after a line about what is wrong."""

    def invoke(self, ctx: Any) -> Any:
        try:
            status = super().invoke(ctx)
        except (OptionError, BrokerUnreachableError) as error:
            print(f"simulator: {error}", file=sys.stderr)
            status = 2
        raise typer.Exit(int(status or 0))


@app.command(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
def simulate(
    *,
    host: Annotated[str, broker(help="Broker.")] = "127.0.0.1",
    port: Annotated[int | None, broker(help="Port; default 1883, with TLS 8883.")] = None,
    tls: Annotated[bool, broker("--tls", help="Use TLS.")] = False,
    ca_cert: Annotated[
        Path | None, broker(help="CA certificate (PEM); default: those of the system.")
    ] = None,
    username: Annotated[str | None, broker(envvar="MQTT_USERNAME", help="User name.")] = None,
    password: Annotated[
        str | None,
        broker(
            envvar="MQTT_PASSWORD",
            help="Password; better in the environment, where no process list shows it.",
            show_default=False,
        ),
    ] = None,
    keepalive: Annotated[int, broker(help="MQTT keepalive in seconds.")] = 60,
    shared_connections: Annotated[
        int, broker(help="Spread all devices over so many connections; 0: one each, closed while it sleeps.")
    ] = 0,
    persistent_session: Annotated[
        bool, broker("--persistent-session", help="The broker keeps answers for devices that are away.")
    ] = False,
    devices: Annotated[int, fleet(help="Number of devices.")] = 1,
    images: Annotated[int, fleet(help="Pictures each device takes.")] = 1,
    backlog: Annotated[int, fleet(help="Old pictures on each SD card at the start.")] = 0,
    device_id: Annotated[list[str] | None, fleet(help="Id of a device; repeat for more.")] = None,
    names_prefix: Annotated[str, fleet(help="Ids PREFIX001, PREFIX002, … instead of MACs.")] = "",
    spread: Annotated[float, fleet(help="First wakes within so many seconds.")] = 0.0,
    seed: Annotated[int | None, fleet(help="Makes a run repeatable.")] = None,
    dialect: Annotated[str, wire(help=f"Firmware: {DIALECT_NAMES}.")] = "standard",
    nack_topic: Annotated[Literal["ack", "cmd"], wire(help="Where devices hear missing_chunks.")] = "ack",
    wake_form: Annotated[Literal["iso", "12h"], wire(help="Form of next_wake.")] = "iso",
    time_zone: Annotated[str, wire(help="The devices' zone, for 12-hour times.")] = "UTC",
    chunk_size: Annotated[int, wire(help="Bytes per chunk.")] = 1024,
    sha256: Annotated[bool, wire("--sha256", help="Send image_sha256.")] = False,
    metadata_repeats: Annotated[int, wire(help="Empty repeats of the metadata.")] = 3,
    metadata_late: Annotated[int, wire(help="So many chunks before the metadata.")] = 0,
    reuse_names: Annotated[bool, wire("--reuse-names", help="image_1.jpg again and again.")] = False,
    loss: Annotated[float, line(help="Share of chunks lost.")] = 0.0,
    loss_to: Annotated[float | None, line(help="… and at the last wake; it grows from --loss.")] = None,
    lost_link: Annotated[
        float, line(help="In each picture the link is gone once, for this share of its chunks.")
    ] = 0.0,
    duplicates: Annotated[float, line(help="Share of chunks sent twice.")] = 0.0,
    reorder: Annotated[float, line(help="Share of chunks overtaken.")] = 0.0,
    pace: Annotated[float, line(help="Seconds between chunks.")] = 0.0,
    image_seconds: Annotated[float | None, line(help="Seconds per image, instead of --pace.")] = None,
    timeout: Annotated[float, line(help="Seconds a device waits for an answer.")] = 60.0,
    wakes: Annotated[int, line(help="An image is offered in at most so many wakes.")] = 3,
    sleep: Annotated[
        float | None, line(help="Seconds between wakes without a schedule; default 1, in conversation 3600.")
    ] = None,
    conversation: Annotated[bool, talk("--conversation", help="Wait for a command after hello.")] = False,
    time_scale: Annotated[float, talk(help="Device seconds per real second of sleep.")] = 1.0,
    clock_start: Annotated[
        str | None, talk(help="Date on the devices' clocks (ISO 8601); default now.")
    ] = None,
    wake_clock: Annotated[
        Literal["device", "service"], talk(help="Whose clock the given wakes are read against.")
    ] = "device",
    days: Annotated[float, talk(help="Run so many device days, instead of --images.")] = 0.0,
    linger: Annotated[float, talk(help="Seconds awake after an answer, for one more command.")] = 2.0,
    offline: Annotated[float, talk(help="Share of wakes that begin an outage.")] = 0.0,
    offline_hours: Annotated[float, talk(help="Length of an outage, half to one and a half times.")] = 48.0,
    affected: Annotated[
        int, condition(help="What goes wrong does so for the first N devices only; 0: for all.")
    ] = 0,
    silent_after: Annotated[int, condition(help="Never heard again after so many wakes.")] = 0,
    battery_from: Annotated[float | None, condition(help="Charge in percent …")] = None,
    battery_to: Annotated[float | None, condition(help="… and at the last wake.")] = None,
    rssi_from: Annotated[float | None, condition(help="Signal in dBm …")] = None,
    rssi_to: Annotated[float | None, condition(help="… and at the last wake.")] = None,
    drift: Annotated[
        list[str] | None,
        condition(
            metavar="SENSOR=STEP", help=f"temperature=+0.5 with each picture; one of {', '.join(SENSORS)}."
        ),
    ] = None,
    photos: Annotated[Path | None, defect(help="Folder of .jpg files; default: five of its own.")] = None,
    fixed_scene: Annotated[
        bool, defect("--fixed-scene", help="Each device always sees the same, in changing light.")
    ] = False,
    good_first: Annotated[int, defect(help="The first N of each device are good.")] = 0,
    covered: Annotated[float, defect(help="Share with something before the lens.")] = 0.0,
    frozen: Annotated[float, defect(help="Share that is the last good one again.")] = 0.0,
    blurred: Annotated[float, defect(help="Share out of focus.")] = 0.0,
    dark: Annotated[float, defect(help="Share without light.")] = 0.0,
    white: Annotated[float, defect(help="Share with too much light.")] = 0.0,
    shifted: Annotated[float, defect(help="Share with the camera turned.")] = 0.0,
    damaged: Annotated[float, defect(help="Share with a hole in the JPEG's stream.")] = 0.0,
    partial: Annotated[
        float, defect(help="Share broken off after the first chunks; whole at the next wake.")
    ] = 0.0,
    corrupt: Annotated[float, defect(help="Share without SOI or EOI marker.")] = 0.0,
    truncate: Annotated[float, defect(help="Share cut short.")] = 0.0,
    wrong_size: Annotated[float, defect(help="Share with a wrong image_size.")] = 0.0,
    wrong_sha256: Annotated[float, defect(help="Share with a wrong image_sha256.")] = 0.0,
    device_error: Annotated[float, defect(help="Share that the camera cannot take.")] = 0.0,
    wrong_clock: Annotated[float, defect(help="Share with a capture time in 1970.")] = 0.0,
    json: Annotated[Path | None, output(help="Write the report here; - is standard output.")] = None,
    quiet: Annotated[bool, output("--quiet", "-q", help="Show the summary only.")] = False,
) -> int:
    """Run a fleet of cameras against a broker, by default the local one."""
    given = dict(locals())
    given |= {
        "port": port if port is not None else (8883 if tls else 1883),
        "device_ids": tuple(device_id or ()),
        "clock_start": _read_date(clock_start),
        "drift": _read_drift(drift or ()),
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


def _read_drift(steps: Sequence[str]) -> Mapping[str, float]:
    read = {}
    for text in steps:
        name, _, step = text.partition("=")
        try:
            read[name] = float(step)
        except ValueError as error:
            raise OptionError(f"drift is SENSOR=STEP, as in temperature=+0.5, not {text!r}") from error
    return read


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
        print(f"simulator: {error.format_message()}", file=sys.stderr)
        return 2
    return int(status or 0)


if __name__ == "__main__":
    sys.exit(main())
