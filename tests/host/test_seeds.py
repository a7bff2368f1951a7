"""Every row of the seeds' digest is traced, and the trace tells no tale."""

import ast
import re
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DIGEST = (ROOT / "seeds" / "digest.md").read_text(encoding="utf-8")
TRACE = tomllib.loads((ROOT / "seeds" / "trace.toml").read_text(encoding="utf-8"))
STATES = {"done", "partly", "open", "out of reach"}
ROW = re.compile(r"^\| (S\d+\.\d+) \|", re.MULTILINE)

every_row = pytest.mark.parametrize("row", TRACE.values(), ids=TRACE)


def test_digest_and_trace_have_the_same_rows_in_the_same_order():
    rows = ROW.findall(DIGEST)
    assert len(rows) == len(set(rows)) > 20
    assert list(TRACE) == rows


@every_row
def test_row_is_well_formed(row):
    assert set(row) <= {"state", "code", "tests", "note"}
    assert row["state"] in STATES


@every_row
def test_state_is_backed(row):
    """`done` and `partly` name code and proof; all but `done` say what is missing or why."""
    started = row["state"] in {"done", "partly"}
    assert bool(row.get("code")) == started
    assert bool(row.get("tests")) == started
    assert ("note" in row) == (row["state"] != "done")


@every_row
def test_named_code_exists(row):
    for name in row.get("code", []):
        assert (ROOT / name).exists(), name
        assert not name.startswith("tests/"), "a test is no code of the product"


@every_row
def test_named_tests_exist(row):
    for name in row.get("tests", []):
        file, _, function = name.partition("::")
        assert file.startswith("tests/"), name
        assert function in functions_of(ROOT / file), name


def functions_of(path):
    """Names of the test functions in a file, as pytest would collect them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, functions) and node.name.startswith("test_")
    }
