#include <algorithm>
#include <cmath>
#include <vector>

// B points are taken together in vectors of W; compilers know D where it is 10.
namespace {
typedef double V __attribute__((vector_size(32)));
const int W = 4, U = 4, B = W * U, MOST = 64;
const double PI = 3.14159265358979323846;

struct Given { const double *alphas, *means, *factors, *xs; long k, n; double gamma; long m; };

double log_gamma_distribution(double a, long p) {
  double out = 0.25 * p * (p - 1) * std::log(PI);
  for (long j = 1; j <= p; j++) out += std::lgamma(a + 0.5 * (1 - j));
  return out;
}

double log_of_sum(const double *x, long n) {
  double top = *std::max_element(x, x + n), s = 0;
  for (long i = 0; i < n; i++) s += std::exp(x[i] - top);
  return top + std::log(s);
}

// A block of points, one coordinate of all behind the other; points that are missing are zero.
void load(const Given &in, long first, int d, V (*x)[U]) {
  for (int i = 0; i < d; i++)
    for (int l = 0; l < B; l++) x[i][l / W][l % W] = first + l < in.n ? in.xs[(first + l) * d + i] : 0;
}

// Of each component the factor by rows, its diagonal in place, and the logarithm of its weight and determinant.
struct Prepared { std::vector<double> rows, log; };

Prepared prepare(const Given &in, int d, long t) {
  Prepared q{std::vector<double>(in.k * t), std::vector<double>(in.k)};
  for (long c = 0; c < in.k; c++) {
    const double *factor = in.factors + c * t, *low = factor + d;
    double *rows = &q.rows[c * t];
    q.log[c] = in.alphas[c];
    for (int i = 0; i < d; i++) {
      q.log[c] += factor[i];
      rows[i * (i + 3) / 2] = std::exp(factor[i]);
      for (int j = i + 1; j < d; j++) rows[j * (j + 1) / 2 + i] = *low++;
    }
  }
  return q;
}

// The logarithms of the weighted densities of the components at a block of points: rows of p, n wide.
template <int D> void densities(const Given &in, const Prepared &q, int open, V (*x)[U], double *p, long n) {
  const int d = D ? D : open;
  for (long c = 0; c < in.k; c++) {
    const double *mean = in.means + c * d, *row = &q.rows[c * (d * (d + 1) / 2)];
    V z[D ? D : MOST][U], square[U] = {};
    for (int i = 0; i < d; i++) {
      V y[U] = {};
      for (int u = 0; u < U; u++) z[i][u] = x[i][u] - mean[i];
      for (int j = 0; j <= i; j++, row++)
        for (int u = 0; u < U; u++) y[u] += *row * z[j][u];
      for (int u = 0; u < U; u++) square[u] += y[u] * y[u];
    }
    for (int l = 0; l < B; l++) p[c * n + l] = q.log[c] - 0.5 * square[l / W][l % W];
  }
}

// Makes weights of the components out of the logarithms; gives the logarithm of their sum, added over the points.
double weigh(const Given &in, double *p, long n) {
  std::vector<double> top(n, -1e300), sum(n, 0);
  for (long c = 0; c < in.k; c++)
    for (long l = 0; l < n; l++) top[l] = p[c * n + l] > top[l] ? p[c * n + l] : top[l];
  for (long c = 0; c < in.k; c++)
    for (long l = 0; l < n; l++) {
      p[c * n + l] = std::exp(p[c * n + l] - top[l]);
      sum[l] += p[c * n + l];
    }
  double total = 0;
  for (long l = 0; l < in.n; l++) total += top[l] + std::log(sum[l]);
  for (long l = 0; l < n; l++) sum[l] = l < in.n ? 1 / sum[l] : 0;
  for (long c = 0; c < in.k; c++)
    for (long l = 0; l < n; l++) p[c * n + l] *= sum[l];
  return total;
}

template <int D> double weights(const Given &in, const Prepared &q, int d, std::vector<double> &p, long n) {
  V x[D ? D : MOST][U];
  for (long first = 0; first < n; first += B) {
    load(in, first, d, x);
    densities<D>(in, q, d, x, &p[first], n);
  }
  return weigh(in, p.data(), n);
}

template <int D> void value(const Given &in, int open, double *result) {
  const int d = D ? D : open;
  const long t = d * (d + 1) / 2, n = (in.n + B - 1) / B * B;
  Prepared q = prepare(in, d, t);
  static thread_local std::vector<double> p;
  p.resize(in.k * n);
  double total = weights<D>(in, q, d, p, n);
  long m = d + in.m + 1;
  double constant = m * d * (std::log(in.gamma) - 0.5 * std::log(2)) - log_gamma_distribution(0.5 * m, d);
  for (long c = 0; c < in.k; c++) {
    double squares = 0, logs = 0;
    for (long i = 0; i < d; i++) logs += in.factors[c * t + i];
    for (long i = 0; i < t; i++) squares += q.rows[c * t + i] * q.rows[c * t + i];
    total += 0.5 * in.gamma * in.gamma * squares - in.m * logs - constant;
  }
  *result = total - 0.5 * in.n * d * std::log(2 * PI) - in.n * log_of_sum(in.alphas, in.k);
}

// With S the sum over points of p z z', the derivative by the factor Q is -Q S below the diagonal, and by the mean Q'Q s.
template <int D> void derivative(const Given &in, int open, double *alphas, double *means, double *factors) {
  const int d = D ? D : open;
  const long t = d * (d + 1) / 2, n = (in.n + B - 1) / B * B;
  Prepared q = prepare(in, d, t);
  static thread_local std::vector<double> p;
  p.resize(in.k * n);
  weights<D>(in, q, d, p, n);
  std::vector<double> sums(in.k * (t + d + 1));
  std::vector<V> acc(t + d + 1), xs(n / W * d);
  for (long first = 0; first < n; first += B) load(in, first, d, reinterpret_cast<V (*)[U]>(&xs[first / W * d]));
  for (long c = 0; c < in.k; c++) {
    std::fill(acc.begin(), acc.end(), V{});
    for (long first = 0; first < n; first += B) {
      auto x = reinterpret_cast<const V (*)[U]>(&xs[first / W * d]);
      V z[D ? D : MOST][U], w[U], weight[U];
      V *s = acc.data();
      for (int u = 0; u < U; u++) {
        for (int l = 0; l < W; l++) weight[u][l] = p[c * n + first + u * W + l];
        s[0] += weight[u];
      }
      s++;
      for (int i = 0; i < d; i++) {
        for (int u = 0; u < U; u++) {
          z[i][u] = x[i][u] - in.means[c * d + i];
          w[u] = weight[u] * z[i][u];
          s[i] += w[u];
        }
        V *row = acc.data() + 1 + d + i * (i + 1) / 2;
        for (int j = 0; j <= i; j++) row[j] += (w[0] * z[j][0] + w[1] * z[j][1]) + (w[2] * z[j][2] + w[3] * z[j][3]);
      }
    }
    for (long i = 0; i < t + d + 1; i++) sums[c * (t + d + 1) + i] = (acc[i][0] + acc[i][1]) + (acc[i][2] + acc[i][3]);
  }
  double all = log_of_sum(in.alphas, in.k), full[MOST][MOST], lower[MOST][MOST];
  for (long c = 0; c < in.k; c++) {
    const double *s = &sums[c * (t + d + 1)], *row = &q.rows[c * t];
    double *g = factors + c * t, *below = g + d, weight = *s++, turned[MOST];
    const double *first = s;
    s += d;
    for (int i = 0; i < d; i++)
      for (int j = 0; j <= i; j++) full[i][j] = full[j][i] = *s++;
    for (int i = 0; i < d; i++)
      for (int j = 0; j <= i; j++) lower[i][j] = *row++;
    for (int i = 0; i < d; i++) {
      turned[i] = 0;
      for (int j = 0; j <= i; j++) turned[i] += lower[i][j] * first[j];
    }
    for (int j = 0; j < d; j++) {
      double up = 0;
      for (int i = j; i < d; i++) up += lower[i][j] * turned[i];
      means[c * d + j] = up;
      for (int i = j; i < d; i++) {
        double qs = 0;
        for (int l = 0; l <= i; l++) qs += lower[i][l] * full[l][j];
        double old = lower[i][j];
        if (i == j)
          g[j] = weight - qs * old + in.gamma * in.gamma * old * old - in.m;
        else
          *below++ = -qs + in.gamma * in.gamma * old;
      }
    }
    alphas[c] = weight - in.n * std::exp(in.alphas[c] - all);
  }
}
}

extern "C" void primal(const double *alphas, long k, const double *means, long d, const double *factors, const double *xs,
                       long n, double gamma, long m, double *y) {
  Given in = {alphas, means, factors, xs, k, n, gamma, m};
  d == 10 ? value<10>(in, d, y) : value<0>(in, d, y);
}

extern "C" void gradient(const double *alphas, long k, const double *means, long d, const double *factors, const double *xs,
                         long n, double gamma, long m, double *by_alphas, double *by_means, double *by_factors) {
  Given in = {alphas, means, factors, xs, k, n, gamma, m};
  d == 10 ? derivative<10>(in, d, by_alphas, by_means, by_factors) : derivative<0>(in, d, by_alphas, by_means, by_factors);
}
