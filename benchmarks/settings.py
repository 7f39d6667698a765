"""What the command line chose: how long to measure, what, and against whom."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import PyTorch, Rosenblatt, ScikitLearn, Skorch


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
    one_split_above: float = 30.0
    retry_failed: bool = False


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
