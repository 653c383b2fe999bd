// Sparse-dense products on a GPU, the right-hand side of a rate network in one pass, and sums of Runge-Kutta stages.
//
// Compiled at run time for one number type and one shape of the batch:
//   REAL   float or double
//   VEC    neighbours in the batch that a lane takes at once, 1, 2 or 4: at most 16 bytes
//   LANES  lanes side by side along the batch: 1, 2, 4, 8, 16 or 32
//
// Dense matrices are row-major, [rows, batch]; the batch is a multiple of VEC, and all pointers to dense matrices are multiples
// of the size of VEC numbers. Entries number below 2^31; offsets into dense matrices have 64 bits.
//
// The matrix comes as items (schedule.rs): the first n_long are stretches of long rows, each for a block of threads; the others
// are whole rows, each for a group of `width` lanes of a warp (a power of two, from LANES to 32). Within a group LANES lanes
// share an entry, and width / LANES entries are worked on at a time. Each number of a result is summed by one block in an
// order that only the matrix, the batch and the alignment decide: equal results in each run, and no atomics.

typedef REAL real;
typedef unsigned int u32;
typedef unsigned long long u64;

constexpr u32 THREADS = 256;
constexpr u32 NONE = 0xffffffff;
constexpr u32 TILE = LANES * VEC;
// Loads in flight for each lane: chunks of entries, and rows of X.
constexpr u32 CHUNKS = LANES == 1 ? 4 : LANES == 2 ? 2 : 1;
constexpr u32 STEPS = LANES < 4 ? LANES : 4;

struct alignas(sizeof(real) * VEC) Pack {
    real at[VEC];
};

// Entries begin .. end of a row. The sum goes to place `slot` of the partial sums, or is the row's unless slot is NONE.
struct alignas(16) Item {
    u32 begin, end, row, slot;
};

// A row in several stretches: `count` partial sums from `first` on.
struct alignas(16) Giant {
    u32 row, first, count, unused;
};

__device__ inline Pack load(const real* from) {
    return *reinterpret_cast<const Pack*>(from);
}

__device__ inline void store(real* to, const Pack& pack) {
    *reinterpret_cast<Pack*>(to) = pack;
}

// The lanes that work on one stretch of entries, as one of them sees it.
struct Group {
    u32 width;
    u32 number;    // of the group in its block
    u32 lane;      // of the thread in its group
    u32 along;     // of the thread along the batch, below LANES
    u32 first;     // of the entries worked on at a time, this thread's
    u32 at_once;   // how many these are
    u32 shift;     // and the logarithm of that
    u32 mask;      // the group's lanes in its warp

    __device__ explicit Group(u32 w) : width(w) {
        number = threadIdx.x / w;
        lane = threadIdx.x & (w - 1);
        along = lane % LANES;
        first = lane / LANES;
        at_once = w / LANES;
        shift = __ffs(at_once) - 1;
        mask = (w == 32 ? NONE : (1u << w) - 1) << (threadIdx.x & 31 & ~(w - 1));
    }

    // Rounds in which a chunk with so many entries left is worked off.
    __device__ u32 rounds(u32 left) const {
        return left < width ? (left + at_once - 1) >> shift : LANES;
    }

    // What lane `from` of the group has.
    template <class T>
    __device__ T of(T own, u32 from) const {
        return LANES == 1 ? own : __shfl_sync(mask, own, from, width);
    }
};

