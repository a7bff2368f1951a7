"""What `pip install mynah-speaker` gives: the wheel, complete, and the main job run from it.

The wheel is built through the source distribution, so that both are proved. It is installed into a
new environment, where `pip` would need minutes and the network for some thirty packages: their
files are lent from the environment of this test run by a ``.pth`` line instead. Such a line adds a
folder, but does not follow the ``.pth`` files in it, so an editable checkout stays out of sight.
What the loan would hide, a dependency that is not declared, `test_every_import_is_declared` finds.
"""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.parser import HeaderParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DATA = "mynah/_data/"
BIN = "Scripts" if os.name == "nt" else "bin"
TEST_EXTRAS = ("test", "dev")
STANDARD = {*sys.stdlib_module_names, "tomllib"}  # since 3.11; imported under a guard


def run(*command, **options):
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options
    )
    if done.returncode:  # without pytest's own listing, which would print the environment
        words = " ".join(map(str, command))
        pytest.fail(
            f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False
        )
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Folder with the sdist, and the wheel that was built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    return out


@pytest.fixture(scope="module")
def wheel(dist):
    (path,) = dist.glob("mynah_speaker-*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def metadata(wheel, names):
    (name,) = (n for n in names if n.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(zipfile.ZipFile(wheel).read(name).decode())


@pytest.fixture(scope="module")
def clean(wheel, tmp_path_factory):
    """A new environment with the wheel installed; its folder of programs."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / BIN / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    lent = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (Path(site) / "lent.pth").write_text("\n".join(lent) + "\n")
    return folder / BIN


@pytest.fixture
def outside(tmp_path):
    """Options that run a command far from the checkout, its programs and the user's own files."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    environment["PATH"] = os.pathsep.join(
        folder
        for folder in os.environ["PATH"].split(os.pathsep)
        if not Path(folder).is_relative_to(sys.prefix)
    )
    folders = {name: tmp_path / name for name in ("home", "temp", "work")}
    for folder in folders.values():
        folder.mkdir()
    environment |= {"HOME": str(folders["home"]), "TMPDIR": str(folders["temp"])}
    return {"cwd": folders["work"], "env": environment}


def tracked(folder, pattern="*"):
    """Files below `folder` that are not build leftovers, as paths relative to it."""
    return {
        str(path.relative_to(folder).as_posix())
        for path in folder.rglob(pattern)
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("folder", ["firmware", "boards"])
def test_wheel_carries_what_runs_on_a_board(names, folder):
    files = tracked(ROOT / folder)
    assert files
    assert {f"{DATA}{folder}/{name}" for name in files} <= names


def test_wheel_carries_the_whole_package(names):
    files = tracked(ROOT / "host_tools" / "mynah")
    assert {"py.typed", "audio/demo.flac", "audio/manifest.json"} <= files
    assert any(name.startswith("virtual/upy/") for name in files)
    assert {f"mynah/{name}" for name in files} <= names


def test_wheel_carries_nothing_else(names):
    tops = {name.split("/")[0] for name in names}
    assert {re.sub(r"-.*\.", ".", top) for top in tops} == {"mynah", "mynah_speaker.dist-info"}
    assert not [name for name in names if name.endswith((".pyc", ".mpy"))]


def required(metadata, *, with_extras):
    """Names of the distributions that the wheel asks for; tests' own extras never count."""
    for line in metadata.get_all("Requires-Dist"):
        requirement = Requirement(line)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if extra is None or (with_extras and extra[1] not in TEST_EXTRAS):
            yield re.sub(r"[-_.]+", "-", requirement.name).lower()


def test_every_import_is_declared(metadata):
    declared = set(required(metadata, with_extras=True))
    owners = packages_distributions()
    undeclared = {}
    for path in (ROOT / "host_tools" / "mynah").rglob("*.py"):
        if "upy" in path.parts:  # runs in MicroPython
            continue
        # pytest loads hil/, and of it what pytest-xdist calls for only where that is.
        given = {"mynah", "pytest", "xdist"} if "hil" in path.parts else {"mynah"}
        for module in imports_of(path) - STANDARD - given:
            names = {re.sub(r"[-_.]+", "-", n).lower() for n in owners.get(module, [module])}
            if not names & declared:
                undeclared[module] = path.name
    assert undeclared == {}


def imports_of(path):
    """Top-level modules that a file imports, anywhere in it."""
    result = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            result |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            result.add(node.module.split(".")[0])
    return result


def test_gpl_peer_of_the_tests_is_not_a_dependency(metadata):
    assert "python-miio" not in set(required(metadata, with_extras=True))


def test_installed_package_stands_on_its_own(clean, outside):
    code = "import mynah, mynah.paths as p; print(mynah.__file__); print(p.FIRMWARE_DIR)"
    package, firmware = run(clean / "python", "-c", code, **outside).split()
    assert Path(package).is_relative_to(clean.parent)
    assert Path(firmware).is_relative_to(clean.parent)
    assert (Path(firmware) / "main.py").is_file()


def test_demo_runs_from_the_wheel(clean, outside):
    """The main job; and when it is over, no process and no file is left but those it names."""
    shown = json.loads(run(clean / "mynah", "demo", "--json", timeout=300, **outside))
    assert shown["ok"] is True
    steps = {step["name"]: step for step in shown["steps"]}
    assert {"flash", "boot", "pair", "listen", "obey"} <= set(steps)
    assert all(step["ok"] is True and step["seconds"] >= 0 for step in steps.values())
    assert steps["listen"]["figures"]["heard"] == "Okay Nabu"
    assert tracked(outside["cwd"]) == set(shown["files"].values())
    assert list(Path(outside["env"]["TMPDIR"]).iterdir()) == []
    assert processes_with("TMPDIR=" + outside["env"]["TMPDIR"]) == []


def processes_with(setting):
    """Running processes that have `setting` in their environment, where /proc tells."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            settings = path.read_bytes().split(b"\0")
        except OSError:  # gone, or another user's
            continue
        if os.fsencode(setting) in settings:
            found.append(path.parent.name)
    return found
