// CUDA's words for a processor: the threads of a block are fibers that take turns and meet at barriers. Blocks run one
// after the other. So the very text of the kernels runs where there is no GPU; a barrier that not all threads reach is
// an error, and so is a block whose threads wait for each other.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__
#define __noinline__
#define __forceinline__ inline
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)

struct Place {
    unsigned x;
};
static Place threadIdx, blockIdx, gridDim;

static const int MOST_THREADS = 1024, STACK = 1 << 16;
static ucontext_t home, fiber[MOST_THREADS];
static char stacks[MOST_THREADS][STACK];
static bool done[MOST_THREADS];
static int current, barrier[MOST_THREADS];
static void (*body)();

inline void __syncthreads() {
    ++barrier[current];
    swapcontext(&fiber[current], &home);
}

template <typename T, typename U>
T atomicAdd(T* at, U value) {
    const T before = *at;
    *at += value;
    return before;
}

inline double __longlong_as_double(long long bits) { return *reinterpret_cast<double*>(&bits); }
inline float __ldg(const float* at) { return *at; }
inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }

template <typename T>
T min(T a, T b) {
    return b < a ? b : a;
}

static void fiber_main() {
    body();
    done[current] = true;
    swapcontext(&fiber[current], &home);
}

static void run_block(int threads) {
    for (int i = 0; i < threads; ++i) {
        getcontext(&fiber[i]);
        fiber[i].uc_stack.ss_sp = stacks[i];
        fiber[i].uc_stack.ss_size = STACK;
        makecontext(&fiber[i], fiber_main, 0);
        done[i] = false;
        barrier[i] = 0;
    }
    for (int left = threads; left;) {
        left = 0;
        for (int turn = 0; turn < threads; ++turn) {
            current = threads - 1 - turn;  // not the order that a reader expects
            if (done[current]) continue;
            threadIdx.x = current;
            swapcontext(&home, &fiber[current]);
            left += !done[current];
        }
        for (int i = 1; i < threads; ++i)
            if (barrier[i] != barrier[0] || done[i] != done[0]) {
                std::fprintf(stderr, "threads 0 and %d of a block do not meet at the same barrier\n", i);
                std::abort();
            }
    }
}

template <typename... A, std::size_t... I>
void run(void (*kernel)(A...), int blocks, int threads, void** given, std::index_sequence<I...>) {
    static std::tuple<A...> arguments;
    static void (*called)(A...);
    arguments = std::tuple<A...>(*static_cast<A*>(given[I])...);
    called = kernel;
    body = [] { std::apply(called, arguments); };
    gridDim.x = blocks;
    for (int block = 0; block < blocks; ++block) {
        blockIdx.x = block;
        run_block(threads);
    }
}

template <typename... A>
void run(void (*kernel)(A...), int blocks, int threads, void** given) {
    run(kernel, blocks, threads, given, std::index_sequence_for<A...>());
}