// The sum of values[e] * x[columns[e], c .. c + VEC] over the entries, the same for all lanes of the group at one place of the
// batch. All lanes of the group take part.
__device__ inline Pack sum_of(const Group& g, u32 begin, u32 end, const u32* __restrict__ columns,
                              const real* __restrict__ values, const real* __restrict__ scale,
                              const real* __restrict__ x, u32 batch, u32 c) {
    const bool live = c < batch;
    Pack sum = {};
#pragma unroll 1
    for (u32 base = begin; base < end; base += CHUNKS * g.width) {
        u32 column[CHUNKS];
        real value[CHUNKS];
#pragma unroll
        for (u32 k = 0; k < CHUNKS; ++k) {
            const u32 e = base + k * g.width + g.lane;
            column[k] = e < end ? columns[e] : 0;
            value[k] = e < end ? values[e] : real(0);
        }
        if (scale) {
#pragma unroll
            for (u32 k = 0; k < CHUNKS; ++k) {
                // Where there is no entry the value stays zero, whatever the scale of column 0.
                if (base + k * g.width + g.lane < end) value[k] *= scale[column[k]];
            }
        }
#pragma unroll
        for (u32 k = 0; k < CHUNKS; ++k) {
            const u32 at = base + k * g.width;
            const u32 left = at < end ? end - at : 0;
            const u32 rounds = g.rounds(left);
#pragma unroll 1
            for (u32 s = 0; s < rounds; s += STEPS) {
                Pack got[STEPS];
                real weight[STEPS];
#pragma unroll
                for (u32 u = 0; u < STEPS; ++u) {
                    const u32 from = (s + u) * g.at_once + g.first;
                    const u32 row = g.of(column[k], from);
                    weight[u] = g.of(value[k], from);
                    // Zero times zero where there is no entry: x may hold infinities.
                    got[u] = live && from < left ? load(x + (u64)row * batch + c) : Pack{};
                }
#pragma unroll
                for (u32 u = 0; u < STEPS; ++u) {
#pragma unroll
                    for (u32 j = 0; j < VEC; ++j) sum.at[j] = fma(weight[u], got[u].at[j], sum.at[j]);
                }
            }
        }
    }
    for (u32 o = LANES; o < g.width; o *= 2) {
#pragma unroll
        for (u32 j = 0; j < VEC; ++j) sum.at[j] += __shfl_xor_sync(g.mask, sum.at[j], o, g.width);
    }
    return sum;
}

// The group's part of a stretch that the whole block shares: whole chunks, all but the last.
struct Part {
    u32 begin, end;

    __device__ Part(const Group& g, const Item& item) {
        const u32 length = item.end - item.begin, groups = THREADS / g.width;
        const u32 chunks = (length + g.width - 1) / g.width;
        const u32 each = (chunks + groups - 1) / groups * g.width;
        begin = item.begin + min(length, g.number * each);
        end = item.begin + min(length, (g.number + 1) * each);
    }
};

template <class Finish>
__device__ inline void product_of(const Item* __restrict__ items, u32 n_long, u32 n_items, u32 width,
                                  const u32* __restrict__ columns, const real* __restrict__ values,
                                  const real* __restrict__ scale, const real* __restrict__ x, u32 batch,
                                  real* __restrict__ partial, const Finish& finish) {
    const Group g(width);
    const u32 c = blockIdx.y * TILE + g.along * VEC;
    if (blockIdx.x >= n_long) {
        const u32 i = n_long + (blockIdx.x - n_long) * (THREADS / width) + g.number;
        if (i >= n_items) return; // with all of its group
        const Item item = items[i];
        const Pack sum = sum_of(g, item.begin, item.end, columns, values, scale, x, batch, c);
        if (g.first == 0 && c < batch) finish(item.row, c, sum);
        return;
    }
    const Item item = items[blockIdx.x];
    const Part part(g, item);
    const Pack sum = sum_of(g, part.begin, part.end, columns, values, scale, x, batch, c);
    __shared__ Pack held[THREADS];
    if (g.first == 0) held[g.number * LANES + g.along] = sum;
    __syncthreads();
    if (threadIdx.x >= LANES || c >= batch) return;
    Pack all = held[threadIdx.x];
    for (u32 q = 1; q < THREADS / width; ++q) {
#pragma unroll
        for (u32 j = 0; j < VEC; ++j) all.at[j] += held[q * LANES + threadIdx.x].at[j];
    }
    if (item.slot == NONE) {
        finish(item.row, c, all);
    } else {
        store(partial + (u64)item.slot * batch + c, all);
    }
}

