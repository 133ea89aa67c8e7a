#include <vector>

namespace {
struct Rates { double a, b, c, d; };
struct State { double x, y; };

State change(Rates r, State s) { return {r.a * s.x - r.b * s.x * s.y, r.d * s.x * s.y - r.c * s.y}; }

State along(State s, double h, State k) { return {s.x + h * k.x, s.y + h * k.y}; }

// The adjoint of change for the cotangent k: adds to g, gives that of the state.
State back(Rates r, State s, State k, Rates &g) {
  g.a += k.x * s.x;
  g.b -= k.x * s.x * s.y;
  g.c -= k.y * s.y;
  g.d += k.y * s.x * s.y;
  return {k.x * (r.a - r.b * s.y) + k.y * r.d * s.y, k.y * (r.d * s.x - r.c) - k.x * r.b * s.x};
}

const double h = 0.01;

State step(Rates r, State s) {
  State k1 = change(r, s), k2 = change(r, along(s, h / 2, k1)), k3 = change(r, along(s, h / 2, k2));
  State k4 = change(r, along(s, h, k3));
  return {s.x + h / 6 * (k1.x + 2 * k2.x + 2 * k3.x + k4.x), s.y + h / 6 * (k1.y + 2 * k2.y + 2 * k3.y + k4.y)};
}
}

extern "C" void primal(double a, double b, double c, double d, long steps, double *y) {
  State s = {1, 1};
  for (long t = 0; t < steps; t++) s = step({a, b, c, d}, s);
  *y = s.x * s.x + s.y * s.y;
}

extern "C" void gradient(double a, double b, double c, double d, long steps, double *out) {
  Rates r = {a, b, c, d}, g = {0, 0, 0, 0};
  static thread_local std::vector<State> tape;
  tape.resize(steps);
  State s = {1, 1};
  for (long t = 0; t < steps; t++) {
    tape[t] = s;
    s = step(r, s);
  }
  State u = {2 * s.x, 2 * s.y};
  for (long t = steps; t-- > 0;) {
    State s1 = tape[t], s2 = along(s1, h / 2, change(r, s1)), s3 = along(s1, h / 2, change(r, s2));
    State s4 = along(s1, h, change(r, s3)), e = {h / 6 * u.x, h / 6 * u.y};
    State u4 = back(r, s4, e, g);
    State u3 = back(r, s3, {2 * e.x + h * u4.x, 2 * e.y + h * u4.y}, g);
    State u2 = back(r, s2, {2 * e.x + h / 2 * u3.x, 2 * e.y + h / 2 * u3.y}, g);
    State u1 = back(r, s1, {e.x + h / 2 * u2.x, e.y + h / 2 * u2.y}, g);
    u = {u.x + u1.x + u2.x + u3.x + u4.x, u.y + u1.y + u2.y + u3.y + u4.y};
  }
  out[0] = g.a, out[1] = g.b, out[2] = g.c, out[3] = g.d;
}
