"""Stands in for pip in the environments of `tests.support.checkout`: installs what ``$FAKE_INDEX`` lists, by metadata.

Each package becomes a module that prints its name and arguments. Without the file that ``$FAKE_INDEX`` names there is
no index. Every call of ``pip install`` is noted, a line each, in ``$FAKE_PIP_LOG``.
"""

import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

SITE = Path(next(path for path in sys.path if path.endswith("site-packages")))
MODULE = "import sys\nif __name__ == '__main__': print('{name}', *sys.argv[1:])\n"
# What pip writes where the interpreter's path has a space; sh and Python both read it.
COMMAND = "#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\nimport sys\nprint('{name}', *sys.argv[1:])\n"


def put(name: str, version: str, requires: list[str], **files: str) -> None:
    folder = SITE / f"{name.replace('-', '_')}-{version}.dist-info"
    for older in SITE.glob(f"{name.replace('-', '_')}-*.dist-info"):
        shutil.rmtree(older)
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    (folder / "METADATA").write_text("\n".join(lines + [f"Requires-Dist: {one}" for one in requires]) + "\n")
    for file, text in files.items():
        (folder / file.replace("_at_", ".")).write_text(text)
    (SITE / f"{name.replace('-', '_')}.py").write_text(MODULE.format(name=name))


def main(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        return 0
    with Path(os.environ["FAKE_PIP_LOG"]).open("a") as log:
        log.write(" ".join(arguments) + "\n")
    editable = arguments[arguments.index("-e") + 1]
    root, _, extras = editable.removesuffix("]").partition("[")
    index = Path(os.environ["FAKE_INDEX"])
    if not index.exists() and "--no-build-isolation" not in arguments:
        print("WARNING: Retrying … Temporary failure in name resolution")
        return 1
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text())["project"]
    if "--no-deps" not in arguments:
        known = json.loads(index.read_text())
        texts = ["hatchling", "editables", *project["dependencies"]]
        texts += [one for extra in extras.split(",") for one in project["optional-dependencies"][extra]]
        asked = [(Requirement(text), {""}) for text in texts]
        while asked:
            one, whose = asked.pop()
            if one.marker and not any(one.marker.evaluate({"extra": extra}) for extra in whose):
                continue
            version, requires = known[one.name]
            put(one.name, version, requires)
            asked += [(Requirement(text), one.extras or {""}) for text in requires]
    commands = "".join(f"{name} = {value}\n" for name, value in project["scripts"].items())
    origin = {"url": Path(root).as_uri(), "dir_info": {"editable": True}}
    put(
        project["name"],
        "0",
        [],
        entry_points_at_txt="[console_scripts]\n" + commands,
        direct_url_at_json=json.dumps(origin),
    )
    for name in project["scripts"]:
        file = Path(sys.executable).parent / name
        file.write_text(COMMAND.format(python=sys.executable, name=name))
        file.chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main([one for one in sys.argv[1:] if one != "install" and not one.startswith("--disable")]))
