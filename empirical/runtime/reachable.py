"""Find the code that a function can reach, by reading the source without running it.

Starting from the entries, every top-level function, class and constant whose name is used counts,
through imports at the top of a module and inside functions. Comments, docstrings and formatting do
not count. Names that are looked up as text at run time are not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

from figures.records import digest

Definition = tuple[str, str]  # a module and a name in it; "": its statements that define no name


class Sources:
    """The source files of some packages below a folder, each parsed when first needed.

    root: the folder that holds the packages. ignored: dotted names of modules that do not count.
    Entries are ``module:name`` of top-level functions and classes. unresolved: the names looked up
    so far that their module does not define, each ``module:name``; they stand for all of it.
    """

    def __init__(self, root: Path, packages: Sequence[str], ignored: Collection[str] = ()) -> None:
        self.root = root
        self.packages = packages
        self.ignored = ignored
        self.unresolved: set[str] = set()
        self._modules: dict[str, Module | None] = {}

    def digest(self, entries: Iterable[str]) -> str:
        """Return the digest of all code that the entries can reach."""
        reached = sorted(self.reached(entries))
        return digest([[key, found.digest(key[1])] for key in reached if (found := self[key[0]])])

    def reached(self, entries: Iterable[str]) -> set[Definition]:
        """Return all definitions that the entries can reach, themselves included.

        Raises ValueError for an entry that does not exist.
        """
        waiting: list[Definition] = []
        for entry in entries:
            module, _, name = entry.partition(":")
            found = self[module]
            if found is None or name not in found.definitions:
                raise ValueError(f"no function or class {entry} below {self.root}")
            waiting.append((module, name))
        reached: set[Definition] = set()
        while waiting:
            key = waiting.pop()
            if key not in reached and (found := self[key[0]]) is not None:
                reached.add(key)
                waiting += _executed_at_import(key[0])
                for name in found.used(key[1]):
                    waiting += self._definitions(name)
        return reached

    def libraries(self, entries: Iterable[str]) -> set[str]:
        """Return the top-level modules outside the packages that the entries can use."""
        reached = self.reached(entries)
        used = {name for key in reached if (found := self[key[0]]) for name in found.used(key[1])}
        return {name.replace(":", ".").partition(".")[0] for name in used} - set(self.packages)

    def __getitem__(self, name: str) -> Module | None:
        """Return the module of this dotted name; None if it is in none of the packages."""
        if name not in self._modules:
            self._modules[name] = None
            base = self.root.joinpath(*name.split("."))
            if name.partition(".")[0] in self.packages:
                for path in (base / "__init__.py", base.with_suffix(".py")):
                    if path.exists():
                        is_package = path.name == "__init__.py"
                        text = path.read_text(encoding="utf-8")
                        self._modules[name] = parsed(name, is_package, text)
        return self._modules[name]

    def _definitions(self, name: str) -> Iterator[Definition]:
        """Yield the definitions that ``module:name`` stands for; none outside the packages.

        Names that a module imports from another are followed. A module stands for all that it
        defines, and so does one that has no such name: it may make names with ``__getattr__``.
        """
        module, _, rest = name.partition(":")
        while (found := self[module]) is not None and module not in self.ignored:
            first, _, rest = rest.partition(".")
            if first in found.definitions:
                yield module, first
                return
            if targets := found.imports.get(first, set()) - {f"{module}:{first}"}:
                yield module, ""
                for target in targets:
                    yield from self._definitions(_with_attributes(target, rest))
                return
            if not first or self[f"{module}.{first}"] is None:
                if first:
                    self.unresolved.add(f"{module}:{first}")
                yield from self._everything(module)
                return
            module = f"{module}.{first}"

    def _everything(self, module: str) -> Iterator[Definition]:
        """Yield all definitions of a module and, of a package, of all modules below it."""
        found = self[module]
        if found is None or module in self.ignored:
            return
        yield from ((module, name) for name in found.definitions)
        if found.is_package:
            folder = self.root.joinpath(*module.split("."))
            for name in sorted({path.stem for path in folder.iterdir()} - {"__init__"}):
                yield from self._everything(f"{module}.{name}")


@cache
def parsed(name: str, is_package: bool, text: str) -> Module:
    """Return the module of this dotted name and source text; a text is parsed once."""
    return Module(name, is_package, text)


class Module:
    """A parsed source file: its definitions and imports by name, docstrings left out.

    definitions: name -> the top-level statements that define it; "" -> those that define no name
    and are executed at import. imports: name -> what it may stand for, ``module:`` or
    ``module:name``. Imports for type checkers only (``if TYPE_CHECKING``) do not count.
    """

    def __init__(self, name: str, is_package: bool, text: str) -> None:
        self.name = name
        self.is_package = is_package
        self.definitions: dict[str, list[ast.stmt]] = {"": []}
        self.imports: dict[str, set[str]] = {}
        self._used: dict[str, set[str]] = {}
        self._digests: dict[str, str] = {}
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = [child for child in node.body if not _is_text(child)]
        for statement in tree.body:
            self._add(statement)

    def used(self, name: str) -> set[str]:
        """Return what ``name`` uses, each as ``module:name``, with the attributes that follow."""
        if name not in self._used:
            self._used[name] = {
                full
                for statement in self.definitions.get(name, ())
                for full in self._names(statement)
            }
        return self._used[name]

    def digest(self, name: str) -> str:
        """Return the digest of the syntax trees that define ``name``, and of what they use."""
        if name not in self._digests:
            trees = [ast.dump(statement) for statement in self.definitions.get(name, ())]
            self._digests[name] = digest([trees, sorted(self.used(name))])
        return self._digests[name]

    def _names(self, statement: ast.stmt) -> Iterator[str]:
        local: dict[str, set[str]] = {}
        for node in ast.walk(statement):
            self._import(node, local)
        for name in _dotted_names(statement):
            first, _, rest = name.partition(".")
            if first in self.definitions:
                yield f"{self.name}:{name}"
            for target in self.imports.get(first, set()) | local.get(first, set()):
                yield _with_attributes(target, rest)

    def _add(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            return
        names = _defined(statement)
        if not names and not self._import(statement, self.imports):
            names = {""}  # a condition, a loop or an expression, with all that it defines inside
            for node in ast.walk(statement):
                names |= _defined(node)
                self._import(node, self.imports)
        for name in names:
            self.definitions.setdefault(name, []).append(statement)

    def _import(self, node: ast.AST, found: dict[str, set[str]]) -> bool:
        """Add to ``found`` what an import statement binds. False for any other statement."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                found.setdefault(name, set()).add(f"{alias.name if alias.asname else name}:")
            return True
        if isinstance(node, ast.ImportFrom):
            package = self.name if self.is_package else self.name.rpartition(".")[0]
            module = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, set()).add(f"{module}:{alias.name}")
            return True
        return False


