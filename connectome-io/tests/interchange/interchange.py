"""The libraries' side of the interchange tests: `interchange.py write DIR` makes files, `interchange.py check DIR` reads ours.

The sample connectome is the same here and in main.rs: neurons with huge ids and names in several scripts.
"""

import json
import pickle
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import scipy.io
import scipy.sparse
import torch

IDS = [-9223372036854775808, -7, 0, 720575940628857210, 9223372036854775807]
NAMES = ["Mi1", "näme", "神経, \"quoted\"", "🧠 line\nbreak", "<&>'"]
PRE = [0, 1, 2, 3, 4, 0, 3]
POST = [1, 2, 3, 4, 0, 0, 1]
WEIGHT = [1.0, 2.5, -3.0, 1e-300, 1e300, 7.0, 0.1]
COUNT = [1, 2, 3, 4, 5, 7, 9]
DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
TORCH = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64"]


def ramp(dtype):
    """[2, 3, 4]: 0 to 23, every other true for bool."""
    values = np.arange(24).reshape(2, 3, 4)
    return values % 2 == 1 if np.dtype(dtype).kind == "b" else values.astype(dtype)


def matrix():
    """[post, pre]"""
    return scipy.sparse.coo_array((WEIGHT, (POST, PRE)), shape=(5, 5))


def write_arrays(folder):
    for dtype in DTYPES:
        name = dtype.replace("?", "b1")
        np.save(folder / f"{name}.npy", ramp(dtype))
        np.save(folder / f"{name}_fortran.npy", np.asfortranarray(ramp(dtype)))
        np.save(folder / f"{name}_big.npy", ramp(dtype).astype(np.dtype(dtype).newbyteorder(">")))
    np.save(folder / "scalar.npy", np.float64(-0.0))
    np.save(folder / "empty.npy", np.zeros((0, 3), np.float32))
    np.save(folder / "huge_ids.npy", np.array(IDS, np.int64))
    np.save(folder / "unsigned.npy", np.array([0, 2**64 - 1], np.uint64))
    np.save(folder / "special.npy", np.array([np.nan, np.inf, -np.inf, 5e-324]))
    arrays = {"a": ramp("f4"), "名": ramp("i8"), "folder/b": ramp("?")}
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "deflated.npz", **arrays)


def write_matrices(folder):
    w = matrix()
    scipy.sparse.save_npz(folder / "csr.npz", w.tocsr())
    scipy.sparse.save_npz(folder / "csc.npz", w.tocsc(), compressed=False)
    scipy.sparse.save_npz(folder / "coo.npz", w)
    scipy.sparse.save_npz(folder / "empty.npz", scipy.sparse.csr_array((5, 5)))
    scipy.io.mmwrite(folder / "real.mtx", w, precision=17)
    scipy.io.mmwrite(folder / "integer.mtx", scipy.sparse.coo_array((COUNT, (POST, PRE)), shape=(5, 5)))
    scipy.io.mmwrite(folder / "pattern.mtx", w, field="pattern")
    np.save(folder / "dense.npy", w.toarray())
    np.savetxt(folder / "blanks.csv", w.toarray())


def edge_frame():
    ids = np.array(IDS)
    return pd.DataFrame({"pre_id": ids[PRE], "post_id": ids[POST], "weight": WEIGHT})


