#include <cmath>

// Both rows of a block come from the same intermediate values. No branch is in a turn, so that turns can be vectors.
namespace {
struct Seen { double a, b, inverse, square, bent, v[3], w[3], wv, cross[3], s, c, angle, zero; };

// Where a camera sees a point, before focal length and principal point, and what that was made from.
inline __attribute__((always_inline)) Seen see(const double *camera, const double *point) {
  Seen q;
  double square = camera[0] * camera[0] + camera[1] * camera[1] + camera[2] * camera[2];
  q.zero = square == 0;
  q.angle = std::sqrt(square == 0 ? 1 : square);
  q.s = std::sin(q.angle), q.c = std::cos(q.angle);
  q.s = square == 0 ? 1 : q.s;
  q.c = square == 0 ? 1 : q.c;
  double *v = q.v, *w = q.w, y[3], over = 1 / q.angle;
  for (int j = 0; j < 3; j++) {
    w[j] = camera[j] * over;
    v[j] = point[j] - camera[3 + j];
  }
  q.wv = w[0] * v[0] + w[1] * v[1] + w[2] * v[2];
  q.cross[0] = w[1] * v[2] - w[2] * v[1], q.cross[1] = w[2] * v[0] - w[0] * v[2], q.cross[2] = w[0] * v[1] - w[1] * v[0];
  for (int j = 0; j < 3; j++) y[j] = v[j] * q.c + q.cross[j] * q.s + w[j] * (q.wv * (1 - q.c));
  q.inverse = 1 / y[2];
  q.a = y[0] * q.inverse, q.b = y[1] * q.inverse;
  q.square = q.a * q.a + q.b * q.b;
  q.bent = 1 + camera[9] * q.square + camera[10] * q.square * q.square;
  return q;
}

// A row of the Jacobian: x is the coordinate of the row, g its derivative by the two coordinates.
inline __attribute__((always_inline)) void row(const Seen &q, const double *camera, double k, double x, double by_a, double by_b, double seen, int axis, double *d) {
  double g[3] = {by_a * q.inverse, by_b * q.inverse, -(by_a * q.a + by_b * q.b) * q.inverse};
  const double *w = q.w, *v = q.v;
  double vg[3] = {v[1] * g[2] - v[2] * g[1], v[2] * g[0] - v[0] * g[2], v[0] * g[1] - v[1] * g[0]};
  double gw[3] = {g[1] * w[2] - g[2] * w[1], g[2] * w[0] - g[0] * w[2], g[0] * w[1] - g[1] * w[0]};
  double wg = w[0] * g[0] + w[1] * g[1] + w[2] * g[2], vdg = v[0] * g[0] + v[1] * g[1] + v[2] * g[2];
  double cross = w[0] * vg[0] + w[1] * vg[1] + w[2] * vg[2], rest = 1 - q.c, dw[3];
  double by_angle = -q.s * vdg + q.c * cross + q.s * q.wv * wg, over = 1 / q.angle;
  for (int j = 0; j < 3; j++) dw[j] = q.s * vg[j] + rest * (q.wv * g[j] + wg * v[j]);
  double along = w[0] * dw[0] + w[1] * dw[1] + w[2] * dw[2];
  for (int j = 0; j < 3; j++) {
    double turned = by_angle * w[j] + (dw[j] - along * w[j]) * over;
    d[j] = q.zero ? vg[j] : turned;
    // the transposed rotation, by the same formula with the angle reversed
    d[11 + j] = q.c * g[j] + q.s * gw[j] + rest * wg * w[j];
    d[3 + j] = -d[11 + j];
  }
  double f = camera[6];
  d[6] = k * x * q.bent;
  d[7] = axis == 0 ? k : 0;
  d[8] = axis == 1 ? k : 0;
  d[9] = k * f * x * q.square;
  d[10] = k * f * x * q.square * q.square;
  d[14] = x * q.bent * f + camera[7 + axis] - seen;
}
}

extern "C" void primal(const double *cameras, long, const double *points, long, const double *w, long n,
                       const double *seen, const long *camera, const long *point, double *__restrict out,
                       double *__restrict out_w) {
#pragma omp simd
  for (long i = 0; i < n; i++) {
    const double *cam = cameras + 11 * camera[i];
    Seen q = see(cam, points + 3 * point[i]);
    out[2 * i] = w[i] * (q.a * q.bent * cam[6] + cam[7] - seen[2 * i]);
    out[2 * i + 1] = w[i] * (q.b * q.bent * cam[6] + cam[8] - seen[2 * i + 1]);
  }
  for (long i = 0; i < n; i++) out_w[i] = 1 - w[i] * w[i];
}

extern "C" void gradient(const double *cameras, long, const double *points, long, const double *w, long n,
                         const double *seen, const long *camera, const long *point, double *__restrict out,
                         double *__restrict out_w) {
#pragma omp simd
  for (long i = 0; i < n; i++) {
    const double *cam = cameras + 11 * camera[i];
    Seen q = see(cam, points + 3 * point[i]);
    double f = w[i] * cam[6], slope = 2 * (cam[9] + 2 * cam[10] * q.square), mixed = f * q.a * q.b * slope;
    row(q, cam, w[i], q.a, f * (q.bent + q.a * q.a * slope), mixed, seen[2 * i], 0, out + 30 * i);
    row(q, cam, w[i], q.b, mixed, f * (q.bent + q.b * q.b * slope), seen[2 * i + 1], 1, out + 30 * i + 15);
  }
  for (long i = 0; i < n; i++) out_w[i] = -2 * w[i];
}
