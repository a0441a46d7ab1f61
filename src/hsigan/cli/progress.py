"""Progress of long work on the terminal: on stderr, gone when done, silent in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Item = TypeVar("Item")


class _Watched(Sequence[Item]):
    """A sequence that shows how far whoever walks through it has come."""

    def __init__(self, items: Sequence[Item], bar: Progress, task: TaskID) -> None:
        self._items, self._bar, self._task = items, bar, task

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self._items[index]

    def __iter__(self) -> Iterator[Item]:
        for item in self._items:
            yield item
            self._bar.advance(self._task)


@contextmanager
def watched(items: Sequence[Item], what: str) -> Iterator[Sequence[Item]]:
    """Yield the same items; a bar advances as they are walked through.

    Parameters
    ----------
    items
        What to walk through.
    what
        The verb before the bar, such as "reading".
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, Elapsed(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield _Watched(items, bar, bar.add_task(what, total=len(items)))


@contextmanager
def download_progress() -> Iterator[Callable[[int, int | None], None]]:
    """Yield a callback for bytes done and bytes in all, shown as a bar."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns,
        TransferSpeedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("downloading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
