"""The rules of the tree: who may import whom, and what no file may hold.

Each rule is a function from a folder to its complaints. It is run on this repository, where it must
find nothing, and on a small tree that breaks it once, where it must find exactly that.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from rlhf_book.imports import imported_names, package_modules

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "rlhf_lab"

# Nouns first, verbs last. A module imports only from lines above its own. Modules on one line do
# not import each other, except those that a star stands for. A new module gets its place here.
LAYERS = """
settings shapes
token_rows
responses processes precision key_value_cache overwritten_logits cost dropout trunks
cuda_graphs
gpt2_layers masked memory recorded_passes
gpt2_attention captured_passes
gpt2
gpt2_token
kl preferences feedback.ranked feedback.labelled
advantages models
logprobs
losses compatibility
group_losses preference_losses
diagnostics decoding draws
sampling
whole_files
feedback.json_lines
feedback.kinds
feedback.conversions feedback.files feedback.hub feedback.batches
feedback.agreement feedback.tastes feedback.consistency
feedback.annotators
feedback.labelling
rewards.networks rewards.preferencewise rewards.quality
rewards.functions rewards.losses
weights training_state
same_run
checkpoints
worlds.grammar worlds.review_words worlds.sum_steps
worlds.review_rules
worlds.review_grammar
worlds.review_score
worlds.optimum worlds.fixed_points worlds.decisions worlds.token_environment
worlds.environment worlds.exam_week worlds.preference_optima
worlds.exact worlds.reviews worlds.sums worlds.imdb
worlds.review_texts
worlds.ending
train.gradient_steps
train.loop train.scores train.reference
train.micro_batches train.rollout_config
train.rollouts train.trust_region train.pretraining_mix
train.experience
train.sft train.reward_model train.ppo train.dpo train.grpo train.reinforce
train.review_model train.sums_model
gpt2_base
gpt2_tasks
gpt2_sampling
gpt2_small
intervals gold_curves provenance
runs machine metrics_log
experiments.*
derivations.*
mutation_record benchmark_record rerun_record
style
svg plots
gpt2_recording gpt2_experiments gold_paths
diagrams frames
explore stepper html_tables flows
token_colours derivation_tables mutation_tables filter_table benchmark_tables
verdict_tables
experiment_tables
claim_evidence
museum.bug
museum.*
checks.random_inputs checks.gradients checks.differences checks.hints
checks.exercise
checks.*
kill_record
museum_tables
"""
PLACES = [(name, i) for i, line in enumerate(LAYERS.split("\n")) for name in line.split()]

MOST_LINES = 150
MOST_RE_EXPORTS = 8
EMPTY_NAMES = {"utils", "helpers", "common", "manager", "misc"}
SLOW_IMPORTS = {"transformers", "scipy.stats"}  # each takes as long as most of the package
NEEDS_THEM = {f"{PACKAGE}.worlds.imdb"}
HOME = re.compile(r"(?<![\w.])/(?:home|Users|root)/\w")

Rule = Callable[[Path], Iterator[str]]


def place(module: str) -> tuple[str, int]:
    """The name that stands for a module in LAYERS, and its line; ("", -1) when none does."""
    name = module.removeprefix(f"{PACKAGE}.")
    return next((entry for entry in PLACES if fnmatch(name, entry[0])), ("", -1))


def imports_by_module(root: Path) -> Iterator[tuple[str, Path, set[str]]]:
    """Each module of the package, its file, and the dotted names that it imports."""
    for module, path in package_modules(root / PACKAGE).items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        yield module, path, set(imported_names(ast.parse(path.read_bytes()), package))


def tracked_files(root: Path) -> list[Path]:
    """The files that git keeps or would keep, without those that are not text."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    files = [root / name for name in listed.split("\0") if name]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()]


def order_is_broken(root: Path) -> Iterator[str]:
    """A module imports only from lines above its own."""
    inits = {name for name, path, _ in imports_by_module(root) if path.name == "__init__.py"}
    modules = set(package_modules(root / PACKAGE)) - inits
    for module, path, imported in imports_by_module(root):
        if path.name == "__init__.py":
            continue
        own, line = place(module)
        if not own:
            yield f"{module} has no place in LAYERS"
        for name in sorted(imported & modules):
            other, above = place(name)
            if own and above >= line and other != own:
                yield f"{module} imports {name}, which is not above it"


def derivation_is_not_pure(root: Path) -> Iterator[str]:
    """Derivations import sympy (with its mpmath), the standard library and each other: no torch."""
    allowed = {"sympy", "mpmath", *sys.stdlib_module_names}
    inside = f"{PACKAGE}.derivations"
    for module, _, imported in imports_by_module(root):
        if module.startswith(inside):
            for name in sorted(imported):
                is_own = name == PACKAGE or f"{name}.".startswith(f"{inside}.")
                if not is_own and name.partition(".")[0] not in allowed:
                    yield f"{module} imports {name}"


def init_re_exports(root: Path) -> Iterator[str]:
    """A package re-exports a handful of names at most."""
    for module, path, imported in imports_by_module(root):
        names = {name for name in imported if name.startswith(f"{PACKAGE}.")}
        if path.name == "__init__.py" and len(names) > MOST_RE_EXPORTS:
            yield f"{module} re-exports {len(names)} names"


def module_is_long_or_nameless(root: Path) -> Iterator[str]:
    """A module is short and has a name that says what it holds."""
    for module, path in package_modules(root / PACKAGE).items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            yield f"{module} has {lines} lines"
        if EMPTY_NAMES & set(module.split(".")):
            yield f"{module} has a name that says nothing"


