"""Training spread over several processes: what rosenblatt.mpi and rosenblatt.dask share.

No public name: the estimators are in those two.
"""
