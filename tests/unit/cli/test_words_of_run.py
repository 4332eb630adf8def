from __future__ import annotations

import pytest

from localhai.cli.execution.run_command import sort_words

OPTIONS = {"--title": True, "-t": True, "--json": False, "--watch": False, "-w": False, "-q": False}


@pytest.mark.parametrize(
    ("typed", "own", "step", "rest"),
    [
        ("train", "", "train", ""),
        ("--json train", "--json", "train", ""),
        ("train --json", "--json", "train", ""),
        ("train --epochs=5", "", "train", "--epochs=5"),
        ("train --epochs 5 --json", "--json", "train", "--epochs 5"),
        ("--title mine train", "--title mine", "train", ""),
        ("--title=mine train", "--title=mine", "train", ""),
        ("-t mine train -w", "-t mine -w", "train", ""),
        ("-tmine train", "-tmine", "train", ""),
        ("train --lr -5", "", "train", "--lr -5"),
        ("train -- --title=its", "", "train", "--title=its"),
        ("-- train --json", "", "train", "--json"),
        ("--title", "--title", None, ""),
        ("--epochs=5 train", "", "train", "--epochs=5"),
        ("train -", "", "train", "-"),
        ("", "", None, ""),
    ],
)
def test_words_are_sorted_by_whose_they_are(typed: str, own: str, step: str | None, rest: str) -> None:
    found = sort_words(typed.split(), OPTIONS)

    assert (found.own, found.step, found.rest) == (own.split(), step, rest.split())


def test_an_option_gives_way_only_behind_the_step() -> None:
    found = sort_words(["--json", "train", "--json", "yes", "-q"], OPTIONS, {"--json"})

    assert found.own == ["--json", "-q"]
    assert found.rest == ["--json", "yes"]


def test_own_options_behind_the_step_are_told() -> None:
    assert sort_words(["-w", "train", "--json", "-q"], OPTIONS).after == {"--json", "-q"}
