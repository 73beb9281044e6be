// Products of the compiled training loop (kernel.cpp), the batch in vector lanes: arrays are [unit][vector of batch], so
// every operation is "broadcast a weight, multiply a vector, add".
#pragma once
#include <algorithm>
#include <cstring>

#ifndef DSR_VECTOR_BYTES
#define DSR_VECTOR_BYTES 16
#endif
#define INLINE inline __attribute__((always_inline))

template <class real> struct Products {
    typedef real vec __attribute__((vector_size(DSR_VECTOR_BYTES)));
    static constexpr long lanes = DSR_VECTOR_BYTES / sizeof(real);
    static constexpr int columns = DSR_VECTOR_BYTES == 64 ? 4 : 2;  // of an outer-product tile: 4 x columns registers
    static constexpr int tallest = DSR_VECTOR_BYTES == 64 ? 12 : 6;  // rows of a product tile, for two vectors of batch

    const long V;  // vectors per unit

    explicit Products(long batch) : V((batch + lanes - 1) / lanes) {}

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
    // place of unit i in a time slice. Rows go in tiles that fill the registers.
    template <class Init, class Done>
    INLINE void product(const real *w, long ld, long n, long k, const vec *xs, Init init, Done done) {
        all_rows<false>(w, ld, n, k, xs, init, done);
    }
    // The same with w_ji.
    template <class Init, class Done>
    INLINE void transposed_product(const real *w, long ld, long n, long k, const vec *xs, Init init, Done done) {
        all_rows<true>(w, ld, n, k, xs, init, done);
    }
    template <bool transposed, class Init, class Done>
    INLINE void all_rows(const real *w, long ld, long n, long k, const vec *xs, Init init, Done done) {
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
};
