# RUN: python3 %s %source
"""Links between pages lead somewhere, and the index reaches every page."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
pages = [root / "README.md", root / "CONTRIBUTING.md",
         *sorted((root / "docs").rglob("*.md"))]
assert len(pages) > 10, pages
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")

errors, reached = [], set()
for page in pages:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        target = (page.parent / link).resolve()
        if not target.exists():
            errors.append(f"{page.relative_to(root)}: no such page: {link}")
        elif page.name == "index.md":
            reached.add(target)
for page in pages[2:]:
    if page.name != "index.md" and page.resolve() not in reached:
        errors.append(f"docs/index.md: no link to {page.relative_to(root)}")
sys.exit("\n".join(errors) or None)
