"""What whoever has not installed the extra `farm` is told."""

from importlib.util import find_spec

import pytest
from click.testing import CliRunner

from mynah.cli.farm_demo import command
from mynah.errors import UsageError

pytestmark = pytest.mark.skipif(find_spec("labgrid") is not None, reason="labgrid is installed")
pytest_plugins = ["pytester"]


def test_pytest_says_what_lg_env_needs(pytester):
    result = pytester.runpytest_inprocess("--lg-env", "farm.yaml")
    result.stderr.fnmatch_lines(["ERROR: --lg-env needs labgrid: pip install*"])


def test_the_demo_says_what_it_needs():
    error = CliRunner().invoke(command).exception
    assert isinstance(error, UsageError)
    assert "pip install 'mynah-speaker[farm]'" in str(error)
