/* Functions with every kind of frame a compiler makes; built for x64 and ARM64, with and without optimisation.
   LEVEL is appended to every name so that both builds fit in one image. */
#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define N(name) PASTE(name, LEVEL)
#define NI __attribute__((noinline))

extern volatile int sink;
extern volatile double fsink;

NI int N(leaf)(int a) { return a * 3 + 1; }
NI int N(small)(int a) { return N(leaf)(a) + N(leaf)(a + 1); }
NI int N(tail)(int a) { sink = a; return N(small)(a ^ 5); }
NI int N(pressure)(int a, int b, int c, int d) {
    int e = N(leaf)(a), f = N(leaf)(b), g = N(leaf)(c), h = N(leaf)(d), i = N(leaf)(e), j = N(leaf)(f);
    sink = e;
    return N(leaf)(e + f) + g * h + i * j + a + b + c + d + e + f + N(leaf)(g - h);
}
NI int N(large)(int a) {
    volatile char room[9000];
    room[a & 1023] = (char)a;
    return N(small)(room[a & 1023]) + room[8];
}
NI int N(middle)(int a) {
    volatile int room[150];
    room[a & 127] = a;
    return N(leaf)(room[a & 127]) + room[3];
}
NI int N(dynamic)(int a) {
    volatile char *room = __builtin_alloca((a & 7) * 16 + 48);
    room[a & 15] = (char)a;
    int r = N(pressure)(a, room[1], 2, 3);
    return r + room[a & 15];
}
NI double N(floats)(double x, double y, double z) {
    double a = x * y, b = y * z, c = z - x, d = x + 2, e = y + 3, f = z + 4;
    sink = N(leaf)(sink);
    fsink = a;
    sink = N(leaf)(sink);
    return a * b + c * d + e * f + fsink;
}
NI int N(wrapped)(int a) {
    if (a < 10) return a + 1;
    int r = 0;
    for (int i = 0; i < 3; i++) r += N(leaf)(a + i) * N(leaf)(r);
    return r;
}
NI int N(recursive)(int n, int a) { return n ? N(recursive)(n - 1, a + n) + N(leaf)(n) : N(leaf)(a); }
NI int N(through)(int (*f)(int), int a) { int r = f(a); return r + sink; }
NI int N(variadic)(int n, ...) {
    __builtin_va_list list;
    __builtin_va_start(list, n);
    int r = 0;
    for (int i = 0; i < n; i++) r += N(leaf)(__builtin_va_arg(list, int));
    __builtin_va_end(list);
    return r;
}
NI int N(all)(void) {
    int r = N(small)(1) + N(tail)(2) + N(pressure)(1, 2, 3, 4) + N(large)(5) + N(middle)(7) + N(dynamic)(11);
    r += (int)N(floats)(1.5, 2.5, 3.5) + N(wrapped)(3) + N(wrapped)(20) + N(recursive)(3, 1);
    return r + N(through)(N(wrapped), 30) + N(variadic)(3, 7, 8, 9);
}
