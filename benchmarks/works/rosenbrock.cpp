extern "C" void primal(const double *x, long n, double *y) {
  double s = 0;
  for (long i = 0; i + 1 < n; i++) {
    double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    s += 100 * a * a + b * b;
  }
  *y = s;
}

// each element gathers what its two terms give
extern "C" void gradient(const double *__restrict x, long n, double *__restrict g) {
  g[0] = -400 * (x[1] - x[0] * x[0]) * x[0] - 2 * (1 - x[0]);
  for (long i = 1; i + 1 < n; i++)
    g[i] = 200 * (x[i] - x[i - 1] * x[i - 1]) - 400 * (x[i + 1] - x[i] * x[i]) * x[i] - 2 * (1 - x[i]);
  g[n - 1] = 200 * (x[n - 1] - x[n - 2] * x[n - 2]);
}
