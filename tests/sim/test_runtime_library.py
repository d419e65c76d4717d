import pytest

from qblif.sim.build_cache import BuildCache
from qblif.sim.runtime_library import runtime_library

CLASSES = """\
# Timing enabled?  0/1
VM_TIMING = 1
# Parallel builds?  0/1 (from --output-split)
VM_PARALLEL_BUILDS = 0

VM_CLASSES_FAST += \\
  Vtop \\
  Vtop___024root__0 \\

VM_GLOBAL_FAST += \\
  verilated \\
  verilated_vpi \\

VM_GLOBAL_SLOW += \\

"""


class Library:
    """A cache of libraries, and what was made for it."""

    def __init__(self, folder):
        self.folder, self.cache, self.made = folder, BuildCache(folder / "cache"), []

    def get(self, text=CLASSES, made_of=("5.0",)):
        classes = self.folder / "Vtop_classes.mk"
        classes.write_text(text)

        def archive(program, flags, path, *objects):
            assert (program, flags) == ("ar", "rcs")
            path.write_text(" ".join(objects))

        return runtime_library(self.cache, made_of, classes, lambda *o: self.made.append(o),
                               archive)


def test_made_once_of_what_verilator_lists(tmp_path):
    library = Library(tmp_path)
    first, second = library.get(), library.get(CLASSES.replace("Vtop_", "Vother_"))
    assert first == second and first.read_text() == "verilated.o verilated_vpi.o"
    assert library.made == [("verilated.o", "verilated_vpi.o")]
    # How a design's own files are compiled changes nothing.
    assert library.get(CLASSES.replace("BUILDS = 0", "BUILDS = 1")) == first


@pytest.mark.parametrize("other", [
    {"made_of": ("5.1",)}, {"text": CLASSES.replace("TIMING = 1", "TIMING = 0")},
    {"text": CLASSES.replace("_vpi", "_dpi")},
    {"text": CLASSES.replace("SLOW += \\\n", "SLOW += \\\n  verilated_dpi \\\n")}])
def test_what_tells_libraries_apart(tmp_path, other):
    library = Library(tmp_path)
    assert library.get() != library.get(**other) and len(library.made) == 2