def write_tables(folder):
    edges = edge_frame()
    neurons = pd.DataFrame({"id": IDS, "name": NAMES})
    (folder / "csv").mkdir()
    edges.to_csv(folder / "csv" / "edges.csv", index=False)
    neurons.to_csv(folder / "csv" / "neurons.csv", index=False)
    edges.to_parquet(folder / "pandas.parquet")
    edges.to_parquet(folder / "indexed.parquet", index=True)
    for codec in ["none", "snappy", "gzip", "zstd", "lz4"]:
        pa.parquet.write_table(pa.Table.from_pandas(edges), folder / f"{codec}.parquet", compression=codec, row_group_size=3)
    for codec in ["uncompressed", "lz4", "zstd"]:
        pa.feather.write_feather(edges, folder / f"{codec}.feather", compression=codec)
    edges.iloc[:0].to_parquet(folder / "no_rows.parquet")
    # Dictionaries that change with the group, and that are given up within it.
    random = np.random.default_rng(1)
    pairs = np.sort(random.permutation(3000 * 3000)[:20_000])
    pre, post = pairs // 3000, pairs % 3000
    first = 720575940000000000
    many = pd.DataFrame({"pre_root_id": first + pre, "post_root_id": first + 7 * post, "syn_count": 1 + pairs % 9})
    many.to_csv(folder / "many.csv", index=False)
    sizes = {"row_group_size": 7000, "data_page_size": 1000}
    for limit in [4000, 1 << 20]:
        path = folder / f"many_{limit}.parquet"
        pa.parquet.write_table(pa.Table.from_pandas(many), path, dictionary_pagesize_limit=limit, **sizes)
    # Texts stored as what they add to the one before: alike, the same for a while, and too much alike.
    for name, length, repeats in [("alike", 60, 1), ("same", 60, 500), ("endless", 20_000, 1)]:
        texts = ["x" * length + str(row // repeats) for row in range(3000)]
        table = pa.table({"root_id": pa.array(range(3000)), "type": pa.array(texts)})
        path = folder / f"shared_{name}.parquet"
        encoding = {"type": "DELTA_BYTE_ARRAY"}
        pa.parquet.write_table(table, path, use_dictionary=False, column_encoding=encoding, compression="none")
    shiu = pd.DataFrame({
        "Presynaptic_ID": np.array(IDS)[PRE], "Postsynaptic_ID": np.array(IDS)[POST],
        "Presynaptic_Index": PRE, "Postsynaptic_Index": POST, "Connectivity": COUNT,
        "Excitatory": [1, -1, 1, -1, 1, 1, -1], "Excitatory x Connectivity": [1, -2, 3, -4, 5, 7, -9],
    })
    shiu.to_parquet(folder / "shiu.parquet", index=False)
    shiu.to_csv(folder / "shiu.csv", index=False)


def torch_state():
    state = {name: torch.from_numpy(np.arange(24).reshape(2, 3, 4)).to(getattr(torch, name)) for name in TORCH}
    state["transposed"] = torch.arange(6, dtype=torch.float32).reshape(2, 3).t()
    state["view"] = torch.arange(10, dtype=torch.float64)[3:9:2]
    state["expanded"] = torch.tensor([1.0, 2.0]).expand(3, 2)
    state["empty"] = torch.zeros(0, 3)
    state["scalar"] = torch.tensor(2.5)
    state["名"] = torch.nn.Parameter(torch.ones(2))
    return state


def write_torch(folder):
    torch.save(torch_state(), folder / "state.pt")
    torch.save(torch_state(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
    linear = torch.nn.Linear(3, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.arange(6.0).reshape(2, 3))
        linear.bias.copy_(torch.tensor([-1.0, 1.0]))
    torch.save(linear.state_dict(), folder / "linear.pt")
    w = torch.sparse_coo_tensor(torch.tensor([POST, PRE]), torch.tensor(WEIGHT, dtype=torch.float64), (5, 5))
    torch.save(w.coalesce(), folder / "coo.pt")
    torch.save(w.coalesce(), folder / "coo_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(w.to_sparse_csr(), folder / "csr.pt")
    torch.save(w.to_sparse_csc(), folder / "csc.pt")
    torch.save(w.to_dense(), folder / "dense.pt")


def write_pickles(folder):
    names = dict(zip((np.int64(i) for i in IDS), NAMES))
    for protocol in range(6):
        (folder / f"names{protocol}.pkl").write_bytes(pickle.dumps(names, protocol))
        (folder / f"array{protocol}.pkl").write_bytes(pickle.dumps(ramp("f4"), protocol))


def graph():
    g = nx.DiGraph()
    for i, name in zip(IDS, NAMES):
        g.add_node(i, name=name)
    for pre, post, weight in zip(PRE, POST, WEIGHT):
        g.add_edge(IDS[pre], IDS[post], weight=weight)
    return g


def write_graphs(folder):
    nx.write_graphml(graph(), folder / "networkx.graphml")
    nx.to_pandas_edgelist(graph()).to_csv(folder / "edge_list.csv", index=False)
    scipy.sparse.save_npz(folder / "networkx.npz", nx.to_scipy_sparse_array(graph(), nodelist=IDS))


def write(folder):
    for make in [write_arrays, write_matrices, write_tables, write_torch, write_pickles, write_graphs]:
        path = folder / make.__name__.removeprefix("write_")
        path.mkdir()
        make(path)


def same(what, got, want):
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, not {want.shape}"
    assert got.dtype == want.dtype, f"{what}: dtype {got.dtype}, not {want.dtype}"
    assert got.tobytes() == want.tobytes(), f"{what}: {got} is not {want}"


def check_arrays(folder):
    for dtype in DTYPES:
        name = dtype.replace("?", "b1")
        same(name, np.load(folder / f"{name}.npy", allow_pickle=False), ramp(dtype))
    same("scalar", np.load(folder / "scalar.npy"), np.float64(-0.0))
    same("empty", np.load(folder / "empty.npy"), np.zeros((0, 3), np.float32))
    same("ids", np.load(folder / "huge_ids.npy"), np.array(IDS, np.int64))
    for name in ["stored", "deflated"]:
        archive = np.load(folder / f"{name}.npz", allow_pickle=False)
        assert sorted(archive.files) == ["a", "folder/b", "名"], archive.files
        same("a", archive["a"], ramp("f4"))
        same("名", archive["名"], ramp("i8"))
        same("b", archive["folder/b"], ramp("?"))


def check_matrices(folder):
    want = matrix().toarray()
    same("npz", scipy.sparse.load_npz(folder / "w.npz").toarray(), want)
    for name in ["w.mtx", "w.mtx.gz"]:
        same(name, scipy.io.mmread(folder / name).toarray(), want)


def check_tables(folder):
    for edges, neurons in [
        (pd.read_csv(folder / "edges.csv"), pd.read_csv(folder / "neurons.csv", keep_default_na=False)),
        (pd.read_csv(folder / "gz" / "edges.csv.gz"), pd.read_csv(folder / "gz" / "neurons.csv.gz", keep_default_na=False)),
    ]:
        same("pre", edges["pre"].to_numpy(), np.array(PRE))
        same("post", edges["post"].to_numpy(), np.array(POST))
        same("weight", edges["weight"].to_numpy(), np.array(WEIGHT))
        same("id", neurons["id"].to_numpy(), np.array(IDS))
        assert list(neurons["name"]) == NAMES, list(neurons["name"])


def check_parquet(folder):
    neurons = pd.read_parquet(folder / "neurons.parquet")
    same("id", neurons["id"].to_numpy(), np.array(IDS))
    assert list(neurons["name"]) == NAMES, list(neurons["name"])
    for edges in [pd.read_parquet(folder / "edges.parquet"), pa.parquet.read_table(folder / "edges.parquet").to_pandas()]:
        same("pre", edges["pre"].to_numpy(), np.array(PRE, np.uint32))
        same("post", edges["post"].to_numpy(), np.array(POST, np.uint32))
        same("weight", edges["weight"].to_numpy(), np.array(WEIGHT))


def check_torch(folder):
    state = torch.load(folder / "state.pt", weights_only=True)
    want = {name: tensor for name, tensor in torch_state().items() if name in TORCH or name in ["empty", "scalar", "名"]}
    assert sorted(state) == sorted(want), sorted(state)
    for name, tensor in want.items():
        assert state[name].dtype == tensor.dtype and torch.equal(state[name], tensor.detach()), name
    dense = torch.from_numpy(matrix().toarray())
    w = torch.load(folder / "w.pt", weights_only=True)
    assert w.layout in (torch.sparse_coo, torch.sparse_csr), w.layout
    assert torch.equal(w.to_dense().double(), dense), w
    linear = torch.nn.Linear(3, 2)
    linear.load_state_dict(torch.load(folder / "linear.pt", weights_only=True))
    assert linear.weight.tolist() == [[0, 1, 2], [3, 4, 5]] and linear.bias.tolist() == [-1, 1]


def check_graphs(folder):
    for name in ["w.graphml", "w.graphml.gz"]:
        g = nx.read_graphml(folder / name)
        assert g.is_directed() and g.number_of_nodes() == 5 and g.number_of_edges() == 7
        by_name = {data["name"]: node for node, data in g.nodes(data=True)}
        assert sorted(by_name) == sorted(NAMES), sorted(by_name)
        for pre, post, weight in zip(PRE, POST, WEIGHT):
            assert g[by_name[NAMES[pre]]][by_name[NAMES[post]]]["weight"] == weight


def check(folder):
    for part in sorted(path.name for path in folder.iterdir()):
        globals()[f"check_{part}"](folder / part)


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({
        module.__name__: module.__version__ for module in [np, scipy, pd, pa, nx, torch]
    }))
