"""Waiting for dask's tasks with a limit: for a worker to run them, and for a scheduler.

How long the tasks themselves take has no limit here.
"""

# SPDX-License-Identifier: BSD-3-Clause
import time
from concurrent.futures import CancelledError

LOOK = 1.0  # seconds between two looks whether workers are there


def workers_of(client):
    """The addresses of all workers; none where the scheduler is gone."""
    try:
        return set(client.scheduler_info(n_workers=-1)["workers"])
    except Exception:
        return set()


def wait_for(client, futures, timeout):
    """Waits until all futures are finished; dask runs those again that were lost.

    Raises
    ------
    RuntimeError
        Where there is no worker, or no scheduler, for `timeout` seconds; what a task raised.
    """
    from distributed import wait

    silent_since = time.monotonic()
    while True:
        try:
            wait(futures, timeout=LOOK)
        except TimeoutError:
            if workers_of(client):
                silent_since = time.monotonic()
            if time.monotonic() - silent_since > timeout:
                raise RuntimeError(
                    f"dask has had no worker for {timeout:g} s, or no scheduler."
                ) from None
            continue
        except CancelledError:
            pass  # told below
        for future in futures:
            if future.status == "cancelled":
                raise RuntimeError(
                    "dask has given up the tasks of the training: is its scheduler gone, or was "
                    "it restarted?"
                )
            if future.status == "error":
                raise future.exception()
        return


def gathered(client, futures, timeout):
    """The results of futures, see `wait_for`."""
    wait_for(client, futures, timeout)
    return client.gather(futures)
