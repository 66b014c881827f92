// The nearest center of every row of a block, and sums by label, in one pass over memory.
//
// A block is feature-major: `features` runs of `rows` float32, `stride` apart, all of them whole numbers (see
// stages/grid.py). So a sum of rows is a sum of integers: it is added up with integer atomics, which give the same bits
// in whatever order they come. Labels are found in float32 and decided again in float64, where whole numbers are exact,
// as soon as rounding could have mattered.
//
// Threads of a block take neighbouring rows, so that a warp reads 128 neighbouring bytes of each feature. Scores live in
// registers: K of them a row, K being the number of centers rounded up to one of the widths below.

constexpr int THREADS = 128;
constexpr int LANES = 32;
constexpr int WARPS = THREADS / LANES;
constexpr int CHUNK = LANES;  // features in shared memory at a time, one for each lane when rows are summed
constexpr int AHEAD = 8;      // rows that are fetched before the first of them is added

typedef long long whole;
typedef unsigned long long word;
typedef unsigned char narrow;  // labels of a width of scores: an eighth of the bytes to write

struct Rows {
    const float* __restrict__ x;
    whole stride;
    whole rows;
    int features;
};

// Centers (k, features) in float64 and their squared norms: what exact decisions are made with.
struct Exact {
    const double* __restrict__ centers;
    const double* __restrict__ own;
};

__device__ __forceinline__ float value_at(const Rows& in, int feature, whole row) {
    return __ldg(in.x + feature * in.stride + (row < in.rows ? row : in.rows - 1));
}

__device__ __noinline__ double exact_score(const Rows& in, const Exact& exact, whole row, int center) {
    double product = 0.0;
    for (int j = 0; j < in.features; ++j)
        product += exact.centers[(whole)center * in.features + j] * (double)value_at(in, j, row);
    return exact.own[center] - 2.0 * product;
}

// A score in float32 is off by less than this, after the usual bound on a sum of products; one hundredth more for the
// rounding of the norm itself.
__device__ __forceinline__ float slack_of(int features, float norm, float longest) {
    return 1.01f * (features + 4) * 1.1920929e-7f * (2.0f * sqrtf(norm * longest) + longest);
}

// Scores |c|^2 - 2 c.x of R rows a thread, from `scaled` = -2 c, (features, K), and `own` = |c|^2, (K + 1), as
// `spread` lays them out.
// The features of the last chunk are left in `tile` where one is given.
template <typename T, int K, int R>
__device__ __forceinline__ void score_rows(const Rows& in, whole first, bool fresh, const T* __restrict__ scaled,
                                           const T* __restrict__ own, T (&score)[R][K], T (&norm)[R],
                                           float (*tile)[THREADS * R + 1]) {
    constexpr int HELD = sizeof(T) * K * R, UNROLL = HELD <= (sizeof(T) == 4 ? 192 : 128) ? 8 : HELD <= 256 ? 4 : 1;
    __shared__ __align__(16) T centers[CHUNK][K];  // read four at a time
#pragma unroll
    for (int r = 0; r < R; ++r) {
        norm[r] = 0;
#pragma unroll
        for (int c = 0; c < K; ++c) score[r][c] = own[c];
    }
    for (int from = 0; from < in.features; from += CHUNK) {
        const int here = min(CHUNK, in.features - from);
        if (fresh || in.features > CHUNK) {
            __syncthreads();
            for (int i = threadIdx.x; i < here * K; i += THREADS) centers[i / K][i % K] = scaled[(whole)from * K + i];
            __syncthreads();
        }
#pragma unroll UNROLL
        for (int j = 0; j < here; ++j) {
            T value[R];
#pragma unroll
            for (int r = 0; r < R; ++r) {
                const float found = value_at(in, from + j, first + r * THREADS + threadIdx.x);
                if (tile) tile[j][r * THREADS + threadIdx.x] = found;
                value[r] = found;
                norm[r] += value[r] * value[r];
            }
#pragma unroll
            for (int c = 0; c < K; ++c)
#pragma unroll
                for (int r = 0; r < R; ++r) score[r][c] += centers[j][c] * value[r];
        }
    }
}

