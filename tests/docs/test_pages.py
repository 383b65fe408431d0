"""README and docs: what they show is true of the program, and every way they point leads somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from rt_handdt.core.layout import ElectrodeLayout
from tests.support.documents import MADE, PAGES, ROOT, Block, blocks, command_lines, inline_commands, program

SHELL = blocks("sh", "bash", "console")
TOML = blocks("toml")
#: Commands of others that may stand in a shell block.
OTHERS = ("cd", "git", "source", "pip", "python", "wget", "dask", "export", "echo")


def names(found: list[Block]) -> list[str]:
    return [block.place for block in found]


def check(words: list[str]) -> None:
    name, *rest = words
    if name in ("rt-handdt", "handdt-offline"):
        commands = program(name).commands
        if not rest or rest[0].startswith("-"):
            return
        assert rest[0] in commands, f"{name} has no command '{rest[0]}'"
        with commands[rest[0]].make_context(rest[0], rest[1:]) as context:  # raises where an option is unknown
            assert context.params is not None
    elif name.startswith(("./scripts/", ".ci/")):
        assert (ROOT / name).is_file(), f"{name} does not exist"
        if name == "./scripts/bench" and rest:
            listed = subprocess.run([ROOT / "scripts" / "bench"], capture_output=True, text=True).stderr
            assert re.search(rf"\b{rest[0]}\b", listed), f"./scripts/bench does not know '{rest[0]}'"
    else:
        assert name.split("=")[0].isupper() or name in OTHERS, f"what is '{name}'?"


@pytest.mark.parametrize("block", SHELL, ids=names(SHELL))
def test_every_command_is_one_that_the_programs_take(block: Block) -> None:
    lines = command_lines(block)
    assert lines
    for words in lines:
        if "--help" not in words:
            check(words)


def test_every_option_that_is_named_exists() -> None:
    seen = 0
    for page in PAGES:
        for line, text in inline_commands(page):
            name, *rest = text.split()
            if not rest or (not rest[0].isidentifier() and "-" not in rest[0].strip("-")):
                continue
            command = program(name).commands.get(rest[0])
            if command is None:
                assert rest[0].startswith("-"), f"{page.name}:{line}: {name} has no command '{rest[0]}'"
                continue
            known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text):
                assert option in known | {"--help"}, f"{page.name}:{line}: {name} {rest[0]} has no {option}"
                seen += 1
    assert seen > 10


@pytest.mark.parametrize("block", TOML, ids=names(TOML))
def test_every_toml_block_is_one(block: Block, tmp_path: Path) -> None:
    values = tomllib.loads(block.text)
    assert values
    if "shape" in values or "grid" in values:
        (tmp_path / "layout.toml").write_text(block.text)
        ElectrodeLayout.from_toml(tmp_path / "layout.toml")


def test_every_json_block_is_one() -> None:
    for block in blocks("json"):
        json.loads(block.text)


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        if path in MADE:
            continue
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor and file.suffix == ".md" and not anchor.startswith("rt_handdt."):  # those the site makes
            heads = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            assert anchor in [re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads]


def test_twenty_questions_have_a_page_one_click_away() -> None:
    rows = re.findall(r"^\| (.+?) \| \[.+?\]\((.+?)\)", (ROOT / "docs" / "index.md").read_text(), re.M)
    assert len(rows) >= 20
    assert len({question for question, _ in rows}) == len(rows)


def test_every_page_can_be_found_from_the_site() -> None:
    navigation = (ROOT / "scripts" / "docs_site" / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}" in navigation, page.name


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
