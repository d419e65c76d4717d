"""``qblif load``: weights onto a board."""

import time
from pathlib import Path
from typing import Annotated

import typer

from .common import (
    NetworkArgument,
    OutOption,
    console,
    lanes_text,
    make_folder,
    open_network,
    progress_bar,
    table,
    write_report,
)

__all__ = ["BaudOption", "PortOption", "TimeoutOption", "load"]

PortOption = Annotated[str, typer.Option(
    "--port", metavar="PORT", help="Serial port of the board, like /dev/ttyUSB0.")]
BaudOption = Annotated[int, typer.Option(
    "--baud", min=1, help="Bit rate that the bitstream was built for.")]
TimeoutOption = Annotated[float, typer.Option(
    "--timeout", min=0.01, max=3600, metavar="SECONDS", help="How long to wait for an answer "
    "before asking again. A virtual board of a large network needs more.")]


def load(
    file: NetworkArgument,
    port: PortOption,
    baud: BaudOption = 921_600,
    timeout: TimeoutOption = 1.0,
    out: OutOption = Path("out"),
):
    """Load the network's weights onto a board, read them back, and arm it."""
    from ..boards.host.host import Host
    from ..boards.host.line import open_port

    trained = open_network(file)
    with open_port(port, baud, timeout) as line, progress_bar() as bar:
        host = Host(line, timeout)
        host.check(trained)
        folder = make_folder(out, "load")
        task = bar.add_task("load and verify", total=None)
        started = time.perf_counter()
        host.load(trained, lambda done, total: bar.update(task, completed=done, total=total))
        seconds = time.perf_counter() - started
        identity = host.identify()
    report = {
        "ok": True, "port": port, "network_digest": identity.digest,
        "weights_digest": trained.weights_digest, "words": identity.words,
        "clock_hz": identity.clock_hz, "lanes": identity.lanes,
        "seconds": round(seconds, 3), "bytes_sent": host.line.sent,
        "bytes_received": host.line.received, "repeated": host.line.repeated}
    console.print(table("Armed", [
        ("network", report["network_digest"]), ("weights", report["weights_digest"]),
        ("words", report["words"]), ("clock", f"{identity.clock_hz / 1e6:g} MHz"),
        ("lanes", ", ".join(map(lanes_text, report["lanes"]))),
        ("seconds", f"{seconds:.1f}"),
        ("requests asked again", report["repeated"])]))
    write_report(folder, "load", report)