def _executed_at_import(module: str) -> list[Definition]:
    """Return what importing a module executes: its own statements and its packages'."""
    parts = module.split(".")
    return [(".".join(parts[:i]), "") for i in range(1, len(parts) + 1)]


def _with_attributes(target: str, attributes: str) -> str:
    """Return ``target``, a ``module:`` or ``module:name``, followed by dotted attributes."""
    dot = "." if attributes and not target.endswith(":") else ""
    return f"{target}{dot}{attributes}"


def _is_text(node: ast.AST) -> bool:
    """Return whether a statement is a docstring, or another text that is not used."""
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _defined(node: ast.AST) -> set[str]:
    """Return the names that a statement defines, if defining them is all that it does."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = [
            each
            for target in node.targets
            for each in (target.elts if isinstance(target, ast.Tuple | ast.List) else [target])
        ]
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    return names if all(isinstance(target, ast.Name) for target in targets) else set()


def _dotted_names(statement: ast.stmt) -> Iterator[str]:
    """Yield each name in a statement with the attributes that follow it, such as ``np.zeros``."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node, attributes = waiting.pop(), []
        inner = node
        while isinstance(inner, ast.Attribute):
            attributes.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield ".".join([inner.id, *reversed(attributes)])
        else:
            waiting += ast.iter_child_nodes(node)
