#include "lanes.h"

/// The iterations of the next loop are independent: pointers in it are equal, or overlap nowhere.
#define EK_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")

EK_INLINE float reciprocal_deviation(const float *x, size_t D, float epsilon) {
    return 1.0f / sqrtf(ek_dot(x, x, D) / (float)D + epsilon);
}

/// Adding the result keeps every bit of a weight if `offset` is 0: those of -0 too, which adding +0 would change.
EK_INLINE float exact_offset(float offset) { return offset == 0.0f ? -0.0f : offset; }

EK_VERSIONS
void ek_rmsnorm_forward(const float *x, size_t x_stride, const float *weight, float offset, float epsilon, float *y,
                        size_t y_stride, size_t T, size_t D) {
    const float shift = exact_offset(offset);
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        float *restrict yt = y + t * y_stride;
        const float rstd = reciprocal_deviation(xt, D, epsilon);
        for (size_t d = 0; d < D; d++) yt[d] = (shift + weight[d]) * (xt[d] * rstd);
    }
}

EK_VERSIONS
void ek_rmsnorm_backward(const float *x, size_t x_stride, const float *weight, float offset, float epsilon,
                         const float *dy, size_t dy_stride, const float *residual, size_t residual_stride, float *dx,
                         size_t dx_stride, float *restrict dweight, size_t T, size_t D) {
    const float shift = exact_offset(offset);
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        const float *dyt = dy + t * dy_stride;
        float *dxt = dx + t * dx_stride;
        const float rstd = reciprocal_deviation(xt, D, epsilon);
        float lanes[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= D; i += LANES)
            for (int j = 0; j < LANES; j++) lanes[j] += (shift + weight[i + j]) * dyt[i + j] * xt[i + j];
        for (int j = 0; i < D; i++, j++) lanes[j] += (shift + weight[i]) * dyt[i] * xt[i];
        const float pull = ek_lane_sum(lanes) * rstd * rstd * rstd / (float)D;
        for (size_t d = 0; d < D; d++) dweight[d] += dyt[d] * (xt[d] * rstd);
        if (residual) {
            const float *rt = residual + t * residual_stride;
            EK_INDEPENDENT
            for (size_t d = 0; d < D; d++)
                dxt[d] = rt[d] + ((shift + weight[d]) * dyt[d] * rstd - xt[d] * pull);
        } else {
            EK_INDEPENDENT
            for (size_t d = 0; d < D; d++) dxt[d] = (shift + weight[d]) * dyt[d] * rstd - xt[d] * pull;
        }
    }
}

EK_INLINE float mean(const float *restrict x, size_t D) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= D; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += x[i + j];
    for (int j = 0; i < D; i++, j++) lanes[j] += x[i];
    return ek_lane_sum(lanes) / (float)D;
}

/// As `reciprocal_deviation`, of `x - center`.
EK_INLINE float centered_reciprocal_deviation(const float *restrict x, float center, size_t D, float epsilon) {
    float lanes[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= D; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += (x[i + j] - center) * (x[i + j] - center);
    for (int j = 0; i < D; i++, j++) lanes[j] += (x[i] - center) * (x[i] - center);
    return 1.0f / sqrtf(ek_lane_sum(lanes) / (float)D + epsilon);
}

EK_VERSIONS
void ek_layernorm_forward(const float *x, size_t x_stride, const float *weight, const float *bias, float epsilon,
                          float *y, size_t y_stride, size_t T, size_t D) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        float *restrict yt = y + t * y_stride;
        const float center = mean(xt, D);
        const float rstd = centered_reciprocal_deviation(xt, center, D, epsilon);
        if (bias)
            for (size_t d = 0; d < D; d++) yt[d] = weight[d] * ((xt[d] - center) * rstd) + bias[d];
        else
            for (size_t d = 0; d < D; d++) yt[d] = weight[d] * ((xt[d] - center) * rstd);
    }
}

EK_VERSIONS
void ek_layernorm_backward(const float *x, size_t x_stride, const float *weight, float epsilon, const float *dy,
                           size_t dy_stride, const float *residual, size_t residual_stride, float *dx,
                           size_t dx_stride, float *restrict dweight, float *restrict dbias, size_t T, size_t D) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        const float *dyt = dy + t * dy_stride;
        float *dxt = dx + t * dx_stride;
        const float center = mean(xt, D);
        const float rstd = centered_reciprocal_deviation(xt, center, D, epsilon);
        float sums[LANES] = {0}, products[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= D; i += LANES)
            for (int j = 0; j < LANES; j++) {
                const float slope = weight[i + j] * dyt[i + j];
                sums[j] += slope;
                products[j] += slope * (xt[i + j] - center);
            }
        for (int j = 0; i < D; i++, j++) {
            const float slope = weight[i] * dyt[i];
            sums[j] += slope;
            products[j] += slope * (xt[i] - center);
        }
        const float drift = ek_lane_sum(sums) * rstd / (float)D;
        const float pull = ek_lane_sum(products) * rstd * rstd * rstd / (float)D;
        for (size_t d = 0; d < D; d++) dweight[d] += dyt[d] * ((xt[d] - center) * rstd);
        if (dbias)
            for (size_t d = 0; d < D; d++) dbias[d] += dyt[d];
        if (residual) {
            const float *rt = residual + t * residual_stride;
            EK_INDEPENDENT
            for (size_t d = 0; d < D; d++)
                dxt[d] = rt[d] + (weight[d] * dyt[d] * rstd - drift - (xt[d] - center) * pull);
        } else {
            EK_INDEPENDENT
            for (size_t d = 0; d < D; d++) dxt[d] = weight[d] * dyt[d] * rstd - drift - (xt[d] - center) * pull;
        }
    }
}
