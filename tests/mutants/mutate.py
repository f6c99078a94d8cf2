"""The mutants of a source file: each with one small change of meaning."""

import ast
import hashlib
from dataclasses import dataclass, field

SWAPPED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
# What a type checker reads, or what changes no behaviour.
UNREAD = ("annotation", "returns", "decorator_list", "format_spec", "type_comment")
SHOWN = 240  # characters of a mutant's text


@dataclass(frozen=True)
class Mutant:
    """A change of one node.

    ``path`` is below src/dualwan, ``line`` the first of the statement, ``inside`` the function
    ("" at the top of the module, where code runs at import), ``change`` says "before => after".
    """

    path: str
    line: int
    inside: str
    change: str
    tree: ast.Module = field(repr=False)
    place: tuple = field(repr=False)  # parent, field, index or None, new node

    @property
    def identity(self):
        """The same as long as the function and the changed text are."""
        return f"{self.path} {self.inside or 'module'}: {self.change}"

    def rank(self, seed):
        """Return a number that says whether this one is among a sample: the lowest are."""
        return hashlib.sha256(f"{seed} {self.identity}".encode()).hexdigest()

    def source(self):
        """Return the whole file with the change."""
        parent, name, index, new = self.place
        before = getattr(parent, name)
        after = new if index is None else [*before[:index], new, *before[index + 1 :]]
        setattr(parent, name, after)
        try:
            return ast.unparse(ast.fix_missing_locations(self.tree))
        finally:
            setattr(parent, name, before)


def mutants(path, text):
    """Return each mutant of the file ``path`` with the content ``text``."""
    tree = ast.parse(text)
    found, seen = [], {}
    for place, old, inside, line in _walk(tree, "", 1):
        for new in _changes(old):
            change = f"{_shown(old)} => {_shown(new)}"
            number = seen[inside, change] = seen.get((inside, change), 0) + 1
            told = change if number == 1 else f"{change} #{number}"
            found.append(Mutant(path, line, inside, told, tree, (*place, new)))
    return found


def _walk(parent, inside, line):
    """Yield each node that may change: where it stands, itself, its function, its line."""
    for name, value in ast.iter_fields(parent):
        if name in UNREAD or (
            isinstance(parent, ast.Subscript) and name == "slice" and _typed(value)
        ):
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _passed_over(node, parent):
                continue
            at = node.lineno if isinstance(node, ast.stmt) else line
            function = isinstance(node, ast.FunctionDef)
            if function or isinstance(node, ast.ClassDef):
                within = f"{inside}.{node.name}".lstrip(".")
            else:
                within = inside
            if not isinstance(parent, ast.JoinedStr) or isinstance(node, ast.FormattedValue):
                yield (parent, name, index), node, within, at
                yield from _walk(node, within, at)


def _typed(node):
    """Whether a subscript is one of types: ``dict[str, int]``."""
    return isinstance(node, ast.Tuple) or (
        isinstance(node, ast.Name) and node.id[0].islower() is False
    )


def _passed_over(node, parent):
    """Whether a node means nothing at run time: a docstring, an import, __all__, a type's test."""
    match node:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Import() | ast.ImportFrom() | ast.Global() | ast.expr_context():
            return True
        case ast.Call(func=ast.Name(id="cast")):
            return True
    return isinstance(parent, ast.Call) and node is parent.func and isinstance(node, ast.Name)


def _changes(node):
    """Yield what may stand in place of a node."""
    for kinds, change in CHANGES:
        if isinstance(node, kinds):
            yield from change(node)


def _compare(node):
    if len(node.ops) == 1:
        yield ast.Compare(node.left, [SWAPPED[type(node.ops[0])]()], node.comparators)


def _arithmetic(node):
    if type(node.op) in SWAPPED and not _text(node.left, node.right):
        yield ast.BinOp(node.left, SWAPPED[type(node.op)](), node.right)


