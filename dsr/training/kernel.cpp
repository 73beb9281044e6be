// Whole training loop of the PLRNN family on one core: sampling, forward, backward, clipping, optimiser.
//
// Plain C interface, no libraries. Built once per vector width (DSR_VECTOR_BYTES = 16, 32, 64); the widest that the
// processor supports is chosen when it is loaded. Arrays over a window are laid out [time][unit][batch], the batch in
// vector lanes, so every operation of the recurrence is "broadcast a weight, multiply a vector, add".
// Mirrors dsr/training/adjoint.py (gradients), windows.py (sampling) and optimiser.py, which the tests hold it against.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernel_inverse.h"
#include "kernel_products.h"

#if defined(_WIN32)
#define API extern "C" __declspec(dllexport)
#else
#define API extern "C" __attribute__((visibility("default")))
#endif

// Every field is eight bytes wide; native.py holds the same list. Pointers to "real" are float or double arrays.
struct Problem {
    int64_t family;                     // 0 almost-linear, 1 shallow, 2 clipped shallow
    int64_t affine;                     // observation model: 0 identity with learned lift, 1 affine
    int64_t N, M, H, linear;            // observed, latent, hidden units; linear units of the almost-linear family
    int64_t K, B, T, n;                 // members, batch, window length, parameters of a member
    int64_t A, W1, h1, W2, h2, C, c;    // offsets into a parameter row; C: lift or observation matrix, c: its bias
    const void *rows;                   // data (rows, N)
    const int64_t *firsts;              // rows at which a window may start
    int64_t choices;                    // how many of them
    const void *normals;                // table of standard normal numbers, `table` + (T + 1) N long
    int64_t table;
    double noise;
    uint64_t key;                       // of the sampling
    const void *windows;                // (T + 1, K, B, N) to be used instead of sampled ones, or null
    int64_t first, steps, block;        // first step, number of steps, steps that share one row of strengths
    const void *strengths;              // (blocks, T, K)
    const double *rate, *scale, *eps;   // (steps, K), (steps), (steps): eps < 0 where the rate is not adaptive
    double beta1, beta2, clip;
    const double *condition;            // (K) weight of the penalty on the observation matrix, or null
    const void *weight, *target;        // (K, n), (n): gradient += 2 weight (p - target), or null
    void *parameters, *mean, *square, *gradient;  // (K, n)
    void *losses;                       // (steps, K)
    volatile int64_t *stop;             // non-zero asks for an end after the step under way
    int64_t update;                     // 0: leave the gradient, change no parameter
};

