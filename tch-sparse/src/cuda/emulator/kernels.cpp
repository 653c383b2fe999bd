// The kernels of one variant, for the CPU.
#include "cuda.hpp"

#include "../kernels.cu"

static_assert(THREADS == emulator::BLOCK, "");

// Runs kernel number `kernel` of gpu.rs; a fault, or null. The text stays until the next call.
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
    default: return "there is no such kernel";
    }
}