// A thread for each giant row and VEC of its columns.
template <class Finish>
__device__ inline void giants_of(const Giant* __restrict__ giants, u32 n, const real* __restrict__ partial, u32 batch,
                                 const Finish& finish) {
    const u32 packs = batch / VEC;
    const u64 i = (u64)blockIdx.x * THREADS + threadIdx.x;
    if (i >= (u64)n * packs) return;
    const Giant giant = giants[i / packs];
    const u32 c = i % packs * VEC;
    Pack all = load(partial + (u64)giant.first * batch + c);
    for (u32 q = 1; q < giant.count; ++q) {
        const Pack more = load(partial + (u64)(giant.first + q) * batch + c);
#pragma unroll
        for (u32 j = 0; j < VEC; ++j) all.at[j] += more.at[j];
    }
    finish(giant.row, c, all);
}

// The sum as it is.
struct Store {
    real* y;
    u32 batch;

    __device__ void operator()(u32 row, u32 c, const Pack& sum) const {
        store(y + (u64)row * batch + c, sum);
    }
};

__device__ inline real activated(real z, u32 phi) {
    switch (phi) {
    case 1: return z < 0 ? real(0) : z;
    case 2: return 1 / (1 + exp(-z));
    case 3: return tanh(z);
    default: return z;
    }
}

// (relu(phi(sum + drive + bias)) - h) / tau. Null pointers count as zeros. NaN stays NaN: comparisons with it are false.
struct Rate {
    const real *drive, *bias, *tau, *h;
    real* dy;
    u32 batch, phi;

    __device__ void operator()(u32 row, u32 c, const Pack& sum) const {
        const u64 at = (u64)row * batch + c;
        const Pack outer = drive ? load(drive + at) : Pack{}, state = load(h + at);
        const real offset = bias ? bias[row] : real(0), time = tau[row];
        Pack rate;
#pragma unroll
        for (u32 j = 0; j < VEC; ++j) {
            const real target = activated(sum.at[j] + outer.at[j] + offset, phi);
            rate.at[j] = ((target < 0 ? real(0) : target) - state.at[j]) / time;
        }
        store(dy + at, rate);
    }
};

// y = A x. Grid: n_long blocks and one for every THREADS / width rows, by tiles of the batch.
extern "C" __global__ void __launch_bounds__(THREADS)
product(const Item* __restrict__ items, u32 n_long, u32 n_items, u32 width, const u32* __restrict__ columns,
        const real* __restrict__ values, const real* __restrict__ x, u32 batch, real* __restrict__ partial,
        real* __restrict__ y) {
    product_of(items, n_long, n_items, width, columns, values, nullptr, x, batch, partial, Store{y, batch});
}

extern "C" __global__ void __launch_bounds__(THREADS)
product_giants(const Giant* __restrict__ giants, u32 n, const real* __restrict__ partial, u32 batch,
               real* __restrict__ y) {
    giants_of(giants, n, partial, batch, Store{y, batch});
}

// dy = (relu(phi(A (scale h) + drive + bias)) - h) / tau, on the same grid.
extern "C" __global__ void __launch_bounds__(THREADS)
rate(const Item* __restrict__ items, u32 n_long, u32 n_items, u32 width, const u32* __restrict__ columns,
     const real* __restrict__ values, const real* __restrict__ scale, u32 batch, real* __restrict__ partial, Rate to) {
    product_of(items, n_long, n_items, width, columns, values, scale, to.h, batch, partial, to);
}

extern "C" __global__ void __launch_bounds__(THREADS)
rate_giants(const Giant* __restrict__ giants, u32 n, const real* __restrict__ partial, u32 batch, Rate to) {
    giants_of(giants, n, partial, batch, to);
}

