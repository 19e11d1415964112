"""What the README says in Python runs as it stands, and what it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        names: dict[str, object] = {}
        exec(compile(block, "README.md", "exec"), names)
        maps = names["maps"]
        assert isinstance(maps, dict)
        assert maps["segmentation"].shape == (1, 8, 128, 128)


def test_files_it_names_exist() -> None:
    linked = re.findall(r"\]\(([\w/.-]+)\)", README)
    configs = re.findall(r"experiments/[\w]+\.yaml", README)
    assert configs
    for path in {*linked, *configs}:
        assert (ROOT / path).exists(), path
