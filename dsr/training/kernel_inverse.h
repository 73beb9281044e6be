// Pseudo-inverse of the observation matrix for the compiled training loop (kernel.cpp), and the penalty on its condition.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

template <class real> struct PseudoInverse {
    const long M, N;  // latent, observed units
    std::vector<real> inverse;
    std::vector<double> left, right;

    PseudoInverse(long latent, long observed) : M(latent), N(observed), inverse(latent * observed) {}

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
};
