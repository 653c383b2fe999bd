// A node of libtorch's autograd graph whose backward is a function of the caller's.
//
// The forward has already run (in Rust, with recording off) when `tchf_attach` is called; the node only ties the outputs
// to the inputs. Nothing throws across the C boundary: every function returns a message, and what the backward callback
// reports is thrown inside libtorch, where the engine carries it to whoever called backward().
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>
#include <torch/csrc/autograd/variable.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

extern "C" {

struct TchfCallbacks {
    // saved, grads: borrowed pointers, null where undefined. needs[i]: whether input i wants a gradient. out[i]: the
    // callee stores a tensor that it gives away, or leaves null. Returns null, or a message from malloc.
    char *(*backward)(void *ctx, at::Tensor **saved, size_t n_saved, at::Tensor **grads, size_t n_grads,
                      const uint8_t *needs, at::Tensor **out, size_t n_inputs);
    void (*drop)(void *ctx);
};
}

namespace {

using torch::autograd::Node;
using torch::autograd::SavedVariable;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr uint64_t NO_VERSION = UINT64_MAX;

// Calls f; returns null, or the message of what it threw without libtorch's stack trace.
template <typename F>
char *guarded(F f) {
    try {
        f();
        return nullptr;
    } catch (const c10::Error &e) {
        return strdup(e.what_without_backtrace());
    } catch (const std::exception &e) {
        return strdup(e.what());
    } catch (...) {
        return strdup("unknown C++ exception");
    }
}

uint64_t version_of(const at::Tensor &t) {
    const auto &counter = t.unsafeGetTensorImpl()->version_counter();
    return counter.enabled() ? counter.current_version() : NO_VERSION;
}

bool share_memory(const at::Tensor &a, const at::Tensor &b) {
    if (!a.defined() || !b.defined()) return false;
    return a.is_same(b) || (a.has_storage() && b.has_storage() && a.storage().data() && a.is_alias_of(b));
}

struct Ctx {
    void *ptr;
    void (*drop)(void *);
    Ctx(void *ptr, void (*drop)(void *)) : ptr(ptr), drop(drop) {}
    Ctx(const Ctx &) = delete;
    Ctx &operator=(const Ctx &) = delete;
    ~Ctx() {
        if (ptr) drop(ptr);
    }
};

// The history of gradients whose own derivative is refused. libtorch's Error node would do but for the C++ stack trace in
// its message.
struct NoSecond : public Node {
    std::string label;

    explicit NoSecond(torch::autograd::edge_list &&edges) : Node(/*sequence_nr=*/UINT64_MAX, std::move(edges)) {}

    std::string name() const override { return label + " (no second derivative)"; }

    variable_list apply(variable_list &&) override {
        throw std::runtime_error(label +
                                 " has no second derivative: its backward is not recorded (SecondDerivative::Refuse)");
    }
};

struct Saved {
    SavedVariable variable;
    std::string what;  // for messages: "input 0", "output 1", "an intermediate"
};

struct RustNode : public Node {
    std::string label;
    TchfCallbacks cb;
    std::unique_ptr<Ctx> ctx;
    std::vector<Saved> saved;
    // The place of each output among the gradients that the engine hands over; -1 where it has none (integers).
    std::vector<int64_t> slots;
    bool recorded = false;  // whether the backward is itself made of differentiable operations
    bool released = false;

    std::string name() const override { return label; }

    void release_variables() override {
        std::lock_guard<std::mutex> lock(mutex_);
        for (auto &s : saved) s.variable.reset_data();
        released = true;
    }

    variable_list unpack() {
        std::lock_guard<std::mutex> lock(mutex_);
        if (released)
            throw std::runtime_error(label +
                                     ": backward a second time through the same graph, whose saved tensors are freed; "
                                     "keep the graph in the first call (keep_graph)");
        variable_list kept;
        kept.reserve(saved.size());
        for (size_t i = 0; i < saved.size(); ++i) {
            try {
                kept.push_back(saved[i].variable.unpack(shared_from_this()));
            } catch (const c10::Error &e) {
                std::string text = e.what_without_backtrace();
                if (text.find("modified by an inplace operation") == std::string::npos) throw;
                auto at = text.find(" is at version"), end = text.find(" instead");
                std::string versions = at == std::string::npos || end == std::string::npos ? "" : text.substr(at, end - at);
                throw std::runtime_error(label + ": " + saved[i].what + ", saved for the backward (tensor " +
                                         std::to_string(i) + " of " + std::to_string(saved.size()) +
                                         "), was modified in place after the forward" +
                                         (versions.empty() ? "" : " (it" + versions + ")") +
                                         "; modify a copy, or run the backward first");
            }
        }
        return kept;
    }

