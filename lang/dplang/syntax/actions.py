"""Which action each rule of the grammar has.

A rule whose children are the fields of one node, in order, needs no function: the node's class is its action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors.source import Span
from . import build, text, tree
from .build import Action, Building


def plain(cls: Callable[..., Any]) -> Action:
    """The children are the node's fields."""
    return lambda b, at, *children: cls(at, *children)


def fixed(cls: Callable[..., Any], *fields: Any) -> Action:
    """A node with the same fields each time, then the children."""
    return lambda b, at, *children: cls(at, *fields, *children)


def gathered(cls: Callable[..., Any]) -> Action:
    """All children are the node's only field; an optional part that is not there is none of them."""
    return lambda b, at, *children: cls(at, tuple(c for c in children if c is not None))


def listed(b: Building, at: Span, *children: Any) -> list[Any]:
    return list(children)


def only(b: Building, at: Span, child: Any) -> Any:
    return child


ACTIONS: dict[str, Action] = {
    "module": build.module,
    "expression": only,
    "fn_def": build.fn_def,
    "mods": listed,
    "sketch": listed,
    "params": listed,
    "param": build.param,
    "type_params": listed,
    "type_param": build.type_param,
    "struct_def": build.struct_def,
    "field_decl": build.field_decl,
    "enum_def": build.enum_def,
    "variant": build.variant,
    "import_module": build.import_module,
    "import_names": build.import_names,
    "dotted": listed,
    "test_def": build.test_def,
    "derivative_def": build.derivative_def,
    "derivative_rules": build.derivative_rules,
    "rule": build.rule,
    # types
    "constrained": build.constrained,
    "in_interval": plain(tree.InInterval),
    "named_type": build.named_type,
    "fn_type": build.fn_type,
    "tuple_type": build.tuple_type,
    "type_group": lambda b, at, *children: build.group_of(children),
    "brackets": lambda b, at, *children: children,
    "any_rank": plain(tree.AnyRank),
    "size_binary": build.size_binary,
    "size_call": build.size_call,
    "size_number": build.size_number,
    "named_unknown": lambda b, at, token: tree.UnknownSize(at, token.text[1:]),
    "unknown": fixed(tree.UnknownSize, None),
    # statements
    "block": gathered(tree.Block),
    "let": plain(tree.Let),
    "var": build.var,
    "assign": build.assign,
    "for_": build.for_,
    "while_": build.while_,
    "hole_def": build.hole_def,
    "assert_": plain(tree.Assert),
    "return_": build.jump(tree.Return),
    "break_": build.jump(tree.Break),
    "continue_": build.jump(tree.Continue),
    # patterns
    "name_pattern": build.name_pattern,
    "qualified_pattern": build.qualified_pattern,
    "constructor_pattern": build.constructor_pattern,
    "tuple_pattern": build.tuple_pattern,
    "number_pattern": build.number_pattern,
    "negative_pattern": build.negative_pattern,
    "string_pattern": build.string_pattern,
    "true_pattern": fixed(tree.LiteralPattern, True),
    "false_pattern": fixed(tree.LiteralPattern, False),
    "pattern_parts": listed,
    # expressions
    "pipe": plain(tree.Pipe),
    "compose": plain(tree.Compose),
    "name_lambda": build.name_lambda,
    "group_lambda": build.group_lambda,
    "binary": build.binary,
    "not_": fixed(tree.Unary, "not"),
    "negative": fixed(tree.Unary, "-"),
    "range": plain(tree.Range),
    "cast": build.cast_,
    "call": lambda b, at, fn, args: tree.Call(at, fn, tuple(args or ())),
    "reduction": build.reduction,
    "index": build.index,
    "member": build.member,
    "args": listed,
    "arg": fixed(tree.Arg, None),
    "named_arg": build.named_arg,
    "all_slice": fixed(tree.SliceItem, None, None),
    "from_slice": lambda b, at, low: tree.SliceItem(at, low, None),
    "to_slice": lambda b, at, high: tree.SliceItem(at, None, high),
    "comprehension": listed,
    "binder": plain(tree.Binder),
    "number": lambda b, at, token: tree.Number(at, build.number_value(token)),
    "text": lambda b, at, token: text.read_text(b, token),
    "name": lambda b, at, token: tree.Name(at, token.text),
    "hole": lambda b, at, token: tree.Hole(at, token.text[1:]),
    "true_": fixed(tree.Bool, True),
    "false_": fixed(tree.Bool, False),
    "grouped": build.grouped,
    "group": lambda b, at, *children: build.group_of(children),
    "typed_name": build.typed_name,
    "array": gathered(tree.ArrayExpr),
    "builder": lambda b, at, element, binders: tree.Builder(at, element, tuple(binders)),
    "checkpoint": plain(tree.Checkpoint),
    "if_": plain(tree.If),
    "match_": lambda b, at, scrutinee, *arms: tree.Match(at, scrutinee, arms),
    "arm": plain(tree.Arm),
    # train
    "train_point": build.train_point,
    "train_sketch": lambda b, at, word, subject, *clauses: tree.Train(at, None, subject, clauses),
    "simple_clause": build.simple_clause,
    "restarts_clause": plain(tree.RestartsClause),
    "batch_clause": plain(tree.BatchClause),
    "every_clause": plain(tree.EveryClause),
    "save_clause": lambda b, at, path, period: tree.SaveClause(at, text.read_text(b, path), period),
}
"""By the name of the rule or of its alternative in grammar.lark."""
