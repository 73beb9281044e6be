// Whole training loop of the PLRNN family on one core: sampling, forward, backward, clipping, optimiser.
//
// Plain C interface, no libraries. Built once per vector width (DSR_VECTOR_BYTES = 16, 32, 64); the widest that the
// processor supports is chosen when it is loaded. Arrays over a window are laid out [time][unit][batch], the batch in
// vector lanes, so every operation of the recurrence is "broadcast a weight, multiply a vector, add".
// Mirrors dsr/training/adjoint.py (gradients), windows.py (sampling) and optimiser.py, which the tests hold it against.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#ifndef DSR_VECTOR_BYTES
#define DSR_VECTOR_BYTES 16
#endif
#if defined(_WIN32)
#define API extern "C" __declspec(dllexport)
#else
#define API extern "C" __attribute__((visibility("default")))
#endif
#define INLINE inline __attribute__((always_inline))

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

template <class real> struct Trainer {
    typedef real vec __attribute__((vector_size(DSR_VECTOR_BYTES)));
    static constexpr long lanes = DSR_VECTOR_BYTES / sizeof(real);
    static constexpr int columns = DSR_VECTOR_BYTES == 64 ? 4 : 2;  // of an outer-product tile: 4 x columns registers
    static constexpr int tallest = DSR_VECTOR_BYTES == 64 ? 12 : 6;  // rows of a product tile, for two vectors of batch

    const Problem &p;
    const long N, M, H, T, V, F;  // V: vectors per unit, F: forced units, which are also those that carry an error
    const real error_scale;
    std::vector<void *> owned;
    vec *x, *z, *out, *phi, *pre, *hidden_delta, *delta, *signal, *residual, *carry, *bias_sum, *mask;
    std::vector<real> inverse;
    std::vector<const real *> data, noise;
    std::vector<double> left, right;

    explicit Trainer(const Problem &problem)
        : p(problem), N(p.N), M(p.M), H(p.H), T(p.T), V((p.B + lanes - 1) / lanes), F(p.affine ? p.M : p.N),
          error_scale(real(2.0 / (double(p.T) * p.B * p.N))), inverse(p.affine ? M * N : 0), data(V * lanes), noise(V * lanes) {
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

    static INLINE vec relu(vec a) { return a > 0 ? a : vec{}; }
    template <int bytes> static INLINE real folded(const real *a) {  // sum of a vector of so many bytes
        if constexpr (bytes > 16) {
            typedef real half __attribute__((vector_size(bytes / 2)));
            half parts[2];
            std::memcpy(parts, a, bytes);
            parts[0] += parts[1];
            return folded<bytes / 2>(reinterpret_cast<const real *>(parts));
        } else {
            real total = a[0];
            for (size_t i = 1; i < 16 / sizeof(real); i++) total += a[i];
            return total;
        }
    }
    static INLINE real sum(vec a) { return folded<DSR_VECTOR_BYTES>(reinterpret_cast<const real *>(&a)); }

    // done(i, at, init(i, at) + sum_j w_ij x_j) for n rows of a weight matrix with k columns, at = i V + v being the
    // place of unit i in a time slice; transposed reads w_ji. Rows go in tiles that fill the registers.
    template <bool transposed, class Init, class Done>
    INLINE void product(const real *w, long ld, long n, long k, const vec *xs, Init init, Done done) {
        long v = 0;
        if (DSR_VECTOR_BYTES == 64)
            for (; v + 4 <= V; v += 4) rows<4, transposed>(w, ld, n, k, xs, v, init, done);
        for (; v + 2 <= V; v += 2) rows<2, transposed>(w, ld, n, k, xs, v, init, done);
        for (; v < V; v++) rows<1, transposed>(w, ld, n, k, xs, v, init, done);
    }
    template <int NB, bool transposed, class Init, class Done>
    INLINE void rows(const real *w, long ld, long n, long k, const vec *xs, long v, Init init, Done done) {
        constexpr int most = NB == 1 ? 12 : NB == 4 ? 6 : tallest;
        long i = 0;
        for (; i + most <= n; i += most) tile<most, NB, transposed>(w, ld, k, xs, i, v, init, done);
        if constexpr (most > 8)
            if (i + 8 <= n) tile<8, NB, transposed>(w, ld, k, xs, i, v, init, done), i += 8;
        if (i + 4 <= n) tile<4, NB, transposed>(w, ld, k, xs, i, v, init, done), i += 4;
        if (n - i == 3) return tile<3, NB, transposed>(w, ld, k, xs, i, v, init, done);
        if (n - i == 2) return tile<2, NB, transposed>(w, ld, k, xs, i, v, init, done);
        if (n - i == 1) return tile<1, NB, transposed>(w, ld, k, xs, i, v, init, done);
    }
    template <int R, int NB, bool transposed, class Init, class Done>
    INLINE void tile(const real *w, long ld, long k, const vec *xs, long i, long v, Init init, Done done) {
        constexpr int chains = R * NB >= 8 ? 1 : R * NB >= 4 ? 2 : 4;  // independent sums hide the latency of few rows
        vec acc[chains][R][NB];
        for (int r = 0; r < R; r++)
            for (int b = 0; b < NB; b++) {
                acc[0][r][b] = init(i + r, (i + r) * V + v + b);
                for (int c = 1; c < chains; c++) acc[c][r][b] = vec{};
            }
        const real *at = transposed ? w + i : w + i * ld;
        const vec *column = xs + v;
        long j = 0;
        for (; j + chains <= k; j += chains)
            for (int c = 0; c < chains; c++) add_column<R, NB, transposed>(at, ld, j + c, column + (j + c) * V, acc[c]);
        for (; j < k; j++) add_column<R, NB, transposed>(at, ld, j, column + j * V, acc[0]);
        for (int r = 0; r < R; r++)
            for (int b = 0; b < NB; b++) {
                for (int c = 1; c < chains; c++) acc[0][r][b] += acc[c][r][b];
                done(i + r, (i + r) * V + v + b, acc[0][r][b]);
            }
    }
    template <int R, int NB, bool transposed>
    static INLINE void add_column(const real *w, long ld, long j, const vec *column, vec (&acc)[R][NB]) {
        vec x[NB];
        for (int b = 0; b < NB; b++) x[b] = column[b];
        for (int r = 0; r < R; r++) {
            const real weight = transposed ? w[j * ld + r] : w[r * ld + j];
            for (int b = 0; b < NB; b++) acc[r][b] += weight * x[b];
        }
    }

    // gradient[i][j] = sum over time and batch of a_i b_j; time is cut so that the panels of b stay in the cache.
    void outer(const vec *a, long n, const vec *b, long m, long times, real *gradient) {
        std::memset(gradient, 0, size_t(n * m) * sizeof(real));
        const long chunk = std::max(16L, (640L << 10) / long(m * V * sizeof(vec) + 1));
        for (long t = 0; t < times; t += chunk)
            for (long i = 0; i < n; i += 4)
                for (long j = 0; j < m; j += columns)
                    outer_rows(a, n, b, m, t, std::min(t + chunk, times), i, j, gradient);
    }
    void outer_rows(const vec *a, long n, const vec *b, long m, long t0, long t1, long i, long j, real *gradient) {
        switch (std::min(4L, n - i)) {
            case 4: return outer_columns<4>(a, n, b, m, t0, t1, i, j, gradient);
            case 3: return outer_columns<3>(a, n, b, m, t0, t1, i, j, gradient);
            case 2: return outer_columns<2>(a, n, b, m, t0, t1, i, j, gradient);
            default: return outer_columns<1>(a, n, b, m, t0, t1, i, j, gradient);
        }
    }
    template <int R> void outer_columns(const vec *a, long n, const vec *b, long m, long t0, long t1, long i, long j, real *gradient) {
        switch (std::min(long(columns), m - j)) {
            case 4: return outer_tile<R, 4>(a, n, b, m, t0, t1, i, j, gradient);
            case 3: return outer_tile<R, 3>(a, n, b, m, t0, t1, i, j, gradient);
            case 2: return outer_tile<R, 2>(a, n, b, m, t0, t1, i, j, gradient);
            default: return outer_tile<R, 1>(a, n, b, m, t0, t1, i, j, gradient);
        }
    }
    template <int R, int C> void outer_tile(const vec *a, long n, const vec *b, long m, long t0, long t1, long i, long j, real *gradient) {
        vec acc[R][C] = {};
        for (long t = t0; t < t1; t++)
            for (long v = 0; v < V; v++) {
                const vec *at = a + (t * n + i) * V + v, *bt = b + (t * m + j) * V + v;
                for (int r = 0; r < R; r++)
                    for (int c = 0; c < C; c++) acc[r][c] += at[r * V] * bt[c * V];
            }
        for (int r = 0; r < R; r++)
            for (int c = 0; c < C; c++) gradient[(i + r) * m + j + c] += sum(acc[r][c]);
    }
    void sums(const vec *a, const vec *b, long n, long times, real *gradient) {  // b = null: sum of a alone
        long i = 0;
        for (; i + 8 <= n; i += 8) sums_of<8>(a, b, n, times, i, gradient);
        for (; i < n; i++) sums_of<1>(a, b, n, times, i, gradient);
    }
    template <int R> void sums_of(const vec *a, const vec *b, long n, long times, long i, real *gradient) {
        vec acc[R] = {};
        for (long t = 0; t < times; t++)
            for (long v = 0; v < V; v++)
                for (int r = 0; r < R; r++) {
                    const long at = (t * n + i + r) * V + v;
                    acc[r] += b ? a[at] * b[at] : a[at];
                }
        for (int r = 0; r < R; r++) gradient[i + r] = sum(acc[r]);
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
                product<false>(W2, M, H, M, now, [&](long l, long) { return vec{} + h2[l]; },
                               [&](long, long at, vec u) { units[at] = relu(u); });
            if (p.family == 2)
                product<false>(W2, M, H, M, now, [&](long, long) { return vec{}; }, [&](long l, long at, vec u) {
                    before[at] = u;
                    units[at] = relu(u + h2[l]) - relu(u);
                });
            product<false>(W1, wide, M, wide, units, [&](long i, long at) { return A[i] * now[at] + h1[i]; },
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
            product<false>(C, N, M - N, N, x, [](long, long) { return vec{}; }, [&](long, long at, vec s) { z[N * V + at] = s; });
        } else {
            for (long t = 0; t <= T; t++) {
                vec *centred = slice(residual, t ? t - 1 : 0, N);  // used up before the residual of that step is written
                for (long i = 0; i < N; i++)
                    for (long v = 0; v < V; v++) centred[i * V + v] = x[(t * N + i) * V + v] - c[i];
                product<false>(inverse.data(), N, M, N, centred, [](long, long) { return vec{}; },
                               [&](long, long at, vec s) { signal[t * M * V + at] = s; });
            }
            std::memcpy(z, signal, size_t(M * V) * sizeof(vec));
        }
        if (p.family == 0) std::memcpy(phi, z, size_t(p.linear * V) * sizeof(vec));
    }

    void observe(const real *q, const vec *truth, const vec *unforced, vec *rest, vec *error, vec &loss) {
        const real *C = q + p.C, *c = q + p.c;
        product<false>(C, M, N, M, unforced, [&](long i, long) { return vec{} + c[i]; }, [&](long i, long at, vec y) {
            const vec difference = (y - truth[at]) * mask[at - i * V];
            loss += difference * difference;
            rest[at] = difference * error_scale;
        });
        product<true>(C, M, M, N, rest, [](long, long) { return vec{}; }, [&](long, long at, vec d) { error[at] = d; });
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
                product<true>(W1, M, M, M, d, [](long, long) { return vec{}; }, [&](long i, long at, vec back) {
                    arrive(i, at, A[i] * d[at] + (i < linear ? back : (now[at] > 0 ? back : vec{})));
                });
                continue;
            }
            if (p.family == 1)
                product<true>(W1, H, H, M, d, [](long, long) { return vec{}; },
                              [&](long, long at, vec back) { g[at] = units[at] > 0 ? back : vec{}; });
            else
                product<true>(W1, H, H, M, d, [](long, long) { return vec{}; }, [&](long l, long at, vec back) {
                    const vec on = before[at] + h2[l] > 0 ? back : vec{};
                    bias_sum[at] += on;
                    g[at] = on - (before[at] > 0 ? back : vec{});
                });
            product<true>(W2, M, M, H, g, [&](long i, long at) { return A[i] * d[at]; }, arrive);
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

    // Pseudo-inverse of the observation matrix by one-sided Jacobi rotations in double precision.
    void invert(const real *C) {
        const long tall = std::max(M, N), wide = std::min(M, N);
        const bool flip = M > N;  // the columns of `left` are those of C, or its rows
        left.assign(tall * wide, 0), right.assign(wide * wide, 0);
        for (long i = 0; i < tall; i++)
            for (long j = 0; j < wide; j++) left[j * tall + i] = flip ? C[j * M + i] : C[i * M + j];
        for (long j = 0; j < wide; j++) right[j * wide + j] = 1;
        bool turned = true;
        for (int sweep = 0; turned && sweep < 40; sweep++) {
            turned = false;
            for (long a = 0; a < wide; a++)
                for (long b = a + 1; b < wide; b++) turned |= rotate(a, b, tall, wide);
        }
        double largest = 0;
        for (long j = 0; j < wide; j++) largest = std::max(largest, dot(&left[j * tall], &left[j * tall], tall));
        const double cut = std::sqrt(largest) * tall * std::numeric_limits<real>::epsilon();
        for (long i = 0; i < tall; i++)
            for (long j = 0; j < wide; j++) {
                double total = 0;
                for (long s = 0; s < wide; s++) {
                    const double power = dot(&left[s * tall], &left[s * tall], tall);
                    if (power > cut * cut) total += right[s * wide + j] * left[s * tall + i] / power;
                }
                inverse[flip ? i * N + j : j * N + i] = real(total);
            }
    }
    static double dot(const double *a, const double *b, long n) {
        double total = 0;
        for (long i = 0; i < n; i++) total += a[i] * b[i];
        return total;
    }
    bool rotate(long a, long b, long tall, long wide) {
        double *u = &left[a * tall], *v = &left[b * tall];
        const double alpha = dot(u, u, tall), beta = dot(v, v, tall), gamma = dot(u, v, tall);
        if (!(std::fabs(gamma) > 1e-15 * std::sqrt(alpha * beta))) return false;
        const double zeta = (beta - alpha) / (2 * gamma);
        const double tangent = std::copysign(1.0, zeta) / (std::fabs(zeta) + std::sqrt(1 + zeta * zeta));
        const double cosine = 1 / std::sqrt(1 + tangent * tangent), sine = cosine * tangent;
        auto turn = [&](double *first, double *second, long n) {
            for (long i = 0; i < n; i++) {
                const double old = first[i];
                first[i] = cosine * old - sine * second[i];
                second[i] = sine * old + cosine * second[i];
            }
        };
        turn(u, v, tall);
        turn(&right[a * wide], &right[b * wide], wide);
        return true;
    }
    // weight (1 - s_max / (s_min + 1e-8))^2 of the observation matrix, whose rotated columns `invert` has left behind
    void add_condition_penalty(double weight, real *gradient) {
        const long tall = std::max(M, N), wide = std::min(M, N);
        long high = 0, low = 0;
        std::vector<double> s(wide);
        for (long j = 0; j < wide; j++) {
            s[j] = std::sqrt(dot(&left[j * tall], &left[j * tall], tall));
            if (s[j] > s[high]) high = j;
            if (s[j] < s[low]) low = j;
        }
        const double below = s[low] + 1e-8, excess = 2 * weight * (1 - s[high] / below);
        for (long i = 0; i < tall; i++)
            for (long j = 0; j < wide; j++) {
                const double change = -excess / below * left[high * tall + i] / s[high] * right[high * wide + j] +
                                      excess * s[high] / (below * below) * left[low * tall + i] / s[low] * right[low * wide + j];
                gradient[M > N ? j * M + i : i * M + j] += real(change);
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
                if (p.affine) invert(q + p.C);
                static_cast<real *>(p.losses)[s * p.K + k] = real(forward(q, strengths));
                backward(q, strengths);
                accumulate(g);
                if (p.affine && p.condition && p.condition[k] > 0) add_condition_penalty(p.condition[k], g + p.C);
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
