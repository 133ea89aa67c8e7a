#include <algorithm>
#include <cmath>
#include <vector>

// B points are taken together, so that compilers can use vectors, for exp too; D is known to them where it is 10.
namespace {
const int B = 16;
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
void load(const Given &in, long first, int d, double (*x)[B]) {
  for (int i = 0; i < d; i++)
    for (int l = 0; l < B; l++) x[i][l] = first + l < in.n ? in.xs[(first + l) * d + i] : 0;
}

struct Component { std::vector<double> diagonal; std::vector<double> log; };

Component prepare(const Given &in, int d, long t) {
  Component q{std::vector<double>(in.k * d), std::vector<double>(in.k)};
  for (long c = 0; c < in.k; c++) {
    q.log[c] = in.alphas[c];
    for (int i = 0; i < d; i++) {
      q.log[c] += in.factors[c * t + i];
      q.diagonal[c * d + i] = std::exp(in.factors[c * t + i]);
    }
  }
  return q;
}

template <int FIXED> inline void residual(const Given &in, const Component &q, long c, int open, double (*x)[B], double (*z)[B], double (*y)[B]) {
  const int d = FIXED ? FIXED : open;
  const double *mean = in.means + c * d, *low = in.factors + c * (d * (d + 1) / 2) + d;
  for (int i = 0; i < d; i++)
    for (int l = 0; l < B; l++) {
      z[i][l] = x[i][l] - mean[i];
      y[i][l] = q.diagonal[c * d + i] * z[i][l];
    }
  for (int i = 0; i < d; i++)
    for (int j = i + 1; j < d; j++, low++)
      for (int l = 0; l < B; l++) y[j][l] += *low * z[i][l];
}

// The logarithm of the likelihood of each point of a block, and with it the weights of the components.
template <int FIXED> void block(const Given &in, const Component &q, int open, double (*x)[B], double (*p)[B], double *out) {
  const int d = FIXED ? FIXED : open;
  double z[FIXED ? FIXED : 64][B], y[FIXED ? FIXED : 64][B], top[B], sum[B];
  for (int l = 0; l < B; l++) top[l] = -1e300, sum[l] = 0;
  for (long c = 0; c < in.k; c++) {
    residual<FIXED>(in, q, c, d, x, z, y);
    double square[B] = {};
    for (int i = 0; i < d; i++)
      for (int l = 0; l < B; l++) square[l] += y[i][l] * y[i][l];
    for (int l = 0; l < B; l++) {
      p[c][l] = q.log[c] - 0.5 * square[l];
      top[l] = p[c][l] > top[l] ? p[c][l] : top[l];
    }
  }
  for (long c = 0; c < in.k; c++)
    for (int l = 0; l < B; l++) {
      p[c][l] = std::exp(p[c][l] - top[l]);
      sum[l] += p[c][l];
    }
  for (int l = 0; l < B; l++) out[l] = top[l] + std::log(sum[l]);
  for (int l = 0; l < B; l++) sum[l] = 1 / sum[l];
  for (long c = 0; c < in.k; c++)
    for (int l = 0; l < B; l++) p[c][l] *= sum[l];
}

template <int FIXED> void value(const Given &in, int open, double *result) {
  const int d = FIXED ? FIXED : open;
  const long t = d * (d + 1) / 2;
  Component q = prepare(in, d, t);
  std::vector<double> buffer(in.k * B);
  auto p = reinterpret_cast<double (*)[B]>(buffer.data());
  double x[FIXED ? FIXED : 64][B], total = 0;
  for (long first = 0; first < in.n; first += B) {
    double out[B];
    load(in, first, d, x);
    block<FIXED>(in, q, d, x, p, out);
    for (int l = 0; l < B && first + l < in.n; l++) total += out[l];
  }
  long m = d + in.m + 1;
  double constant = m * d * (std::log(in.gamma) - 0.5 * std::log(2)) - log_gamma_distribution(0.5 * m, d);
  for (long c = 0; c < in.k; c++) {
    double squares = 0, logs = 0;
    for (long i = 0; i < d; i++) {
      squares += q.diagonal[c * d + i] * q.diagonal[c * d + i];
      logs += in.factors[c * t + i];
    }
    for (long i = d; i < t; i++) squares += in.factors[c * t + i] * in.factors[c * t + i];
    total += 0.5 * in.gamma * in.gamma * squares - in.m * logs - constant;
  }
  *result = total - 0.5 * in.n * d * std::log(2 * PI) - in.n * log_of_sum(in.alphas, in.k);
}

// With S the sum over points of p z z', the derivative by the factor Q is -Q S below the diagonal, and by the mean Q'Q s.
template <int FIXED> void derivative(const Given &in, int open, double *alphas, double *means, double *factors) {
  const int d = FIXED ? FIXED : open;
  const long t = d * (d + 1) / 2;
  Component q = prepare(in, d, t);
  std::vector<double> buffer(in.k * B), sums(in.k * (t + d + 1));
  auto p = reinterpret_cast<double (*)[B]>(buffer.data());
  double x[FIXED ? FIXED : 64][B], z[FIXED ? FIXED : 64][B], w[FIXED ? FIXED : 64][B];
  for (long first = 0; first < in.n; first += B) {
    double out[B];
    load(in, first, d, x);
    block<FIXED>(in, q, d, x, p, out);
    for (int l = 0; l < B; l++)
      if (first + l >= in.n)
        for (long c = 0; c < in.k; c++) p[c][l] = 0;
    for (long c = 0; c < in.k; c++) {
      double *s = &sums[c * (t + d + 1)], all = 0;
      for (int l = 0; l < B; l++) all += p[c][l];
      *s++ += all;
      for (int i = 0; i < d; i++) {
        double part = 0;
        for (int l = 0; l < B; l++) {
          z[i][l] = x[i][l] - in.means[c * d + i];
          w[i][l] = p[c][l] * z[i][l];
          part += w[i][l];
        }
        *s++ += part;
      }
      for (int i = 0; i < d; i++)
        for (int j = 0; j <= i; j++) {
          double part = 0;
          for (int l = 0; l < B; l++) part += w[i][l] * z[j][l];
          *s++ += part;
        }
    }
  }
  double all = log_of_sum(in.alphas, in.k), full[64][64], lower[64][64];
  for (long c = 0; c < in.k; c++) {
    const double *s = &sums[c * (t + d + 1)], *low = in.factors + c * t + d;
    double *g = factors + c * t, *below = g + d, weight = *s++, turned[64];
    const double *first = s;
    s += d;
    for (int i = 0; i < d; i++)
      for (int j = 0; j <= i; j++) full[i][j] = full[j][i] = *s++;
    for (int i = 0; i < d; i++) {
      lower[i][i] = q.diagonal[c * d + i];
      for (int j = i + 1; j < d; j++) lower[j][i] = *low++;
    }
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