// Add the rows of a tile to the table (k, features + 1) of sums and counts: an entry of `order` is label * ROWS + place in
// the tile. Neighbours of one label are added up in a register first; at most ROWS / WARPS of them, so that 32 bits hold
// their sum.
template <int ROWS>
__device__ void add_tile(const Rows& in, whole first, int count, float (*tile)[ROWS + 1], const int* order,
                         word* __restrict__ table) {
    const int lane = threadIdx.x % LANES, share = (count + WARPS - 1) / WARPS;
    const int start = threadIdx.x / LANES * share, stop = min(count, start + share);
    for (int from = 0; from < in.features; from += CHUNK) {
        const int here = min(CHUNK, in.features - from);
        __syncthreads();
        for (int j = 0; j < here; ++j)
#pragma unroll
            for (int row = threadIdx.x; row < ROWS; row += THREADS)
                tile[j][row] = value_at(in, from + j, first + row);
        __syncthreads();
        if (lane >= here || start >= stop) continue;
        int label = order[start] / ROWS, sum = 0;
        for (int next = start; next < stop; next += AHEAD) {
            int entry[AHEAD], value[AHEAD];
#pragma unroll
            for (int i = 0; i < AHEAD; ++i) entry[i] = order[min(next + i, stop - 1)];
#pragma unroll
            for (int i = 0; i < AHEAD; ++i) value[i] = (int)tile[lane][entry[i] % ROWS];
#pragma unroll
            for (int i = 0; i < AHEAD; ++i) {
                if (next + i >= stop) break;
                if (entry[i] / ROWS != label) {
                    atomicAdd(table + (whole)label * (in.features + 1) + from + lane, (word)(whole)sum);
                    label = entry[i] / ROWS;
                    sum = 0;
                }
                sum += value[i];
            }
        }
        atomicAdd(table + (whole)label * (in.features + 1) + from + lane, (word)(whole)sum);
    }
}

// Add the rows of a tile that is ordered by label to the table: label begins at `start[label]` of `order`, the places in
// the tile. Each warp takes an equal share of the rows, and goes to the table once for each label in it; as above, 32
// bits hold the sum of a share.
template <int ROWS>
__device__ __forceinline__ void add_runs(const Rows& in, whole first, int count, float (*tile)[ROWS + 1],
                                         const unsigned short* order, const int* start, word* __restrict__ table,
                                         bool loaded) {
    const int lane = threadIdx.x % LANES, share = (count + WARPS - 1) / WARPS;
    const int begin = threadIdx.x / LANES * share, stop = min(count, begin + share);
    for (int from = 0; from < in.features; from += CHUNK) {
        const int here = min(CHUNK, in.features - from);
        if (!loaded) {
            __syncthreads();
            for (int j = 0; j < here; ++j)
#pragma unroll
                for (int row = threadIdx.x; row < ROWS; row += THREADS)
                    tile[j][row] = value_at(in, from + j, first + row);
        }
        __syncthreads();
        if (lane >= here) continue;
        int label = 0;
        for (int next = begin; next < stop; ++label) {
            const int end = min(stop, start[label + 1]);
            if (end <= next) continue;
            int sum = 0;
#pragma unroll 8
            for (; next < end; ++next) sum += (int)tile[lane][order[next]];
            atomicAdd(table + (whole)label * (in.features + 1) + from + lane, (word)(whole)sum);
        }
    }
}

