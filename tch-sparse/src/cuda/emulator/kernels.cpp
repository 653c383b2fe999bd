// The kernels of one variant, for the CPU, and one that shows the emulator's faults.
#include "cuda.hpp"

#include "../kernels.cu"

static_assert(THREADS == emulator::BLOCK, "");

// Needs more than a stack. Kept apart: the room would count for whoever calls it.
__attribute__((noinline)) static void fill_more_than_a_stack() {
    char room[sizeof(emulator::Stack)];
    std::memset(room, 1, sizeof room);
    // The compiler must take it for read.
    asm volatile("" : : "r"(room) : "memory");
}

// Mode 0 goes well: each thread's neighbour goes to `out`. The others are faults, in the order of tests.rs.
static void faulty(u32 mode, u32* out) {
    const u32 t = threadIdx.x, lane = t % 32;
    switch (mode) {
    case 0:
        out[t] = __shfl_xor_sync(NONE, t, 1, 32);
        __syncthreads();
        break;
    case 1: __shfl_sync(lane == 3 ? ~8u : NONE, t, 0, 32); break;
    case 2:
        if (lane < 16) __shfl_sync(0xffffu, t, 20, 32);
        break;
    case 3:
        if (lane > 0) __syncwarp(NONE);
        break;
    case 4:
        if (lane > 0) __syncwarp(NONE);
        else __syncthreads();
        break;
    case 5: __shfl_sync(NONE, t, 0, lane > 0 ? 32 : 16); break;
    case 6: __syncwarp(lane > 0 ? NONE : 0xffff); break;
    case 7:
        if (lane > 0) __syncwarp(NONE);
        else __shfl_sync(NONE, t, 0, 32);
        break;
    case 8:
        if (lane > 0) __shfl_sync(NONE, t, 0, 32);
        else __shfl_sync(NONE, u64(t), 0, 32);
        break;
    case 9:
        if (lane < 16) __syncwarp(NONE);
        else __syncthreads();
        break;
    case 10: __shfl_sync(NONE, t, 1, 12); break;
    case 11: __shfl_xor_sync(NONE, t, 0, 0); break;
    case 12: __shfl_xor_sync(NONE, t, 8, 8); break;
    // What lies below is the stack of thread 0, which has ended or not begun.
    case 13:
        if (t == 1) fill_more_than_a_stack();
        break;
    }
}

// Runs kernel number `kernel` of gpu.rs, or the one of faults; a fault, or null. The text stays until the next call.
extern "C" __attribute__((visibility("default"))) const char* emulate(unsigned kernel, unsigned width, unsigned height,
                                                                         void** arguments, bool descending) {
    using emulator::launch;
    switch (kernel) {
    case 0: return launch(product, width, height, arguments, descending);
    case 1: return launch(product_giants, width, height, arguments, descending);
    case 2: return launch(rate, width, height, arguments, descending);
    case 3: return launch(rate_giants, width, height, arguments, descending);
    case 4: return launch(sampled, width, height, arguments, descending);
    case 5: return launch(combine, width, height, arguments, descending);
    case 6: return launch(faulty, width, height, arguments, descending);
    default: return "there is no such kernel";
    }
}