    variable_list apply(variable_list &&incoming) override {
        variable_list kept = unpack();
        std::vector<at::Tensor *> kept_ptr, grad_ptr;
        kept_ptr.reserve(kept.size());
        grad_ptr.reserve(slots.size());
        for (auto &t : kept) kept_ptr.push_back(t.defined() ? &t : nullptr);
        for (auto slot : slots) grad_ptr.push_back(slot >= 0 && incoming[slot].defined() ? &incoming[slot] : nullptr);
        size_t n_in = num_outputs();
        std::vector<uint8_t> needs(n_in);
        for (size_t i = 0; i < n_in; ++i) needs[i] = task_should_compute_output(i);
        std::vector<at::Tensor *> out(n_in, nullptr);

        bool recording = at::GradMode::is_enabled();
        char *message = nullptr;
        variable_list result(n_in);
        {
            at::AutoGradMode mode(recording && recorded);
            message = cb.backward(ctx->ptr, kept_ptr.data(), kept_ptr.size(), grad_ptr.data(), grad_ptr.size(), needs.data(),
                                  out.data(), n_in);
            for (size_t i = 0; i < n_in; ++i)
                if (out[i]) {
                    result[i] = std::move(*out[i]);
                    delete out[i];
                }
            if (message) {
                std::string text = label + ": " + message;
                free(message);
                throw std::runtime_error(text);
            }
            // A leaf's gradient may be taken over without a copy and then be changed in place (an optimiser zeroes it): it
            // must not share memory with what was saved, nor with the gradient of another input.
            for (size_t i = 0; i < n_in; ++i) {
                bool shared = false;
                for (auto &t : kept) shared = shared || share_memory(result[i], t);
                for (size_t j = 0; j < i; ++j) shared = shared || share_memory(result[i], result[j]);
                if (shared) result[i] = result[i].clone();
            }
        }
        if (recording && !recorded) refuse_second(incoming, result);
        return result;
    }

    // The callee's arithmetic was not recorded. Whoever differentiates these gradients again, with respect to anything that
    // they depend on, must get an error and not a zero: so the error's node leads to the inputs and to where the incoming
    // gradients came from.
    void refuse_second(const variable_list &incoming, variable_list &result) {
        torch::autograd::edge_list edges = next_edges();
        for (auto &edge : torch::autograd::collect_next_edges(incoming)) edges.push_back(edge);
        auto barrier = std::shared_ptr<NoSecond>(new NoSecond(std::move(edges)), torch::autograd::deleteNode);
        barrier->label = label;
        for (auto &t : result)
            if (t.defined()) {
                t = t.tensor_data();
                torch::autograd::set_history(t, barrier);
            }
    }
};

}  // namespace