// Order the places of a tile by label, so that each warp meets few labels, and add to the counts of the table.
template <int K, int R>
__device__ __forceinline__ void order_tile(const int (&label)[R], int count, unsigned short* order, int* start,
                                           word* __restrict__ table, int k, int features) {
    __shared__ int inside[K];
    int place[R];
    if (threadIdx.x < K) inside[threadIdx.x] = 0;
    __syncthreads();
#pragma unroll
    for (int r = 0; r < R; ++r)
        if (r * THREADS + (int)threadIdx.x < count) place[r] = atomicAdd(&inside[label[r]], 1);
    __syncthreads();
    if ((int)threadIdx.x < k) {
        int before = 0;
        for (int c = 0; c < (int)threadIdx.x; ++c) before += inside[c];
        start[threadIdx.x] = before;
        if ((int)threadIdx.x == k - 1) start[k] = count;
        atomicAdd(table + (whole)threadIdx.x * (features + 1) + features, (word)inside[threadIdx.x]);
    }
    __syncthreads();
#pragma unroll
    for (int r = 0; r < R; ++r) {
        const int row = r * THREADS + (int)threadIdx.x;
        if (row < count) order[start[label[r]] + place[r]] = (unsigned short)row;
    }
}

// The label of one row from its scores in float32; exact, the lower label of equals.
template <int K>
__device__ __forceinline__ int decide(const Rows& in, const Exact& exact, whole row, const float (&score)[K],
                                      float norm, float longest) {
    float best = score[0], second = 3.0e38f;
    int label = 0;
#pragma unroll
    for (int c = 1; c < K; ++c) {
        const bool closer = score[c] < best;
        second = fminf(second, closer ? best : score[c]);
        label = closer ? c : label;
        best = closer ? score[c] : best;
    }
    const float slack = 2.0f * slack_of(in.features, norm, longest);
    if (second - best > slack) return label;
    word candidates = 0;
#pragma unroll
    for (int c = 0; c < K; ++c) candidates |= (word)(score[c] <= best + slack) << c;
    double lowest = 1e308;
    for (; candidates; candidates &= candidates - 1) {
        const int c = __ffsll((whole)candidates) - 1;
        const double found = exact_score(in, exact, row, c);
        if (found < lowest) lowest = found, label = c;
    }
    return label;
}

template <int K, int R, bool SUM>
__device__ __forceinline__ void label_rows(const Rows& in, int k, const float* scaled, const float* own,
                                           const Exact& exact, narrow* __restrict__ labels, word* table) {
    constexpr int ROWS = THREADS * R;
    __shared__ float tile[SUM ? CHUNK : 1][ROWS + 1];
    __shared__ unsigned short order[SUM ? ROWS : 1];
    __shared__ int start[SUM ? K + 1 : 1];
    bool fresh = true;
    for (whole first = (whole)blockIdx.x * ROWS; first < in.rows; first += (whole)gridDim.x * ROWS) {
        float score[R][K], norm[R];
        int label[R];
        if (SUM) __syncthreads();
        score_rows<float, K, R>(in, first, fresh, scaled, own, score, norm, SUM ? tile : nullptr);
        fresh = false;
#pragma unroll
        for (int r = 0; r < R; ++r) {
            const whole row = first + r * THREADS + threadIdx.x;
            label[r] = 0;
            if (row >= in.rows) continue;
            label[r] = decide<K>(in, exact, row, score[r], norm[r], own[K]);
            labels[row] = (narrow)label[r];
        }
        if (!SUM) continue;
        const int count = (int)min((whole)ROWS, in.rows - first);
        order_tile<K, R>(label, count, order, start, table, k, in.features);
        add_runs<ROWS>(in, first, count, tile, order, start, table, in.features <= CHUNK);
    }
}

