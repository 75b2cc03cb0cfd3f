"""Rebuild the vendored front end from npm: `make vendor`.

Each package is fetched at the version below, the wanted files are copied without their source map
lines (a manifest storage refuses a reference to a file that is not there), and vendor.json records
what they are. The icons become one SVG sprite of those listed here.
"""

import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# package: (version, licence, {path in the package: our file name})
PACKAGES: dict[str, tuple[str, str, dict[str, str]]] = {
    "htmx.org": (
        "2.0.11",
        "0BSD",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "htmx.LICENSE.txt"},
    ),
    "chart.js": (
        "4.6.1",
        "MIT",
        {"dist/chart.umd.min.js": "chart.umd.min.js", "LICENSE.md": "chart.LICENSE.txt"},
    ),
    "@tabler/core": ("1.6.1", "MIT", {"dist/css/tabler.min.css": "tabler.min.css"}),
    "@tabler/icons": ("3.51.0", "MIT", {"LICENSE": "tabler.LICENSE.txt"}),
    "@fontsource-variable/inter": (
        "5.3.0",
        "OFL-1.1",
        {"files/inter-latin-wght-normal.woff2": "inter.woff2", "LICENSE": "inter.LICENSE.txt"},
    ),
}
SPRITE = "icons.svg"
ICONS = """
activity adjustments alert-circle alert-triangle arrow-down arrow-down-right arrow-left arrow-right
arrow-up arrow-up-right arrows-split bolt box check checkbox chevron-down chevron-left chevron-right
circle-check circle-dashed circle-x clock code coin copy cpu database dots download external-link
file-text filter flask git-branch hash heart-rate-monitor
help history inbox info-circle key keyboard
layout-dashboard link list-details list-tree logout mail message message-2 messages minus moon
player-pause player-play plus point refresh robot route scale search selector send settings
shield-check shield-x sparkles star sun table tags terminal-2 timeline tool trash trophy user
user-circle users vector webhook x zoom-in chart-line device-desktop menu-2 building-warehouse
"""
SOURCE_MAP = re.compile(rb"^(?://|/\*)[#@] sourceMappingURL=.*$\n?", re.MULTILINE)
DRAWING = re.compile(r"<svg[^>]*>(.*?)</svg>", re.DOTALL)


def fetch_package(name: str, version: str, folder: Path) -> Path:
    """Unpack a package below the folder and return where its files are."""
    command = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", str(folder)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    target = folder / re.sub(r"\W", "_", name)
    with tarfile.open(folder / listing.split()[-1]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def build_sprite(icons: Path) -> bytes:
    """One <symbol> an icon; stroke and size come from the .icon class."""
    symbols = []
    for name in sorted(set(ICONS.split())):
        found = DRAWING.search((icons / f"{name}.svg").read_text())
        if found is None:
            raise ValueError(f"{name}.svg holds no drawing")
        drawing = " ".join(found.group(1).split()).replace("> <", "><")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>')
    lines = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{lines}\n</svg>\n'.encode()


def record(name: str, content: bytes) -> dict[str, str]:
    (HERE / name).write_bytes(content)
    return {"file": name, "sha256": hashlib.sha256(content).hexdigest()}


def rebuild() -> None:
    manifest = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, (version, licence, wanted) in PACKAGES.items():
            package = fetch_package(name, version, Path(scratch))
            files = [
                record(ours, SOURCE_MAP.sub(b"", (package / theirs).read_bytes()))
                for theirs, ours in wanted.items()
            ]
            if name == "@tabler/icons":
                files.append(record(SPRITE, build_sprite(package / "icons" / "outline")))
            manifest.append(
                {"package": name, "version": version, "licence": licence, "files": files}
            )
    (HERE / "vendor.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    rebuild()
