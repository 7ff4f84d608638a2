#include "lanes.h"

EK_VERSIONS
void ek_add(const float *restrict x, float *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += x[i];
}

EK_VERSIONS
void ek_add_scaled(const float *restrict x, float factor, float *restrict y, size_t count) {
    for (size_t i = 0; i < count; i++) y[i] += factor * x[i];
}

EK_VERSIONS
void ek_scale(float *x, float factor, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] *= factor;
}

EK_VERSIONS
void ek_add_column_sums(const float *x, size_t stride, size_t rows, size_t columns, float *y) {
    // The columns of one cache line at a time, so that no memory is read twice.
    enum { BLOCK = 16 };
    for (size_t start = 0; start < columns; start += BLOCK) {
        const size_t count = columns - start < BLOCK ? columns - start : BLOCK;
        double sums[BLOCK] = {0};
        for (size_t i = 0; i < rows; i++) {
            const float *restrict row = x + i * stride + start;
            if (count == BLOCK)
                for (int j = 0; j < BLOCK; j++) sums[j] += (double)row[j];
            else
                for (size_t j = 0; j < count; j++) sums[j] += (double)row[j];
        }
        for (size_t j = 0; j < count; j++) y[start + j] += (float)sums[j];
    }
}

EK_VERSIONS
double ek_sum_of_squares(const float *x, size_t count) {
    double lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += (double)x[i + j] * (double)x[i + j];
    for (int j = 0; i < count; i++, j++) lanes[j] += (double)x[i] * (double)x[i];
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];
    return lanes[0];
}

EK_VERSIONS
void ek_adamw(float *restrict parameter, const float *restrict gradient, float *restrict first, float *restrict second,
              size_t count, const ek_adamw_settings *settings) {
    const ek_adamw_settings s = *settings;
    const float keep = 1.0f - s.learning_rate * s.weight_decay;
    const float step = s.learning_rate / s.first_correction;
    for (size_t i = 0; i < count; i++) {
        const float g = gradient[i] * s.gradient_scale;
        first[i] = s.beta1 * first[i] + (1.0f - s.beta1) * g;
        second[i] = s.beta2 * second[i] + (1.0f - s.beta2) * g * g;
        // Unlike `sqrtf`, the intrinsic sets no errno and so becomes a vector instruction.
        const float denominator = __builtin_elementwise_sqrt(second[i]) / s.second_correction_root + s.epsilon;
        parameter[i] = keep * parameter[i] - step * first[i] / denominator;
    }
}