template <int K>
__device__ __forceinline__ void nearest_rows(const Rows& in, const double* scaled, const double* own,
                                             whole* __restrict__ labels, double* __restrict__ nearest,
                                             double* __restrict__ next) {
    constexpr int R = K <= 12 ? 2 : 1;
    bool fresh = true;
    for (whole first = (whole)blockIdx.x * THREADS * R; first < in.rows; first += (whole)gridDim.x * THREADS * R) {
        double score[R][K], norm[R];
        score_rows<double, K, R>(in, first, fresh, scaled, own, score, norm, nullptr);
        fresh = false;
#pragma unroll
        for (int r = 0; r < R; ++r) {
            const whole row = first + r * THREADS + threadIdx.x;
            double best = score[r][0], second = own[K];
            int label = 0;
#pragma unroll
            for (int c = 1; c < K; ++c) {
                const bool closer = score[r][c] < best;
                second = fmin(second, closer ? best : score[r][c]);
                label = closer ? c : label;
                best = closer ? score[r][c] : best;
            }
            if (row >= in.rows) continue;
            labels[row] = label;
            nearest[row] = best + norm[r];
            next[row] = second + norm[r];
        }
    }
}

// Lay out centers (k, features) for scores of width K: centers that are not there lie beyond every row. The last of
// `own` is the largest norm for float32, which bounds rounding, and beyond everything for float64.
template <typename T>
__device__ void spread(const double* centers, int k, int features, int K, T* scaled, T* own, double* own64) {
    const T beyond = sizeof(T) == 4 ? (T)3.0e38 : (T)__longlong_as_double(0x7ff0000000000000LL);
    for (int c = threadIdx.x; c < K; c += THREADS) {
        double norm = 0.0;
        for (int j = 0; j < features; ++j) {
            const double at = c < k ? centers[(whole)c * features + j] : 0.0;
            scaled[(whole)j * K + c] = (T)(-2.0 * at);
            norm += at * at;
        }
        own[c] = c < k ? (T)norm : beyond;
        if (c < k) own64[c] = norm;
    }
    __syncthreads();
    if (threadIdx.x) return;
    T longest = 0;
    for (int c = 0; c < k; ++c) longest = own[c] > longest ? own[c] : longest;
    own[K] = sizeof(T) == 4 ? longest : beyond;
}

extern "C" __global__ void spread_label(const double* centers, int k, int features, int K, float* scaled, float* own,
                                        double* own64) {
    spread<float>(centers, k, features, K, scaled, own, own64);
}

extern "C" __global__ void spread_nearest(const double* centers, int k, int features, int K, double* scaled,
                                          double* own) {
    spread<double>(centers, k, features, K, scaled, own, own);
}

// The kernels for each width K of the scores. LABELLED rows a thread for labels alone and SUMMED where rows are summed,
// for which a tile of rows lies in shared memory; with one row a thread that tile is half as large, for GPUs with less of
// it. AT_HOME for labels, BLOCKS for sums and BLOCKS64 in float64 are how many blocks at least are at home on a
// multiprocessor: what registers allow without spilling.
#define SUMMING(NAME, K, R, BLOCKS)                                                                                  \
    extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)                                                    \
        NAME(const float* x, whole stride, whole rows, int features, int k, const float* scaled, const float* own,   \
             const double* centers, const double* own64, narrow* labels, word* tables, int copies) {                 \
        word* const table = tables + (whole)(blockIdx.x % copies) * k * (features + 1);                              \
        label_rows<K, R, true>({x, stride, rows, features}, k, scaled, own, {centers, own64}, labels, table);        \
    }
#define WIDTH(K, LABELLED, AT_HOME, SUMMED, BLOCKS, BLOCKS64)                                                        \
    extern "C" __global__ void __launch_bounds__(THREADS, AT_HOME)                                                   \
        label_##K(const float* x, whole stride, whole rows, int features, int k, const float* scaled,                \
                  const float* own, const double* centers, const double* own64, narrow* labels) {                    \
        label_rows<K, LABELLED, false>({x, stride, rows, features}, k, scaled, own, {centers, own64}, labels,        \
                                       nullptr);                                                                     \
    }                                                                                                                \
    SUMMING(accumulate_##K, K, SUMMED, BLOCKS)                                                                       \
    extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS64)                                                  \
        nearest_##K(const float* x, whole stride, whole rows, int features, const double* scaled, const double* own, \
                    whole* labels, double* nearest, double* next) {                                                  \
        nearest_rows<K>({x, stride, rows, features}, scaled, own, labels, nearest, next);                            \
    }

