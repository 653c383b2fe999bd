"""Reading a file of a race `io-...`: `io_read.py DIR VARIANT CALLS THREADS`."""

import json

import numpy as np

from measure import arguments, measure

job, variant, calls, threads = arguments()
folder = job._directory


def file(suffix):
    (path,) = folder.glob(f"*{suffix}")
    return path


if variant == "torch":
    import torch

    path = file(".pt")

    def read():
        return torch.load(path, weights_only=True)

    def arrays(w):
        return w.indices()[1].numpy(), w.indices()[0].numpy(), w.values().numpy()

elif variant == "scipy":
    import scipy.sparse

    path = file(".npz")

    def read():
        return scipy.sparse.load_npz(path)

    def arrays(w):
        w = w.tocoo()
        return w.col, w.row, w.data

else:
    import pandas as pd
    import pyarrow
    import pyarrow.parquet

    pyarrow.set_cpu_count(threads)
    pyarrow.set_io_thread_count(max(threads, 1))
    path = file(".csv" if "csv" in variant else ".parquet")

    def read():
        match variant:
            case "pandas_csv":
                return pd.read_csv(path)
            case "pandas_csv_pyarrow":
                return pd.read_csv(path, engine="pyarrow")
            case "pandas_parquet":
                return pd.read_parquet(path)
            case "pandas_csv_indices":
                return indexed(pd.read_csv(path))
            case "pandas_parquet_indices":
                return indexed(pd.read_parquet(path))
            case "pyarrow_parquet":
                return pyarrow.parquet.read_table(path, use_threads=threads > 1)

    def indexed(table):
        """The ends as indices into the ids, which a matrix needs."""
        pre, post, weight = (table[name].to_numpy() for name in table.columns)
        codes, ids = pd.factorize(np.concatenate([pre, post]), sort=True)
        return codes[: len(pre)], codes[len(pre) :], weight, ids

    def arrays(table):
        if isinstance(table, tuple):
            pre, post, weight, ids = table
            return ids[pre], ids[post], weight
        return tuple(table.column(c).to_numpy() if hasattr(table, "column") else table[c].to_numpy() for c in names(table))

    def names(table):
        return table.column_names if hasattr(table, "column_names") else list(table.columns)


result, measured = measure(read, calls)
pre, post, weight = arrays(result)
error = max(np.abs(got.astype(np.int64) - want).max() for got, want in [(pre, job.pre), (post, job.post)])
error = max(float(error), float(np.abs(weight.astype(np.float64) - job.weight).max()))
print(json.dumps({**measured, "steps": None, "evaluations": None, "error": error, "check": float(weight.sum(dtype=np.float64))}))
