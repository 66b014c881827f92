"""Private names of other libraries that the package relies on: each is listed here, with what it must still be.

A library may drop such a name in any version. These tests then say which code to look at.
"""

from __future__ import annotations

import ast
import asyncio
import atexit
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import pytest

import tamscore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACKAGE = Path(tamscore.__file__).parent
OWN = {"_blocks"}
"""Private names of our own classes, asked of another object of the same class."""
DOCUMENTED = {"_exit"}
"""`os._exit` has an underscore and a page in the library reference."""
NODE_FIELDS = {
    "is_leaf", "feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "value", "count", "bitset_idx",
    "is_categorical",
}  # fmt: skip


def boosted() -> Any:
    """Return boosted trees of one number and one category."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    random = np.random.default_rng(0)
    rows = np.stack([random.normal(size=200), random.integers(0, 3, 200).astype(float)], axis=1)
    label = rows[:, 0] + (rows[:, 1] == 1) > 0
    return HistGradientBoostingClassifier(max_iter=2, categorical_features=[1], early_stopping=False).fit(rows, label)


def has_trees() -> bool:
    """Return whether each stage of two classes is one tree, whose nodes have the fields that are read."""
    stages = boosted()._predictors
    trees = [stage[0] for stage in stages]
    fields = all(set(tree.nodes.dtype.names) >= NODE_FIELDS for tree in trees)
    sets = all(tree.raw_left_cat_bitsets.dtype == np.uint32 for tree in trees)
    return len(stages) == 2 and fields and sets and all(tree.get_n_leaf_nodes() > 1 for tree in trees)


def has_one_baseline() -> bool:
    """Return whether two classes have one baseline, in log odds."""
    return bool(np.ravel(boosted()._baseline_prediction).shape == (1,))


def has_encoder() -> bool:
    """Return whether the preprocessor numbers categories in order of their codes."""
    encoder = boosted()._preprocessor.named_transformers_["encoder"]
    return bool([one.tolist() for one in encoder.categories_] == [[0.0, 1.0, 2.0]])


def clusters_are_known() -> bool:
    """Return whether a cluster is among the instances of its class, with those that it made."""
    from distributed import SpecCluster, Status

    async def look() -> bool:
        cluster = SpecCluster(asynchronous=True)
        try:
            return cluster in set(SpecCluster._instances) and isinstance(cluster._created, WeakSet)
        finally:
            cluster.status = Status.closed  # nothing was started

    return asyncio.run(look())


def exit_functions_can_be_run() -> bool:
    """Return whether Python can be asked to run what is registered for its end."""
    return callable(atexit._run_exitfuncs)


def arguments_are_retained() -> bool:
    """Return whether a context of typer keeps the name of the command apart from its arguments."""
    from typer.main import get_command

    from tamscore.cli import app

    with get_command(app).make_context("tamscore", ["schema", "exit-codes"]) as context:
        said: list[str] = [*context._protected_args, *context.args]
    return said == ["schema", "exit-codes"]


USES: dict[str, tuple[str, str, Callable[[], bool]]] = {
    "_predictors": ("sections/propensity/boosting.py", "scikit-learn's HistGradientBoostingClassifier", has_trees),
    "_baseline_prediction": (
        "sections/propensity/boosting.py",
        "scikit-learn's HistGradientBoostingClassifier",
        has_one_baseline,
    ),
    "_preprocessor": ("sections/propensity/boosting.py", "scikit-learn's HistGradientBoostingClassifier", has_encoder),
    "_instances": ("engine/processes.py", "distributed's SpecCluster", clusters_are_known),
    "_created": ("engine/processes.py", "distributed's SpecCluster", clusters_are_known),
    "_run_exitfuncs": ("cli/failures.py", "Python's atexit", exit_functions_can_be_run),
    "_protected_args": ("cli/__init__.py", "the click in typer", arguments_are_retained),
}


def asked_names(source: str) -> Iterator[str]:
    """Yield each name that a module asks of something other than `self` and `cls`, or imports from a library."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
            yield from () if own else (node.attr,)
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("tamscore"):
            yield from (*(node.module or "").split("."), *(one.name for one in node.names))
        elif isinstance(node, ast.Import):
            yield from (part for one in node.names for part in one.name.split("."))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_every_private_name_of_a_library_is_listed_with_the_module_that_uses_it():
    used = {
        (name, path.relative_to(PACKAGE).as_posix())
        for path in PACKAGE.rglob("*.py")
        for name in filter(is_private, asked_names(path.read_text(encoding="utf-8")))
        if name not in OWN | DOCUMENTED
    }
    assert used == {(name, module) for name, (module, _, _) in USES.items()}


def test_private_names_are_found_wherever_they_are_used():
    source = "import a._b\nfrom c._d import _e\nf(g)._h\nself._own\nclass X:\n    y = z.__doc__"
    assert sorted(filter(is_private, asked_names(source))) == ["_b", "_d", "_e", "_h"]


@pytest.mark.parametrize("name", USES)
def test_a_private_name_is_still_what_the_package_takes_it_for(name):
    module, owner, holds = USES[name]
    try:
        is_retained = holds()
    except (AttributeError, KeyError, TypeError) as error:
        pytest.fail(f"{owner} has changed {name}: {error}; look at src/tamscore/{module}, which relies on it")
    assert is_retained, f"{owner} has changed what {name} holds; look at src/tamscore/{module}, which relies on it"
