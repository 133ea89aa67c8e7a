#include <cstring>
#include <vector>

// W particles are taken through all steps together, so that compilers can use vectors.
namespace {
const int W = 8;

inline double force(double x) {
  double inner = 0.3 * x * (1 - x * x), upper = -4 * (x - 1), lower = -4 * (x + 1);
  return x > 1 ? upper : x < -1 ? lower : inner;
}

inline double slope(double x) { return x > 1 || x < -1 ? -4 : 0.3 - 0.9 * x * x; }

void start(const double *v, long first, long n, double *x, double *u) {
  for (int l = 0; l < W; l++) {
    x[l] = 0.1 * (first + l);
    u[l] = first + l < n ? v[first + l] : 0;
  }
}
}

extern "C" void primal(const double *v, long n, long steps, double *y) {
  double total = 0;
  for (long first = 0; first < n; first += W) {
    double x[W], u[W];
    start(v, first, n, x, u);
    for (long t = 0; t < steps; t++)
      for (int l = 0; l < W; l++) {
        u[l] += 0.01 * (force(x[l]) - 0.1 * u[l]);
        x[l] += 0.01 * u[l];
      }
    for (int l = 0; l < W && first + l < n; l++) total += x[l] * x[l];
  }
  *y = total;
}

extern "C" void gradient(const double *v, long n, long steps, double *g) {
  static thread_local std::vector<double> tape;
  tape.resize(steps * W);
  for (long first = 0; first < n; first += W) {
    double x[W], u[W];
    start(v, first, n, x, u);
    for (long t = 0; t < steps; t++) {
      std::memcpy(&tape[t * W], x, sizeof x);
      for (int l = 0; l < W; l++) {
        u[l] += 0.01 * (force(x[l]) - 0.1 * u[l]);
        x[l] += 0.01 * u[l];
      }
    }
    double dx[W], du[W];
    for (int l = 0; l < W; l++) dx[l] = 2 * x[l], du[l] = 0;
    for (long t = steps; t-- > 0;) {
      std::memcpy(x, &tape[t * W], sizeof x);
      for (int l = 0; l < W; l++) {
        du[l] += 0.01 * dx[l];
        dx[l] += 0.01 * du[l] * slope(x[l]);
        du[l] *= 0.999;
      }
    }
    for (int l = 0; l < W && first + l < n; l++) g[first + l] = du[l];
  }
}
