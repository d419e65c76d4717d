"""The package's own modules, and what each imports, read from the sources."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
OTHER = {"tests", "docs", "networks", "build", "out", "dist"}  # Folders without modules.


def find_modules():
    """``{name: file}`` without the leading ``qblif.``; the package itself is ``""``."""
    files = (file.relative_to(ROOT) for file in ROOT.rglob("*.py"))
    return {".".join(file.with_suffix("").parts).removesuffix("__init__").rstrip("."): ROOT / file
            for file in files
            if file.parts[0] not in OTHER and not any(p.startswith(".") for p in file.parts)}


def find_imports(modules):
    """``{name: set of names}``: every import of one of ours, those within functions too."""
    return {name: {target for node in ast.walk(ast.parse(file.read_text()))
                   for target in _targets(name, file, node, modules)} - {name}
            for name, file in modules.items()}


def _targets(name, file, node, modules):
    if isinstance(node, ast.Import):
        yield from (alias.name.removeprefix("qblif.") for alias in node.names
                    if alias.name.startswith("qblif."))
    if not isinstance(node, ast.ImportFrom):
        return
    base = (node.module or "").split(".")
    if node.level:
        package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
        base = package[:len(package) - node.level + 1] + base
    elif base.pop(0) != "qblif":
        return
    for alias in node.names:
        whole = ".".join(part for part in (*base, alias.name) if part)
        yield whole if whole in modules else ".".join(part for part in base if part)


def wing_of(name, wings):
    """The longest of ``wings`` that holds a module, or ``None``."""
    return max((wing for wing in wings if name == wing or name.startswith(f"{wing}.")),
               key=len, default=None)
