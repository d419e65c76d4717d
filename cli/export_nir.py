"""``qblif export``: a network as a NIR file."""

from pathlib import Path

from .common import NetworkArgument, OutOption, console, make_folder, open_network, write_report

__all__ = ["export_nir"]


def export_nir(file: NetworkArgument, out: OutOption = Path("out")):
    """Write a network as DIR/network.nir, which other tools read as far as NIR goes, and
    `qblif import DIR/network.nir --from qblif` without loss."""
    from ..golden.foreign import own
    trained = open_network(file)
    folder = make_folder(out, "export")
    own.write(trained, folder / "network.nir")
    unseen = own.unseen(trained.spec)
    console.print(str(folder / "network.nir"), style="bold", markup=False, highlight=False)
    console.print(f"other readers do not see: {', '.join(unseen)}", markup=False, highlight=False)
    write_report(folder, "export", {
        "file": "network.nir", "unseen": unseen, "network_digest": trained.spec.digest,
        "weights_digest": trained.weights_digest})
