extern "C" void primal(double x, double *y) { *y = x * x; }

extern "C" void gradient(double x, double *g) { *g = 2 * x; }