def docstring_is_missing(root: Path) -> Iterator[str]:
    """Every module that is not empty, public class and public function says what it is.

    So does every public method of a class that stands alone; others may follow the class above.
    """
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for module, path in package_modules(root / PACKAGE).items():
        tree = ast.parse(path.read_bytes())
        if tree.body and not ast.get_docstring(tree):
            yield f"{module} has no docstring"
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases]
        owners = [(module, tree), *((f"{module}.{node.name}", node) for node in classes)]
        for name, owner in owners:
            for node in owner.body:
                public = isinstance(node, kinds) and not node.name.startswith("_")
                if public and not ast.get_docstring(node):
                    yield f"{name}.{node.name} has no docstring"


def annotations_are_hidden(root: Path) -> Iterator[str]:
    """No module turns its annotations into strings: the shapes would not be checked."""
    for path in tracked_files(root):
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                    yield f"{path.relative_to(root)}:{node.lineno}"


def slow_import_is_at_the_top(root: Path) -> Iterator[str]:
    """What is slow to import is imported by the function that needs it, not by every page."""
    for module, path in package_modules(root / PACKAGE).items():
        body = ast.parse(path.read_bytes()).body
        imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = set(imported_names(ast.Module(imports, type_ignores=[]), module))
        if module not in NEEDS_THEM:
            yield from (f"{module} imports {name} at its top" for name in names & SLOW_IMPORTS)


def home_is_named(root: Path) -> Iterator[str]:
    """No file names a path of somebody's machine."""
    for path in tracked_files(root):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if HOME.search(line):
                yield f"{path.relative_to(root)}:{number}"


RULES: list[Rule] = [
    order_is_broken,
    derivation_is_not_pure,
    init_re_exports,
    module_is_long_or_nameless,
    docstring_is_missing,
    annotations_are_hidden,
    slow_import_is_at_the_top,
    home_is_named,
]

# What breaks each rule: the files to add to a tree that keeps them all, and the complaint.
BREACHES: list[tuple[Rule, dict[str, str], str]] = [
    (
        order_is_broken,
        {"kl.py": "from rlhf_lab import losses"},
        "rlhf_lab.kl imports rlhf_lab.losses",
    ),
    (order_is_broken, {"kl.py": "from . import preferences"}, "rlhf_lab.kl imports rlhf_lab.pref"),
    (order_is_broken, {"worlds/exact.py": "import rlhf_lab.train.dpo"}, "worlds.exact imports"),
    (order_is_broken, {"losses.py": "def f():\n    from .train import dpo"}, "losses imports"),
    (order_is_broken, {"novel.py": "x = 1"}, "rlhf_lab.novel has no place"),
    (
        derivation_is_not_pure,
        {"derivations/dpo.py": "import torch"},
        "derivations.dpo imports torch",
    ),
    (derivation_is_not_pure, {"derivations/dpo.py": "from .. import kl"}, "imports rlhf_lab.kl"),
    (init_re_exports, {"__init__.py": f"from .kl import {', '.join('abcdefgh')}"}, "re-exports 9"),
    (module_is_long_or_nameless, {"kl.py": "x = 1\n" * 151}, "rlhf_lab.kl has 151 lines"),
    (module_is_long_or_nameless, {"worlds/utils.py": ""}, "rlhf_lab.worlds.utils has a name"),
    (docstring_is_missing, {"kl.py": "x = 1"}, "rlhf_lab.kl has no docstring"),
    (
        docstring_is_missing,
        {"kl.py": "'''K.'''\ndef k1(): pass"},
        "rlhf_lab.kl.k1 has no docstring",
    ),
    (
        docstring_is_missing,
        {"kl.py": "'''K.'''\nclass K:\n  'K.'\n  def f(s): 0"},
        "rlhf_lab.kl.K.f",
    ),
    (annotations_are_hidden, {"kl.py": "from __future__ import annotations"}, "rlhf_lab/kl.py:1"),
    (slow_import_is_at_the_top, {"kl.py": "'K.'\nfrom scipy import stats"}, "kl imports scipy.st"),
    (
        home_is_named,
        {"kl.py": "x = '" + "/".join(["", "home", "ada"]) + "'"},
        "kl.py:1",
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_this_repository_keeps_the_rule(rule: Rule):
    assert list(rule(ROOT)) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository that keeps every rule."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    modules = ("__init__", "kl", "preferences", "losses", "train/__init__", "train/dpo")
    for name in (*modules, "worlds/__init__", "worlds/exact", "derivations/__init__"):
        path = tmp_path / PACKAGE / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('"""What it holds."""\n')
    (tmp_path / PACKAGE / "losses.py").write_text('"""Losses."""\nfrom rlhf_lab import kl\n')
    return tmp_path


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_tree_that_keeps_the_rule_passes(rule: Rule, tree: Path):
    assert list(rule(tree)) == []


@pytest.mark.parametrize(("rule", "files", "complaint"), BREACHES)
def test_a_tree_that_breaks_the_rule_is_found(
    rule: Rule, files: dict[str, str], complaint: str, tree: Path
):
    for name, text in files.items():
        (tree / PACKAGE / name).write_text(text)
    found = list(rule(tree))
    assert len(found) == 1
    assert complaint in found[0]


def test_every_rule_is_broken_once():
    assert {rule for rule, _, _ in BREACHES} == set(RULES)
