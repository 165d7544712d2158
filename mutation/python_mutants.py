"""The mutants of a Python module: cosmic-ray's operators, and some of our own for what they leave out.

Of cosmic-ray's two hundred operators some thirty are used: most of the others make mutants that every import
of the module notices, which would only raise the score. Annotations are left alone for the same reason.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import parso
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator

from mutation.mutant import Mutant, Site, make_mutant

Node = Any  # parso's types know no children
Position = tuple[tuple[int, int], tuple[int, int]]

_COMPARISONS: Final = (
    "Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt Eq_NotEq NotEq_Eq Is_IsNot IsNot_Is"
)
_BINARY: Final = (
    "Add_Sub Sub_Add Mul_Add Div_Mul FloorDiv_Mul Mod_Mul Pow_Mul BitAnd_BitOr BitOr_BitAnd LShift_RShift"
)
CORE: Final = (
    *(f"ReplaceComparisonOperator_{name}" for name in _COMPARISONS.split()),
    *(f"ReplaceBinaryOperator_{name}" for name in _BINARY.split()),
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "AddNot",
    "NumberReplacer",
    "ZeroIterationForLoop",
)


class _Replacement(Operator):  # type: ignore[misc] # cosmic-ray has no types
    """Replaces whole nodes by other code; subclasses say which and by what."""

    def replacement(self, node: Node) -> str | None:
        """Return the code that takes the node's place; None if the node stays."""
        raise NotImplementedError

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        """Yield the position of a node that is replaced."""
        if self.replacement(node) is not None:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Node, _index: int) -> Any:
        """Return the replacement with the whitespace before the node."""
        return parso.parse(node.get_first_leaf().prefix + (self.replacement(node) or ""))

    @classmethod
    def examples(cls) -> tuple[()]:
        """Return none; our tests have them."""
        return ()


class RemoveCall(_Replacement):
    """Removes a call that is a statement of its own, but not of a log."""

    def replacement(self, node: Node) -> str | None:
        """Return `pass` for the call."""
        if node.type != "simple_stmt" or node.children[0].type != "atom_expr":
            return None
        code = node.get_code(include_prefix=False)
        return None if code.startswith("log.") else "pass\n"


class RemoveAssignment(_Replacement):
    """Removes an assignment to an attribute or an item."""

    def replacement(self, node: Node) -> str | None:
        """Return `pass` for the assignment."""
        if node.type != "simple_stmt" or node.children[0].type != "expr_stmt":
            return None
        return "pass\n" if node.children[0].children[0].type == "atom_expr" else None


class ReturnNone(_Replacement):
    """Returns None where a value is returned."""

    def replacement(self, node: Node) -> str | None:
        """Return the statement with None."""
        if node.type != "return_stmt" or node.children[1].get_code().strip() == "None":
            return None
        return "return None"


class ArgumentNone(_Replacement):
    """Gives None for a keyword argument of a call."""

    def replacement(self, node: Node) -> str | None:
        """Return the argument with None."""
        if node.type != "argument" or len(node.children) != 3 or node.children[1].get_code() != "=":
            return None
        name, _, value = node.children
        return None if value.get_code() == "None" else f"{name.get_code().strip()}=None"


class ChangedString(_Replacement):
    """Changes a string that is compared, subscribed or held in a collection: a code, a key or a name."""

    def replacement(self, node: Node) -> str | None:
        """Return another string."""
        if node.type != "string" or node.parent.type not in (
            "testlist_comp",
            "dictorsetmaker",
            "comparison",
            "atom",
            "trailer",
        ):
            return None
        if node.parent.type == "trailer" and node.parent.children[0].get_code().strip() != "[":
            return None
        code = node.get_code(include_prefix=False)
        return f"{code[:-1]}_{code[-1]}" if not code.startswith('"""') else None


class CatchNothing(_Replacement):
    """Lets an exception pass that is caught."""

    def replacement(self, node: Node) -> str | None:
        """Return a clause that catches what is never raised."""
        if node.type != "except_clause":
            return None
        _, _, *name = node.children
        return "except ZeroDivisionError" + "".join(part.get_code() for part in name)


OURS: Final = (RemoveCall, RemoveAssignment, ReturnNone, ArgumentNone, ChangedString, CatchNothing)


def python_sites(path: str, text: str) -> list[Site]:
    """Return all sites of a module."""
    operators = [get_operator(f"core/{name}")() for name in CORE] + [kind() for kind in OURS]
    nodes = list(ast_nodes(get_ast(text)))
    return [
        partial(_mutant, path, text, operator, occurrence)
        for operator in operators
        for occurrence, node in enumerate(_places(operator, nodes))
        if not _in_annotation(node)
    ]


def _mutant(path: str, text: str, operator: Any, occurrence: int) -> Mutant:
    return make_mutant(path, type(operator).__name__, text, mutate_code(text, operator, occurrence))


def _places(operator: Any, nodes: list[Node]) -> Iterator[Node]:
    """Yield the node of each place where the operator applies."""
    for node in nodes:
        for _ in operator.mutation_positions(node):
            yield node


def _in_annotation(node: Node) -> bool:
    child, parent = node, node.parent
    while parent is not None:
        if parent.type == "annassign" and child is parent.children[1]:
            return True
        if parent.type == "tfpdef" and child is parent.children[-1]:
            return True
        if parent.type == "funcdef" and child is parent.annotation:
            return True
        child, parent = parent, parent.parent
    return False