#if !defined(ONLY) || ONLY == 8
WIDTH(8, 4, 4, 2, 5, 4)
SUMMING(accumulate_small_8, 8, 1, 5)
#endif
#if !defined(ONLY) || ONLY == 12
WIDTH(12, 4, 3, 2, 4, 3)
SUMMING(accumulate_small_12, 12, 1, 4)
#endif
#if !defined(ONLY) || ONLY == 16
WIDTH(16, 2, 4, 2, 4, 3)
SUMMING(accumulate_small_16, 16, 1, 4)
#endif
#if !defined(ONLY) || ONLY == 32
WIDTH(32, 2, 3, 2, 3, 2)
SUMMING(accumulate_small_32, 32, 1, 4)
#endif
#if !defined(ONLY) || ONLY == 64
WIDTH(64, 1, 2, 1, 2, 2)
#endif

// Sums and counts of rows whose labels are known, for any number of labels.
template <int R>
__device__ __forceinline__ void add_all(const Rows& in, const whole* __restrict__ labels, word* __restrict__ table) {
    constexpr int ROWS = R * THREADS;
    __shared__ float tile[CHUNK][ROWS + 1];
    __shared__ int order[ROWS];
    for (whole first = (whole)blockIdx.x * ROWS; first < in.rows; first += (whole)gridDim.x * ROWS) {
        const int count = (int)min((whole)ROWS, in.rows - first);
        __syncthreads();
        for (int row = threadIdx.x; row < count; row += THREADS) {
            order[row] = (int)labels[first + row] * ROWS + row;
            atomicAdd(table + labels[first + row] * (in.features + 1) + in.features, (word)1);
        }
        add_tile<ROWS>(in, first, count, tile, order, table);
    }
}

#define ADDING(NAME, R)                                                                                              \
    extern "C" __global__ void __launch_bounds__(THREADS, 4)                                                         \
        NAME(const float* x, whole stride, whole rows, int features, int k, const whole* labels, word* tables,       \
             int copies) {                                                                                           \
        add_all<R>({x, stride, rows, features}, labels, tables + (whole)(blockIdx.x % copies) * k * (features + 1)); \
    }
ADDING(add_rows, 2)
ADDING(add_rows_small, 1)

// The sums (k, features) and counts (k) of all copies of a table, which are zero again afterwards for the next pass.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    fold_tables(word* __restrict__ tables, int copies, int k, int features, double* __restrict__ sums,
                whole* __restrict__ counts) {
    const whole entries = (whole)k * (features + 1);
    for (whole entry = (whole)blockIdx.x * THREADS + threadIdx.x; entry < entries; entry += (whole)gridDim.x * THREADS) {
        word total = 0;
        for (int copy = 0; copy < copies; ++copy) {
            total += tables[copy * entries + entry];
            tables[copy * entries + entry] = 0;
        }
        const whole label = entry / (features + 1);
        const int feature = (int)(entry % (features + 1));
        if (feature < features)
            sums[label * features + feature] = (double)(whole)total;
        else
            counts[label] = (whole)total;
    }
}

// For many centers, where a matrix product has made the products -2 c.x, (k, rows): the labels.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    least_label(const float* products, const float* x, whole stride, whole rows, int features, int k, const float* own,
                const double* centers, const double* own64, const double* norms, whole* labels) {
    const Rows in = {x, stride, rows, features};
    const Exact exact = {centers, own64};
    for (whole row = (whole)blockIdx.x * THREADS + threadIdx.x; row < rows; row += (whole)gridDim.x * THREADS) {
        float best = 3.0e38f, second = 3.0e38f;
        int label = 0;
        for (int c = 0; c < k; ++c) {
            const float score = products[c * rows + row] + own[c];
            const bool closer = score < best;
            second = fminf(second, closer ? best : score);
            label = closer ? c : label;
            best = closer ? score : best;
        }
        const float slack = 2.0f * slack_of(features, (float)norms[row], own[k]);
        if (second - best <= slack) {
            double lowest = 1e308;
            for (int c = 0; c < k; ++c) {
                if (products[c * rows + row] + own[c] > best + slack) continue;
                const double found = exact_score(in, exact, row, c);
                if (found < lowest) lowest = found, label = c;
            }
        }
        labels[row] = label;
    }
}