// out[e] = sum over b of left[row(e), b] * right[columns[e], b] for a stretch of entries of one row.
__device__ inline void sampled_of(const Group& g, u32 begin, u32 end, const u32* __restrict__ columns,
                                  const real* __restrict__ left_row, const real* __restrict__ right, u32 batch,
                                  real* __restrict__ out) {
    const u32 c = g.along * VEC;
    const bool live = c < batch;
    const Pack own = live && begin < end ? load(left_row + c) : Pack{};
#pragma unroll 1
    for (u32 base = begin; base < end; base += CHUNKS * g.width) {
        u32 column[CHUNKS];
#pragma unroll
        for (u32 k = 0; k < CHUNKS; ++k) {
            const u32 e = base + k * g.width + g.lane;
            column[k] = e < end ? columns[e] : 0;
        }
#pragma unroll
        for (u32 k = 0; k < CHUNKS; ++k) {
            const u32 at = base + k * g.width;
            const u32 left = at < end ? end - at : 0;
            const u32 rounds = g.rounds(left);
            real kept = 0;
#pragma unroll 1
            for (u32 s = 0; s < rounds; s += STEPS) {
                Pack got[STEPS];
                u32 row[STEPS];
#pragma unroll
                for (u32 u = 0; u < STEPS; ++u) {
                    const u32 from = (s + u) * g.at_once + g.first;
                    row[u] = g.of(column[k], from);
                    got[u] = live && from < left ? load(right + (u64)row[u] * batch + c) : Pack{};
                }
#pragma unroll
                for (u32 u = 0; u < STEPS; ++u) {
                    real dot = 0;
#pragma unroll
                    for (u32 j = 0; j < VEC; ++j) dot = fma(own.at[j], got[u].at[j], dot);
                    // The rest of a batch that is wider than the lanes.
                    for (u32 b = c + TILE; b < batch && (s + u) * g.at_once + g.first < left; b += TILE) {
                        const Pack l = load(left_row + b), r = load(right + (u64)row[u] * batch + b);
#pragma unroll
                        for (u32 j = 0; j < VEC; ++j) dot = fma(l.at[j], r.at[j], dot);
                    }
                    __syncwarp(g.mask);
#pragma unroll
                    for (u32 o = 1; o < LANES; o *= 2) dot += __shfl_xor_sync(g.mask, dot, o, LANES);
                    if (g.along == s + u) kept = dot;
                }
            }
            // Round r of the lanes that worked on entry r * at_once + first: neighbours, in another order.
            const u32 entry = g.along * g.at_once + g.first;
            if (entry < left) out[at + entry] = kept;
        }
    }
}

// The sampled product, on the grid of the product with one tile.
extern "C" __global__ void __launch_bounds__(THREADS)
sampled(const Item* __restrict__ items, u32 n_long, u32 n_items, u32 width, const u32* __restrict__ columns,
        const real* __restrict__ left, const real* __restrict__ right, u32 batch, real* __restrict__ out) {
    const Group g(width);
    const bool shared = blockIdx.x < n_long;
    const u32 i = shared ? blockIdx.x : n_long + (blockIdx.x - n_long) * (THREADS / width) + g.number;
    if (i >= n_items) return;
    const Item item = items[i];
    const real* left_row = left + (u64)item.row * batch;
    if (shared) {
        const Part part(g, item);
        sampled_of(g, part.begin, part.end, columns, left_row, right, batch, out);
    } else {
        sampled_of(g, item.begin, item.end, columns, left_row, right, batch, out);
    }
}

struct Stages {
    const real* k[8];
    real weight[8];
    u32 n;
};

// out = y + dt * sum over j of weight[j] * k[j], dt by columns. A thread for each VEC numbers.
extern "C" __global__ void __launch_bounds__(THREADS)
combine(const real* __restrict__ y, const real* __restrict__ dt, Stages stages, u32 batch, u64 n_packs,
        real* __restrict__ out) {
    const u64 i = (u64)blockIdx.x * THREADS + threadIdx.x;
    if (i >= n_packs) return;
    const u64 at = i * VEC;
    const u32 c = at % batch;
    Pack sum = {}, result = load(y + at);
#pragma unroll
    for (u32 j = 0; j < 8; ++j) {
        if (j >= stages.n) break;
        const Pack k = load(stages.k[j] + at);
#pragma unroll
        for (u32 v = 0; v < VEC; ++v) sum.at[v] = fma(stages.weight[j], k.at[v], sum.at[v]);
    }
#pragma unroll
    for (u32 v = 0; v < VEC; ++v) result.at[v] = fma(dt[c + v], sum.at[v], result.at[v]);
    store(out + at, result);
}
