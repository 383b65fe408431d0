"""Pages that are made from the code, by mkdocs (plugin gen-files): commands, configuration keys, API."""

from __future__ import annotations

import mkdocs_gen_files

from scripts.docs_site.commands import commands_page
from scripts.docs_site.keys import keys_page

for name, text in (("commands.md", commands_page()), ("configuration.md", keys_page())):
    with mkdocs_gen_files.open(name, "w") as file:
        file.write(text)
