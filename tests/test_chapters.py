"""The shape of the nine chapters: their length in words, and the parts that each of them has.

What counts as a word of a chapter: each word that a reader meets who opens nothing. That is
headings, paragraphs, lists, tables, open boxes and the questions of the exercises; a formula in a
line counts as one word. Not counted: code and what it prints, displayed formulas, the table of
claims, the label of an exercise (kind, difficulty, minutes, purpose), and what is folded (hints,
solutions, side notes), which is read by those who want it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = (
    *("rl", "alignment", "rl-for-alignment", "feedback", "reward-models"),
    *("rlhf", "ppo", "dpo", "grpo"),
)
FEWEST, MOST = 1_500, 4_000
FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,})(?:\{(?P<name>[\w:-]+)\})?(?P<rest>.*)$")
NOT_PROSE = {None, "code-cell", "claims", "math", "dropdown", "solution", "nb-exec-table"}
LABEL = re.compile(r"^\*\*[^*]+\*\* · (?:easy|medium|hard) · .*$", re.M)
WORD = re.compile(r"\w[\w'’.,-]*")

for_each_chapter = pytest.mark.parametrize("name", CHAPTERS)


def page(name: str) -> str:
    """The source of a chapter without its header."""
    return (ROOT / "chapters" / f"{name}.md").read_text(encoding="utf-8").split("\n---\n", 1)[1]


def open_lines(text: str) -> Iterator[str]:
    """The lines outside code and folds, with those of open boxes."""
    stack: list[tuple[str, bool]] = []  # fences that are open, and whether what they hold counts
    lines = text.split("\n")
    for number, line in enumerate(lines):
        start = FENCE.match(line)
        if start is None:
            if all(counts for _, counts in stack):
                yield line
        elif stack and line.strip() == stack[-1][0]:
            stack.pop()
        else:
            options = lines[number + 1] if number + 1 < len(lines) else ""
            counts = start["name"] not in NOT_PROSE and "dropdown" not in options
            stack.append((start["fence"], counts))
            if all(counts for _, counts in stack):
                yield start["rest"]
    assert stack == [], f"a fence is never closed: {stack}"


def words(text: str) -> list[str]:
    """What a reader reads who opens nothing."""
    prose = "\n".join(open_lines(text))
    prose = re.sub(r"^\s*\$\$.*?^\s*\$\$[^\n]*$", "", prose, flags=re.M | re.S)
    prose = re.sub(r"^(?::[\w-]+:.*|\([\w-]+\)=)$", "", prose, flags=re.M)
    prose = re.sub(r"\$[^$]+\$", " formula ", LABEL.sub("", prose))
    prose = re.sub(r"\{claim\}`[^`]+`", "", prose)
    prose = re.sub(r"\{[\w:]+\}`([^`<]+?)(?:\s*<[^`]*)?`", r"\1", prose)
    return WORD.findall(prose)


@for_each_chapter
def test_a_chapter_is_neither_too_short_nor_too_long(name):
    assert FEWEST <= len(words(page(name))) <= MOST


def test_only_what_stands_open_is_counted():
    text = """# Two words

One $x+y$ three, {doc}`four five <rl>` {claim}`RL-1`

$$
a b c
$$ (eq-a)

```{code-cell} python
:tags: [hide-input]
not = "counted"
```

````{exercise} Six
:label: ex-six
**Derive** · easy · 5 minutes · *Not counted.*

Seven.

```{admonition} Hint
:class: tip dropdown
Not counted.
```
````

````{solution} ex-six
:class: dropdown
Not counted.
````

```{admonition} Eight
:class: tip
Nine
```
"""
    found = " ".join(words(text)).lower()
    assert found == "two words one formula three, four five six seven. eight nine"


# The parts of a chapter, and what shows that it has them.
PARTS = {
    "what you will be able to do": r"\{admonition\} What you will be able to do",
    "what, why, how": r"^## What, why, how",
    "a picture of who does what": r"^    (?:\w+_)?(?:flow|loop)\(",
    "a figure with a slider": r"^explore\(",
    "a sentence that says what to try": r"Try it|Step through",
    "GPT-2-small": r"GPT-2|openai-community/gpt2",
    "break it": r"^##+ Break it|^##+ .*[Bb]reak",
    "exercises": r"^## Exercises",
    "solutions": r"\{solution\} ex-",
    "what is contested": r"^## What is contested",
    "the claims": r"^```\{claims\} ",
}


@for_each_chapter
@pytest.mark.parametrize("part", PARTS)
def test_a_chapter_has_all_its_parts(name, part):
    assert re.search(PARTS[part], page(name), re.M), f"{name}: {part}"


@for_each_chapter
def test_each_exercise_has_a_solution_and_there_are_four_at_least(name):
    asked = re.findall(r"\{exercise\}.*\n:label: (\S+)", page(name))
    solved = re.findall(r"\{solution\} (\S+)", page(name))
    assert len(asked) >= 4
    assert asked == solved