static uint64_t mix(uint64_t x) {  // splitmix64 finaliser (Steele, Lea, Flood, doi:10.1145/2660193.2660195)
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

template <class real> struct Trainer : Products<real> {
    using typename Products<real>::vec;
    using Products<real>::V, Products<real>::lanes, Products<real>::relu, Products<real>::sum, Products<real>::sums;
    using Products<real>::product, Products<real>::transposed_product, Products<real>::outer;

    const Problem &p;
    const long N, M, H, T, F;  // F: forced units, which are also those that carry an error
    const real error_scale;
    PseudoInverse<real> pseudo;
    std::vector<void *> owned;
    vec *x, *z, *out, *phi, *pre, *hidden_delta, *delta, *signal, *residual, *carry, *bias_sum, *mask;
    std::vector<const real *> data, noise;

    explicit Trainer(const Problem &problem)
        : Products<real>(problem.B), p(problem), N(p.N), M(p.M), H(p.H), T(p.T), F(p.affine ? p.M : p.N),
          error_scale(real(2.0 / (double(p.T) * p.B * p.N))), pseudo(M, p.affine ? N : 0), data(V * lanes), noise(V * lanes) {
        const bool shallow = p.family != 0;
        x = buffer((T + 1) * N), z = buffer((T + 1) * M), delta = buffer(T * M), carry = buffer(M), mask = buffer(1);
        phi = buffer((T + 1) * (shallow ? H : M)), pre = buffer(p.family == 2 ? T * H : 0);
        hidden_delta = buffer(shallow ? T * H : 0), bias_sum = buffer(H);
        out = buffer(p.affine ? T * M : 0), signal = buffer(p.affine ? (T + 1) * M : 0), residual = buffer(p.affine ? T * N : 0);
        for (long b = 0; b < V * lanes; b++) reinterpret_cast<real *>(mask)[b] = b < p.B;
    }
    ~Trainer() {
        for (void *b : owned) std::free(b);
    }
    Trainer(const Trainer &) = delete;

    vec *buffer(long units) {
        const size_t bytes = size_t(units * V + 1) * sizeof(vec);
        owned.push_back(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
        if (owned.back()) std::memset(owned.back(), 0, bytes);
        return static_cast<vec *>(owned.back());
    }
    bool allocated() const {
        for (void *b : owned) if (!b) return false;
        return true;
    }

    void sample(long step, long member) {
        real *to = reinterpret_cast<real *>(x);
        const long width = V * lanes;
        if (p.windows) {
            const real *given = static_cast<const real *>(p.windows) + member * p.B * N;
            for (long t = 0; t <= T; t++)
                for (long i = 0; i < N; i++)
                    for (long b = 0; b < width; b++)
                        to[(t * N + i) * width + b] = given[(t * p.K * p.B + (b < p.B ? b : 0)) * N + i];
            return;
        }
        const uint64_t row = mix(p.key + uint64_t(step));
        for (long b = 0; b < width; b++) {
            const uint64_t draw = mix(row + ((uint64_t(member) << 32) | uint64_t(b < p.B ? b : 0)));
            data[b] = static_cast<const real *>(p.rows) + p.firsts[((draw >> 32) * uint64_t(p.choices)) >> 32] * N;
            noise[b] = static_cast<const real *>(p.normals) + (((draw & 0xFFFFFFFFu) * uint64_t(p.table)) >> 32);
        }
        const real size = real(p.noise);
        const long numbers = (T + 1) * N;
        for (long k0 = 0; k0 < numbers; k0 += 64)  // in pieces: a lane touches a new cache line with every number
            for (long b = 0; b < width; b++) {
                const real *from = data[b], *normal = noise[b];
                real *lane = to + b;
                const long k1 = std::min(k0 + 64, numbers);
                if (size == 0) for (long k = k0; k < k1; k++) lane[k * width] = from[k];
                else for (long k = k0; k < k1; k++) lane[k * width] = from[k] + size * normal[k];
            }
    }

    const vec *slice(const vec *all, long t, long units) const { return all + t * units * V; }
    vec *slice(vec *all, long t, long units) const { return all + t * units * V; }

    double forward(const real *q, const real *strengths) {
        const long wide = p.family ? H : M, linear = p.family ? M : p.linear;
        const bool affine = p.affine;
        const real *A = q + p.A, *W1 = q + p.W1, *h1 = q + p.h1, *W2 = q + p.W2, *h2 = q + p.h2;
        vec loss = {};
        start(q);
        for (long t = 0; t < T; t++) {
            const real alpha = strengths[t * p.K];
            const vec *now = slice(z, t, M), *truth = slice(x, t + 1, N), *aim = slice(signal, t + 1, affine ? M : 0);
            vec *units = slice(phi, t, wide), *next = slice(z, t + 1, M), *units_next = slice(phi, t + 1, wide);
            vec *error = slice(delta, t, M), *unforced = slice(out, t, affine ? M : 0), *before = slice(pre, t, H);
            if (p.family == 0)
                for (long at = linear * V; at < M * V; at++) units[at] = relu(now[at]);
            if (p.family == 1)
                product(W2, M, H, M, now, [&](long l, long) { return vec{} + h2[l]; },
                               [&](long, long at, vec u) { units[at] = relu(u); });
            if (p.family == 2)
                product(W2, M, H, M, now, [&](long, long) { return vec{}; }, [&](long l, long at, vec u) {
                    before[at] = u;
                    units[at] = relu(u + h2[l]) - relu(u);
                });
            product(W1, wide, M, wide, units, [&](long i, long at) { return A[i] * now[at] + h1[i]; },
                           [&](long i, long at, vec state) {  // the unforced prediction: its error, then the pull
                               if (affine) {
                                   unforced[at] = state;
                                   state += alpha * (aim[at] - state);
                               } else if (i < N) {
                                   const vec difference = state - truth[at];
                                   loss += difference * difference * mask[at - i * V];
                                   error[at] = difference * mask[at - i * V] * error_scale;
                                   state -= alpha * difference;
                               }
                               next[at] = state;
                               if (i < linear && !p.family) units_next[at] = state;
                           });
            if (affine) observe(q, truth, unforced, slice(residual, t, N), error, loss);
        }
        return sum(loss) / (double(T) * p.B * N);
    }

    void start(const real *q) {
        const real *C = q + p.C, *c = q + p.c;
        if (!p.affine) {
            std::memcpy(z, x, size_t(N * V) * sizeof(vec));
            product(C, N, M - N, N, x, [](long, long) { return vec{}; }, [&](long, long at, vec s) { z[N * V + at] = s; });
        } else {
            for (long t = 0; t <= T; t++) {
                vec *centred = slice(residual, t ? t - 1 : 0, N);  // used up before the residual of that step is written
                for (long i = 0; i < N; i++)
                    for (long v = 0; v < V; v++) centred[i * V + v] = x[(t * N + i) * V + v] - c[i];
                product(pseudo.inverse.data(), N, M, N, centred, [](long, long) { return vec{}; },
                               [&](long, long at, vec s) { signal[t * M * V + at] = s; });
            }
            std::memcpy(z, signal, size_t(M * V) * sizeof(vec));
        }
        if (p.family == 0) std::memcpy(phi, z, size_t(p.linear * V) * sizeof(vec));
    }

    void observe(const real *q, const vec *truth, const vec *unforced, vec *rest, vec *error, vec &loss) {
        const real *C = q + p.C, *c = q + p.c;
        product(C, M, N, M, unforced, [&](long i, long) { return vec{} + c[i]; }, [&](long i, long at, vec y) {
            const vec difference = (y - truth[at]) * mask[at - i * V];
            loss += difference * difference;
            rest[at] = difference * error_scale;
        });
        transposed_product(C, M, M, N, rest, [](long, long) { return vec{}; }, [&](long, long at, vec d) { error[at] = d; });
    }

    void backward(const real *q, const real *strengths) {
        const real *A = q + p.A, *W1 = q + p.W1, *W2 = q + p.W2, *h2 = q + p.h2;
        for (long at = F * V; at < M * V; at++) delta[(T - 1) * M * V + at] = vec{};
        if (p.family == 2) std::memset(bias_sum, 0, size_t(H * V) * sizeof(vec));
        for (long t = T - 1; t >= 0; t--) {
            const vec *d = slice(delta, t, M), *now = slice(z, t, M), *units = slice(phi, t, H), *before = slice(pre, t, H);
            vec *earlier = t ? slice(delta, t - 1, M) : carry, *g = slice(hidden_delta, t, H);
            const real keep = t ? 1 - strengths[(t - 1) * p.K] : 0;
            const long forced = t ? F : 0, linear = p.linear;
            // what comes back through the forced state joins the error of the prediction before it
            auto arrive = [&](long i, long at, vec back) { earlier[at] = i < forced ? earlier[at] + keep * back : back; };
            if (p.family == 0) {
                transposed_product(W1, M, M, M, d, [](long, long) { return vec{}; }, [&](long i, long at, vec back) {
                    arrive(i, at, A[i] * d[at] + (i < linear ? back : (now[at] > 0 ? back : vec{})));
                });
                continue;
            }
            if (p.family == 1)
                transposed_product(W1, H, H, M, d, [](long, long) { return vec{}; },
                              [&](long, long at, vec back) { g[at] = units[at] > 0 ? back : vec{}; });
            else
                transposed_product(W1, H, H, M, d, [](long, long) { return vec{}; }, [&](long l, long at, vec back) {
                    const vec on = before[at] + h2[l] > 0 ? back : vec{};
                    bias_sum[at] += on;
                    g[at] = on - (before[at] > 0 ? back : vec{});
                });
            transposed_product(W2, M, M, H, g, [&](long i, long at) { return A[i] * d[at]; }, arrive);
        }
    }

    void accumulate(real *gradient) {
        const long wide = p.family ? H : M;
        outer(delta, M, phi, wide, T, gradient + p.W1);
        sums(delta, z, M, T, gradient + p.A);
        sums(delta, nullptr, M, T, gradient + p.h1);
        if (p.family) {
            outer(hidden_delta, H, z, M, T, gradient + p.W2);
            if (p.family == 2) sums(bias_sum, nullptr, H, 1, gradient + p.h2);
            else sums(hidden_delta, nullptr, H, T, gradient + p.h2);
        }
        if (p.affine) {
            outer(residual, N, out, M, T, gradient + p.C);
            sums(residual, nullptr, N, T, gradient + p.c);
        } else if (M > N) {
            outer(carry + N * V, M - N, x, N, 1, gradient + p.C);
        }
    }

    void update(long s, long member, real *q, real *g) {
        const long n = p.n;
        real *m = static_cast<real *>(p.mean) + member * n, *v = static_cast<real *>(p.square) + member * n;
        double norm = 0;
        for (long i = 0; i < n; i++) norm += double(g[i]) * g[i];
        norm = std::sqrt(norm);
        const real shrink = p.clip > 0 && norm + 1e-6 > p.clip ? real(p.clip / (norm + 1e-6)) : real(1);
        const real b1 = real(1 - p.beta1), b2 = real(p.beta2), c2 = real(1 - p.beta2), eps = real(p.eps[s]);
        const real rate = real(p.rate[s * p.K + member] * p.scale[s]);
        for (long i = 0; i < n; i++) {
            const real gi = g[i] * shrink;
            m[i] += b1 * (gi - m[i]);
            v[i] = b2 * v[i] + c2 * gi * gi;
        }
        if (eps < 0) for (long i = 0; i < n; i++) q[i] -= rate * m[i];
        else for (long i = 0; i < n; i++) q[i] -= rate * m[i] / (std::sqrt(v[i]) + eps);
    }

    int64_t run() {
        for (long s = 0; s < p.steps; s++) {
            if (*p.stop) return s;
            const long blocks = (p.first + s) / p.block - p.first / p.block;
            for (long k = 0; k < p.K; k++) {
                real *q = static_cast<real *>(p.parameters) + k * p.n, *g = static_cast<real *>(p.gradient) + k * p.n;
                const real *strengths = static_cast<const real *>(p.strengths) + blocks * T * p.K + k;
                sample(p.first + s, k);
                if (p.affine) pseudo.invert(q + p.C);
                static_cast<real *>(p.losses)[s * p.K + k] = real(forward(q, strengths));
                backward(q, strengths);
                accumulate(g);
                if (p.affine && p.condition && p.condition[k] > 0) pseudo.add_condition_penalty(p.condition[k], g + p.C);
                if (p.weight) {
                    const real *weight = static_cast<const real *>(p.weight) + k * p.n, *target = static_cast<const real *>(p.target);
                    for (long i = 0; i < p.n; i++) g[i] += 2 * weight[i] * (q[i] - target[i]);
                }
                if (p.update) update(s, k, q, g);
            }
        }
        return p.steps;
    }
};

template <class real> static int64_t train(const Problem *problem) {
    Trainer<real> trainer(*problem);
    return trainer.allocated() ? trainer.run() : -1;
}

API int64_t dsr_train_float32(const Problem *problem) { return train<float>(problem); }
API int64_t dsr_train_float64(const Problem *problem) { return train<double>(problem); }
API int64_t dsr_problem_bytes() { return sizeof(Problem); }
API int64_t dsr_vector_bytes() { return DSR_VECTOR_BYTES; }
// Widest vectors of this processor for which there is a build, in bytes.
API int64_t dsr_supported_bytes() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) return 64;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 32;
#endif
    return 16;
}
