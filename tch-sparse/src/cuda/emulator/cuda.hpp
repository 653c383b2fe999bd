// As much of CUDA as kernels.cu uses, on the CPU: the threads of a block are fibers, which take turns where they wait for each
// other. What a GPU leaves undefined is a fault here: lanes that name each other in different exchanges or not at all, values of
// lanes outside the mask, waiting for threads that have returned.
//
// A block at a time, one caller at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <math.h>
#include <tuple>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(threads)
#define __ffs __builtin_ffs
using std::min;

struct Place {
    unsigned x, y;
};
static Place threadIdx, blockIdx;

namespace emulator {

constexpr unsigned BLOCK = 256, WARP = 32, STACK = 64 * 1024;

enum class State { Ready, Exchanging, AtBarrier, Ended };

// What a lane brought to an exchange and, after it, took from it.
struct Exchange {
    const char* kind;
    unsigned mask, from, width;
    unsigned char brought[16], taken[16];
};

struct Fiber {
    State state;
    ucontext_t start;
    jmp_buf at;
    Exchange exchange;
};

static Fiber fibers[BLOCK];
static std::vector<char> stacks;
static jmp_buf scheduler;
static void (*kernel)(void*);
static void* kernel_arguments;
static char fault[256];

[[noreturn]] inline void leave(State state) {
    fibers[threadIdx.x].state = state;
    _longjmp(scheduler, 1);
}

// Waits until another thread makes this one ready.
inline void wait(State state) {
    if (_setjmp(fibers[threadIdx.x].at) == 0) leave(state);
}

[[noreturn]] inline void fail(const char* what, const char* kind) {
    std::snprintf(fault, sizeof fault, "thread %u of block (%u, %u), %s: %s", threadIdx.x, blockIdx.x, blockIdx.y, kind, what);
    leave(State::Ended);
}

inline void body() {
    kernel(kernel_arguments);
    leave(State::Ended);
}

// All lanes of the mask meet; each takes what lane `from` brought.
inline void exchange(Exchange& own) {
    const unsigned lane = threadIdx.x % WARP, warp = threadIdx.x - lane;
    if (!(own.mask >> lane & 1)) fail("the lane is not in its own mask", own.kind);
    if (!(own.mask >> own.from & 1)) fail("it asks for a lane outside the mask", own.kind);
    fibers[threadIdx.x].exchange = own;
    bool all = true;
    for (unsigned other = 0; other < WARP; ++other) {
        if (!(own.mask >> other & 1) || other == lane) continue;
        const Fiber& fiber = fibers[warp + other];
        if (fiber.state == State::Ended) fail("a lane of the mask has returned", own.kind);
        if (fiber.state == State::AtBarrier) fail("a lane of the mask waits at __syncthreads", own.kind);
        if (fiber.state != State::Exchanging) {
            all = false;
        } else if (fiber.exchange.mask != own.mask || fiber.exchange.width != own.width ||
                   std::strcmp(fiber.exchange.kind, own.kind) != 0) {
            fail("a lane of the mask is at another exchange", own.kind);
        }
    }
    if (all) {
        for (unsigned other = 0; other < WARP; ++other) {
            if (!(own.mask >> other & 1)) continue;
            Fiber& fiber = fibers[warp + other];
            std::memcpy(fiber.exchange.taken, fibers[warp + fiber.exchange.from].exchange.brought, sizeof own.taken);
            fiber.state = State::Ready;
        }
    } else {
        wait(State::Exchanging);
    }
    own = fibers[threadIdx.x].exchange;
}

template <class T>
T exchanged(const char* kind, unsigned mask, T value, unsigned from, unsigned width) {
    static_assert(sizeof(T) <= sizeof Exchange::brought, "");
    if (width == 0 || width > WARP || (width & (width - 1))) fail("the width is no power of two up to 32", kind);
    const unsigned lane = threadIdx.x % WARP;
    Exchange own = {kind, mask, (lane & ~(width - 1)) + (from & (width - 1)), width, {}, {}};
    std::memcpy(own.brought, &value, sizeof value);
    exchange(own);
    std::memcpy(&value, own.taken, sizeof value);
    return value;
}

// The threads of a block, those that are ready by turns, in ascending or descending order.
inline void block(bool descending) {
    for (unsigned t = 0; t < BLOCK; ++t) {
        Fiber& fiber = fibers[t];
        fiber.state = State::Ready;
        getcontext(&fiber.start);
        fiber.start.uc_stack.ss_sp = stacks.data() + t * STACK;
        fiber.start.uc_stack.ss_size = STACK;
        fiber.start.uc_link = nullptr;
        makecontext(&fiber.start, body, 0);
    }
    static bool started[BLOCK];
    std::fill(started, started + BLOCK, false);
    static unsigned turn;
    static bool ran;
    do {
        ran = false;
        for (turn = 0; turn < BLOCK; ++turn) {
            const unsigned t = descending ? BLOCK - 1 - turn : turn;
            if (fibers[t].state != State::Ready) continue;
            ran = true;
            threadIdx.x = t;
            if (_setjmp(scheduler) == 0) {
                if (started[t]) _longjmp(fibers[t].at, 1);
                started[t] = true;
                setcontext(&fibers[t].start);
            }
            if (*fault) return;
        }
        if (ran) continue;
        // Nobody can go on: all that are left must be at the barrier.
        for (unsigned t = 0; t < BLOCK; ++t) {
            threadIdx.x = t;
            if (fibers[t].state == State::Exchanging) {
                std::snprintf(fault, sizeof fault, "thread %u of block (%u, %u), %s: lanes of the mask never come", t,
                              blockIdx.x, blockIdx.y, fibers[t].exchange.kind);
                return;
            }
            if (fibers[t].state == State::AtBarrier) {
                fibers[t].state = State::Ready;
                ran = true;
            }
        }
    } while (ran);
}

template <class... Arguments, size_t... I>
void call(void (*function)(Arguments...), void** arguments, std::index_sequence<I...>) {
    function(*static_cast<std::remove_reference_t<Arguments>*>(arguments[I])...);
}

// As cuLaunchKernel: each argument by a pointer to it.
template <class... Arguments>
const char* launch(void (*function)(Arguments...), unsigned width, unsigned height, void** arguments, bool descending) {
    using Call = std::pair<void (*)(Arguments...), void**>;
    Call called{function, arguments};
    kernel_arguments = &called;
    kernel = [](void* of) {
        const Call& called = *static_cast<Call*>(of);
        call(called.first, called.second, std::index_sequence_for<Arguments...>());
    };
    stacks.resize(BLOCK * STACK);
    *fault = 0;
    for (blockIdx.y = 0; blockIdx.y < height && !*fault; ++blockIdx.y) {
        for (blockIdx.x = 0; blockIdx.x < width && !*fault; ++blockIdx.x) block(descending);
    }
    return *fault ? fault : nullptr;
}

} // namespace emulator

template <class T>
T __shfl_sync(unsigned mask, T value, unsigned from, unsigned width) {
    return emulator::exchanged("__shfl_sync", mask, value, from, width);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, unsigned with, unsigned width) {
    return emulator::exchanged("__shfl_xor_sync", mask, value, threadIdx.x % width ^ with, width);
}

inline void __syncwarp(unsigned mask) {
    emulator::exchanged("__syncwarp", mask, 0, threadIdx.x % 32, 32);
}

inline void __syncthreads() {
    emulator::wait(emulator::State::AtBarrier);
}
