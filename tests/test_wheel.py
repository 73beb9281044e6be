"""The package list: pyproject, the folders on disk and the files inside a built wheel are the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
# Longest names first: dsr.systems is in systems/, not in dsr/systems/.
FOLDERS: dict[str, str] = dict(sorted(SETTINGS["package-dir"].items(), key=lambda item: -len(item[0])))


def sources() -> dict[str, Path]:
    """Path inside the wheel -> file on disk, for all Python files, recipes and the typing marker."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.suffix == ".py" or path.name == "py.typed" or path.suffix == ".toml":
                inside = Path(*package.split(".")) / path.relative_to(ROOT / folder)
                found[inside.as_posix()] = path
    return found


def test_pyproject_lists_every_package_on_disk() -> None:
    on_disk = {
        str(Path(name).parent).replace("/", ".") for name in sources() if name.endswith("/__init__.py")
    }
    assert sorted(SETTINGS["packages"]) == sorted(on_disk)


def test_every_python_file_lies_in_a_package() -> None:
    listed = set(SETTINGS["packages"])
    homeless = [n for n in sources() if str(Path(n).parent).replace("/", ".") not in listed]
    assert homeless == []


def test_the_wheel_holds_exactly_the_files_on_disk(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for folder in FOLDERS.values():
        shutil.copytree(ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, tree)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(tree)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {n: archive.read(n) for n in archive.namelist() if ".dist-info/" not in n}
    held = {n: b for n, b in inside.items() if n.endswith((".py", ".toml", "py.typed"))}
    assert held == {name: path.read_bytes() for name, path in sources().items()}
    assert {n.split("/")[0] for n in inside} == {"dsr"}
