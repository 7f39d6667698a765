"""The options of the command line: duration, sections and libraries to compare with."""

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import PyTorch, Rosenblatt, ScikitLearn, Skorch
from benchmarks.tables.data import INNER


@dataclass(frozen=True)
class TableOptions:
    """Of the section tables.

    Parameters
    ----------
    names : tuple of str
        Tables; none: all.
    methods : tuple of str
        Contenders by their options; none: all that are installed.
    splits : int
    results : Path or None
        Where results are kept.
    quantiles : bool
        Whether to measure intervals and quantiles, too.
    build : str
        Stands behind the names of this package's contenders.
    changes : dict
        Values of the recipe's plan in place of its own.
    inner : bool
        Whether the test rows of every split are left aside, and its training rows split again.
    one_split_above : float
        Contenders whose fits take more seconds than that have split 0 alone.
    retry_failed : bool
        Whether failures among the results are tried again.
    """

    names: tuple = ()
    methods: tuple = ()
    splits: int = 3
    results: Path | None = None
    quantiles: bool = False
    build: str = ""
    changes: dict = field(default_factory=dict)
    inner: bool = False
    one_split_above: float = 30.0
    retry_failed: bool = False

    @property
    def seeds(self):
        """The numbers of the splits."""
        first = INNER if self.inner else 0
        return range(first, first + self.splits)


@dataclass(frozen=True)
class Settings:
    """The same for every section.

    Parameters
    ----------
    quick : bool
        Fewer rounds, shorter measurements, smaller problems: to see that all works.
    dtypes : tuple of str
        Of the sections steps, layers, isa, threads and sweep.
    with_peers : bool
    data : Path or None
        The folder with mnist.npz, or with tables.
    widths, batches : tuple of int
        Of the section sweep.
    tables : TableOptions
    """

    quick: bool
    dtypes: tuple
    with_peers: bool
    data: Path | None
    widths: tuple
    batches: tuple
    tables: TableOptions = TableOptions()

    @property
    def rounds(self):
        """How often each side is measured."""
        return 3 if self.quick else 7

    @property
    def few_rounds(self):
        """The same for what takes many seconds a round."""
        return 1 if self.quick else 3

    @property
    def seconds(self):
        """How long one measurement of something short is."""
        return 0.02 if self.quick else 0.3

    def contenders(self, *, with_scikit_learn=True, with_torch=True, with_skorch=False):
        """This package first, then the peers that are asked for and installed."""
        peers = [ScikitLearn()] if with_scikit_learn else []
        peers += [PyTorch()] if with_torch else []
        peers += [Skorch()] if with_skorch else []
        found = [peer for peer in peers if self.with_peers and peer.is_installed()]
        return [Rosenblatt(), *found]