// The same with distances, from products in float64, which are exact.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    least_nearest(const double* products, whole rows, int k, const double* own, const double* norms, whole* labels,
                  double* nearest, double* next) {
    for (whole row = (whole)blockIdx.x * THREADS + threadIdx.x; row < rows; row += (whole)gridDim.x * THREADS) {
        double best = own[k], second = own[k];
        int label = 0;
        for (int c = 0; c < k; ++c) {
            const double score = products[c * rows + row] + own[c];
            const bool closer = score < best;
            second = fmin(second, closer ? best : score);
            label = closer ? c : label;
            best = closer ? score : best;
        }
        labels[row] = label;
        nearest[row] = best + norms[row];
        next[row] = second + norms[row];
    }
}

// The product (k, rows) of a (k, features) and a block (features, rows), for hosts without cuBLAS: as many rows of `a` at
// a time as there are registers to spare, read by all threads of a warp at once.
template <typename T>
__device__ void product(const T* __restrict__ x, whole stride, whole rows, int features, int k, const T* __restrict__ a,
                        T* __restrict__ out) {
    constexpr int AT_ONCE = 16;
    for (whole row = (whole)blockIdx.x * THREADS + threadIdx.x; row < rows; row += (whole)gridDim.x * THREADS) {
        for (int from = 0; from < k; from += AT_ONCE) {
            const int here = min(AT_ONCE, k - from);
            T sum[AT_ONCE];
#pragma unroll
            for (int i = 0; i < AT_ONCE; ++i) sum[i] = 0;
            for (int j = 0; j < features; ++j) {
                const T value = x[j * stride + row];
#pragma unroll
                for (int i = 0; i < AT_ONCE; ++i) sum[i] += a[(whole)(from + min(i, here - 1)) * features + j] * value;
            }
#pragma unroll
            for (int i = 0; i < AT_ONCE; ++i)
                if (i < here) out[(whole)(from + i) * rows + row] = sum[i];
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 4)
    product_float(const float* x, whole stride, whole rows, int features, int k, const float* a, float* out) {
    product<float>(x, stride, rows, features, k, a, out);
}

extern "C" __global__ void __launch_bounds__(THREADS, 4)
    product_double(const double* x, whole stride, whole rows, int features, int k, const double* a, double* out) {
    product<double>(x, stride, rows, features, k, a, out);
}

// One feature of a block from its column (rows) as read, NaN for missing: filled, clipped, bent, centered, scaled and
// brought to whole numbers, each step rounded as in stages/scale.py. `fill` has the median of each segment; the column is
// bent to log(1 + x), or to log(1 + |x|) with its sign.
extern "C" __global__ void __launch_bounds__(THREADS, 4)
    prepare(const double* column, const whole* segment, whole rows, const double* fill, int fills, int logarithm,
            int is_signed, double low, double high, double center, double factor, double units, double limit,
            float* out) {
    for (whole row = (whole)blockIdx.x * THREADS + threadIdx.x; row < rows; row += (whole)gridDim.x * THREADS) {
        double x = column[row];
        if (x != x) x = fill[fills > 1 ? segment[row] : 0];
        x = fmin(fmax(x, low), high);
        if (logarithm) x = is_signed ? copysign(log(1.0 + fabs(x)), x) : log(1.0 + x);
        x = rint((x - center) * factor * units);
        out[row] = (float)fmin(fmax(x, -limit), limit);
    }
}