def _logic(node):
    yield ast.BoolOp(SWAPPED[type(node.op)](), node.values)
    for one in range(len(node.values)):
        rest = _without(node.values, one)
        yield ast.BoolOp(node.op, rest) if len(rest) > 1 else rest[0]


def _negation(node):
    if isinstance(node.op, ast.Not):
        yield node.operand


def _choice(node):
    yield ast.IfExp(node.test, node.orelse, node.body)


def _items(node):
    if isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        for one in range(len(node.elts)):
            yield type(node)(_without(node.elts, one), node.ctx)


def _pairs(node):
    if len(node.keys) > 1:
        for one in range(len(node.keys)):
            yield ast.Dict(_without(node.keys, one), _without(node.values, one))


def _call(node):
    """Lose an argument. Without ``encoding`` a file is UTF-8 too, on each Debian."""
    for one, argument in enumerate(node.keywords):
        if argument.arg != "encoding":
            yield ast.Call(node.func, node.args, _without(node.keywords, one))
    if len(node.args) > 1:
        yield ast.Call(node.func, node.args[:-1], node.keywords)


def _filter(node):
    if node.ifs:
        yield ast.comprehension(node.target, node.iter, [], node.is_async)


def _condition(node):
    yield type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _return(node):
    """Return nothing, unless what is returned is nothing already: False, 0, "", (), []."""
    nothing = isinstance(node.value, ast.Constant) and not node.value.value
    empty = not nothing and not getattr(node.value, "elts", True)
    if node.value is None:
        yield ast.Pass()
    elif not (nothing or empty):
        yield ast.Return(ast.Constant(None))


def _statement(node):
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call):
        return
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], (ast.Name, ast.Tuple)):
        return  # a name that is missing would end the test anyhow
    yield ast.Pass()


def _jump(node):
    yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()


def _handler(node):
    if not isinstance(node.body[0], ast.Raise):
        yield ast.ExceptHandler(node.type, node.name, [ast.Raise()])


def _context(node):
    if all(one.optional_vars is None for one in node.items):
        yield ast.If(ast.Constant(value=True), node.body, [])


def _constant(node):
    """Change a value; of texts, words: a sentence is for people, who are no test."""
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case int(value):
            yield ast.Constant(value + 1)
        case float(value):
            yield ast.Constant(value * 2 + 1)
        case str(value) if value and " " not in value:
            yield ast.Constant("")
        case bytes(value) if value:
            yield ast.Constant(b"")


def _text(*nodes):
    """Whether one of ``nodes`` is a text or a list, which nothing can be subtracted from."""
    return any(
        isinstance(node, (ast.JoinedStr, ast.List, ast.Tuple))
        or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))
        for node in nodes
    )


def _without(values, one):
    return [*values[:one], *values[one + 1 :]]


def _shown(node):
    """Return a node as a line; of what has a body its head."""
    if isinstance(node, ast.comprehension):
        text = ast.unparse(ast.GeneratorExp(ast.Name("_"), [node]))
    else:
        text = ast.unparse(ast.fix_missing_locations(node))
    if (
        hasattr(node, "body")
        and isinstance(node.body, list)
        and not isinstance(node, ast.ExceptHandler)
    ):
        text = text.partition("\n")[0]
    text = " ".join(text.split())
    if len(text) > SHOWN:
        text = f"{text[:SHOWN]}... {hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return text


CHANGES = (
    (ast.Compare, _compare),
    (ast.BinOp, _arithmetic),
    (ast.BoolOp, _logic),
    (ast.UnaryOp, _negation),
    (ast.Constant, _constant),
    (ast.IfExp, _choice),
    ((ast.List, ast.Tuple), _items),
    (ast.Dict, _pairs),
    (ast.Call, _call),
    (ast.comprehension, _filter),
    ((ast.If, ast.While), _condition),
    (ast.Return, _return),
    ((ast.Expr, ast.Raise, ast.AugAssign, ast.Delete, ast.Assign), _statement),
    ((ast.Break, ast.Continue), _jump),
    (ast.ExceptHandler, _handler),
    (ast.With, _context),
)
