"""Training in several processes: the code that rosenblatt.mpi and rosenblatt.dask share.

It has no public names; the estimators are in those two modules.
"""
