"""Writes the file of a race `io-...` with the library that users write it with: `io_write.py FILE`, arrays beside it."""

import sys
from pathlib import Path

import numpy as np

path = Path(sys.argv[1])
pre, post, weight = (np.load(path.parent / f"{name}.npy") for name in ["pre", "post", "weight"])

if path.suffix == ".pt":
    import torch

    n = int(max(pre.max(), post.max())) + 1
    indices = torch.from_numpy(np.stack([post, pre]))
    torch.save(torch.sparse_coo_tensor(indices, torch.from_numpy(weight), (n, n)).coalesce(), path)
elif path.suffix == ".npz":
    import scipy.sparse

    n = int(max(pre.max(), post.max())) + 1
    scipy.sparse.save_npz(path, scipy.sparse.csr_array((weight, (post, pre)), shape=(n, n)))
else:
    import pandas as pd

    names = ["pre", "post", "weight"] if path.name == "edges.csv" else ["pre_root_id", "post_root_id", "syn_count"]
    table = pd.DataFrame(dict(zip(names, [pre, post, weight.astype(np.int64)])))
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
