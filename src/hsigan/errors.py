"""What can go wrong, as one small tree.

::

    HsiganError
    ├── InputError        the arrays, options or files given cannot be used
    │   ├── SceneError    a file is not a readable scene, or not the one that was named
    │   ├── LabelError    labels do not fit the scene, or the classes do not suffice
    │   ├── SplitError    no split satisfies what was asked, or a split fails its audit
    │   └── RecipeError   an unknown or impossible setting
    ├── DownloadError     a public scene could not be fetched, or is not the file that is known
    ├── RunError          a run folder is missing, incomplete, or does not fit the data
    ├── StreamError       a compressed file is damaged, foreign, or names a model that is not there
    └── DivergedError     a training produced a value that is not finite

A message says what is wrong, where, which value was met, and what to do next. The command line
prints it as one line and exits with status 2.
"""


class HsiganError(Exception):
    """Base of every error that hsigan raises on purpose."""


class InputError(HsiganError, ValueError):
    """The arrays, options or files given cannot be used."""


class SceneError(InputError):
    """A file is not a readable scene, or not the one that was named."""


class LabelError(InputError):
    """Labels do not fit the scene, or the classes do not suffice."""


class SplitError(InputError):
    """No split satisfies what was asked, or a split fails its audit."""


class RecipeError(InputError):
    """An unknown or impossible setting."""


class DownloadError(HsiganError):
    """A public scene could not be fetched, or is not the file that is known."""


class RunError(HsiganError):
    """A run folder is missing, incomplete, or does not fit the data."""


class StreamError(HsiganError):
    """A compressed file is damaged, foreign, or names a model that is not there."""


class DivergedError(HsiganError):
    """A training produced a value that is not finite."""
