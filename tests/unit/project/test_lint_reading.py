"""Files that cannot be read, or not safely: one clear message each, quickly and in little memory."""

from __future__ import annotations

import pytest

from localhai.project.config import lint_file, lint_text

BOMB = "- &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
MERGE_BOMB = "- &m0 {k: v}\n" + "".join(f"- &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("- step:\n\tname: x\n", (2, 1), "a tab stands where YAML wants spaces"),
        ("- step:\n    name:\tx\n", (2, 10), "a tab stands where YAML wants spaces"),
        ("- step:\n  name: x\n    image: y\n", (3, 10), "a second ': ' stands where YAML sees one value"),
        ("- step:\n    name: x\n    foo\n    image: y\n", (3, 5), "this line is neither `key: value` nor a list item"),
        (
            "- step:\n    name: x\n   image: y\n",
            (3, 4),
            "this line is indented differently from the block it belongs to",
        ),
        ('- step:\n    name: "x\n', (2, 11), "the quote that opens here is never closed"),
        ("- step:\n    command: [a, b\n    image: y\n", (3, 10), "the [ opened in line 2 is not closed before this"),
        ("- step:\n    command: {a: b\n", (3, 1), "the { opened in line 2 is not closed before this"),
        ("- step: *nope\n", (1, 9), "*nope names an anchor that is not defined above"),
        ("- name: *.txt\n", (1, 10), "* begins an alias, and this is not one"),
        ("%\n", (1, 2), "% at the beginning of a line begins an instruction to YAML, and this is none"),
        ("- name: @x\n", (1, 9), "text cannot begin with @"),
        ('- name: "\\d"\n', (1, 11), "\\d means nothing between double quotes"),
        ("- a\n---\n- b\n", (2, 1), "a second YAML document begins here"),
        ("- step: {{ x }}\n", (1, 10), "a list or mapping stands where a key has to be"),
        ("- ? [a]\n  : b\n", (1, 5), "a list or mapping stands where a key has to be"),
        ("- !ruby/object x\n", (1, 3), "the tag !ruby/object is not known"),
        ("- !!python/object:os.system x\n", (1, 3), "the tag python/object:os.system is not known"),
        ("- &a b\n- &a c\n", (2, 3), "this anchor is defined twice"),
        ("- <<: foo\n", (1, 7), "<< merges mappings only"),
        ("- name: > x\n", (1, 11), "the text of a block begins on the line after | or >"),
        ("- step:\n    name: x\nfoo: bar\n", (3, 1), "this line does not belong to the list that began in line 1"),
        ("- name: 2020-13-45\n", (1, 9), "YAML reads '2020-13-45' as a date, and it is none"),
        ("- name: !!int x\n", (1, 9), "YAML reads 'x' as a number, and it is none"),
        ("- a\x01b\n", (1, 4), "the control character U+0001 stands here, which YAML does not allow"),
        (
            "- step:\n    name:\u00a0x\n    image: y\n",
            (2, 10),
            "U+00A0 stands here, which looks like a space and is none to YAML",
        ),
        (
            "- step:\n  \u00a0 name: x\n    image: y: z\n",
            (2, 3),
            "U+00A0 stands here, which looks like a space and is none to YAML",
        ),
        ("- &a [*a]\n", (1, 3), "an alias in here points at the very value that it stands in"),
        (BOMB, (6, 3), "the aliases in here expand to more than 500,000 values"),
        (MERGE_BOMB, (7, 12), "the aliases in here expand to more than 500,000 values"),
        ("[" * 100_000, (1, 101), "values are nested more than 100 deep here"),
        ("- " * 100_000 + "a", (1, 201), "values are nested more than 100 deep here"),
        ("{a: " * 50_000, (1, 401), "values are nested more than 100 deep here"),
        ("", (1, 1), "the file is empty"),
        ("# nothing here\n", (1, 1), "the file is empty"),
        ("step:\n  name: x\n", (1, 1), "the file is a mapping, and a list is needed"),
        ("hello\n", (1, 1), "the file is the text 'hello', and a list is needed"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_one_error_with_its_place(text, place, message):
    report = lint_text(text, "valohai.yaml")
    assert [(p.position.line, p.position.column, p.message) for p in report.errors] == [(*place, message)]


def test_too_many_values_are_refused():
    report = lint_text("- a\n" * 510_000, "valohai.yaml")
    assert [problem.code for problem in report.errors] == ["too-many-values"]


@pytest.mark.parametrize(
    ("content", "line", "code"),
    [
        (b"- step:\n    name: \xe4\n", 2, "not-utf-8"),
        ("- step: x".encode("utf-16"), 1, "not-utf-8"),
        (b"\xff\xfe", 1, "not-utf-8"),
    ],
)
def test_bytes_that_are_not_utf_8(content, line, code):
    (problem,) = lint_text(content, "valohai.yaml").problems
    assert (problem.severity, problem.position.line, problem.code) == ("error", line, code)
    assert problem.hint is not None
    assert "UTF-8" in problem.hint


def test_a_byte_order_mark_is_harmless_and_does_not_shift_columns():
    text = "\ufeff- step: {name: a, image: b, command: 8}\n"
    report = lint_text(text.encode(), "valohai.yaml")
    assert [problem.code for problem in report.hints] == ["byte-order-mark"]
    assert report.errors[0].position.column == text.index("8")


def test_columns_count_characters_not_bytes():
    text = "- step: {name: ä日本😀, image: 8, command: b}"
    (problem,) = lint_text(text, "valohai.yaml").errors
    assert problem.position.column == text.index("8") + 1
    assert problem.position.source == text


def test_missing_file_says_where_it_looked(tmp_path):
    (problem,) = lint_file(tmp_path / "valohai.yaml").errors
    assert problem.code == "no-such-file"
    assert str(tmp_path / "valohai.yaml") in problem.message
    (tmp_path / "valohai.yml").write_text("- a\n")
    (problem,) = lint_file(tmp_path / "valohai.yaml").errors
    assert problem.hint == f"did you mean {tmp_path / 'valohai.yml'}?"


def test_a_folder_is_not_a_file(tmp_path):
    (tmp_path / "valohai.yaml").write_text("- a\n")
    (problem,) = lint_file(tmp_path).errors
    assert problem.code == "is-a-folder"
    assert problem.hint == f"name the file: {tmp_path / 'valohai.yaml'}"


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "valohai.yaml"
    with path.open("wb") as file:
        file.truncate(9 * 2**20)
    (problem,) = lint_file(path).errors
    assert problem.code == "file-too-big"


def test_a_device_is_not_read():
    (problem,) = lint_file("/dev/zero").errors
    assert problem.code == "not-a-file"
