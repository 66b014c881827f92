// CUDA's words for threads that truly run at once: each thread of a block is one of the processor's, and a barrier is one
// that a race detector knows. Nothing holds a warp together, so that code which counts on that shows as a race. Blocks run
// one after the other.
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <pthread.h>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __launch_bounds__(...)

struct Place {
    unsigned x;
};
static thread_local Place threadIdx;
static Place blockIdx, gridDim;

// Two barriers in turn: at a single one, a thread that is slow to leave it would seem to have waited for all that faster
// threads did up to their next arrival, and races between would not show.
static pthread_barrier_t meeting[2];
static thread_local unsigned turn;

// The barrier of this number, counted in the text of the kernels, is left out: what must show as a race.
static const int LEFT_OUT = std::getenv("LEFT_OUT") ? std::atoi(std::getenv("LEFT_OUT")) : -1;

inline void meet(int number) {
    if (number != LEFT_OUT) pthread_barrier_wait(&meeting[turn++ % 2]);
}
#define __syncthreads() meet(__COUNTER__)

template <typename T, typename U>
T atomicAdd(T* at, U value) {
    return __atomic_fetch_add(at, (T)value, __ATOMIC_RELAXED);
}
inline double __longlong_as_double(long long bits) {
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
inline float __ldg(const float* at) { return *at; }
inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }
template <typename T>
T min(T a, T b) {
    return b < a ? b : a;
}

// The threads of every block, made once: they wait at `begin` for a kernel, and at `end` until all are done.
static pthread_barrier_t begin, end;
static const std::function<void()>* kernel_at_work;

static void work(unsigned place) {
    threadIdx.x = place;
    while (true) {
        pthread_barrier_wait(&begin);
        if (!kernel_at_work) return;
        (*kernel_at_work)();
        pthread_barrier_wait(&end);
    }
}

struct Threads {
    std::vector<std::thread> all;

    explicit Threads(int count) {
        for (pthread_barrier_t& each : meeting) pthread_barrier_init(&each, nullptr, count);
        for (pthread_barrier_t* each : {&begin, &end}) pthread_barrier_init(each, nullptr, count + 1);
        for (int i = 0; i < count; ++i) all.emplace_back(work, i);
    }
    void launch(int blocks, const std::function<void()>& kernel) {
        gridDim.x = blocks;
        kernel_at_work = &kernel;
        for (int block = 0; block < blocks; ++block) {
            blockIdx.x = block;
            pthread_barrier_wait(&begin);
            pthread_barrier_wait(&end);
        }
    }
    ~Threads() {
        kernel_at_work = nullptr;
        pthread_barrier_wait(&begin);
        for (std::thread& each : all) each.join();
    }
};
