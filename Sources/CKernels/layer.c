#include "lanes.h"

EK_INLINE float reciprocal_deviation(const float *x, size_t D, float epsilon) {
    return 1.0f / sqrtf(ek_dot(x, x, D) / (float)D + epsilon);
}

EK_VERSIONS
void ek_rmsnorm_forward(const float *x, size_t x_stride, const float *weight, float epsilon, float *y,
                        size_t y_stride, size_t T, size_t D) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        float *restrict yt = y + t * y_stride;
        const float rstd = reciprocal_deviation(xt, D, epsilon);
        for (size_t d = 0; d < D; d++) yt[d] = weight[d] * (xt[d] * rstd);
    }
}

EK_VERSIONS
void ek_rmsnorm_backward(const float *x, size_t x_stride, const float *weight, float epsilon, const float *dy,
                         size_t dy_stride, const float *residual, size_t residual_stride, float *dx,
                         size_t dx_stride, float *dweight, size_t T, size_t D) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict xt = x + t * x_stride;
        const float *restrict dyt = dy + t * dy_stride;
        const float *rt = residual + t * residual_stride;
        float *dxt = dx + t * dx_stride;
        const float rstd = reciprocal_deviation(xt, D, epsilon);
        float lanes[LANES] = {0};
        size_t i = 0;
        for (; i + LANES <= D; i += LANES)
            for (int j = 0; j < LANES; j++) lanes[j] += weight[i + j] * dyt[i + j] * xt[i + j];
        for (int j = 0; i < D; i++, j++) lanes[j] += weight[i] * dyt[i] * xt[i];
        const float pull = ek_lane_sum(lanes) * rstd * rstd * rstd / (float)D;
        for (size_t d = 0; d < D; d++) dweight[d] += dyt[d] * (xt[d] * rstd);
        for (size_t d = 0; d < D; d++) dxt[d] = rt[d] + (weight[d] * dyt[d] * rstd - xt[d] * pull);
    }
}

EK_VERSIONS
void ek_rotate(const float *in, size_t in_stride, float *out, size_t out_stride, const int32_t *positions,
               const float *cosines, const float *sines, float direction, size_t T, size_t heads, size_t K) {
    const size_t half = K / 2;
    for (size_t t = 0; t < T; t++) {
        const float *restrict c = cosines + (size_t)positions[t] * half;
        const float *restrict s = sines + (size_t)positions[t] * half;
        for (size_t h = 0; h < heads; h++) {
            const float *restrict a = in + t * in_stride + h * K;
            float *restrict b = out + t * out_stride + h * K;
            for (size_t i = 0; i < half; i++) {
                const float sine = direction * s[i];
                b[i] = a[i] * c[i] - a[i + half] * sine;
                b[i + half] = a[i + half] * c[i] + a[i] * sine;
            }
        }
    }
}

EK_VERSIONS
void ek_swiglu_forward(const float *gate_up, size_t gate_up_stride, float *out, size_t out_stride, size_t T,
                       size_t F) {
    for (size_t t = 0; t < T; t++) {
        const float *restrict gate = gate_up + t * gate_up_stride;
        const float *restrict up = gate + F;
        float *restrict y = out + t * out_stride;
        for (size_t f = 0; f < F; f++) y[f] = gate[f] / (1.0f + ek_exp(-gate[f])) * up[f];
    }
}

EK_VERSIONS
void ek_swiglu_backward(float *gate_up, size_t gate_up_stride, const float *dout, size_t dout_stride, size_t T,
                        size_t F) {
    for (size_t t = 0; t < T; t++) {
        float *restrict gate = gate_up + t * gate_up_stride;
        float *restrict up = gate_up + t * gate_up_stride + F;
        const float *restrict dy = dout + t * dout_stride;
        for (size_t f = 0; f < F; f++) {
            const float sigmoid = 1.0f / (1.0f + ek_exp(-gate[f]));
            const float silu = gate[f] * sigmoid;
            gate[f] = dy[f] * up[f] * (sigmoid + silu * (1.0f - sigmoid));
            up[f] = dy[f] * silu;
        }
    }
}