extern "C" {

// Before the forward: whether each input will want a gradient (none does where recording is off), and its version.
char *tchf_inspect(at::Tensor **inputs, size_t n, uint8_t *needs, uint64_t *versions) {
    return guarded([&] {
        bool recording = at::GradMode::is_enabled();
        for (size_t i = 0; i < n; ++i) {
            if (!inputs[i]->defined()) throw std::runtime_error("input " + std::to_string(i) + " is an undefined tensor");
            needs[i] = recording && inputs[i]->requires_grad();
            versions[i] = version_of(*inputs[i]);
        }
    });
}

// After the forward: checks what it did and, where ctx is not null, ties outputs to inputs. Takes ctx over in any case.
// Outputs and saved tensors may be replaced by others on the same memory.
char *tchf_attach(const char *label, at::Tensor **inputs, const uint64_t *versions, size_t n_inputs, at::Tensor **outputs,
                  size_t n_outputs, at::Tensor **saved, size_t n_saved, void *ctx, TchfCallbacks cb, int recorded) {
    auto owned = std::make_unique<Ctx>(ctx, cb.drop);
    return guarded([&] {
        auto fail = [](const std::string &what) { throw std::runtime_error(what); };
        for (size_t i = 0; i < n_inputs; ++i)
            if (version_of(*inputs[i]) != versions[i])
                fail("the forward modified input " + std::to_string(i) + " in place; write into a new tensor");
        for (size_t i = 0; i < n_outputs; ++i) {
            const at::Tensor &t = *outputs[i];
            std::string name = "output " + std::to_string(i);
            if (!t.defined()) fail(name + " is an undefined tensor");
            for (size_t j = 0; j < n_inputs; ++j) {
                std::string other = "input " + std::to_string(j);
                if (t.is_same(*inputs[j])) fail(name + " is " + other + " itself; an output must be a new tensor: return a copy");
                if (share_memory(t, *inputs[j]))
                    fail(name + " is a view of " + other + " or shares its memory; an output must be a new tensor: return a copy");
            }
            for (size_t j = 0; j < i; ++j)
                if (share_memory(t, *outputs[j]))
                    fail(name + " shares its memory with output " + std::to_string(j) +
                         "; an output must be a new tensor: return a copy");
            if (t.requires_grad()) fail(name + " has a gradient history of its own; compute it with recording off");
        }
        if (!ctx) return;

        for (size_t i = 0; i < n_outputs; ++i) {
            at::Tensor &t = *outputs[i];
            if (t.is_inference())
                fail("output " + std::to_string(i) + " was made in inference mode and cannot be recorded; leave that mode in the forward");
            if (!t.is_view()) continue;
            // A view of memory of its own, as Tensor::from_slice and reshape give: its base is gone or a saved tensor, so it
            // becomes a tensor in its own right, with the version counter that it had.
            at::Tensor view = t;
            t = view.tensor_data();
            for (size_t j = 0; j < n_saved; ++j)
                if (saved[j]->is_same(view)) *saved[j] = t;
        }
        auto node = std::shared_ptr<RustNode>(new RustNode(), torch::autograd::deleteNode);
        node->label = label;
        node->cb = cb;
        node->ctx = std::move(owned);
        node->recorded = recorded != 0;

        std::vector<std::string> names(n_saved, "an intermediate of the forward");
        for (size_t i = 0; i < n_saved; ++i) {
            const at::Tensor &t = *saved[i];
            if (!t.defined()) continue;
            bool known = false;
            auto claim = [&](const char *kind, size_t j, at::Tensor **list) {
                if (!known && t.is_same(*list[j])) {
                    known = true;
                    names[i] = kind + std::to_string(j);
                }
            };
            for (size_t j = 0; j < n_inputs; ++j) claim("input ", j, inputs);
            for (size_t j = 0; j < n_outputs; ++j) claim("output ", j, outputs);
            if (recorded && !known && torch::autograd::isDifferentiableType(t.scalar_type()))
                fail("saved tensor " + std::to_string(i) +
                     " is neither an input nor an output, so a recorded backward (SecondDerivative::Recorded) would take it "
                     "for a constant; save inputs or outputs and compute the rest in the backward, or make it an input");
        }

        variable_list in;
        in.reserve(n_inputs);
        for (size_t i = 0; i < n_inputs; ++i) in.push_back(*inputs[i]);
        node->set_next_edges(torch::autograd::collect_next_edges(in));
        for (size_t i = 0; i < n_outputs; ++i) {
            if (!torch::autograd::isDifferentiableType(outputs[i]->scalar_type())) {
                node->slots.push_back(-1);
                continue;
            }
            node->slots.push_back(static_cast<int64_t>(node->num_inputs()));
            torch::autograd::set_history(*outputs[i], node);
        }
        for (size_t i = 0; i < n_saved; ++i) {
            bool is_output = false;
            for (size_t j = 0; j < n_outputs; ++j) is_output = is_output || saved[i]->is_same(*outputs[j]);
            node->saved.push_back(Saved{SavedVariable(*saved[i], is_output), std::move(names[i])});
        }
    });
}

// Null where the entries lie in this machine's memory one after another, as they are; else why not.
const char *tchf_not_plain(const at::Tensor *tensor) {
    const at::Tensor &t = *tensor;
    if (!t.defined()) return "it is undefined";
    if (!t.device().is_cpu()) return "it is elsewhere";
    if (t.layout() != at::kStrided) return "it is not dense";
    if (!t.is_contiguous()) return "it is not contiguous";
    if (t.is_neg() || t.is_conj() || t._is_zerotensor()) return "it is a lazy view";
    return nullptr;
}

// The count of in-place modifications of a tensor; UINT64_MAX where it has no counter (made in inference mode).
char *tchf_version(at::Tensor *tensor, uint64_t *version) {
    return guarded([&] {
        if (!tensor->defined()) throw std::runtime_error("the tensor is undefined");
        *version = version_of(*tensor);
    });
}

// Makes the gradient of a leaf undefined, as before the first backward.
char *tchf_forget_gradient(at::Tensor *tensor) {
    return guarded([&] {
        if (tensor->defined() && tensor->grad().defined()) tensor->mutable_grad().reset();
    });
}

// The native handle (a cudaStream_t) of the stream that libtorch's own kernels go to now, on this thread. Goes through
// libc10's table of backends: needs no CUDA header and no link against libtorch_cuda.
char *tchf_current_stream(int device, void **handle) {
    return guarded([&] {
        c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
        *handle = guard.getStreamNativeHandle(guard.getStream(c10::Device(c10::DeviceType::CUDA, device)));
    });
}

// Inference mode on this thread until the guard is given back, in reverse order.
char *tchf_inference_enter(void **guard) {
    return guarded([&] { *guard = new c10::InferenceMode(true); });
}

void tchf_inference_leave(void *guard) { delete static_cast<c10::InferenceMode *>(guard); }
}
