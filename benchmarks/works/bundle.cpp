#include <cmath>

// Both rows of a block come from the same intermediate values; A is the derivative of the rotated point by the rotation.
namespace {
void weights(const double *w, long n, double *out, bool derivative) {
  for (long i = 0; i < n; i++) out[i] = derivative ? -2 * w[i] : 1 - w[i] * w[i];
}

struct Rotation { double m[9], s, c, angle, w[3]; };

// The matrix of a rotation by its axis times angle.
Rotation rotation(const double *r) {
  Rotation q;
  double square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
  q.angle = std::sqrt(square);
  if (square == 0) {
    double m[9] = {1, -r[2], r[1], r[2], 1, -r[0], -r[1], r[0], 1};
    for (int i = 0; i < 9; i++) q.m[i] = m[i];
    return q;
  }
  q.s = std::sin(q.angle), q.c = std::cos(q.angle);
  for (int i = 0; i < 3; i++) q.w[i] = r[i] / q.angle;
  double k = 1 - q.c, *w = q.w;
  double m[9] = {q.c + k * w[0] * w[0],        k * w[0] * w[1] - q.s * w[2], k * w[0] * w[2] + q.s * w[1],
                 k * w[0] * w[1] + q.s * w[2], q.c + k * w[1] * w[1],        k * w[1] * w[2] - q.s * w[0],
                 k * w[0] * w[2] - q.s * w[1], k * w[1] * w[2] + q.s * w[0], q.c + k * w[2] * w[2]};
  for (int i = 0; i < 9; i++) q.m[i] = m[i];
  return q;
}
}

extern "C" void primal(const double *cameras, long c, const double *points, long m, const double *w, long n,
                       const double *seen, const long *camera, const long *point, double *out, double *out_w) {
  for (long i = 0; i < n; i++) {
    const double *cam = cameras + 11 * camera[i], *p = points + 3 * point[i];
    Rotation q = rotation(cam);
    double v[3], y[3];
    for (int j = 0; j < 3; j++) v[j] = p[j] - cam[3 + j];
    for (int j = 0; j < 3; j++) y[j] = q.m[3 * j] * v[0] + q.m[3 * j + 1] * v[1] + q.m[3 * j + 2] * v[2];
    double a = y[0] / y[2], b = y[1] / y[2], e = a * a + b * b, l = 1 + cam[9] * e + cam[10] * e * e;
    out[2 * i] = w[i] * (a * l * cam[6] + cam[7] - seen[2 * i]);
    out[2 * i + 1] = w[i] * (b * l * cam[6] + cam[8] - seen[2 * i + 1]);
  }
  weights(w, n, out_w, false);
}

extern "C" void gradient(const double *cameras, long c, const double *points, long m, const double *w, long n,
                         const double *seen, const long *camera, const long *point, double *out, double *out_w) {
  for (long i = 0; i < n; i++) {
    const double *cam = cameras + 11 * camera[i], *p = points + 3 * point[i];
    Rotation q = rotation(cam);
    double v[3], y[3];
    for (int j = 0; j < 3; j++) v[j] = p[j] - cam[3 + j];
    for (int j = 0; j < 3; j++) y[j] = q.m[3 * j] * v[0] + q.m[3 * j + 1] * v[1] + q.m[3 * j + 2] * v[2];
    double inverse = 1 / y[2], a = y[0] * inverse, b = y[1] * inverse, e = a * a + b * b;
    double l = 1 + cam[9] * e + cam[10] * e * e, slope = 2 * (cam[9] + 2 * cam[10] * e), f = cam[6], k = w[i];
    double *row[2] = {out + 30 * i, out + 30 * i + 15};
    double self[2] = {a, b};
    double by_a[2] = {k * f * (l + a * slope * a), k * f * b * slope * a};
    double by_b[2] = {k * f * a * slope * b, k * f * (l + b * slope * b)};
    for (int t = 0; t < 2; t++) {
      double *d = row[t];
      double g[3] = {by_a[t] * inverse, by_b[t] * inverse, -(by_a[t] * a + by_b[t] * b) * inverse};
      // by the point and the centre
      for (int j = 0; j < 3; j++) {
        d[11 + j] = q.m[j] * g[0] + q.m[3 + j] * g[1] + q.m[6 + j] * g[2];
        d[3 + j] = -d[11 + j];
      }
      // by the rotation: y = v c + (w x v) s + w (w . v) (1 - c)
      double vg[3] = {v[1] * g[2] - v[2] * g[1], v[2] * g[0] - v[0] * g[2], v[0] * g[1] - v[1] * g[0]};
      if (q.angle == 0) {
        for (int j = 0; j < 3; j++) d[j] = vg[j];
      } else {
        double *u = q.w, wv = u[0] * v[0] + u[1] * v[1] + u[2] * v[2], wg = u[0] * g[0] + u[1] * g[1] + u[2] * g[2];
        double vdg = v[0] * g[0] + v[1] * g[1] + v[2] * g[2], cross = u[0] * vg[0] + u[1] * vg[1] + u[2] * vg[2];
        double by_angle = -q.s * vdg + q.c * cross + q.s * wv * wg, dw[3];
        for (int j = 0; j < 3; j++) dw[j] = q.s * vg[j] + (1 - q.c) * (wv * g[j] + wg * v[j]);
        double along = u[0] * dw[0] + u[1] * dw[1] + u[2] * dw[2];
        for (int j = 0; j < 3; j++) d[j] = by_angle * u[j] + (dw[j] - along * u[j]) / q.angle;
      }
      d[6] = k * self[t] * l;
      d[7] = t == 0 ? k : 0;
      d[8] = t == 1 ? k : 0;
      d[9] = k * f * self[t] * e;
      d[10] = k * f * self[t] * e * e;
      d[14] = self[t] * l * f + cam[7 + t] - seen[2 * i + t];
    }
  }
  weights(w, n, out_w, true);
}
