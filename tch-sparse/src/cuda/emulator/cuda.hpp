// As much of CUDA as kernels.cu uses, on the CPU: the threads of a block are fibers, which take turns where they wait
// for each other. What a GPU leaves undefined or refuses is a fault here: lanes that name each other in different
// exchanges or not at all, values of lanes outside the mask or beyond the width, exchanges with lanes that have
// returned, grids that are empty or too large.
//
// Not noticed: reading shared memory that was not written (it keeps what earlier blocks left), reading and writing
// outside of what a kernel was given, and a missing barrier where the order of turns does not show it.
//
// A block at a time, one caller at a time.
#pragma once

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <math.h>
#include <type_traits>
#include <ucontext.h>
#include <utility>

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

constexpr unsigned BLOCK = 256, WARP = 32;

enum class State { Ready, Exchanging, AtBarrier, Ended };

// What a lane brought to an exchange and, after it, took from it.
struct Exchange {
    const char* kind;
    unsigned mask, from, width, size;
    unsigned char brought[16], taken[16];
};

// Threads begin by their context and go on by jumps: to swap contexts is a system call each time.
struct Fiber {
    State state;
    bool started;
    ucontext_t start;
    jmp_buf at;
    Exchange exchange;
};

// A stack grows down to its bottom, which holds UNTOUCHED as long as there is room. A line of the cache more than
// 64 KiB: with a power of two between them, the tops of all stacks would compete for the same few lines.
struct alignas(64) Stack {
    unsigned long long bottom;
    char room[64 * 1024];
};
constexpr unsigned long long UNTOUCHED = 0x5eed0fdeadf1be75;

static Fiber fibers[BLOCK];
static Stack stacks[BLOCK];
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

inline void note(unsigned thread, const char* what, const char* where) {
    const Place block = blockIdx;
    std::snprintf(fault, sizeof fault, "thread %u of block (%u, %u), %s: %s", thread, block.x, block.y, where, what);
}

[[noreturn]] inline void fail(const char* what, const char* kind) {
    note(threadIdx.x, what, kind);
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
        } else if (fiber.exchange.size != own.size) {
            fail("a lane of the mask brings a value of another size", own.kind);
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

inline void check_width(const char* kind, unsigned width) {
    if (width == 0 || width > WARP || (width & (width - 1))) fail("the width is no power of two up to 32", kind);
}

template <class T>
T exchanged(const char* kind, unsigned mask, T value, unsigned from, unsigned width) {
    static_assert(sizeof(T) <= sizeof Exchange::brought, "");
    check_width(kind, width);
    const unsigned lane = threadIdx.x % WARP;
    Exchange own = {kind, mask, (lane & ~(width - 1)) + (from & (width - 1)), width, sizeof value, {}, {}};
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
        fiber.started = false;
        if (getcontext(&fiber.start) != 0) return note(t, std::strerror(errno), "getcontext");
        stacks[t].bottom = UNTOUCHED;
        fiber.start.uc_stack.ss_sp = &stacks[t];
        fiber.start.uc_stack.ss_size = sizeof(Stack);
        fiber.start.uc_link = nullptr;
        makecontext(&fiber.start, body, 0);
    }
    bool ran;
    do {
        ran = false;
        for (unsigned turn = 0; turn < BLOCK; ++turn) {
            const unsigned t = descending ? BLOCK - 1 - turn : turn;
            if (fibers[t].state != State::Ready) continue;
            ran = true;
            threadIdx.x = t;
            if (_setjmp(scheduler) == 0) {
                if (fibers[t].started) _longjmp(fibers[t].at, 1);
                fibers[t].started = true;
                setcontext(&fibers[t].start);
                note(t, std::strerror(errno), "setcontext");
            }
            if (*fault) return;
            if (stacks[t].bottom != UNTOUCHED) return note(t, "the stack is full", "after its turn");
        }
        if (ran) continue;
        // Nobody can go on: all that are left must be at the barrier.
        for (unsigned t = 0; t < BLOCK; ++t) {
            if (fibers[t].state == State::Exchanging) {
                return note(t, "lanes of the mask never come", fibers[t].exchange.kind);
            }
            if (fibers[t].state == State::AtBarrier) {
                fibers[t].state = State::Ready;
                ran = true;
            }
        }
    } while (ran);
}

template <class... Arguments, std::size_t... I>
void call(void (*function)(Arguments...), void** arguments, std::index_sequence<I...>) {
    function(*static_cast<std::remove_reference_t<Arguments>*>(arguments[I])...);
}

// As cuLaunchKernel: each argument by a pointer to it. Blocks are in ascending or descending order, as their threads.
template <class... Arguments>
const char* launch(void (*function)(Arguments...), unsigned width, unsigned height, void** arguments, bool descending) {
    if (width == 0 || height == 0) return "the grid has no blocks";
    if (width > 0x7fffffff || height > 0xffff) return "the grid has more blocks than 2,147,483,647 by 65,535";
    using Call = std::pair<void (*)(Arguments...), void**>;
    Call called{function, arguments};
    kernel_arguments = &called;
    kernel = [](void* of) {
        const Call& called = *static_cast<Call*>(of);
        call(called.first, called.second, std::index_sequence_for<Arguments...>());
    };
    *fault = 0;
    for (unsigned y = 0; y < height; ++y) {
        for (unsigned x = 0; x < width; ++x) {
            blockIdx = {descending ? width - 1 - x : x, descending ? height - 1 - y : y};
            block(descending);
            if (*fault) return fault;
        }
    }
    return nullptr;
}

} // namespace emulator

template <class T>
T __shfl_sync(unsigned mask, T value, unsigned from, unsigned width) {
    return emulator::exchanged("__shfl_sync", mask, value, from, width);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, unsigned with, unsigned width) {
    const char* kind = "__shfl_xor_sync";
    emulator::check_width(kind, width);
    if (with >= width) emulator::fail("it asks for a lane beyond the width", kind);
    return emulator::exchanged(kind, mask, value, threadIdx.x % width ^ with, width);
}

inline void __syncwarp(unsigned mask) {
    emulator::exchanged("__syncwarp", mask, 0, threadIdx.x % 32, 32);
}

inline void __syncthreads() {
    emulator::wait(emulator::State::AtBarrier);
}
