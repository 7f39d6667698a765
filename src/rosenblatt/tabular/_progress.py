"""Shows the progress of training an ensemble: a tqdm bar, or a line per member without tqdm."""

# SPDX-License-Identifier: BSD-3-Clause
import sys
import time

from rosenblatt._progress import open_bar


class EnsembleProgress:
    """Counts the epochs of all members. A member that stops early counts as having run them all.

    Parameters
    ----------
    n_members, n_epochs : int
        Number of members of the plan, and the maximum number of epochs of each.
    verbose : int
        0 shows nothing, 1 a tqdm bar, 2 a line for each member.
    """

    def __init__(self, n_members, n_epochs, verbose):
        self.n_members, self.n_epochs, self.n_done = n_members, n_epochs, 0
        self.epochs, self.started = [0] * n_members, time.monotonic()
        options = {"total": n_members * n_epochs, "unit": "epoch", "desc": "networks"}
        self.bar = open_bar(**options) if verbose == 1 else None
        self.prints = bool(verbose) and self.bar is None

    def on_epoch(self, number):
        self.epochs[number] += 1
        if self.bar is not None:
            self.bar.update(1)

    def on_member(self, number, n_epochs, loss):
        """Record that a member finished after `n_epochs` epochs."""
        self.n_done += 1
        seconds = time.monotonic() - self.started
        left = seconds / self.n_done * (self.n_members - self.n_done)
        if self.bar is not None:
            self.bar.update(self.n_epochs - self.epochs[number])
            ready = f"{self.n_done} of {self.n_members} networks ready"
            self.bar.set_postfix_str(f"{ready}, validation loss {loss:.4g}")
        elif self.prints:
            print(
                f"network {self.n_done} of {self.n_members}: {n_epochs} epochs, "
                f"validation loss {loss:.4g}, about {left:.0f} s left",
                file=sys.stderr,
            )

    def close(self):
        if self.bar is not None:
            self.bar.close()
